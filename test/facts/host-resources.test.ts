import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
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
