import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
	closeSync,
	constants,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text as streamText } from "node:stream/consumers";
import { SyntaxValidator } from "fast-xml-validator";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { checks } from "../../checks/index.ts";
import { examine } from "../../src/commands/examine.ts";
import { bundle, doctor } from "../support/doctor.ts";
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

test("every result of SARIF is at a place that is there", async () => {
	mkdirSync(at(".cluster-api"));
	mkdirSync(at("bare"));
	writeFileSync(at(".cluster-api/clusterctl.yaml"), "TEMPLATE_VMID: soon\n");
	const uris = async (cwd: string, ...words: readonly string[]) => {
		const { stdout } = await doctor(["check", "envfile", "--report", "sarif", ...words], {
			cwd,
			env: { HOME: folder },
		});
		const log = JSON.parse(stdout) as {
			runs: { results: { locations: { physicalLocation: { artifactLocation: { uri: string } } }[] }[] }[];
		};
		return new Set(log.runs[0]?.results.map(({ locations: [place] }) => place?.physicalLocation.artifactLocation.uri));
	};
	const home = `file://${folder}/.cluster-api/clusterctl.yaml`;
	expect(await uris(folder)).toEqual(new Set(["envfile", home]));
	expect(await uris(at("bare"))).toEqual(new Set([".", home]));
	await doctor(["snapshot", "--only", "envfile", "-o", at("bare/saved.yaml")], {
		cwd: at("bare"),
		env: { HOME: folder },
	});
	expect(await uris(at("bare"), "--from", "saved.yaml")).toContain("saved.yaml");
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

test("the summary of a step keeps below what GitHub takes, whatever was written there before", async () => {
	writeFileSync(at("summary.md"), "x".repeat(899_000));
	await doctor(["check", "envfile", "--report", "github"], {
		cwd: folder,
		env: { GITHUB_STEP_SUMMARY: at("summary.md") },
	});
	const added = read("summary.md").slice(899_000);
	expect(added).toMatch(/^## capmox-doctor [^]*left out for its length/);
	expect(Buffer.byteLength(added)).toBeLessThanOrEqual(1_000);
});

describe("bad words are one line and exit 2", () => {
	const table: readonly (readonly [readonly string[], RegExp])[] = [
		[["--report", "pdf"], /--report <format\[=file\]>.*pdf.*Known formats are human, json, junit/],
		[["--report", "json="], /The name of the file is missing/],
		[["--report", "json", "--report", "junit"], /only one report can go to the standard output; .*junit=FILE/],
		[["--report", "json=missing/a.json"], /missing\/a\.json cannot be written: its folder does not exist/],
		[["--report", "json=taken"], /taken cannot be written: it is a folder/],
		[["--report", "json=/sys/a.json"], /\/sys\/a\.json cannot be written: permission denied/],
		[["--report", "json=/dev/full"], /\/dev\/full cannot be written: the disk is full/],
		[["--report", "json=-", "--report", "junit=/dev/stdout"], /only one report can go to the standard output/],
		[["--report", "json=a", "--report", "junit=./a"], /\.\/a cannot hold junit, because json has that file already/],
		[["--report", "json=envfile", "-e", "envfile"], /because --env-file has that file already/],
		[["--report", "json=a", "--write-baseline", "a"], /because --write-baseline has that file already/],
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

test("what is open already is gone on with, and not replaced behind the back of whoever opened it", async () => {
	const redirect = async (word: string, to: string) => {
		const script = `echo before >out; exec "$@" ${to}out`;
		const child = spawn("sh", ["-c", script, "sh", bundle, "check", "envfile", "-q", "--report", word], {
			cwd: folder,
			env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, HOME: folder },
			stdio: "ignore",
		});
		await once(child, "exit");
		return read("out");
	};
	expect(await parseReport(await redirect("json=/dev/stdout", ">"))).toMatchObject({ exitCode: 1 });
	expect(await redirect("json=/dev/stderr", "2>>")).toMatch(/^before\n\{\n {2}"schema"/);
	expect(await redirect("json=/dev/fd/3", "3>>")).toMatch(/^before\n\{\n {2}"schema"/);
});

describe("a named pipe", () => {
	beforeEach(() => {
		execFileSync("mkfifo", [at("pipe")]);
	});
	const html = ["check", "envfile", "-q", "--report", "html=pipe"] as const;

	test("gets the report", async () => {
		const reader = spawn("cat", [at("pipe")], { stdio: ["ignore", "pipe", "ignore"] });
		const text = streamText(reader.stdout);
		expect(await check("--report=json=pipe")).toMatchObject({ exitCode: 1, stderr: "" });
		expect(await parseReport(await text)).toMatchObject({ exitCode: 1 });
	});

	test("that nobody reads is a line", async () => {
		const { exitCode, stderr } = await doctor(html, { cwd: folder });
		expect([exitCode, stderr]).toEqual([2, "capmox-doctor: pipe cannot be written: nobody reads it\n"]);
	});

	test("that nobody empties does not keep it from ending when it is told to", async () => {
		// More than the 64 KiB that a pipe holds.
		const range = Array.from({ length: 300 }, (_, index) => `10.0.${index % 250}.9-10.0.0.5`).join(",");
		writeFileSync(at("envfile"), `export NODE_IP_RANGES='[${range}]'\n`);
		const reader = openSync(at("pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
		const { exitCode } = await doctor(html, {
			cwd: folder,
			onStart: (child) => setTimeout(() => child.kill("SIGTERM"), 2_000),
		});
		closeSync(reader);
		expect(exitCode).toBe(143);
	});
});

describe("there is the former report and no empty one", () => {
	test("where there is no room for the new one", async () => {
		writeFileSync(at("a"), "former");
		// The kernel takes no more of a file than that many blocks of 512 bytes.
		const script = `ulimit -f 2; exec "$@"`;
		const words = [bundle, "check", "envfile", "-q", "--report", "json=a"];
		const child = spawn("sh", ["-c", script, "sh", ...words], {
			cwd: folder,
			env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, HOME: folder },
			stdio: "ignore",
		});
		const [code] = (await once(child, "exit")) as [number | null];
		expect([code, read("a"), readdirSync(folder).sort()]).toEqual([2, "former", ["a", "envfile"]]);
	});

	test("where it is killed while it looks", async () => {
		writeFileSync(at("a"), "former");
		const { exitCode } = await doctor(["check", "kind-host", "--report=json=a", "--report=junit=b"], {
			cwd: folder,
			env: withHangingDocker(),
			onStart: (child) => setTimeout(() => child.kill("SIGKILL"), 600),
		});
		expect([exitCode, read("a"), readdirSync(folder).includes("b")]).toEqual([null, "former", false]);
	});
});

test("--watch keeps the files as the last look was, in a pipe, too", async () => {
	let watching: ChildProcess | undefined;
	const watched = doctor(["check", "envfile", "--watch", "--report=json=a"], {
		cwd: folder,
		onStart: (child) => {
			watching = child;
		},
	});
	await vi.waitFor(
		async () => {
			expect(await parseReport(read("a"))).toMatchObject({ exitCode: 1 });
		},
		{ timeout: 5_000 },
	);
	watching?.kill("SIGINT");
	const { exitCode, stdout } = await watched;
	expect([exitCode, stdout]).toEqual([130, expect.stringMatching(/^\S+Z envfile: fail \([^\n]+\)\n$/)]);
});

/** A command of the engines that never comes back. */
function withHangingDocker(): Readonly<Record<string, string>> {
	writeFileSync(at("docker"), "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
	return { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
}

test("whoever interrupts a run still finds the files, and that nothing was seen", async () => {
	const { exitCode, stdout } = await doctor(["check", "kind-host", "--report=json=a"], {
		cwd: folder,
		env: withHangingDocker(),
		onStart: (child) => setTimeout(() => child.kill("SIGTERM"), 600),
	});
	expect({ exitCode, stdout }).toEqual({ exitCode: 143, stdout: "" });
	expect((await parseReport(read("a"))).summary.unknown).toBe(1);
});

test("a crash that nobody waits for is a bug, exit 70, and leaves reports that say so without a secret", async () => {
	const secret = "a&b/c?d-5e0c9f6a";
	writeFileSync(
		at("bug.cjs"),
		`setTimeout(() => { throw new TypeError("out of nowhere: ${encodeURIComponent(secret)}"); }, 400);`,
	);
	writeFileSync(at("envfile"), `export PROXMOX_SECRET='${secret}'\n`);
	for (const env of [{ PROXMOX_SECRET: secret }, {}]) {
		const { exitCode, stderr } = await doctor(["check", "kind-host", "--report=json=a", "--report=junit=b"], {
			cwd: folder,
			env: { ...withHangingDocker(), ...env, NODE_OPTIONS: `--require ${at("bug.cjs")}` },
		});
		expect([exitCode, stderr]).toEqual([70, expect.stringMatching(/^capmox-doctor \S+ failed by a bug of its own;/)]);
		expect(await parseReport(read("a"))).toMatchObject({ exitCode: 70, summary: { unknown: 1 } });
		expect(read("b")).toContain("a bug of capmox-doctor: out of nowhere: [secret]");
	}
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
			goOn: () => undefined,
		},
		interrupted: new AbortController().signal,
	});
	await expect(run).rejects.toThrow("something is undefined");
	expect(read("a")).toContain("a bug of capmox-doctor: something is undefined");
});
