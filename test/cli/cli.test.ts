import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { bundle, doctor, pathWithoutTools } from "../support/doctor.ts";
import { parseReport } from "../support/report-schema.ts";

const bare = pathWithoutTools();
afterAll(() => {
	rmSync(bare, { recursive: true });
});

const stackTrace = /\n\s+at /;

test("--version, --help, list and schema answer with 0", async () => {
	expect(await doctor(["--version"])).toMatchObject({ exitCode: 0, stdout: `${packageJson.version}\n`, stderr: "" });
	expect((await doctor(["--help"])).stdout).toContain("Exit codes");
	const list = await doctor(["list"]);
	expect([list.exitCode, list.stdout]).toEqual([0, expect.stringContaining("Proxmox accepts the API token")]);
	const codes = await doctor(["list", "--findings"]);
	expect(codes.stdout).toContain("token/wrong-secret ");
	expect((JSON.parse((await doctor(["list", "--format", "json"])).stdout) as unknown[]).length).toBeGreaterThan(0);
	expect(JSON.parse((await doctor(["schema"])).stdout)).toMatchObject({ $id: "capmox-doctor/report/v1" });
});

test("every command has its help", async () => {
	for (const command of ["run", "check", "snapshot", "diff", "demo", "list", "explain", "env", "schema"]) {
		const help = await doctor([command, "--help"]);
		expect([command, help.exitCode, help.stderr]).toEqual([command, 0, ""]);
		expect(help.stdout).toContain(`Usage: capmox-doctor ${command}`);
	}
});

describe("wrong usage: one line that names what and where, exit 2", () => {
	test.each([
		[["rnu"], "unknown command 'rnu' (Did you mean run?)"],
		[["run", "now"], "too many arguments for 'run'. Expected 0 arguments but got 1."],
		[["check"], "name a check, such as capmox-doctor check token; capmox-doctor list shows all"],
		[["run", "--only", ","], "--only and --skip leave no check to run; see capmox-doctor list"],
		[["run", "--only", "token", "--skip", "token"], "--only and --skip leave no check to run; see capmox-doctor list"],
		[["check", "tokn"], 'there is no check or group "tokn", did you mean token?; see capmox-doctor list'],
		[["run", "--fromat", "json"], "unknown option '--fromat' (Did you mean --format?)"],
		[
			["run", "--format", "xml"],
			"option '--format <format>' argument 'xml' is invalid. Allowed choices are human, json.",
		],
		[
			["run", "--fail-on", "all"],
			"option '--fail-on <level>' argument 'all' is invalid. Allowed choices are error, warning, never.",
		],
		[
			["run", "--timeout", "soon"],
			"option '--timeout <duration>' argument 'soon' is invalid. It takes a duration such as 30s or 2m.",
		],
		[
			["run", "--timeout", "0"],
			"option '--timeout <duration>' argument '0' is invalid. It takes a duration such as 30s or 2m.",
		],
		[["run", "--timeout"], "option '--timeout <duration>' argument missing"],
		[["run", "--skip", "nothing"], 'there is no check or group "nothing"; see capmox-doctor list'],
		[["run", "--env-file", "nowhere"], "--env-file: there is no file nowhere"],
		[["check", "token", "--env-file", "nowhere", "--format", "json"], "--env-file: there is no file nowhere"],
		[
			["explain", "token/wrong-secre"],
			'there is no check or finding "token/wrong-secre", did you mean token/wrong-secret?; see capmox-doctor list --findings',
		],
	] as const)("%j", async (words, message) => {
		expect(await doctor(words)).toMatchObject({ exitCode: 2, stdout: "", stderr: `capmox-doctor: ${message}\n` });
	});
});

describe("a path that leads nowhere is the user's mistake, whatever option names it", () => {
	const folder = mkdtempSync(join(tmpdir(), "nowhere-"));
	const circle = join(folder, "circle");
	symlinkSync(circle, circle);
	afterAll(() => {
		rmSync(folder, { recursive: true });
	});
	test.each([
		["through a file", join(bundle, "x")],
		["in a circle", join(circle, "x")],
		["longer than any can be", "a".repeat(5_000)],
	])("%s", async (_, path) => {
		for (const words of [
			["check", "permissions", "--manifest", path],
			["check", "token", "--from", path],
			["check", "token", "--config", path],
			["check", "cgroup-v2", "--root", path],
			["matrix", "--knowledge", path],
			["check", "token", "--report", `json=${path}`],
			["snapshot", "--only", "token", "--output", path],
		]) {
			const { exitCode, stderr } = await doctor(words);
			expect([words.slice(0, -1), exitCode]).toEqual([words.slice(0, -1), 2]);
			expect(stderr).toMatch(/^capmox-doctor: .*\n$/);
		}
	});
});

test("explain shows a page, or the section of one finding", async () => {
	const page = await doctor(["explain", "token"]);
	expect(page.stdout).toMatch(/^# token: Proxmox accepts the API token\n/);
	const section = await doctor(["explain", "token/wrong-secret"]);
	expect([section.exitCode, section.stdout.split("\n")[0]]).toEqual([0, "### wrong-secret"]);
	expect(section.stdout).not.toContain("### unknown-token");
});

describe("a workstation where nothing is set up", () => {
	test("gets a clean answer", async () => {
		const { exitCode, stdout, stderr } = await doctor(["run"], { env: { PATH: bare } });
		expect([exitCode, stderr]).toEqual([0, ""]);
		expect(stdout).toContain("token");
		expect(stdout).toMatch(/no PROXMOX_URL, PROXMOX_TOKEN or PROXMOX_SECRET is set\s+anywhere/);
		expect(stdout).not.toMatch(stackTrace);
	});

	test("in JSON, by the schema", async () => {
		const { exitCode, stdout } = await doctor(["run", "--format", "json"], { env: { PATH: bare } });
		const report = await parseReport(stdout);
		expect([exitCode, report.exitCode, report.checks.find(({ id }) => id === "token")?.verdict]).toEqual([
			0,
			0,
			"skip",
		]);
	});

	test("unless a check is asked for by name", async () => {
		const { exitCode, stdout } = await doctor(["check", "token", "--format", "json"]);
		const report = await parseReport(stdout);
		expect([exitCode, report.checks[0]?.findings[0]?.code]).toEqual([1, "token/not-set"]);
	});
});

test("--only and --skip take lists, with commas or blanks", async () => {
	const only = await parseReport((await doctor(["run", "--only", "token,proxmox", "--format", "json"])).stdout);
	expect(only.checks.map(({ group }) => group)).toContain("proxmox");
	const skip = await parseReport(
		(await doctor(["run", "--only", "proxmox", "--skip", "token", "--format", "json"])).stdout,
	);
	expect(skip.checks.map(({ id }) => id)).not.toContain("token");
});

describe("colours", () => {
	const words = ["check", "token"];
	const coloured = /\u001B\[\d+m/;
	test.each([
		["piped: none", {}, words, false],
		["FORCE_COLOR", { FORCE_COLOR: "1" }, words, true],
		["FORCE_COLOR=0", { FORCE_COLOR: "0" }, words, false],
		["--no-color wins over FORCE_COLOR", { FORCE_COLOR: "1" }, [...words, "--no-color"], false],
		["NO_COLOR", { NO_COLOR: "1" }, words, false],
	])("%s", async (_, env, argv, expected) => {
		expect(coloured.test((await doctor(argv, { env })).stdout)).toBe(expected);
	});
});

test("-q prints findings and nothing else", async () => {
	expect(await doctor(["run", "-q"], { env: { PATH: bare } })).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
	const { stdout } = await doctor(["check", "token", "-q"]);
	expect(stdout).toContain("token/not-set");
	expect(stdout).not.toContain("exit 1");
});

test("a pipe that closes early ends quietly", async () => {
	const run = promisify(execFile);
	const { stdout, stderr } = await run("bash", ["-c", `"${process.execPath}" "${bundle}" list --findings | head -1`]);
	expect([stdout.split("\n").length, stderr]).toEqual([2, ""]);
	const schema = await run("bash", ["-c", `"${process.execPath}" "${bundle}" schema | true; exit \${PIPESTATUS[0]}`]);
	expect(schema.stderr).toBe("");
});

test("a report that cannot be written is not a good one", async () => {
	const run = promisify(execFile);
	for (const words of ["list", "schema", "run --format json", "--version", "explain token"]) {
		await expect(run("bash", ["-c", `"${bundle}" ${words} > /dev/full`])).rejects.toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/^capmox-doctor: the output could not be written: .*ENOSPC.*\n$/) as string,
		});
	}
});

test("a folder that was deleted meanwhile is one line", async () => {
	const run = promisify(execFile);
	const script = `cd "$(mktemp -d)" && rmdir "$PWD" && "${bundle}" check token`;
	await expect(run("bash", ["-c", script])).rejects.toMatchObject({
		code: 2,
		stderr: "capmox-doctor: the current folder does not exist any more; change to another one\n",
	});
});

describe("a server that never answers", () => {
	let port = 0;
	const server = createServer(() => undefined);
	beforeAll(async () => {
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const address = server.address();
		port = typeof address === "object" && address !== null ? address.port : 0;
	});
	afterAll(() => {
		server.close();
	});
	const env = () => ({
		PROXMOX_URL: `https://127.0.0.1:${port}`,
		PROXMOX_TOKEN: "capmox@pve!capi",
		PROXMOX_SECRET: "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37",
	});

	test.each([
		["SIGINT", 130],
		["SIGTERM", 143],
	] as const)("%s ends the run at once with %i", async (signal, code) => {
		const { exitCode, stderr, stdout, milliseconds } = await doctor(["check", "token"], {
			env: env(),
			onStart: (child) => void wait(800).then(() => child.kill(signal)),
		});
		expect([exitCode, stderr, stdout]).toEqual([code, "Interrupted.\n", ""]);
		expect(milliseconds).toBeLessThan(3_000);
	});

	test("--timeout ends the run, and says unknown", async () => {
		const { exitCode, stdout, milliseconds } = await doctor(["check", "token", "--timeout", "700ms"], { env: env() });
		expect(exitCode).toBe(3);
		expect(stdout.replace(/\s+/g, " ")).toContain("the 0.7 s that --timeout gives to a run were over");
		expect(milliseconds).toBeLessThan(2_500);
	});

	test("without it, the connection's own deadline makes it a finding", async () => {
		const { exitCode, stdout, milliseconds } = await doctor(["check", "token", "--format", "json"], { env: env() });
		const report = await parseReport(stdout);
		expect([exitCode, report.checks[0]?.findings[0]?.code]).toEqual([1, "token/no-answer"]);
		expect(milliseconds).toBeLessThan(6_500);
	});
});
