import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statfsSync,
	writeFileSync,
} from "node:fs";
import { arch, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bundle } from "../support/doctor.ts";

/**
 * What `fix` does to a host, done by the real mount, umount, sysctl and chmod in a mount namespace of its own: there
 * /sys/fs/cgroup is a fresh tmpfs, /etc and /run are copies, and the settings below /proc/sys/fs/inotify are files of ours,
 * because the kernel's own belong to the whole machine. No hierarchy is made, so that the other tests see none come and go.
 */
const top = "/sys/fs/cgroup";
const inotify = "/proc/sys/fs/inotify";
const isThere = (name: string): boolean => execaSync("which", [name], { reject: false }).exitCode === 0;

function reasonToSkip(): string | undefined {
	if (process.platform !== "linux" || process.getuid?.() !== 0) {
		return "it takes root on Linux";
	}

	const missing = ["unshare", "nsenter", "mount", "sysctl", "docker"].filter((name) => !isThere(name));
	if (missing.length > 0) {
		return `not installed: ${missing.join(", ")}`;
	}

	const trial = execaSync("unshare", ["-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
		reject: false,
	});
	return trial.exitCode === 0 ? undefined : `no mount namespace can be made: ${trial.stderr}`;
}

const reason = reasonToSkip();
const noV1 =
	reason ??
	(statfsSync(top).type === 0x63677270 || !existsSync(`${top}/systemd`)
		? "this host has no v1 hierarchies with that of systemd among them"
		: undefined);
const skipped = (because: string | undefined): string => (because === undefined ? "" : ` (SKIPPED: ${because})`);

let folder: string;
const hold = () => execa("unshare", ["-m", "--propagation", "private", "sleep", "120"], { reject: false });
let holder: ReturnType<typeof hold> | undefined;
let wanted: Readonly<Record<string, string>> = {};
/** The host's own, which must be the same afterwards. */
let before: readonly string[];
const ofHost = (): readonly string[] => [
	...readFileSync("/proc/self/mountinfo", "utf8")
		.split("\n")
		.filter((line) => /cgroup| \/etc| \/run | \/proc\//.test(line)),
	...["max_user_instances", "max_user_watches"].map((name) => readFileSync(join(inotify, name), "utf8")),
	...["/etc", "/etc/sysctl.d", "/etc/systemd/system", top].map((path) => readdirSync(path).join(" ")),
];

const inside = (...argv: readonly string[]) =>
	execa("nsenter", [`--mount=/proc/${holder?.pid ?? 0}/ns/mnt`, "--", ...argv], {
		reject: false,
		stdin: "ignore",
		cwd: folder,
		env: {
			HOME: folder,
			XDG_STATE_HOME: join(folder, "state"),
			...wanted,
			// Found before all others.
			PATH: `${folder}/bin:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
			// Docker is there, and its daemon is not.
			DOCKER_HOST: `unix://${folder}/none.sock`,
		},
	});
const must = async (...argv: readonly string[]): Promise<string> => {
	const { exitCode, stdout, stderr } = await inside(...argv);
	expect(`${argv.join(" ")}: ${exitCode} ${stderr}`).toBe(`${argv.join(" ")}: 0 ${stderr}`);
	return stdout;
};
const fix = (...words: readonly string[]) => inside(process.execPath, bundle, "fix", "--offline", ...words, "--yes");
const program = (name: string, script: string): void => {
	const path = join(folder, "bin", name);
	writeFileSync(path, `#!/bin/sh\n${script}\n`);
	chmodSync(path, 0o755);
};
const idOf = (stdout: string): string => /--undo (\S+)/.exec(stdout)?.[1] ?? "";
/** v1 hierarchies in there, as `mount point, options`. */
const hierarchies = async (): Promise<readonly string[]> =>
	(await must("cat", "/proc/self/mountinfo")).split("\n").flatMap((line) => {
		const [, path = "", options = ""] = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup \S+ (\S+)$/.exec(line) ?? [];
		return path === "" ? [] : [`${path} ${options.replace(/^rw,/, "")}`];
	});

async function copyOf(path: string): Promise<void> {
	const copy = join(folder, path.replaceAll("/", "-"));
	mkdirSync(copy);
	await must("mount", "-t", "tmpfs", "tmpfs", copy);
	await must("cp", "-a", `${path}/.`, copy);
	await must("mount", "--move", copy, path);
}

beforeEach(async () => {
	if (reason !== undefined) {
		return;
	}

	wanted = {};
	before = ofHost();
	folder = mkdtempSync(join(tmpdir(), "host-fix-"));
	mkdirSync(join(folder, "bin"));
	// Ends by itself, should this process be killed before it can clean up.
	holder = hold();
	while (readlinkSync(`/proc/${holder.pid ?? 0}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) {
		await sleep(10);
	}

	await copyOf("/etc");
});
afterEach(async () => {
	if (reason === undefined) {
		holder?.kill("SIGKILL");
		await holder;
		rmSync(folder, { recursive: true, force: true });
		expect(ofHost()).toEqual(before);
	}
});

describe.skipIf(noV1 !== undefined)(`hierarchies of cgroup v1${skipped(noV1)}`, () => {
	beforeEach(async () => {
		const fresh = join(folder, "cgroup");
		mkdirSync(fresh);
		await must("mount", "-t", "tmpfs", "tmpfs", fresh);
		for (const name of readdirSync(top)) {
			await must("mkdir", join(fresh, name));
			await must("mount", "--bind", join(top, name), join(fresh, name));
		}

		await must("umount", "-R", top);
		await must("mount", "--move", fresh, top);
		program("kind", "echo kind v0.30.0 go1.24.6 linux/amd64");
	});

	test("that of systemd is mounted on a host with OpenRC, now and at every boot, and all of it is taken back", async () => {
		await must("mount", "-t", "tmpfs", "tmpfs", "/run");
		await must("mkdir", "-p", "/run/openrc", "/etc/local.d");
		program("rc-update", `echo "$*" >>${folder}/rc-update`);
		await must("umount", `${top}/systemd`);
		await must("rmdir", `${top}/systemd`);
		const sick = await hierarchies();
		const { exitCode, stdout } = await fix("cgroup-systemd/hierarchy-missing");
		expect([exitCode, stdout]).toEqual([0, expect.stringContaining("\nconfirmed: ")]);
		expect(await hierarchies()).toEqual([...sick, expect.stringMatching(`^${top}/systemd .*name=systemd$`)]);
		const script = "/etc/local.d/cgroup-systemd.start";
		expect(await must("stat", "-c", "%a", script)).toBe("755");
		expect(readFileSync(`${folder}/rc-update`, "utf8")).toBe("add local default\n");

		// What would run at the next boot, when the tmpfs is empty.
		await must("umount", `${top}/systemd`);
		await must("rmdir", `${top}/systemd`);
		await must(script);
		expect(await hierarchies()).toEqual([...sick, expect.stringMatching(`^${top}/systemd .*name=systemd$`)]);

		const undone = await fix("--undo", idOf(stdout));
		expect(undone.stdout).toContain(`umount ${top}/systemd`);
		expect(await hierarchies()).toEqual(sick);
		expect((await inside("ls", script, `${top}/systemd`)).exitCode).not.toBe(0);
	});

	test("one at a directory of another name is unmounted, and mounted there again by the undo", async () => {
		// runc takes the older of two mounts.
		await must("umount", `${top}/systemd`);
		await must("mkdir", `${top}/init`);
		for (const name of ["init", "systemd"]) {
			await must("mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", `${top}/${name}`);
		}

		const well = (await hierarchies()).filter((line) => !line.startsWith(`${top}/init `));
		const { exitCode, stdout } = await fix("cgroup-named");
		expect([exitCode, stdout]).toEqual([0, expect.stringContaining("\nconfirmed: ")]);
		expect(stdout).toContain(`umount ${top}/init`);
		expect(await hierarchies()).toEqual(well);
		const undone = await fix("--undo", idOf(stdout));
		expect([undone.exitCode, await hierarchies()]).toEqual([
			0,
			[...well, expect.stringMatching(`^${top}/init .*name=systemd$`)],
		]);
	});
});

describe.skipIf(reason !== undefined)(`settings of the host${skipped(reason)}`, () => {
	test("the limits of inotify are raised by the real sysctl, now and after a boot, and put back", async () => {
		const own = join(folder, "inotify");
		mkdirSync(own);
		const values = { max_user_instances: "128", max_user_watches: "8192", max_queued_events: "16384" };
		for (const [name, value] of Object.entries(values)) {
			writeFileSync(join(own, name), `${value}\n`);
		}

		await must("mount", "--bind", own, inotify);
		const now = () => ["max_user_instances", "max_user_watches"].map((name) => readFileSync(join(own, name), "utf8"));
		const { stdout } = await fix("kind-host/inotify-limits");
		expect(stdout).toMatch(/\n(?:confirmed|uncertain): the check does not find it any more/);
		expect(now()).toEqual(["512\n", "524288\n"]);
		const file = "/etc/sysctl.d/99-kind.conf";
		expect(await must("cat", file)).toBe("fs.inotify.max_user_instances=512\nfs.inotify.max_user_watches=524288");

		// What a boot does.
		writeFileSync(join(own, "max_user_instances"), "128\n");
		await must("sysctl", "--load", file);
		expect(now()).toEqual(["512\n", "524288\n"]);

		expect((await fix("--undo", idOf(stdout))).exitCode).toBe(0);
		expect(now()).toEqual(["128\n", "8192\n"]);
		expect((await inside("cat", file)).exitCode).toBe(1);
	});

	/** No systemd runs where the tests do, so Podman and systemctl are scripts that say what those of such a host would. */
	test("systemd is told to hand controllers to users, and kind is not started", async () => {
		wanted = { KIND_EXPERIMENTAL_PROVIDER: "podman" };
		const dropIn = "/etc/systemd/system/user@.service.d/delegate.conf";
		const info = (controllers: readonly string[]) =>
			JSON.stringify({
				host: {
					cgroupVersion: "v2",
					cgroupControllers: controllers,
					security: { rootless: true },
					serviceIsRemote: false,
					ociRuntime: { name: "crun", version: "crun version 1.21" },
					kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
					arch: arch(),
					idMappings: { uidmap: [{ container_id: 0, host_id: 1000, size: 1 }] },
				},
				version: { Version: "5.4.2" },
			});
		program(
			"podman",
			`[ "$1" = info ] || exit 1\nif [ -e ${folder}/reloaded ]; then echo '${info(["cpu", "memory", "pids"])}'; else echo '${info(["memory", "pids"])}'; fi`,
		);
		program(
			"systemctl",
			`case "$*" in --version) echo systemd 247;; daemon-reload) grep -qx Delegate=.* ${dropIn} && touch ${folder}/reloaded;; *) exit 1;; esac`,
		);
		program("systemd-run", `touch ${folder}/started`);
		await must("mount", "-t", "tmpfs", "tmpfs", "/run");
		await must("mkdir", "-p", "/run/systemd/system", "/run/user/0/systemd");
		const { stdout } = await fix("podman/not-delegated");
		expect(await must("cat", dropIn)).toBe("[Service]\nDelegate=cpu cpuset io memory pids");
		expect(stdout).toMatch(/\n(?:confirmed|uncertain): the check does not find it any more/);
		expect(existsSync(join(folder, "started"))).toBe(false);
		await fix("--undo", idOf(stdout));
		expect((await inside("ls", dirname(dropIn))).exitCode).not.toBe(0);
	});
});
