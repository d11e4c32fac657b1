import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SyntaxValidator } from "fast-xml-validator";
import { beforeEach, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { examine } from "../../src/commands/examine.ts";
import { doctor } from "../support/doctor.ts";
import { parseReport } from "../support/report-schema.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "capmox-doctor-report-"));
	writeFileSync(join(folder, "envfile"), "export NODE_IP_RANGES='[10.0.0.9-10.0.0.5]'\n");
});

const at = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(at(name), "utf8");
const check = (...words: readonly string[]) => doctor(["check", "envfile", ...words], { cwd: folder });

test("several at once, from one run, beside the one on the terminal", async () => {
	const formats = ["human", "json", "junit", "sarif", "github", "markdown", "html"];
	const { stdout, stderr, exitCode } = await check(...formats.map((format) => `--report=${format}=${format}.out`));
	expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 1 });
	expect(stdout).toMatch(/^Configuration\n✘/);
	for (const format of formats) {
		expect(read(`${format}.out`), format).toContain("NODE_IP_RANGES");
	}

	expect(await parseReport(read("json.out"))).toMatchObject({ exitCode: 1 });
	expect(SyntaxValidator.validate(read("junit.out"))).toBe(true);
	expect(readdirSync(folder).sort()).toEqual(["envfile", ...formats.map((format) => `${format}.out`)].sort());
});

test("without a file it takes the place of the one on the terminal", async () => {
	const { stdout } = await check("--report", "json");
	expect(await parseReport(stdout)).toMatchObject({ exitCode: 1 });
});

test("github also writes the summary of the step, behind what stands there", async () => {
	writeFileSync(at("summary.md"), "# before\n");
	const { stdout } = await doctor(["check", "envfile", "--report", "github"], {
		cwd: folder,
		env: { GITHUB_STEP_SUMMARY: at("summary.md") },
	});
	expect(stdout).toMatch(/^::error file=envfile,line=1,/m);
	expect(read("summary.md")).toMatch(/^# before\n## capmox-doctor .*: 1 failed/);
});

describe("bad words are one line and exit 2", () => {
	const table: readonly (readonly [readonly string[], RegExp])[] = [
		[["--report", "pdf"], /--report <format\[=file\]>.*pdf.*Known formats are human, json, junit/],
		[["--report", "json="], /The name of the file is missing/],
		[["--report", "json", "--report", "junit"], /only one report can go to the standard output; .*junit=FILE/],
		[["--report", "json=missing/a.json"], /missing\/a\.json cannot be written: its folder does not exist/],
		[["--report", "json=taken"], /taken cannot be written: it is a folder/],
	];
	for (const [words, message] of table) {
		test(words.join(" "), async () => {
			mkdirSync(at("taken"));
			const { exitCode, stderr } = await check(...words);
			expect(exitCode).toBe(2);
			expect(stderr.trimEnd().split("\n")).toHaveLength(1);
			expect(stderr).toMatch(message);
		});
	}
});

test("one that cannot be written keeps no other from its file", async () => {
	const { exitCode } = await check("--report=json=missing/a", "--report=junit=b");
	expect(exitCode).toBe(2);
	expect(SyntaxValidator.validate(read("b"))).toBe(true);
});

test("a link to the former report stays one, and its target is replaced", async () => {
	writeFileSync(at("real"), "old");
	symlinkSync("real", at("link"));
	await check("--report=junit=link");
	expect(read("real")).toContain("<testsuites");
	expect(readdirSync(folder).sort()).toEqual(["envfile", "link", "real"]);
});

test("whoever interrupts a run still finds the files, and that nothing was seen", async () => {
	const hanging = join(folder, "docker");
	writeFileSync(hanging, "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
	const { exitCode, stdout } = await doctor(["check", "kind-host", "--report=json=a"], {
		cwd: folder,
		env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` },
		onStart: (child) => setTimeout(() => child.kill("SIGTERM"), 600),
	});
	expect({ exitCode, stdout }).toEqual({ exitCode: 143, stdout: "" });
	expect((await parseReport(read("a"))).summary.unknown).toBe(1);
});

test("a crash leaves reports that say so", async () => {
	const [first] = checks;
	const broken = {
		...first!,
		get needs(): never {
			throw new TypeError("something is undefined");
		},
	};
	const run = examine({
		checks: [broken],
		options: {
			timeout: 1_000,
			format: "human",
			failOn: "error",
			verbose: false,
			quiet: false,
			report: [{ format: "junit", file: at("a") }],
		},
		terminal: {
			version: "0",
			columns: 80,
			colour: false,
			watched: false,
			interactive: false,
			canAsk: false,
			out: () => undefined,
			err: () => undefined,
		},
		interrupted: new AbortController().signal,
	});
	await expect(run).rejects.toThrow("something is undefined");
	expect(read("a")).toContain("a bug of capmox-doctor: something is undefined");
});
