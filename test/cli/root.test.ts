import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { doctor } from "../support/doctor.ts";
import { isThere, recordings, unlessThere } from "../support/host.ts";
import { parseReport } from "../support/report-schema.ts";

let folder = "";
let called = "";
let path = "";

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "capmox-doctor-root-"));
	called = join(folder, "called");
	const bin = join(folder, "bin");
	mkdirSync(bin);
	for (const name of ["docker", "podman", "kind", "kubectl", "clusterctl", "systemctl", "uname", "stat"]) {
		writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} >> '${called}'\nexit 1\n`);
		chmodSync(join(bin, name), 0o755);
	}

	path = `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`;
});

afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

/** A copy of a host, written file by file. */
function copyOf(name: string, files: Readonly<Record<string, string>>): string {
	const root = join(folder, name);
	for (const [file, text] of Object.entries(files)) {
		mkdirSync(dirname(join(root, file)), { recursive: true });
		writeFileSync(join(root, file), text);
	}

	return root;
}

const v1Only = {
	"proc/self/mountinfo": [
		"26 19 0:21 / /sys/fs/cgroup rw - tmpfs cgroup_root rw,mode=755",
		"27 26 0:22 / /sys/fs/cgroup/openrc rw - cgroup openrc rw,name=openrc",
		"28 26 0:23 / /sys/fs/cgroup/devices rw - cgroup devices rw,devices",
	]
		.map((line) => `${line}\n`)
		.join(""),
	"proc/self/cgroup": "2:devices:/\n1:name=openrc:/\n",
	"proc/1/comm": "init\n",
	"etc/os-release": "ID=alpine\nVERSION_ID=3.18.4\n",
	"cmd/uname-r": "6.1.57-0-lts\n",
	"cmd/stat-f-all": "/sys/fs/cgroup tmpfs 1021994\n/sys/fs/cgroup/openrc/ cgroupfs 27e0eb\n",
	"cmd/docker-info.json": JSON.stringify({
		ServerVersion: "24.0.7",
		KernelVersion: "6.1.57-0-lts",
		CgroupVersion: "1",
		DefaultRuntime: "runc",
	}),
	"cmd/kind-version": "kind v0.20.0 go1.20.4 linux/amd64\n",
};
const ask = async (root: string, ...words: string[]) => {
	const result = await doctor([...words, "--root", root, "--format", "json"], { env: { PATH: path } });
	const { checks } = await parseReport(result.stdout);
	return { ...result, verdicts: Object.fromEntries(checks.map(({ id, verdict }) => [id, verdict])) };
};

describe("--root judges a copy of a host", () => {
	test("by its files and by what commands printed there", async () => {
		const { exitCode, verdicts, stdout } = await ask(copyOf("alpine", v1Only), "check", "cgroups");
		expect([exitCode, verdicts]).toEqual([
			1,
			{ "cgroup-v2": "warn", "cgroup-named": "fail", "cgroup-systemd": "fail" },
		]);
		expect(stdout).toContain('rc_cgroup_mode=\\"unified\\"');
	});

	test.each([
		["mountinfo is cut off", { "proc/self/mountinfo": v1Only["proc/self/mountinfo"].slice(0, -9) }],
		["the list of its own cgroups is empty", { "proc/self/cgroup": "" }],
	])("nothing passes where %s", async (what, files) => {
		const { verdicts } = await ask(copyOf(what.replaceAll(" ", "-"), { ...v1Only, ...files }), "check", "cgroups");
		expect(verdicts).toEqual({ "cgroup-v2": "unknown", "cgroup-named": "unknown", "cgroup-systemd": "unknown" });
	});

	test("line ends of Windows change no verdict", async () => {
		const windows = Object.fromEntries(
			(["proc/self/mountinfo", "proc/self/cgroup"] as const).map((path) => [
				path,
				v1Only[path].replaceAll("\n", "\r\n"),
			]),
		);
		const { verdicts } = await ask(copyOf("windows", { ...v1Only, ...windows }), "check", "cgroups");
		expect(verdicts).toEqual({ "cgroup-v2": "warn", "cgroup-named": "fail", "cgroup-systemd": "fail" });
	});

	test("a command that was not there is written as (exit 127)", async () => {
		const root = copyOf("without-kind", { ...v1Only, "cmd/kind-version": "sh: kind: not found\n(exit 127)\n" });
		const { verdicts } = await ask(root, "check", "cgroups");
		expect(verdicts).toEqual({ "cgroup-v2": "warn", "cgroup-named": "warn", "cgroup-systemd": "warn" });
	});

	test("what the copy does not tell is unknown", async () => {
		const root = copyOf("without-engine", v1Only);
		rmSync(join(root, "cmd", "docker-info.json"));
		const engines = await ask(root, "check", "cgroups");
		expect([engines.exitCode, new Set(Object.values(engines.verdicts))]).toEqual([3, new Set(["unknown"])]);
		const empty = await ask(copyOf("empty", { "etc/hostname": "x" }), "run", "--only", "host");
		expect([empty.exitCode, Object.values(empty.verdicts).includes("pass")]).toEqual([3, false]);
	});

	test("nothing of this host is asked: no command, no variable", async () => {
		const env = { PATH: path, PROXMOX_URL: "https://127.0.0.1:1", PROXMOX_TOKEN: "a@pve!b", KUBECONFIG: "/etc/passwd" };
		const { stdout } = await doctor(["run", "--root", copyOf("alpine", v1Only), "--format", "json"], { env });
		const { checks } = await parseReport(stdout);
		expect(checks.find(({ id }) => id === "token")?.verdict).toBe("skip");
		expect(existsSync(called)).toBe(false);
	});

	test("what is set in this shell changes no word of the verdicts", async () => {
		const home = join(folder, "home");
		for (const [file, text] of Object.entries({
			".config/cluster-api/clusterctl.yaml": 'PROXMOX_URL: "https://127.0.0.1:1"\n',
			".config/containers/containers.conf": "[containers]\npids_limit = 100\n",
			".kube/config": "not: a kubeconfig\n",
			envfile: "export HTTPS_PROXY='http://127.0.0.1:1'\n",
		})) {
			mkdirSync(dirname(join(home, file)), { recursive: true });
			writeFileSync(join(home, file), text);
		}

		const root = copyOf("leaks", {
			...v1Only,
			"usr/share/containers/containers.conf": "[containers]\n",
			"cmd/podman-info.json": JSON.stringify({
				host: {
					cgroupVersion: "v1",
					kernel: "6.1.57-0-lts",
					ociRuntime: { name: "crun", version: "crun version 1.8" },
				},
				version: { Version: "4.3.1" },
			}),
		});
		const env = {
			HOME: home,
			XDG_CONFIG_HOME: join(home, ".config"),
			XDG_RUNTIME_DIR: "/run/user/1000",
			HTTPS_PROXY: "http://127.0.0.1:1",
			https_proxy: "http://127.0.0.1:1",
			NO_PROXY: "*",
			DOCKER_HOST: "ssh://ada@elsewhere",
			DOCKER_CONTEXT: "elsewhere",
			CONTAINER_HOST: "ssh://ada@elsewhere",
			KIND_EXPERIMENTAL_PROVIDER: "podman",
			CONTAINERS_CONF: join(home, ".config/containers/containers.conf"),
			CONTAINERS_CONF_OVERRIDE: join(home, ".config/containers/containers.conf"),
			PROXMOX_URL: "https://172.17.0.9:8006",
			CONTROL_PLANE_ENDPOINT_IP: "172.17.0.10",
			KUBECONFIG: join(home, ".kube/config"),
		};
		const judge = async (options: { env?: Record<string, string>; cwd?: string }) => {
			const { stdout, exitCode } = await doctor(["run", "--root", root, "--format", "json"], options);
			const { checks } = await parseReport(stdout);
			return { exitCode, checks };
		};
		const alone = await judge({});
		expect(alone.checks.find(({ id }) => id === "podman")?.findings.length).toBeGreaterThan(0);
		expect(await judge({ env, cwd: home })).toEqual(alone);
	});

	test("a link that leads out of the copy finds nothing", async () => {
		const root = copyOf("links", v1Only);
		rmSync(join(root, "proc/self/mountinfo"));
		symlinkSync("/proc/self/mountinfo", join(root, "proc/self/mountinfo"));
		const { verdicts } = await ask(root, "check", "cgroups");
		expect(Object.values(verdicts)).not.toContain("pass");
		expect(verdicts["cgroup-named"]).toBe("unknown");
	});

	test("the same commands are called without it", async () => {
		await doctor(["check", "cgroups"], { env: { PATH: path } });
		expect(existsSync(called)).toBe(true);
	});

	test.each([[["run"]], [["check", "cgroups"]]])("%j: a folder that does not exist", async (words) => {
		const { exitCode, stdout, stderr } = await doctor([...words, "--root", "/no/such/folder"]);
		expect([exitCode, stdout, stderr]).toEqual([
			2,
			"",
			"capmox-doctor: --root: there is no directory /no/such/folder\n",
		]);
	});

	test("other commands do not take it", async () => {
		expect((await doctor(["list", "--root", "/"])).exitCode).toBe(2);
	});

	test.skipIf(!isThere(recordings))(`a real recording${unlessThere(recordings)}`, async () => {
		const { verdicts } = await ask(
			fileURLToPath(new URL("hybrid-named-diff/evidence", recordings)),
			"check",
			"cgroups",
		);
		expect(verdicts).toEqual({ "cgroup-v2": "warn", "cgroup-named": "fail", "cgroup-systemd": "pass" });
	});
});
