import {
	chmodSync,
	copyFileSync,
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
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { bundle } from "../support/doctor.ts";

/**
 * A real dockerd and runc against the doctor's verdict, in a mount namespace of its own. /sys/fs/cgroup is one tmpfs for
 * all namespaces, so a fresh one takes its place there before anything is made or removed in it.
 */
const top = "/sys/fs/cgroup";
const cgroup2 = 0x63677270;

const missing = ["docker", "dockerd", "containerd", "runc", "busybox", "unshare", "nsenter", "mount"].filter(
	(name) => execaSync("which", [name], { reject: false }).exitCode !== 0,
);

function reasonToSkip(): string | undefined {
	if (process.platform !== "linux" || process.getuid?.() !== 0) {
		return "it takes root on Linux";
	}

	if (missing.length > 0) {
		return `not installed: ${missing.join(", ")}`;
	}

	if (statfsSync(top).type === cgroup2) {
		return "this host has cgroup v2 alone, where v1 hierarchies cannot be set up";
	}

	const trial = execaSync("unshare", ["-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
		reject: false,
	});
	return trial.exitCode === 0 ? undefined : `no mount namespace can be made: ${trial.stderr}`;
}

const reason = reasonToSkip();
const hasCrun = execaSync("which", ["crun"], { reject: false }).exitCode === 0;

const background = (file: string, ...args: string[]) => execa(file, args, { reject: false, stdin: "ignore" });
type Background = ReturnType<typeof background>;

const report = z.object({
	checks: z.array(
		z.object({
			id: z.string(),
			verdict: z.string(),
			findings: z
				.array(
					z.object({
						code: z.string(),
						evidence: z.array(z.object({ from: z.string(), saw: z.string() })),
						remedy: z.array(z.object({ command: z.array(z.string()).optional(), risk: z.string() })),
					}),
				)
				.default([]),
		}),
	),
});

describe.skipIf(reason !== undefined)(
	`a real Docker agrees with the verdict${reason === undefined ? "" : ` (SKIPPED: ${reason})`}`,
	() => {
		const cgroupMounts = () =>
			readFileSync("/proc/self/mountinfo", "utf8")
				.split("\n")
				.filter((line) => line.includes("cgroup"));
		const hostAsItIs = () => ({
			mounts: cgroupMounts(),
			own: readFileSync("/proc/self/cgroup", "utf8")
				.split("\n")
				.map((line) => line.split(":")[1]),
			names: readdirSync(top),
		});
		let before: ReturnType<typeof hostAsItIs>;
		let folder = "";
		let parent = "";
		let holder: Background | undefined;
		let daemon: Background | undefined;

		const environment = () => ({
			DOCKER_HOST: `unix://${folder}/docker.sock`,
			PATH: `${folder}/bin:${process.env["PATH"] ?? ""}`,
		});
		const inside = (...argv: string[]) =>
			execa("nsenter", [`--mount=/proc/${holder?.pid ?? 0}/ns/mnt`, "--", ...argv], {
				reject: false,
				env: environment(),
				stdin: "ignore",
			});
		const must = async (...argv: string[]) => {
			const result = await inside(...argv);
			expect(`${argv.join(" ")}: ${result.exitCode} ${result.stderr}`).toBe(`${argv.join(" ")}: 0 ${result.stderr}`);
			return result.stdout;
		};
		const run = (options: readonly string[], ...command: string[]) =>
			inside("docker", "run", "--rm", "--network", "none", ...options, "bb", "/bin/busybox", ...command);
		const start = (cgroupns: string, ...command: string[]) => run([`--cgroupns=${cgroupns}`], ...command);
		const configure = (settings: object) => {
			writeFileSync(
				join(folder, "daemon.json"),
				JSON.stringify({ ...(hasCrun ? { runtimes: { crun: { path: "crun" } } } : {}), ...settings }),
			);
		};

		async function ask() {
			const { stdout } = await inside(process.execPath, bundle, "check", "cgroups", "--format", "json");
			const { checks } = report.parse(JSON.parse(stdout));
			const findings = checks.flatMap((check) => check.findings);
			return {
				verdicts: Object.fromEntries(checks.map(({ id, verdict }) => [id, verdict])),
				findings,
				codes: findings.map(({ code }) => code),
			};
		}

		/** What the doctor tells a user to type, typed as it stands in its JSON; what is for the next boot is left alone. */
		async function mend(code: string, findings: Awaited<ReturnType<typeof ask>>["findings"]) {
			const commands = (findings.find((found) => found.code === code)?.remedy ?? []).flatMap(
				({ command = [], risk }) =>
					risk === "changes" && ["mkdir", "mount", "umount"].includes(command[0] ?? "") ? [command] : [],
			);
			expect(commands).not.toEqual([]);
			for (const command of commands) {
				await must(...command);
			}

			return commands.map(([program]) => program);
		}

		/** A file system with all hierarchies that are mounted below a folder now. */
		async function furnish(target: string, from: string, names: readonly string[]) {
			await must("mount", "-t", "tmpfs", "tmpfs", target);
			for (const name of names) {
				await must("mkdir", join(target, name));
				await must("mount", "--bind", join(from, name), join(target, name));
			}
		}
		const expectFine = async () => {
			const { verdicts, codes } = await ask();
			expect([verdicts["cgroup-named"], verdicts["cgroup-systemd"]]).toEqual(["pass", "pass"]);
			expect(codes).toEqual(["cgroup-v2/v1-deprecated"]);
			const container = await start("private", "cat", "/proc/self/mountinfo");
			expect(container.stderr).toBe("");
			expect(container.stdout).toContain("name=systemd");
		};

		/** No container starts, and Docker says why in the predicted words. */
		async function expectPrediction(findings: Awaited<ReturnType<typeof ask>>["findings"]) {
			const said = findings.flatMap(({ evidence }) => evidence).find(({ from }) => from.endsWith("will say"))?.saw;
			for (const cgroupns of ["private", "host"]) {
				const { stderr } = await start(cgroupns, "true");
				for (const part of said?.split("…") ?? [""]) {
					expect(stderr).toContain(part);
				}

				expect(stderr).not.toBe("");
			}
		}

		/** Those of this test's containers. One that stays keeps its hierarchy alive without a mount. */
		const removeCgroups = (below: string) =>
			execa("find", [below, "-depth", "-type", "d", "-path", `*/${parent}*`, "-exec", "rmdir", "{}", "+"], {
				reject: false,
			});

		beforeAll(async () => {
			before = hostAsItIs();
			folder = mkdtempSync(join(tmpdir(), "capmox-doctor-"));
			parent = basename(folder);
			// Each ends by itself, should this process be killed before it can clean up.
			holder = background("unshare", "-m", "--propagation", "private", "sleep", "580");
			const namespace = holder.pid ?? 0;
			while (readlinkSync(`/proc/${namespace}/ns/mnt`) === readlinkSync("/proc/self/ns/mnt")) {
				await sleep(10);
			}

			const fresh = join(folder, "cgroup");
			mkdirSync(fresh);
			await furnish(fresh, top, readdirSync(top));
			await must("umount", "-R", top);
			await must("mount", "--move", fresh, top);

			mkdirSync(join(folder, "bin"));
			writeFileSync(join(folder, "bin", "kind"), "#!/bin/sh\necho kind v0.30.0 go1.24.6 linux/amd64\n");
			chmodSync(join(folder, "bin", "kind"), 0o755);
			configure({});
			daemon = background(
				"nsenter",
				`--mount=/proc/${namespace}/ns/mnt`,
				"--",
				"timeout",
				"560",
				"dockerd",
				"--data-root",
				join(folder, "data"),
				"--exec-root",
				join(folder, "exec"),
				"--pidfile",
				join(folder, "pid"),
				"-H",
				`unix://${folder}/docker.sock`,
				"--config-file",
				join(folder, "daemon.json"),
				"--cgroup-parent",
				`/${parent}`,
				"--storage-driver",
				"vfs",
				"--iptables=false",
				"--ip6tables=false",
				"--bridge=none",
			);
			for (let round = 0; round < 200 && (await inside("docker", "version")).exitCode !== 0; round++) {
				await sleep(100);
			}

			const image = join(folder, "image");
			mkdirSync(join(image, "bin"), { recursive: true });
			copyFileSync(execaSync("which", ["busybox"]).stdout, join(image, "bin", "busybox"));
			await must("tar", "-C", image, "-cf", join(folder, "image.tar"), ".");
			await must("docker", "import", join(folder, "image.tar"), "bb");
		}, 40_000);

		afterAll(async () => {
			daemon?.kill("SIGTERM");
			await daemon;
			if (existsSync(join(folder, "pid"))) {
				process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), "SIGKILL");
			}

			// The host's own mounts show the same cgroups, whatever was left of those in here.
			await removeCgroups(top);
			holder?.kill("SIGKILL");
			await holder;
			rmSync(folder, { recursive: true, force: true });
			// A hierarchy dies a moment after its last mount.
			for (let round = 0; round < 50 && hostAsItIs().own.length > before.own.length; round++) {
				await sleep(100);
			}

			expect(hostAsItIs()).toEqual(before);
			const { stdout } = await execa("find", [top, "-name", `${parent}*`], { reject: false });
			expect(stdout).toBe("");
		}, 30_000);

		test("as it is: containers start, and no hierarchy is blamed", async () => {
			const [{ verdicts }, container] = await Promise.all([ask(), start("private", "true")]);
			expect(container.stderr).toBe("");
			expect(verdicts).toMatchObject({ "cgroup-v2": "warn", "cgroup-named": "pass", "cgroup-systemd": "pass" });
		});

		test("a named hierarchy: Docker fails in the predicted words, until the remedy", async () => {
			await must("mkdir", `${top}/broken`);
			await must("mount", "-t", "cgroup", "-o", "none,name=foobar", "x", `${top}/broken`);
			const sick = await ask();
			const failed = await start("private", "true");
			expect(sick.verdicts["cgroup-named"]).toBe("fail");
			expect(sick.codes).toContain("cgroup-named/named-hierarchy");
			expect(failed.exitCode).toBe(125);
			const predicted =
				sick.findings.flatMap(({ evidence }) => evidence).find(({ from }) => from.endsWith("will say"))?.saw ?? "";
			const [beginning = ""] = predicted.split(" (via");
			expect(failed.stderr).toContain(beginning);
			expect(failed.stderr).toContain(predicted.split(", ").at(-1));
			expect((await start("host", "true")).exitCode).toBe(0);

			await mend("cgroup-named/named-hierarchy", sick.findings);
			expect((await start("private", "true")).exitCode).toBe(0);
			expect((await ask()).verdicts["cgroup-named"]).toBe("pass");
			await must("rmdir", `${top}/broken`);
		});

		test("a controller at a foreign directory", async () => {
			await must("mkdir", `${top}/processes`);
			await must("mount", "--bind", `${top}/pids`, `${top}/processes`);
			await must("umount", `${top}/pids`);
			const sick = await ask();
			const failed = await start("private", "true");
			expect(sick.codes).toContain("cgroup-named/foreign-directory");
			expect(failed.stderr).toContain(`mount cgroup:${top}/processes`);

			await mend("cgroup-named/foreign-directory", sick.findings);
			expect((await start("private", "true")).exitCode).toBe(0);
			expect((await ask()).verdicts["cgroup-named"]).toBe("pass");
		});

		test("a directory that bears the name of another controller: the kernel says EPERM", async () => {
			await must("mkdir", `${top}/net_cls`);
			await must("mount", "--bind", `${top}/pids`, `${top}/net_cls`);
			await must("umount", `${top}/pids`);
			const sick = await ask();
			const failed = await start("private", "true");
			expect(
				sick.findings.flatMap(({ evidence }) => evidence).some(({ saw }) => saw.endsWith("operation not permitted")),
			).toBe(true);
			expect(failed.stderr).toContain("data: net_cls: operation not permitted");

			await mend("cgroup-named/foreign-directory", sick.findings);
			expect((await start("private", "true")).exitCode).toBe(0);
		});

		test("without the systemd hierarchy: containers start and lack it; the directory alone does not help", async () => {
			await must("umount", `${top}/systemd`);
			const sick = await ask();
			expect(sick.codes).toContain("cgroup-systemd/directory-without-hierarchy");
			expect((await start("private", "cat", "/proc/self/mountinfo")).stdout).not.toContain("name=systemd");
			await must("rmdir", `${top}/systemd`);
			const worse = await ask();
			expect(worse.codes).toContain("cgroup-systemd/hierarchy-missing");

			await mend("cgroup-systemd/hierarchy-missing", worse.findings);
			expect((await start("private", "cat", "/proc/self/mountinfo")).stdout).toContain("name=systemd");
			expect((await ask()).verdicts["cgroup-systemd"]).toBe("pass");
		});

		test("a directory on which nothing can be made: the remedy makes it writable", async () => {
			await must("umount", `${top}/systemd`);
			await must("rmdir", `${top}/systemd`);
			await must("mount", "-o", "remount,ro", top);
			const sick = await ask();
			expect(await mend("cgroup-systemd/hierarchy-missing", sick.findings)).toEqual(["mount", "mkdir", "mount"]);
			await expectFine();
		});

		test("the systemd hierarchy at a foreign directory is moved, not taken away", async () => {
			const foreign = join(folder, "init");
			await must("mkdir", foreign);
			await must("mount", "--bind", `${top}/systemd`, foreign);
			await must("umount", `${top}/systemd`);
			await must("rmdir", `${top}/systemd`);
			const sick = await ask();
			expect(sick.codes).toContain("cgroup-named/named-hierarchy");
			expect((await start("private", "true")).stderr).toContain(`mount cgroup:${top}/init`);
			expect(await mend("cgroup-named/named-hierarchy", sick.findings)).toEqual(["mkdir", "mount", "umount"]);
			await expectFine();
		});

		test("another hierarchy in the place of the systemd hierarchy makes room for it", async () => {
			await must("umount", `${top}/systemd`);
			await must("mount", "-t", "cgroup", "-o", "none,name=session", "x", `${top}/systemd`);
			const sick = await ask();
			expect(sick.codes).toContain("cgroup-systemd/hierarchy-missing");
			// The host still has it mounted, so that runc finds it by its name.
			expect(sick.verdicts["cgroup-named"]).toBe("pass");
			expect((await start("private", "true")).exitCode).toBe(0);
			await must("find", `${top}/systemd`, "-mindepth", "1", "-depth", "-type", "d", "-exec", "rmdir", "{}", "+");
			// The kernel takes a while to forget a cgroup, and keeps the hierarchy of one that it has not.
			await sleep(1_000);
			expect(await mend("cgroup-systemd/hierarchy-missing", sick.findings)).toEqual(["umount", "mount"]);
			await expectFine();
		});

		test("a controller that is mounted at its place, too, only loses the foreign mount", async () => {
			await must("umount", `${top}/memory`);
			await must("mkdir", `${top}/limits`);
			await must("mount", "-t", "cgroup", "-o", "memory", "x", `${top}/limits`);
			await must("mount", "-t", "cgroup", "-o", "memory", "x", `${top}/memory`);
			const sick = await ask();
			expect((await start("private", "true")).stderr).toContain(`mount cgroup:${top}/limits`);
			expect(await mend("cgroup-named/foreign-directory", sick.findings)).toEqual(["umount"]);
			await must("rmdir", `${top}/limits`);
			await expectFine();
		});

		test("an older mount outside comes after those below /sys in a new namespace", async () => {
			const outside = join(folder, "limits");
			await must("mkdir", outside);
			await must("umount", `${top}/memory`);
			await must("mount", "-t", "cgroup", "-o", "memory", "x", outside);
			await must("mount", "-t", "cgroup", "-o", "memory", "x", `${top}/memory`);
			await expectFine();
			await must("umount", outside);
		});

		test("the name of another hierarchy: busy while that one is mounted, and fine while it only lives", async () => {
			const foreign = join(folder, "memory");
			await must("mkdir", foreign);
			await must("mount", "-t", "cgroup", "-o", "none,name=limits", "x", foreign);
			const sick = await ask();
			const said = sick.findings.flatMap(({ evidence }) => evidence).find(({ from }) => from.endsWith("will say"))?.saw;
			expect(said).toContain("device or resource busy");
			expect((await start("private", "true")).stderr).toContain("data: memory: device or resource busy");

			await must("umount", `${top}/memory`);
			expect((await ask()).verdicts["cgroup-named"]).toBe("pass");
			expect((await start("private", "true")).exitCode).toBe(0);

			await must("mount", "-t", "cgroup", "-o", "memory", "cgroup", `${top}/memory`);
			expect(await mend("cgroup-named/named-hierarchy", sick.findings)).toEqual(["umount"]);
			await expectFine();
		});

		test.each(["nowhere", "outside"])("memory %s: containers start, and only a limit on it fails", async (where) => {
			const outside = join(folder, "away", "memory");
			await must("umount", `${top}/memory`);
			if (where === "outside") {
				await must("mkdir", "-p", outside);
				await must("mount", "-t", "cgroup", "-o", "memory", "cgroup", outside);
			}

			const { codes, verdicts } = await ask();
			expect(codes.includes("cgroup-v2/controllers-missing")).toBe(where === "nowhere");
			expect(verdicts).toMatchObject({ "cgroup-v2": "warn", "cgroup-named": "pass" });
			expect((await start("private", "true")).exitCode).toBe(0);
			const limited = await run(["--cgroupns=private", "--memory=64m"], "true");
			expect(limited.stderr).toContain("cannot set memory limit: container could not join or create cgroup");
			await must("mount", "-t", "cgroup", "-o", "memory", "cgroup", `${top}/memory`);
			expect((await run(["--cgroupns=private", "--memory=64m"], "true")).exitCode).toBe(0);
			if (where === "outside") {
				await must("umount", outside);
			}

			await expectFine();
		});

		test("the devices controller outside, at a directory of its name", async () => {
			const outside = join(folder, "devices");
			await must("mkdir", outside);
			await must("mount", "--bind", `${top}/devices`, outside);
			await must("umount", `${top}/devices`);
			const sick = await ask();
			expect(sick.verdicts).toMatchObject({ "cgroup-v2": "fail", "cgroup-named": "pass" });
			expect((await start("private", "true")).stderr).toContain("mountpoint for devices not found");
			await mend("cgroup-v2/devices-missing", sick.findings);
			await must("umount", outside);
			await expectFine();
		});

		test("the devices controller nowhere", async () => {
			await must("umount", `${top}/devices`);
			const sick = await ask();
			expect((await start("private", "true")).stderr).toContain("mountpoint for devices not found");
			expect(await mend("cgroup-v2/devices-missing", sick.findings)).toEqual(["mkdir", "mount"]);
			await expectFine();
		});

		test.each([
			["pids", "deeper"],
			["cpuset", "deeper"],
			["pids", "hidden"],
		])("%s that is %s, where runc does not find it, stops every container", async (controller, how) => {
			if (how === "deeper") {
				await must("umount", `${top}/${controller}`);
				await must("mkdir", "-p", `${top}/lxc/${controller}`);
				await must("mount", "-t", "cgroup", "-o", controller, "cgroup", `${top}/lxc/${controller}`);
			} else {
				await must("mount", "-t", "tmpfs", "tmpfs", `${top}/${controller}`);
			}

			const sick = await ask();
			expect(sick.codes).toContain("cgroup-named/foreign-directory");
			await expectPrediction(sick.findings);
			await mend("cgroup-named/foreign-directory", sick.findings);
			await expectFine();
			if (how === "deeper") {
				await must("umount", `${top}/lxc/${controller}`);
				await must("rm", "-r", `${top}/lxc`);
			} else {
				await must("umount", `${top}/${controller}`);
				await must("umount", `${top}/${controller}`);
			}
		});

		test.each([
			["devices", "memory"],
			["cpuset", "pids"],
		])("the directories of %s and %s, the wrong way round", async (one, other) => {
			const exchange = [
				["umount", `${top}/${one}`],
				["umount", `${top}/${other}`],
				["mount", "-t", "cgroup", "-o", other, "cgroup", `${top}/${one}`],
				["mount", "-t", "cgroup", "-o", one, "cgroup", `${top}/${other}`],
			];
			for (const command of exchange) {
				await must(...command);
			}

			const sick = await ask();
			await expectPrediction(sick.findings);
			await mend("cgroup-named/foreign-directory", sick.findings);
			await expectFine();
		});

		test("a directory whose name the kernel takes for an option of any file system", async () => {
			await must("mkdir", `${top}/sync`);
			await must("mount", "--bind", `${top}/pids`, `${top}/sync`);
			await must("umount", `${top}/pids`);
			const sick = await ask();
			const said = sick.findings.flatMap(({ evidence }) => evidence).find(({ from }) => from.endsWith("will say"))?.saw;
			expect(said).toContain("data: sync: operation not permitted");
			expect((await start("private", "true")).stderr).toContain("data: sync: operation not permitted");
			await mend("cgroup-named/foreign-directory", sick.findings);
			await expectFine();
		});

		test("an oldest hierarchy that is deeper leads runc away from all others", async () => {
			const anew = join(folder, "anew");
			const names = (await must("ls", top)).split("\n").filter((name) => name !== "systemd");
			await must("mkdir", anew);
			await must("mount", "-t", "tmpfs", "tmpfs", anew);
			await must("mkdir", "-p", `${anew}/deep/systemd`);
			await must("mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", `${anew}/deep/systemd`);
			for (const name of names) {
				await must("mkdir", join(anew, name));
				await must("mount", "--bind", join(top, name), join(anew, name));
			}

			await must("umount", "-R", top);
			await must("mount", "--move", anew, top);
			// Newest or oldest, the first entry is no hierarchy.
			await must("mkdir", `${top}/notes`);
			const sick = await ask();
			expect(sick.verdicts).toMatchObject({ "cgroup-v2": "fail", "cgroup-named": "pass" });
			for (const cgroupns of ["private", "host"]) {
				expect((await start(cgroupns, "true")).stderr).toContain("mountpoint for devices not found");
			}

			await mend("cgroup-v2/devices-missing", sick.findings);
			await expectFine();
			await must("rm", "-r", `${top}/deep`, `${top}/notes`);
		});

		/** All hierarchies at a place of one's own, and nothing on /sys/fs/cgroup. */
		async function elsewhere(body: () => Promise<void>) {
			const place = join(folder, "elsewhere");
			const { stdout } = await inside("ls", top);
			const names = stdout.split("\n");
			await must("mkdir", "-p", place);
			await furnish(place, top, names);
			await must("umount", "-R", top);
			await body();
			await furnish(top, place, names);
			await must("umount", "-R", place);
		}

		test("all hierarchies of v1 elsewhere: runc finds them", async () => {
			await elsewhere(async () => {
				const { codes } = await ask();
				expect(codes).toEqual(["cgroup-v2/v1-deprecated"]);
				const container = await start("private", "cat", "/proc/self/mountinfo");
				expect(container.stdout).toContain("/sys/fs/cgroup/systemd");
			});
			await expectFine();
		});

		test.skipIf(!hasCrun)(
			`crun on a host of both versions${hasCrun ? "" : " (SKIPPED: crun is not installed)"}`,
			async () => {
				configure({ "default-runtime": "crun" });
				process.kill(Number(readFileSync(join(folder, "pid"), "utf8")), "SIGHUP");
				await expect
					.poll(async () => (await inside("docker", "info", "--format", "{{.DefaultRuntime}}")).stdout)
					.toBe("crun");
				const { codes } = await ask();
				const container = await start("private", "true");
				expect(container.stderr.includes("cgroups in hybrid mode not supported")).toBe(
					codes.includes("cgroup-v2/crun-refuses-hybrid"),
				);
				expect(container.exitCode === 0).toBe(!codes.includes("cgroup-v2/crun-refuses-hybrid"));

				await elsewhere(async () => {
					expect((await ask()).codes).toContain("cgroup-v2/mounted-elsewhere");
					expect((await start("private", "true")).stderr).toContain("invalid file system type on '/sys/fs/cgroup'");
					await must("mount", "-t", "cgroup", "-o", "devices", "cgroup", top);
					expect((await ask()).codes).toContain("cgroup-v2/crun-refuses-layout");
					expect((await start("private", "true")).stderr).toContain("invalid file system type on '/sys/fs/cgroup'");
					await must("umount", top);
				});
			},
		);
	},
);
