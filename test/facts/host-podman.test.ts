import { describe, expect, test } from "vitest";
import type { Files } from "../../src/access/files.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import { ProbeError } from "../../src/errors.ts";
import { parseContainersNumber } from "../../src/facts/engines/containers-conf.ts";
import { type Podman, parsePodman } from "../../src/facts/engines/podman.ts";
import { accountOf, readHostPodman } from "../../src/facts/host-podman.ts";
import { parseOpenFiles, readHostPodmanLimits } from "../../src/facts/host-podman-limits.ts";
import type { Know } from "../../src/facts/probe.ts";
import type { Facts } from "../../src/facts/sheet.ts";

const unit = "/user.slice/user-1000.slice/user@1000.service";
const server = {
	version: "5.4.2",
	cgroupVersion: 2,
	cgroupControllers: ["memory", "pids"],
	rootless: true,
	remote: false,
	runtime: { name: "crun", version: "1.21" },
	kernel: "6.12.0",
	idMapSizes: [1, 65_536],
} as const;
const answering = {
	state: "answering",
	place: "here",
	server: { ...server, cgroupControllers: ["memory", "pids"], idMapSizes: [1, 65_536] },
} satisfies Podman;
const system: Facts["host.system"] = { platform: "linux", uid: 1000, init: "systemd", kernelArguments: [] };
const absent = { state: "absent" } as const;

const typical: Readonly<Record<string, string>> = {
	"/proc/self/cgroup": `0::${unit}/app.slice/app-gnome-terminal.scope\n`,
	"/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\n",
	[`/sys/fs/cgroup${unit}/cgroup.controllers`]: "cpu memory pids\n",
	"/run/user/1000/systemd": "",
	"/proc/self/limits":
		"Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files     \n",
	"/proc/modules":
		"ip_tables 36864 1 iptable_nat, Live 0x0\niptable_nat 16384 1 - Live 0x0\nnf_tables 1 1 - Live 0x0\n",
	"/lib/modules/6.12.0/modules.builtin": "kernel/net/ipv6/netfilter/ip6_tables.ko\n",
	"/lib/modules/6.12.0/modules.dep": "kernel/net/ipv6/netfilter/ip6table_nat.ko.xz: kernel/a.ko.xz\n",
};

function worldOf(tree: Readonly<Record<string, string>>, recorded = false): World {
	const files: Files = {
		readText: (path) => Promise.resolve(tree[path]),
		stat: (path) => Promise.resolve(path in tree ? { mode: 0o755, isFile: true } : undefined),
		list: (path) => {
			const names = Object.keys(tree).filter((name) => name.startsWith(`${path}/`));
			return Promise.resolve(names.length === 0 ? undefined : names.map((name) => name.slice(path.length + 1)));
		},
		firstEntry: () => Promise.resolve(undefined),
		readLink: () => Promise.resolve(undefined),
		statfs: () => Promise.resolve(undefined),
	};
	const host = recorded ? { platform: "linux", recorded } : { platform: "linux", uid: 1000, recorded };
	return { ...openWorld({}), files, host, environment: () => Promise.resolve({ files: [], lookUp: () => [] }) };
}

/** Facts that are given, and `host.podman` as it is read from them. */
function knowing(world: World, podman: Podman, docker: Facts["host.engines"]["docker"] = absent): Know {
	const given = {
		"host.engines": { docker, podman },
		"host.tools": { kind: { state: "found", version: "0.32.0" }, kubectl: absent, clusterctl: absent },
		"host.system": system,
	};
	const know = (name: string): Promise<unknown> =>
		name === "host.podman" ? readHostPodman(world, know as Know) : Promise.resolve(given[name as keyof typeof given]);
	return know as Know;
}

const read = (tree: Readonly<Record<string, string>>, podman: Podman = answering, recorded = false) => {
	const world = worldOf(tree, recorded);
	return readHostPodman(world, knowing(world, podman));
};
const readLimits = (tree: Readonly<Record<string, string>>, podman: Podman = answering, recorded = false) => {
	const world = worldOf(tree, recorded);
	return readHostPodmanLimits(world, knowing(world, podman));
};
const without = (...names: readonly string[]) =>
	Object.fromEntries(Object.entries(typical).filter(([name]) => !names.includes(name)));

describe("whose Podman it is, and what systemd handed over", () => {
	test("a terminal of a desktop", async () => {
		expect(await read(typical)).toMatchObject({
			state: "answering",
			isTaken: true,
			user: {
				uid: 1000,
				name: "alice",
				cgroup: `${unit}/app.slice/app-gnome-terminal.scope`,
				manager: { state: "running", cgroup: unit, controllers: ["cpu", "memory", "pids"] },
			},
		});
	});

	test("WSL, and everything else that keeps the manager deeper", async () => {
		const path = `/init${unit}`;
		const found = await read({
			...without(`/sys/fs/cgroup${unit}/cgroup.controllers`),
			"/proc/self/cgroup": `0::${path}/app.slice\n`,
			[`/sys/fs/cgroup${path}/cgroup.controllers`]: "memory pids\n",
		});
		expect(found).toMatchObject({
			user: { manager: { state: "running", cgroup: path, controllers: ["memory", "pids"] } },
		});
	});

	test("no manager is absent only where it can be seen that there is none", async () => {
		const gone = without(`/sys/fs/cgroup${unit}/cgroup.controllers`, "/run/user/1000/systemd");
		expect(await read(gone)).toMatchObject({ user: { manager: { state: "absent" } } });
		expect(await read(without(`/sys/fs/cgroup${unit}/cgroup.controllers`))).toMatchObject({
			user: { manager: { state: "unknown" } },
		});
		expect(await read(gone, answering, true)).toMatchObject({ user: { uid: 1000, manager: { state: "unknown" } } });
	});

	test("rootful has no user", async () => {
		expect(await read(typical, { ...answering, server: { ...answering.server, rootless: false } })).not.toHaveProperty(
			"user",
		);
	});

	test("where Docker is installed, kind does not take it", async () => {
		const world = worldOf(typical);
		const silentDocker = { state: "silent", place: "here", placeBecause: "" } as const;
		expect(await readHostPodman(world, knowing(world, answering, silentDocker))).toMatchObject({ isTaken: false });
	});

	test("a time-out and an answer without a version tell nothing", async () => {
		const slow = { state: "silent", said: "podman info did not end within 2 s", timedOut: true } as const;
		await expect(read(typical, slow)).rejects.toThrow(ProbeError);
		await expect(read(typical, { ...answering, server: { ...answering.server, version: "" } })).rejects.toThrow(
			ProbeError,
		);
	});

	test("where it fails, what the kernel allows", async () => {
		const failing = { state: "silent", said: "Error: clone" } as const;
		const tree = {
			...typical,
			"/proc/sys/user/max_user_namespaces": "0\n",
			"/proc/sys/kernel/unprivileged_userns_clone": "1\n",
		};
		expect(await read(tree, failing)).toMatchObject({ namespaces: { max: 0, unprivileged: true, newuidmap: false } });
	});
});

describe("podman info tells whether names are resolved, and the maps of both kinds of IDs", () => {
	const uidmap = [{ size: 1 }, { size: 65_536 }];
	const ask = (host: Readonly<Record<string, unknown>>) => {
		const stdout = JSON.stringify({ host: { kernel: "6.12.0", ...host }, version: { Version: "5.4.2" } });
		const found = parsePodman({ exitCode: 0, stdout, stderr: "" }, system);
		return found.state === "answering" ? found.server : undefined;
	};

	test.each([
		[
			"aardvark-dns is there",
			{ networkBackend: "netavark", networkBackendInfo: { dns: { path: "/usr/lib/podman/aardvark-dns" } } },
			true,
		],
		["it is not", { networkBackend: "netavark", networkBackendInfo: { backend: "netavark", dns: {} } }, false],
		["Podman does not tell", { networkBackend: "netavark" }, undefined],
		["CNI", { networkBackend: "cni" }, undefined],
	])("%s", (_, host, expected) => {
		expect(ask(host)?.resolvesNames).toBe(expected);
	});

	test("maps", () => {
		expect(ask({ idMappings: { uidmap, gidmap: [{ size: 1 }] } })).toMatchObject({
			idMapSizes: [1, 65_536],
			groupMapSizes: [1],
		});
		expect(ask({ idMappings: { uidmap: null, gidmap: null } })).toMatchObject({
			idMapSizes: [],
			groupMapSizes: undefined,
		});
	});
});

describe("which containers.conf has the last word", () => {
	const usr = "/usr/share/containers/containers.conf";
	const etc = "/etc/containers/containers.conf";
	const home = "/home/alice/.config/containers/containers.conf";
	const xdg = "/home/alice/xdg/containers/containers.conf";
	const rootless = "/etc/containers/containers.rootless.conf";
	const ofUser = `${rootless}.d/1000/x.conf`;
	const given = { CONTAINERS_CONF: "/srv/own.conf", CONTAINERS_CONF_OVERRIDE: "/srv/override.conf" };
	const all = [
		usr,
		`${usr}.d/9.conf`,
		etc,
		`${etc}.d/1.conf`,
		`${etc}.d/5.conf`,
		rootless,
		ofUser,
		home,
		`${home}.d/3.conf`,
		xdg,
	];

	/** The file whose number counts, of those that are there; each holds another one. */
	async function winner(
		version: string,
		isRootless: boolean,
		paths: readonly string[],
		variables: Readonly<Record<string, string>> = {},
	): Promise<string | undefined> {
		const contents = [...paths, ...Object.values(given)].map(
			(path, index) => [path, `[containers]\npids_limit = ${index + 1}\n`] as const,
		);
		const world = worldOf({ ...typical, ...Object.fromEntries(contents) });
		const environment = () =>
			Promise.resolve({
				files: [],
				lookUp: (name: string) =>
					variables[name] === undefined ? [] : [{ value: variables[name], origin: "the environment" }],
			});
		const podman = { ...answering, server: { ...answering.server, version, rootless: isRootless } };
		const { pids } = await readHostPodmanLimits({ ...world, environment }, knowing(world, podman));
		return pids?.from;
	}

	test.each<[string, boolean, readonly string[], string]>([
		["4.3.1", false, all, `${etc}.d/5.conf`],
		["4.3.1", false, [usr, home], usr],
		["4.3.1", true, all, `${home}.d/3.conf`],
		["4.3.1", true, [usr, `${usr}.d/9.conf`, etc, rootless], etc],
		["5.4.2", true, [etc, rootless], etc],
		["5.6.0", true, [etc, `${etc}.d/5.conf`, rootless], rootless],
		["5.8.4", true, [etc, rootless, ofUser], ofUser],
		["5.8.4", false, [etc, rootless, ofUser], etc],
		["6.0.0", true, [usr, etc, home], home],
		["6.0.0", true, all, ofUser],
		["6.0.0", true, [`${usr}.d/9.conf`, etc, `${etc}.d/5.conf`], `${usr}.d/9.conf`],
		["6.0.0", true, [etc, `${etc}.d/5.conf`, `${home}.d/3.conf`], `${etc}.d/5.conf`],
		["6.0.0", true, [`${etc}.d/5.conf`, `${home}.d/5.conf`], `${home}.d/5.conf`],
		["6.0.0", true, [etc, rootless], etc],
	])("Podman %s, rootless: %s: %j", async (version, isRootless, paths, expected) => {
		expect(await winner(version, isRootless, paths)).toBe(expected);
	});

	test("of a rootful Podman, root's own since 5.0", async () => {
		const own = "/root/.config/containers/containers.conf";
		const variables = { HOME: "/root" };
		expect(await winner("4.9.3", false, [etc, own], variables)).toBe(etc);
		expect(await winner("5.0.0", false, [etc, own], variables)).toBe(own);
	});

	test.each([
		["4.3.1", { CONTAINERS_CONF_OVERRIDE: given.CONTAINERS_CONF_OVERRIDE }, `${home}.d/3.conf`],
		["5.4.2", { CONTAINERS_CONF_OVERRIDE: given.CONTAINERS_CONF_OVERRIDE }, given.CONTAINERS_CONF_OVERRIDE],
		["6.0.0", { CONTAINERS_CONF_OVERRIDE: given.CONTAINERS_CONF_OVERRIDE }, given.CONTAINERS_CONF_OVERRIDE],
		["4.3.1", given, given.CONTAINERS_CONF],
		["5.4.2", given, given.CONTAINERS_CONF_OVERRIDE],
		["5.4.2", { CONTAINERS_CONF: given.CONTAINERS_CONF }, given.CONTAINERS_CONF],
		["5.4.2", { XDG_CONFIG_HOME: "/home/alice/xdg" }, xdg],
		["5.8.4", { HOME: "/nowhere" }, ofUser],
		["5.4.2", { XDG_CONFIG_HOME: "" }, `${home}.d/3.conf`],
	] as const)("Podman %s with %j", async (version, variables, expected) => {
		expect(await winner(version, true, all, variables)).toBe(expected);
	});
});

describe("limits", () => {
	test("of a rootless Podman with nothing configured", async () => {
		expect(await readLimits(typical)).toEqual({
			pids: { limit: 2048, from: "Podman's default", folder: "/home/alice/.config/containers" },
			missingModules: [{ name: "ip6table_nat", isShipped: true }],
			openFiles: 524_288,
		});
	});

	test("the last containers.conf wins, and a copied tree without any tells nothing", async () => {
		const tree = {
			...typical,
			"/usr/share/containers/containers.conf": "[containers]\n#pids_limit = 2048\n",
			"/etc/containers/containers.conf.d/10-more.conf": "[engine]\npids_limit=1\n[containers]\npids_limit = 8_192\n",
			"/home/alice/.config/containers/containers.conf": "[containers]\npids_limit = 0\n",
		};
		expect((await readLimits(tree)).pids).toBeUndefined();
		const shared = { ...tree, "/home/alice/.config/containers/containers.conf": "[containers]\n" };
		expect((await readLimits(shared)).pids).toEqual({
			limit: 8192,
			from: "/etc/containers/containers.conf.d/10-more.conf",
			folder: "/home/alice/.config/containers",
		});
		await expect(readLimits(typical, answering, true)).rejects.toThrow("no containers.conf");
	});

	test("what cannot be read is no pass", async () => {
		await expect(readLimits(without("/proc/self/limits"))).rejects.toThrow(ProbeError);
		await expect(readLimits(without("/proc/modules", "/lib/modules/6.12.0/modules.builtin"))).rejects.toThrow(
			ProbeError,
		);
	});

	const configuration = (...ports: readonly number[]) =>
		`kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n  extraPortMappings:\n${ports.map((port) => `  - containerPort: 80\n    hostPort: ${port}\n`).join("")}`;
	const bound = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

	test.each<[string, Readonly<Record<string, string>>, object | undefined]>([
		["no configuration", { [bound]: "1024\n" }, undefined],
		["ports that anyone may open", { "kind.yaml": configuration(8080, 1024, 0), [bound]: "1024\n" }, undefined],
		[
			"ports below",
			{ "kind-config.yaml": configuration(80, 8080, 443), [bound]: "1024\n" },
			{ from: "kind-config.yaml", ports: [80, 443], first: 1024 },
		],
		["a bound that was lowered", { "kind.yaml": configuration(80), [bound]: "80\n" }, undefined],
		[
			"one that is not low enough",
			{ "kind.yaml": configuration(79, 80), [bound]: "80\n" },
			{ from: "kind.yaml", ports: [79], first: 80 },
		],
		["another kind of file", { "kind.yaml": "kind: Service\nhostPort: 80\n", [bound]: "1024\n" }, undefined],
		["no YAML", { "kind.yaml": "hostPort: [\n", [bound]: "1024\n" }, undefined],
	])("low ports: %s", async (_, files, expected) => {
		expect((await readLimits({ ...typical, ...files })).lowPorts).toEqual(expected);
	});

	test("low ports are asked for, and nothing tells who may open them: unknown", async () => {
		await expect(readLimits({ ...typical, "kind.yaml": configuration(80) })).rejects.toThrow(ProbeError);
	});

	test("rootful needs neither modules nor files of its own", async () => {
		const rootful = { ...answering, server: { ...answering.server, rootless: false } };
		expect(await readLimits({}, rootful)).toMatchObject({ missingModules: [], pids: { limit: 2048 } });
	});
});

test("the small parsers", () => {
	expect(parseContainersNumber("pids_limit = 5\n[engine]\npids_limit = 6\n", "pids_limit")).toBeUndefined();
	expect(
		parseContainersNumber("[containers] # mine\n  # pids_limit = 1\n  pids_limit=-1\n[network]\n", "pids_limit"),
	).toBe(-1);
	expect(parseOpenFiles("Max open files  1024  unlimited  files\n")).toBeUndefined();
	expect(accountOf("alice:x:1000:1000::/home/alice:/bin/sh\n", 100)).toBeUndefined();
});
