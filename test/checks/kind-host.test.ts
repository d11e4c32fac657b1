import { describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { bypasses } from "../../checks/kind-host/proxies.ts";
import { loadSchemas } from "../../src/facts/probe.ts";
import type { FactName, FactSheet, Facts } from "../../src/facts/sheet.ts";
import { findSituations, judgeSituation, readSituation } from "../support/situations.ts";

const schemas = await loadSchemas();
const check = checks.find(({ id }) => id === "kind-host")!;
const { sheet: healthy } = readSituation(
	findSituations().find(({ check: { id }, name }) => id === "kind-host" && name === "healthy.docker")!,
);

type Edits = { readonly [Name in FactName]?: Partial<Facts[Name]> };

/** The healthy host, with some values of its facts replaced. */
function codesWith(edits: Edits): readonly string[] {
	const sheet: Record<string, unknown> = { ...healthy };
	for (const [name, edit] of Object.entries(edits)) {
		const state = healthy[name as FactName];
		const before = state?.state === "known" ? state.value : {};
		sheet[name] = { state: "known", value: schemas[name as FactName].parse({ ...before, ...edit }) };
	}

	return judgeSituation(check, sheet as FactSheet, false).codes.map((code) => code.replace("kind-host/", ""));
}

const gibibyte = 2 ** 30;
const place = (availableBytes: number) => ({
	places: [{ path: "/var/lib/docker", fileSystem: "ext4", availableBytes, totalBytes: 100 * gibibyte }],
});
const network = (...addresses: readonly string[]) => ({
	"host.proxmoxAddresses": { host: addresses[0] ?? "", addresses: [...addresses] },
});
const valueOf = <Name extends FactName>(name: Name): Facts[Name] => {
	const state = healthy[name];
	if (state?.state !== "known") {
		throw new Error(`healthy.docker has no ${name}`);
	}

	return state.value;
};
const resolver = (address: string): Edits => ({ "host.networks": { resolvers: [address] } });
const withServer = (server: object, rest: object = {}): Edits => {
	const { docker } = valueOf("host.engines");
	if (docker.state !== "answering") {
		throw new Error("Docker does not answer in healthy.docker");
	}

	return { "host.engines": { docker: { ...docker, ...rest, server: { ...docker.server!, ...server } } } };
};
const withDriver = (cgroupDriver: string, init: Facts["host.system"]["init"]): Edits => ({
	...withServer({ cgroupDriver }),
	"host.system": { init },
});
const system = healthy["host.system"]?.state === "known" ? healthy["host.system"].value : undefined;

describe("on one side of a threshold it speaks, on the other it is silent", () => {
	const table: readonly (readonly [string, Edits, readonly string[]])[] = [
		["inotify as kind asks", { "host.inotify": { watches: 524_288, instances: 512 } }, []],
		["one watch less", { "host.inotify": { watches: 524_287, instances: 512 } }, ["inotify-limits"]],
		["one instance less", { "host.inotify": { watches: 524_288, instances: 511 } }, ["inotify-limits"]],
		["10 GiB free", { "host.storage": place(10 * gibibyte) }, []],
		["a byte less", { "host.storage": place(10 * gibibyte - 1) }, ["disk-nearly-full"]],
		["2 GiB free", { "host.storage": place(2 * gibibyte) }, ["disk-nearly-full"]],
		["less than 2 GiB free", { "host.storage": place(2 * gibibyte - 1) }, ["disk-full"]],
		["a machine of 4 GiB", { "host.memory": { totalBytes: 4_016_619_520 } }, []],
		["a machine of 3 GiB", { "host.memory": { totalBytes: 3_146_760_192 } }, ["little-memory"]],
		["the address before Docker's network", network("172.16.255.255"), []],
		["the first address in it", network("172.17.0.0"), ["network-clash"]],
		["the last address of kind's network", network("172.18.255.255"), ["network-clash"]],
		["the address behind it", network("172.19.0.0"), []],
		["one of two addresses of a name", network("10.10.10.2", "172.18.0.9"), ["network-clash"]],
		["before kind's pods", network("10.243.255.255"), []],
		["among kind's pods", network("10.244.0.1"), ["kubernetes-network-clash"]],
		["among kind's services", network("10.96.255.255"), ["kubernetes-network-clash"]],
		["behind kind's services", network("10.97.0.0"), []],
		["an IPv6 address", network("2001:db8::10"), []],
		["LXC", { "host.system": { container: "lxc" } }, ["inside-lxc"]],
		["another container", { "host.system": { container: "podman" } }, []],
		["WSL 2", { "host.system": { wsl: 2 } }, []],
		["kernel 4.6", { "host.system": { kernel: "4.6.0" } }, []],
		["kernel 4.5", { "host.system": { kernel: "4.5.7" } }, ["kernel-too-old"]],
		[
			"kernel 4.5, and a kind that does not mind",
			{ "host.system": { kernel: "4.5.7" }, "host.tools": { kind: { state: "found", version: "0.19.0" } } },
			[],
		],
		["only another kernel's modules", { "host.kernel": { installed: ["6.1.0-1-amd64"] } }, ["kernel-replaced"]],
		["an empty folder of modules", { "host.kernel": { installed: [] } }, []],
		[
			"another kernel's modules in a container",
			{ "host.kernel": { installed: ["6.1.0-1-amd64"] }, "host.system": { container: "docker" } },
			[],
		],
		["few keyrings, each user its own", { "host.kernel": { maxKeys: 200, shiftedUsers: false } }, []],
		["few keyrings for all", { "host.kernel": { maxKeys: 200, shiftedUsers: true } }, ["few-keyrings"]],
		["many keyrings for all", { "host.kernel": { maxKeys: 2_000, shiftedUsers: true } }, []],
		["as many open files as kind asks", { "host.daemon": { openFiles: { limit: 64_000, from: "x" } } }, []],
		["one less", { "host.daemon": { openFiles: { limit: 63_999, from: "x" } } }, ["few-open-files"]],
		["as many as Debian's infinity", { "host.daemon": { openFiles: { limit: 1_048_576, from: "x" } } }, []],
		[
			"as many as systemd's infinity",
			{ "host.daemon": { openFiles: { limit: 1_073_741_816, from: "x" } } },
			["unbounded-open-files"],
		],
		["a name server in Docker's network", resolver("172.17.0.53"), ["network-clash"]],
		["a name server outside", resolver("10.10.10.1"), []],
		["a name server among kind's services, which no pod asks", resolver("10.96.0.53"), []],
		[
			"a container whose kernel keeps IPv6 off, and a network that is there",
			{ "host.system": { container: "lxc" }, "host.kernel": { keepsIpv6Off: true } },
			["inside-lxc"],
		],
		[
			"the same without a network",
			{
				"host.system": { container: "podman" },
				"host.kernel": { keepsIpv6Off: true },
				"host.networks": { engine: [{ name: "bridge", subnet: "172.17.0.0/16" }] },
			},
			["ipv6-locked-off"],
		],
		["a host started by another init system, with Docker's own driver", withDriver("cgroupfs", "openrc"), []],
		["with systemd's driver", withDriver("systemd", "openrc"), ["driver-without-systemd"]],
		["an init that is not known", withDriver("systemd", "unknown"), []],
		[
			"exceptions without a proxy",
			{ "host.proxies": { noProxy: { name: "NO_PROXY", origin: "the environment", entries: ["localhost"] } } },
			[],
		],
		[
			"a proxy without exceptions",
			{ "host.proxies": { https: { name: "https_proxy", origin: "the environment" } } },
			["proxy-before-proxmox", "proxy-before-endpoint", "proxy-not-for-docker"],
		],
	];
	test.each(table)("%s", (_, edits, codes) => {
		expect(system).toBeDefined();
		expect(codesWith(edits)).toEqual(codes);
	});

	test.each([
		[299, []],
		[-299, []],
		[300, ["clock-skew"]],
		[-300, ["clock-skew"]],
	] as const)("a clock that is %i s ahead", (aheadSeconds, codes) => {
		expect(codesWith({ "host.engine": { place: "elsewhere" }, "host.clock": { aheadSeconds } })).toEqual(codes);
	});
});

describe("the next network is the first that is free", () => {
	const withNetworks = (routes: readonly string[], pools: Facts["host.networks"]["pools"], address: string) =>
		codesWith({
			"host.networks": {
				engine: [{ name: "bridge", subnet: "172.17.0.0/16" }],
				routes: routes.map((subnet) => ({ interface: "eth0", subnet })),
				pools,
			},
			...network(address),
		});
	const pools = [
		{ base: "172.17.0.0/16", size: 16 },
		{ base: "172.18.0.0/16", size: 16 },
		{ base: "172.20.0.0/14", size: 16 },
	];
	test.each([
		["172.18.0.0/16 is free", [], "172.18.9.9", ["next-network-clash"]],
		["a route holds a part of it, so it is not handed out", ["172.18.9.0/24"], "172.18.9.9", []],
		["then the next pool is cut", ["172.18.9.0/24"], "172.20.9.9", ["next-network-clash"]],
		["the second piece of a pool", ["172.18.9.0/24", "172.20.1.0/24"], "172.21.9.9", ["next-network-clash"]],
		["the third is not handed out yet", ["172.18.9.0/24", "172.20.1.0/24"], "172.22.9.9", []],
		["all are taken", ["172.16.0.0/12"], "172.31.9.9", []],
	] as const)("%s", (_, routes, address, codes) => {
		expect(withNetworks(routes, pools, address)).toEqual(codes);
	});
});

describe("NO_PROXY as Go reads it", () => {
	test.each([
		["pve.example.com", "pve.example.com", true],
		["example.com", "pve.example.com", true],
		[".example.com", "pve.example.com", true],
		[".example.com", "example.com", false],
		["*.example.com", "pve.example.com", true],
		["ample.com", "pve.example.com", false],
		["PVE.Example.com", "pve.example.COM", true],
		["pve.example.com:8006", "pve.example.com", true],
		["10.10.10.0/24", "10.10.10.2", true],
		["10.10.10.0/24", "10.10.11.2", false],
		["10.10.10.2", "10.10.10.2", true],
		["10.10.10", "10.10.10.2", false],
		["2001:db8::/32", "2001:db8::2", true],
		["*", "anything.example.org", true],
		["", "127.0.0.1", true],
	] as const)("%j for %s: %s", (entry, host, expected) => {
		expect(bypasses(entry === "" ? [] : [entry], host)).toBe(expected);
	});

	test.each([
		["pve.example.com:8006", 8006, true],
		["pve.example.com:443", 8006, false],
		["pve.example.com", 8006, true],
		["pve.example.com:443", undefined, true],
	] as const)("%j for port %s: %s", (entry, port, expected) => {
		expect(bypasses([entry], "pve.example.com", port)).toBe(expected);
	});

	test("a port behind an IPv6 address", () => {
		expect(bypasses(["[2001:db8::2]:8006"], "2001:db8::2", 8006)).toBe(true);
		expect(bypasses(["[2001:db8::2]:443"], "2001:db8::2", 8006)).toBe(false);
		expect(bypasses(["2001:db8::2"], "2001:db8::2", 8006)).toBe(true);
	});
});

describe("whose proxy it is", () => {
	const shell = { https: { name: "HTTPS_PROXY", origin: "the environment" } };
	const all = { noProxy: { name: "NO_PROXY", origin: "the environment", entries: ["*"] } };
	const file = (...entries: readonly string[]) => ({
		ofContainers: { from: "/home/ada/.docker/config.json", https: true, entries: [...entries] },
	});
	const own = { proxy: { http: false, https: true, noProxy: "" } };
	const kind = (version: string): Edits => ({ "host.tools": { kind: { state: "found", version } } });

	test.each<[string, Edits, readonly string[]]>([
		["nobody's", {}, []],
		["the shell's", { "host.proxies": { ...shell, ...all } }, ["proxy-not-for-docker"]],
		["Docker's", withServer(own), ["proxy-only-for-docker"]],
		["both", { ...withServer(own), "host.proxies": { ...shell, ...all } }, []],
		["Docker's on another machine", { ...withServer(own), "host.engine": { place: "elsewhere" } }, []],
		["Docker's, and no kind", { ...withServer(own), "host.tools": { kind: { state: "absent" } } }, []],
		["the file's", { ...kind("0.32.0"), "host.proxies": file("localhost") }, ["proxy-before-node"]],
		["the file's, for a kind that adds to it", { ...kind("0.33.0"), "host.proxies": file() }, []],
		["the file's, with the node", { ...kind("0.32.0"), "host.proxies": file("kind-control-plane") }, []],
		["the file's, with everything", { ...kind("0.32.0"), "host.proxies": file("*") }, []],
		["the file's, and exceptions of the shell", { ...kind("0.32.0"), "host.proxies": { ...file(), ...all } }, []],
		[
			"the file's for HTTP alone",
			{ ...kind("0.32.0"), "host.proxies": { ofContainers: { from: "x", https: false, entries: [] } } },
			[],
		],
		[
			"the file's, where the shell's win",
			{ ...kind("0.32.0"), ...withServer(own), "host.proxies": { ...file(), ...shell, ...all } },
			[],
		],
	])("%s", (_, edits, codes) => {
		expect(codesWith(edits)).toEqual(codes);
	});
});

describe("what kind asks of Docker before it starts a node", () => {
	const all = { memory: true, pids: true, cpu: true };
	const found = (version: string) => ({
		"host.tools": { kind: { state: "found" as const, version } },
	});

	test.each([
		["rootless with all three", withServer({ rootless: true, limits: all }), []],
		[
			"rootless without cpu",
			withServer({ rootless: true, limits: { ...all, cpu: false } }),
			["rootless-not-delegated"],
		],
		[
			"rootless without pids",
			withServer({ rootless: true, limits: { ...all, pids: false } }),
			["rootless-not-delegated"],
		],
		["rootless without a driver", withServer({ rootless: true, cgroupDriver: "none" }), ["rootless-not-delegated"]],
		["rootful without cpu", withServer({ limits: { ...all, cpu: false } }), []],
		[
			"rootless on v1, which cgroup-v2 tells of",
			withServer({ rootless: true, cgroupVersion: 1, cgroupDriver: "none" }),
			[],
		],
		["the first that knows --cgroupns", withServer({ version: "20.10.0" }, { clientVersion: "20.10.0" }), []],
		["the last that does not", withServer({ version: "19.03.15" }), ["docker-too-old"]],
		["only the command is too old", withServer({}, { clientVersion: "19.03.15" }), ["docker-too-old"]],
		["Podman's service, by its own count", withServer({ version: "5.4.2", isPodman: true }), []],
		["no version at all", withServer({ version: "dev" }, { clientVersion: undefined }), []],
		["an old kind", { ...withServer({ version: "19.03.15" }), ...found("0.19.0") }, []],
		["the first kind that asks", { ...withServer({ version: "19.03.15" }), ...found("0.20.0") }, ["docker-too-old"]],
	] satisfies readonly (readonly [string, Edits, readonly string[]])[])("%s", (_, edits, expected) => {
		expect(codesWith(edits)).toEqual(expected);
	});
});

describe("the next network of the pools", () => {
	const bridge = { name: "bridge", subnet: "172.17.0.0/16" };
	const networks = (base: string, size: number, ...routes: readonly string[]): Edits => ({
		...network("10.77.0.9"),
		"host.networks": {
			engine: [bridge],
			routes: routes.map((subnet) => ({ interface: "eth0", subnet })),
			pools: [
				{ base, size },
				{ base: "10.77.0.0/16", size: 24 },
			],
		},
	});

	test.each([
		["behind a route that takes millions of them", networks("10.0.0.0/8", 30, "10.0.0.0/10", "10.64.0.0/11"), []],
		["one that cannot be cut", networks("172.17.0.0/16", 64), ["next-network-clash"]],
		["one that is taken whole", networks("172.17.0.0/16", 24), ["next-network-clash"]],
		["one that is free behind what is taken", networks("172.16.0.0/15", 16, "172.16.0.0/24"), ["next-network-clash"]],
		["one that is free", networks("172.16.0.0/15", 24), []],
	])("%s", (_, edits, expected) => {
		expect(codesWith(edits)).toEqual(expected);
	});
});
