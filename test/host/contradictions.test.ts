import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { gatherFrom } from "../support/host.ts";

const folder = mkdtempSync(join(tmpdir(), "capmox-doctor-"));
afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

const kernel = "6.12.48+deb13-amd64";
const layouts = {
	1: [
		"26 22 0:21 / /sys/fs/cgroup ro - tmpfs tmpfs ro",
		"27 26 0:22 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
		"28 26 0:23 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices",
	],
	2: ["26 22 0:21 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"],
} as const;
const own = { 1: "2:devices:/\n1:name=systemd:/\n", 2: "0::/user.slice\n" } as const;

let count = 0;
/** A copied tree whose Docker says something of its own. */
function tree(version: 1 | 2, docker: object, files: Readonly<Record<string, string>> = {}): string {
	const root = join(folder, `${count++}`);
	const all = {
		"proc/self/mountinfo": `${layouts[version].join("\n")}\n`,
		"proc/self/cgroup": own[version],
		"proc/sys/kernel/osrelease": `${kernel}\n`,
		"proc/1/comm": "systemd\n",
		"cmd/docker-info.json": JSON.stringify({
			ServerVersion: "28.2.2",
			KernelVersion: kernel,
			OperatingSystem: "Debian GNU/Linux 13 (trixie)",
			DefaultRuntime: "runc",
			ClientInfo: { Context: "default" },
			...docker,
		}),
		"cmd/podman-info.json": "sh: podman: command not found\n(exit 127)\n",
		...files,
	};
	for (const [path, text] of Object.entries(all)) {
		const target = join(root, path);
		mkdirSync(dirname(target), { recursive: true });
		writeFileSync(target, text);
	}

	return root;
}

const providerOf = async (root: string) => {
	const { "host.provider": fact, "host.hierarchies": hierarchies } = await gatherFrom(root, [
		"host.provider",
		"host.hierarchies",
	]);
	return { fact, hierarchies };
};

describe("an engine that reports another cgroup version than this host's files", () => {
	test.each([
		[2, "1"],
		[1, "2"],
	] as const)("here: the files decide, v%s and not v%s", async (version, reported) => {
		const { fact, hierarchies } = await providerOf(tree(version, { CgroupVersion: reported }));
		expect(fact).toMatchObject({ value: { place: "here", cgroupVersion: version, reportedVersion: Number(reported) } });
		expect(hierarchies).toMatchObject({ state: "known", value: { cgroupVersion: version } });
	});

	test("here, and it agrees: nothing is said of it", async () => {
		const { fact } = await providerOf(tree(2, { CgroupVersion: "2" }));
		expect(fact).toMatchObject({ value: { cgroupVersion: 2 } });
		expect(fact).not.toHaveProperty("value.reportedVersion");
	});

	test.each([
		["Docker Desktop", { OperatingSystem: "Docker Desktop", KernelVersion: "6.10.14-linuxkit" }],
		["another kernel", { KernelVersion: "6.8.0-86-generic" }],
	])("elsewhere (%s): the engine decides", async (_, docker) => {
		const { fact, hierarchies } = await providerOf(tree(1, { CgroupVersion: "2", ...docker }));
		expect(fact).toMatchObject({ value: { place: "elsewhere", cgroupVersion: 2 } });
		expect(hierarchies).toMatchObject({ value: { cgroupVersion: 2, hierarchies: [] } });
	});

	test("on WSL it may live in another distribution: nothing is known", async () => {
		const wsl = "5.15.167.4-microsoft-standard-WSL2";
		const { fact } = await providerOf(
			tree(2, { CgroupVersion: "1", KernelVersion: wsl }, { "proc/sys/kernel/osrelease": `${wsl}\n` }),
		);
		expect(fact).toMatchObject({ state: "unavailable", cause: "unreadable" });
	});

	test("here, and the files cannot be read: the engine's word is all there is", async () => {
		const { fact } = await providerOf(tree(2, { CgroupVersion: "2" }, { "proc/self/mountinfo": "26 22 0:21 / /sys" }));
		expect(fact).toMatchObject({ value: { cgroupVersion: 2 } });
	});
});

describe("Docker's cgroup in a copied tree", () => {
	const listed = "/sys/fs/cgroup cgroup2fs 63677270\n/sys/fs/cgroup/docker/ cgroup2fs 63677270\n";
	const cgroupsOf = async (files: Readonly<Record<string, string>>) =>
		(await gatherFrom(tree(2, {}, files), ["host.cgroups"]))["host.cgroups"];

	test.each([
		["is listed, and what it is was not copied", { "cmd/stat-f-all": listed }],
		[
			"is listed, and was copied as an empty file",
			{ "cmd/stat-f-all": listed, "sys/fs/cgroup/docker/cgroup.type": "" },
		],
	])("%s: nothing is known", async (_, files) => {
		expect(await cgroupsOf(files)).toMatchObject({ state: "unavailable", cause: "not-found" });
	});

	test("is listed and copied: it is judged", async () => {
		const files = { "cmd/stat-f-all": listed, "sys/fs/cgroup/docker/cgroup.type": "domain threaded\n" };
		expect(await cgroupsOf(files)).toMatchObject({ value: { dockerCgroup: { type: "domain threaded" } } });
	});

	test("is not there: that is known", async () => {
		const fact = await cgroupsOf({ "cmd/stat-f-all": "/sys/fs/cgroup cgroup2fs 63677270\n" });
		expect(fact).toMatchObject({ state: "known", value: { layout: "unified", dockerCgroup: undefined } });
	});
});

describe("an LXC container whose init is not systemd", () => {
	const systemOf = async (files: Readonly<Record<string, string>>) =>
		(await gatherFrom(tree(2, {}, files), ["host.system"]))["host.system"];
	const withMount = (mount: string) => ({ "proc/self/mountinfo": `${layouts[2].join("\n")}\n${mount}\n` });
	const lxcfs = "rw,nosuid,nodev,relatime - fuse.lxcfs lxcfs rw,user_id=0,group_id=0";

	test.each([
		["by what LXC tells its first process", { "proc/1/environ": "TERM=linux\0container=lxc\0" }],
		["by what lies on /proc", withMount(`90 22 0:50 /proc/meminfo /proc/meminfo ${lxcfs}`)],
	])("is known %s", async (_, files) => {
		expect(await systemOf(files)).toMatchObject({ value: { container: "lxc" } });
	});

	test.each([
		["a Proxmox node, which runs lxcfs itself", withMount(`90 22 0:50 / /var/lib/lxcfs ${lxcfs}`)],
		["a variable of another name", { "proc/1/environ": "mycontainer=lxc\0" }],
	])("is not %s", async (_, files) => {
		expect(await systemOf(files)).toMatchObject({ state: "known", value: { container: undefined } });
	});
});

test("an output that was copied as an empty file tells nothing of its engine", async () => {
	const sheet = await gatherFrom(tree(2, {}, { "cmd/docker-info.json": "", "cmd/podman-info.json": "\n" }), [
		"host.engines",
	]);
	expect(sheet["host.engines"]).toMatchObject({
		value: { docker: { state: "unknown" }, podman: { state: "unknown" } },
	});
});
