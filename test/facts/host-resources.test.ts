import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import { diagnose } from "../../src/diagnose.ts";
import type { FactName } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";

const kindHost = checks.filter(({ id }) => id === "kind-host");
const wanted = kindHost.flatMap(({ needs, uses }) => [...needs, ...uses]);

const info = {
	ServerVersion: "28.2.2",
	OperatingSystem: "Debian GNU/Linux 13 (trixie)",
	KernelVersion: "6.12.1",
	Name: "ws",
	CgroupVersion: "2",
	CgroupDriver: "systemd",
	Driver: "overlay2",
	DriverStatus: [["Backing Filesystem", "extfs"]],
	DockerRootDir: "/var/lib/docker",
	DefaultRuntime: "runc",
	MemTotal: 16_000_000_000,
};
const missing = "Error response from daemon: network kind not found\n(exit 1)\n";
const route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";

/** All that the check reads of a host on which Docker works. */
const tree: Readonly<Record<string, string>> = {
	"cmd/docker-info.json": JSON.stringify(info),
	"cmd/docker-version.json": '{"Client":{"Version":"28.2.2"},"Server":{"Version":"28.2.2"}}',
	"cmd/docker-context.json": '[{"Name":"default","Endpoints":{"docker":{"Host":"unix:///var/run/docker.sock"}}}]',
	"cmd/docker-network-bridge.json": '[{"Name":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}}]',
	"cmd/docker-network-kind.json": missing,
	"cmd/podman-info.json": "sh: podman: command not found\n(exit 127)\n",
	"cmd/kind-version": "kind v0.30.0 go1.24.6 linux/amd64\n",
	"proc/sys/kernel/osrelease": "6.12.1\n",
	"proc/sys/kernel/hostname": "ws\n",
	"proc/sys/fs/inotify/max_user_watches": "524288\n",
	"proc/sys/fs/inotify/max_user_instances": "1024\n",
	"proc/net/if_inet6": "00000000000000000000000000000001 01 80 10 80 lo\n",
	"proc/net/route": `${route}docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n`,
	"lib/modules/6.12.1/modules.dep": "",
	"proc/self/mountinfo": "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
};

let folder = "";
afterEach(() => {
	rmSync(folder, { recursive: true, force: true });
});

function worldOf(files: Readonly<Record<string, string | undefined>>): World {
	folder = mkdtempSync(join(tmpdir(), "doctor-"));
	for (const [name, text] of Object.entries(files)) {
		if (text !== undefined) {
			mkdirSync(dirname(join(folder, name)), { recursive: true });
			writeFileSync(join(folder, name), text);
		}
	}

	const world = openWorld({ root: folder });
	// A copied tree does not tell the space on a disk.
	const statfs = (path: string) =>
		Promise.resolve(path === "/var/lib" ? { type: 0xef53, availableBytes: 50e9, totalBytes: 100e9 } : undefined);
	// Nor which proxies are set in its shells; here, none.
	return { ...world, files: { ...world.files, statfs }, host: { platform: "linux", uid: 0, recorded: false } };
}

async function judge(world: World) {
	const sheet = await gather(world, { wanted, signal: new AbortController().signal });
	const [judgement] = diagnose(kindHost, sheet);
	return { sheet, verdict: judgement?.verdict };
}

test("a host on which nothing is wrong passes; the disk is that of the nearest folder that exists", async () => {
	const { sheet, verdict } = await judge(worldOf(tree));
	expect(verdict).toMatchObject({ kind: "pass" });
	expect(sheet["host.storage"]).toMatchObject({
		value: { places: [{ path: "/var/lib/docker", fileSystem: "ext4", availableBytes: 50e9 }] },
	});
	expect(sheet["host.networks"]).toMatchObject({
		value: {
			engine: [{ name: "bridge", subnet: "172.17.0.0/16" }],
			routes: [{ interface: "docker0", subnet: "172.17.0.0/16" }],
		},
	});
});

test.each<[string, string | undefined, FactName]>([
	["proc/sys/fs/inotify/max_user_watches", undefined, "host.inotify"],
	["proc/sys/fs/inotify/max_user_instances", "many\n", "host.inotify"],
	["proc/net/route", undefined, "host.networks"],
	["cmd/docker-network-bridge.json", undefined, "host.networks"],
	["cmd/docker-network-bridge.json", "<html>", "host.networks"],
	["cmd/docker-network-kind.json", "permission denied\n(exit 1)\n", "host.networks"],
	["cmd/docker-info.json", JSON.stringify({ ...info, MemTotal: 0 }), "host.memory"],
])("%s as %j: unknown by %s, never a pass", async (name, text, fact) => {
	const { sheet, verdict } = await judge(worldOf({ ...tree, [name]: text }));
	expect(verdict?.kind).toBe("unknown");
	expect(sheet[fact]?.state).toBe("unavailable");
});

test("what a copied tree does not tell: modules of the kernel, proxies of a shell", async () => {
	const world = worldOf({ ...tree, "lib/modules/6.12.1/modules.dep": undefined });
	const { sheet, verdict } = await judge({ ...world, host: { platform: "linux", recorded: true } });
	expect(verdict?.kind).toBe("unknown");
	expect(sheet).toMatchObject({
		"host.kernel": { cause: "not-found" },
		"host.proxies": { cause: "not-found" },
	});
});

test.each<[string, Readonly<Record<string, string>>, object | undefined]>([
	["none", {}, undefined],
	["no JSON", { "root/.docker/config.json": "{" }, undefined],
	["no proxies", { "root/.docker/config.json": '{"auths": {"x": {"auth": "hunter2"}}}' }, undefined],
	[
		"for all endpoints, beside a password",
		{
			"root/.docker/config.json": JSON.stringify({
				auths: { x: { auth: "hunter2" } },
				proxies: {
					default: { httpsProxy: "http://u:hunter2@p:3128", noProxy: "localhost, .corp,http://u:hunter2@p" },
				},
			}),
		},
		{ from: "/root/.docker/config.json", https: true, entries: ["localhost", ".corp"] },
	],
	[
		"for this endpoint",
		{
			"root/.docker/config.json": JSON.stringify({
				proxies: { default: { httpsProxy: "http://p" }, "unix:///var/run/docker.sock": { httpProxy: "http://p" } },
			}),
		},
		{ from: "/root/.docker/config.json", https: false, entries: [] },
	],
])("proxies in the docker command's file: %s", async (_, files, expected) => {
	const { sheet } = await judge(worldOf({ ...tree, ...files }));
	const state = sheet["host.proxies"];
	expect(state?.state === "known" ? state.value.ofContainers : state).toEqual(expected);
	expect(JSON.stringify(sheet)).not.toContain("hunter2");
});

test.each([
	["nameserver 127.0.0.53\n", "nameserver 172.17.0.1\nnameserver 172.17.0.53\n"],
	["nameserver 172.17.0.53\nnameserver 172.17.0.1\n", "nameserver 9.9.9.9\n"],
])("a name server in Docker's network, but for Docker's gateway, which is this host: %j", async (own, behind) => {
	const files = { "etc/resolv.conf": own, "run/systemd/resolve/resolv.conf": behind };
	const { sheet, verdict } = await judge(worldOf({ ...tree, ...files }));
	expect(sheet["host.networks"]).toMatchObject({ value: { resolvers: ["172.17.0.53"] } });
	expect(verdict).toMatchObject({ findings: [{ code: "kind-host/network-clash" }] });
});

test("no answer about the disk: unknown", async () => {
	const world = worldOf(tree);
	const { verdict } = await judge({ ...world, files: { ...world.files, statfs: () => Promise.resolve(undefined) } });
	expect(verdict).toMatchObject({ kind: "unknown", missing: [{ fact: "host.storage" }] });
});

test("a name of the Proxmox API that has no address: unknown", async () => {
	const { verdict } = await judge(worldOf({ ...tree, envfile: "export PROXMOX_URL='https://pve.example.com:8006'\n" }));
	expect(verdict).toMatchObject({ kind: "unknown", missing: [{ fact: "host.proxmoxAddresses" }] });
});

test("an address of the Proxmox API in a network of Docker, from the envfile to the verdict", async () => {
	const { verdict } = await judge(worldOf({ ...tree, envfile: "export PROXMOX_URL='https://172.17.8.2:8006'\n" }));
	expect(verdict).toMatchObject({ kind: "problem", findings: [{ code: "kind-host/network-clash" }] });
});

test("a proxy for HTTP alone is none for Proxmox", async () => {
	const { sheet } = await judge(worldOf({ ...tree, envfile: "export HTTP_PROXY='http://proxy:3128'\n" }));
	expect(sheet["host.proxies"]).toEqual({ state: "known", value: {} });
});

test("a proxy's password is in no fact", async () => {
	const { sheet } = await judge(
		worldOf({ ...tree, envfile: "export HTTPS_PROXY='http://ada:hunter2@proxy:3128'\nexport no_proxy='localhost'\n" }),
	);
	expect(sheet["host.proxies"]).toMatchObject({
		value: { https: { name: "HTTPS_PROXY" }, noProxy: { name: "no_proxy", entries: ["localhost"] } },
	});
	expect(JSON.stringify(sheet)).not.toContain("hunter2");
});

describe("a virtual machine or another host", () => {
	/** The verdict's missing facts and codes, where Docker says these things of itself. */
	async function elsewhere(
		answer: Readonly<Record<string, unknown>>,
		files: Readonly<Record<string, string | undefined>> = {},
		change: (world: World) => World = (world) => world,
	) {
		const world = worldOf({ ...tree, "cmd/docker-info.json": JSON.stringify({ ...info, ...answer }), ...files });
		const { sheet, verdict } = await judge(change(world));
		const missing = verdict?.kind === "unknown" || verdict?.kind === "problem" ? verdict.missing : [];
		const codes = verdict?.kind === "problem" ? verdict.findings.map(({ code }) => code) : [];
		return { sheet, kind: verdict?.kind, missing: missing.map(({ fact }) => fact), codes };
	}

	const desktop = {
		OperatingSystem: "Docker Desktop",
		KernelVersion: "6.12.5-linuxkit",
		Name: "docker-desktop",
		SystemTime: new Date().toISOString(),
	};
	const low = { "proc/sys/fs/inotify/max_user_instances": "128\n" };

	test("Docker Desktop: only the disk of its machine is missing; this host's own limits do not count", async () => {
		expect(await elsewhere(desktop, low)).toMatchObject({ kind: "unknown", missing: ["host.storage"], codes: [] });
	});

	test("Docker Desktop's disk is a file with holes: what is free in it, or below it, whichever is less", async () => {
		const gibibyte = 2 ** 30;
		const withDisk = (allocated: number, below: number) => (world: World) => ({
			...world,
			environment: () =>
				Promise.resolve({
					files: [],
					lookUp: (name: string) => (name === "HOME" ? [{ value: "/home/ada", origin: "the environment" }] : []),
				}),
			files: {
				...world.files,
				stat: (path: string) =>
					path === "/home/ada/.docker/desktop/vms/0/data/Docker.raw"
						? Promise.resolve({
								mode: 0o644,
								isFile: true,
								sizeBytes: 64 * gibibyte,
								allocatedBytes: allocated * gibibyte,
							})
						: world.files.stat(path),
				statfs: (path: string) =>
					path.startsWith("/home/ada")
						? Promise.resolve({ type: 0xef53, availableBytes: below * gibibyte, totalBytes: 900 * gibibyte })
						: world.files.statfs(path),
			},
		});
		expect(await elsewhere(desktop, {}, withDisk(20, 200))).toMatchObject({ kind: "pass" });
		expect((await elsewhere(desktop, {}, withDisk(63, 200))).codes).toEqual(["kind-host/disk-full"]);
		expect((await elsewhere(desktop, {}, withDisk(20, 5))).codes).toEqual(["kind-host/disk-nearly-full"]);
	});

	test("WSL 2: Docker Desktop's containers are on the same kernel, so its limits are those here", async () => {
		const kernel = { "proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n" };
		const wsl = { ...desktop, KernelVersion: "6.6.87.2-microsoft-standard-WSL2" };
		expect((await elsewhere(wsl, { ...kernel, ...low })).codes).toEqual(["kind-host/inotify-limits"]);
		expect(await elsewhere(wsl, kernel)).toMatchObject({ kind: "unknown", missing: ["host.storage"] });
	});

	test("another host by TCP, with the same kernel as this one, is not this one", async () => {
		const context = '[{"Name":"default","Endpoints":{"docker":{"Host":"tcp://10.0.0.5:2375"}}}]';
		const files = { ...low, "cmd/docker-context.json": context };
		const far = { Name: "box", SystemTime: new Date().toISOString() };
		expect(await elsewhere(far, files)).toMatchObject({
			kind: "problem",
			codes: ["kind-host/engine-on-another-host"],
			missing: ["host.inotify", "host.storage"],
		});
		// The same name and kernel: the daemon of this host, asked by its address.
		expect((await elsewhere({ Name: "ws" }, files)).sheet["host.inotify"]).toMatchObject({ state: "known" });
	});

	test("what does not answer is a finding wherever it is, and nothing else is called missing", async () => {
		for (const host of ["ssh://box", "tcp://10.0.0.5:2376", "unix:///home/ada/.docker/desktop/docker.sock"]) {
			const down = { "cmd/docker-info.json": '{"ServerErrors":["Cannot connect to the Docker daemon"]}\n(exit 1)\n' };
			const context = `[{"Name":"x","Endpoints":{"docker":{"Host":"${host}"}}}]`;
			const { kind, codes, missing } = await elsewhere({}, { ...down, "cmd/docker-context.json": context });
			expect([host, kind, codes, missing]).toEqual([host, "problem", ["kind-host/engine-silent"], []]);
		}
	});

	test("Docker Desktop's stand-in in a WSL distribution that is not switched on", async () => {
		const files = {
			"cmd/docker-info.json": "\nThe command 'docker' could not be found in this WSL 2 distro.\n(exit 1)\n",
			"cmd/docker-version.json": "The command 'docker' could not be found in this WSL 2 distro.\n(exit 1)\n",
			"cmd/docker-context.json": "The command 'docker' could not be found in this WSL 2 distro.\n(exit 1)\n",
			"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n",
		};
		expect((await elsewhere({}, files)).codes).toEqual(["kind-host/wsl-integration-off"]);
	});

	test("podman info tells how full the disk of its machine is", async () => {
		const store = { graphRoot: "/var/lib/containers/storage", graphRootAllocated: 100e9, graphRootUsed: 99e9 };
		const podman = {
			host: { cgroupVersion: "v2", kernel: "6.17.1-coreos", serviceIsRemote: true, memTotal: 8e9, arch: "arm64" },
			store,
			version: { Version: "5.6.0" },
		};
		const { codes, missing } = await elsewhere(
			{},
			{
				"cmd/docker-info.json": "sh: docker: command not found\n(exit 127)\n",
				"cmd/podman-info.json": JSON.stringify(podman),
				"cmd/podman-network-podman.json": "[]",
				"cmd/podman-network-kind.json": "Error: unable to find network: network kind not found\n(exit 125)\n",
			},
		);
		expect([codes, missing]).toEqual([["kind-host/disk-full"], ["host.inotify"]]);
	});
});

describe("the kernel and the daemon, as files tell", () => {
	const modules = {
		"proc/modules": "overlay 1 0 - Live 0x0\nveth 1 0 - Live 0x0\nbridge 1 0 - Live 0x0\n",
		"lib/modules/6.12.1/modules.builtin": "kernel/net/netfilter/nf_conntrack.ko\nkernel/net/netfilter/nf_nat.ko\n",
		"lib/modules/6.12.1/modules.dep":
			"kernel/net/bridge/br_netfilter.ko.zst:\nkernel/net/netfilter/xt_conntrack.ko.xz:\nkernel/net/netfilter/xt_comment.ko:\nkernel/net/netfilter/xt_statistic.ko: kernel/x.ko\n",
	};

	test("what is neither loaded, nor built in, nor on the disk is lacking; another name's end does not count", async () => {
		const { sheet } = await judge(worldOf({ ...tree, ...modules }));
		expect(sheet["host.kernel"]).toMatchObject({ value: { lacking: ["xt_addrtype"], filtersBridges: false } });
		const all = { ...modules, "proc/modules": `${modules["proc/modules"]}xt_addrtype 1 0 - Live 0x0\n` };
		const { verdict } = await judge(worldOf({ ...tree, ...all }));
		expect(verdict?.kind).toBe("pass");
	});

	test("a kernel of which no list tells is not judged", async () => {
		const { sheet } = await judge(worldOf({ ...tree, "proc/modules": "" }));
		expect(sheet["host.kernel"]).toMatchObject({ state: "known" });
		expect(sheet["host.kernel"]).not.toHaveProperty("value.lacking.0");
	});

	test("SELinux, AppArmor and IPv6", async () => {
		const { sheet } = await judge(
			worldOf({
				...tree,
				"sys/fs/selinux/enforce": "1",
				"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
				"proc/net/if_inet6": undefined,
			}),
		);
		expect(sheet["host.kernel"]).toMatchObject({
			value: { enforcesSelinux: true, restrictsNamespaces: true, ipv6: false },
		});
	});

	const mounts = (settings: string) =>
		`${tree["proc/self/mountinfo"] ?? ""}40 1 0:5 / /proc rw - proc proc rw\n41 40 0:5 /sys /proc/sys ${settings} - proc proc rw\n`;
	test.each<[string, string | undefined, string, boolean | undefined]>([
		["off, and read-only", "1\n", mounts("ro"), true],
		["off", "1\n", mounts("rw"), false],
		[
			"off, and read-only but for the network's",
			"1\n",
			`${mounts("ro")}42 41 0:5 / /proc/sys/net rw - proc proc rw\n`,
			false,
		],
		["on, and read-only", "0\n", mounts("ro"), false],
		["nothing tells", undefined, mounts("ro"), undefined],
	])("IPv6 that an engine may not switch on: %s", async (_, value, mountinfo, expected) => {
		const files = { "proc/sys/net/ipv6/conf/default/disable_ipv6": value, "proc/self/mountinfo": mountinfo };
		const { sheet } = await judge(worldOf({ ...tree, ...files }));
		const state = sheet["host.kernel"];
		expect(state?.state === "known" && state.value.keepsIpv6Off).toBe(expected);
	});

	const profiles = {
		"sys/kernel/security/apparmor/profiles":
			"/usr/sbin/mysqld (enforce)\n/usr/sbin/tcpdump (enforce)\n/usr/sbin/named (enforce)\n/usr/sbin/ntpd (complain)\n/usr/lib/snapd/snap-confine (enforce)\n/usr/bin/man//filter (enforce)\ndocker-default (enforce)\n",
		"etc/apparmor.d/usr.sbin.mysqld": "profile",
		"usr/sbin/named": "",
	};
	test("AppArmor's profiles for programs that are gone; a copy does not tell which are", async () => {
		const world = worldOf({ ...tree, ...profiles });
		const { sheet, verdict } = await judge(world);
		expect(sheet["host.kernel"]).toMatchObject({
			value: {
				leftProfiles: [
					{ program: "/usr/sbin/mysqld", file: "/etc/apparmor.d/usr.sbin.mysqld" },
					{ program: "/usr/sbin/tcpdump" },
				],
			},
		});
		expect(verdict).toMatchObject({ findings: [{ code: "kind-host/apparmor-profile-left" }] });
		const copy = await judge({ ...world, host: { platform: "linux", recorded: true } });
		expect(copy.sheet["host.kernel"]).toMatchObject({ state: "known", value: { leftProfiles: undefined } });
	});

	const limits = (files: number) => `Limit Soft Hard Units\nMax open files            ${files}  ${files}   files\n`;

	test.each<[string, Readonly<Record<string, string>>, object]>([
		["nothing to be found", {}, {}],
		[
			"containerd of Docker",
			{ "run/docker/containerd/containerd.pid": "77", "proc/77/limits": limits(1_024) },
			{ openFiles: { limit: 1_024, from: "/proc/77/limits (containerd)" } },
		],
		[
			"containerd as a service, cgroup v2",
			{ "sys/fs/cgroup/system.slice/containerd.service/cgroup.procs": "88\n990\n", "proc/88/limits": limits(9_999) },
			{ openFiles: { limit: 9_999, from: "/proc/88/limits (containerd)" } },
		],
		[
			"daemon.json, which wins",
			{
				"etc/docker/daemon.json": '{"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 70000, "Soft": 1024}}}',
				"run/docker/containerd/containerd.pid": "77",
				"proc/77/limits": limits(1_024),
			},
			{ openFiles: { limit: 70_000, from: "/etc/docker/daemon.json (default-ulimits)" } },
		],
		[
			"daemon.json without a bound",
			{ "etc/docker/daemon.json": '{"default-ulimits": {"nofile": {"Hard": -1, "Soft": -1}}}' },
			{ openFiles: { limit: 2 ** 31, from: "/etc/docker/daemon.json (default-ulimits)" } },
		],
		[
			"no limit",
			{
				"run/docker/containerd/containerd.pid": "77",
				"proc/77/limits": "Max open files  unlimited  unlimited files\n",
			},
			{},
		],
		[
			"firewalld without a word about it",
			{
				"etc/firewalld/firewalld.conf": "#FirewallBackend=iptables\n",
				"cmd/systemctl-is-active-firewalld": "active\n",
			},
			{ firewalld: { backend: "nftables" } },
		],
		[
			"firewalld with iptables",
			{ "etc/firewalld/firewalld.conf": "FirewallBackend=iptables\n", "cmd/systemctl-is-active-firewalld": "active\n" },
			{ firewalld: { backend: "iptables" } },
		],
		[
			"firewalld, off",
			{ "etc/firewalld/firewalld.conf": "", "cmd/systemctl-is-active-firewalld": "inactive\n(exit 3)\n" },
			{},
		],
	])("%s", async (_, files, value) => {
		const { sheet } = await judge(worldOf({ ...tree, ...files }));
		expect(sheet["host.daemon"]).toEqual({ state: "known", value });
	});

	test("a copied tree that says nothing of firewalld: unknown", async () => {
		const world = worldOf(tree);
		const { sheet } = await judge({ ...world, host: { platform: "linux", recorded: true } });
		expect(sheet["host.daemon"]).toMatchObject({ state: "unavailable", cause: "not-found" });
	});
});
