import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExplanationReport } from "../../src/report/explanation-schema.ts";
import { bundle, doctor } from "../support/doctor.ts";

const message = "failed to reconcile VM: cannot find node with name pve1: not authorized to access endpoint";
const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
let folder = "";
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "explain-"));
	writeFileSync(join(folder, "capmox.log"), `E0801 10:00:00.1 1 a.go:1] "Reconciler error" err="${message}"\n`);
	writeFileSync(join(folder, "other.log"), "unable to detect default interface -> [Unable to find default route]\n");
	writeFileSync(join(folder, "utf16.log"), Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(message, "utf16le")]));
	writeFileSync(join(folder, "packed.log.gz"), gzipSync(message));
	writeFileSync(join(folder, "binary"), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1]));
	writeFileSync(join(folder, "empty.log"), "");
	mkdirSync(join(folder, "logs"));
});
afterAll(() => {
	rmSync(folder, { recursive: true });
});

/** The document, after it passed the schema that `schema explain` prints. */
async function report(words: readonly string[], input?: string): Promise<ExplanationReport> {
	const { stdout } = await doctor(["explain", ...words, "--format", "json"], {
		cwd: folder,
		...(input === undefined ? {} : { input }),
	});
	const validate = new Ajv2020({ strict: true, allErrors: true }).compile(
		JSON.parse((await doctor(["schema", "explain"])).stdout) as object,
	);
	const value: unknown = JSON.parse(stdout);
	expect([validate(value), validate.errors]).toEqual([true, null]);
	return value as ExplanationReport;
}

const ids = ({ recognised }: ExplanationReport): readonly string[] => recognised.map(({ id }) => id);

describe("where the text comes from", () => {
	test.each([
		["a file", ["capmox.log"]],
		["a text", [message]],
		["a text in words", message.split(" ")],
		["UTF-16, as PowerShell writes it", ["utf16.log"]],
	])("%s", async (_, words) => {
		expect(ids(await report(words))).toEqual(["capmox.node-forbidden", "capmox.reconcile"]);
	});

	test.each([["piped", []] as const, ["piped, by name", ["-"]] as const])("%s", async (_, words) => {
		const found = await report(words, `${message}\n`);
		expect([ids(found), found.summary.sources]).toEqual([
			["capmox.node-forbidden", "capmox.reconcile"],
			["the standard input"],
		]);
	});

	test("several files, each by its name", async () => {
		const { recognised, summary } = await report(["capmox.log", "other.log"]);
		expect(recognised.map(({ id, first }) => [id, first.source, first.line])).toEqual([
			["capmox.node-forbidden", "capmox.log", 1],
			["kubevip.no-default-if-old", "other.log", 1],
			["capmox.reconcile", "capmox.log", 1],
		]);
		expect(summary).toMatchObject({ sources: ["capmox.log", "other.log"], lines: 2 });
	});
});

describe("wrong usage is one line", () => {
	test.each([
		[["nowhere.log"], "there is no file nowhere.log"],
		[["capmox.log", "nowhere"], "there is no file nowhere"],
		[["./logs/x"], "there is no file ./logs/x"],
		[["logs"], "logs is a directory; name the files in it"],
		[["binary"], "binary is not text"],
		[["packed.log.gz"], "packed.log.gz is packed; unpack it first: zcat packed.log.gz | capmox-doctor explain"],
		[[" "], "the text is empty"],
		[["kube-vp"], 'there is no check or finding "kube-vp"'],
		[["token/wrong"], 'there is no check or finding "token/wrong", did you mean token/wrong-secret'],
		[["--fromat"], "unknown option '--fromat'; a text that begins with it goes behind --"],
	] as const)("%j", async (words, complaint) => {
		const { exitCode, stdout, stderr } = await doctor(["explain", ...words], { cwd: folder });
		expect([exitCode, stdout, stderr.split("\n").length]).toEqual([2, "", 2]);
		expect(stderr).toContain(`capmox-doctor: ${complaint}`);
	});

	test("of schema, too", async () => {
		expect(await doctor(["schema", "list"])).toMatchObject({
			exitCode: 2,
			stderr: expect.stringContaining("Allowed choices are report, diff, explain, config, baseline.") as string,
		});
	});
});

test("nothing to read is no good news", async () => {
	for (const [words, input] of [
		[["empty.log"], undefined],
		[[], ""],
	] as const) {
		const { exitCode, stdout } = await doctor(["explain", ...words], {
			cwd: folder,
			...(input === undefined ? {} : { input }),
		});
		expect([exitCode, stdout]).toEqual([3, expect.stringContaining("There was nothing to read")]);
	}
});

test("what is not known is said plainly", async () => {
	const { exitCode, stdout } = await doctor(["explain"], {
		input: 'E0801 10:00:00.1 1 a.go:1] "odd" err="the moon is full"\n',
	});
	expect([exitCode, stdout]).toEqual([
		0,
		expect.stringMatching(/^None of the \d+ known messages is in 1 line of the standard input\./),
	]);
	expect(stdout).toContain("Not recognised: 1 line that may be errors.");
	expect(stdout).toContain("the moon is full");
});

test("the text names cause, line, remedy and the check that would prove it", async () => {
	const { stdout } = await doctor(["explain", "capmox.log"], { cwd: folder });
	const words = stdout.replace(/\s+/g, " ");
	for (const part of [
		"✘ capmox.node-forbidden",
		"The token may not look at the node",
		"seen once, at 08-01 10:00:00.1 (line 1)",
		"not authorized to access endpoint",
		"to do Grant Sys.Audit",
		"prove it capmox-doctor check permissions",
		"more capmox-doctor explain permissions/no-sys-audit",
		"· capmox.reconcile (once) only hands on capmox.node-forbidden.",
	]) {
		expect(words).toContain(part);
	}

	expect((await doctor(["explain", "capmox.log", "-q"], { cwd: folder })).stdout).toMatch(/^✘ capmox\.node-forbidden/);
});

test("no secret is printed: neither one that looks like it nor one that the environment names", async () => {
	const own = "correct horse battery staple";
	const input = [
		`E0801 10:00:00.1 1 a.go:1] err="${message}" token="capmox@pve!capi=${secret}"`,
		`E0801 10:00:01.1 1 a.go:1] "odd" err="the server said ${own}"`,
		`E0801 10:00:02.1 1 a.go:1] "odd" err="kubeadm join --token abcdef.0123456789abcdef failed"`,
	].join("\n");
	for (const format of ["human", "json"]) {
		const { stdout, exitCode } = await doctor(["explain", "-v", "--format", format], {
			input,
			env: { PROXMOX_SECRET: own },
		});
		expect(exitCode).toBe(0);
		expect(stdout).toContain("[secret]");
		for (const hidden of [secret, own, "0123456789abcdef"]) {
			expect(stdout).not.toContain(hidden);
		}
	}
});

test("an envfile that cannot be read does not keep a log from being explained", async () => {
	const { exitCode, stdout } = await doctor(["explain", "capmox.log"], {
		cwd: folder,
		env: { HOME: folder, XDG_CONFIG_HOME: "/dev/null" },
	});
	expect([exitCode, stdout]).toEqual([0, expect.stringContaining("capmox.node-forbidden")]);
});

test("a log that is still written to is read through a pipe, and a signal ends it", async () => {
	const run = promisify(execFile);
	const { stdout } = await run("bash", ["-c", `(echo '${message}'; sleep 0.3; echo done) | "${bundle}" explain -q`]);
	expect(stdout).toContain("capmox.node-forbidden");
	const child = spawn(process.execPath, ["--", bundle, "explain"], { stdio: ["pipe", "pipe", "pipe"] });
	child.stdin.write("nothing more will come\n");
	setTimeout(() => child.kill("SIGTERM"), 700);
	const stderr = (await child.stderr.toArray()).join("");
	expect([stderr, child.exitCode ?? (await once(child, "close"))[0]]).toEqual(["Interrupted.\n", 143]);
});

test("pages: Markdown where they are piped, rendered where someone reads them on a screen", async () => {
	const piped = await doctor(["explain", "token/wrong-secret"]);
	expect(piped.stdout).toMatch(/^### wrong-secret\n/);
	const shown = await doctor(["explain", "token"], { env: { FORCE_COLOR: "1" } });
	expect(shown.stdout).toContain("\u001B[1mtoken: Proxmox accepts the API token\u001B[22m");
	const plain = shown.stdout.replace(/\u001B\[\d+m/g, "");
	expect(plain).not.toMatch(/^#|```|`[a-z]/m);
	expect(plain).toContain("    . ./envfile\n");
	expect(
		Math.max(
			...plain
				.split("\n")
				.filter((line) => !line.startsWith("    "))
				.map(({ length }) => length),
		),
	).toBeLessThanOrEqual(110);
});
