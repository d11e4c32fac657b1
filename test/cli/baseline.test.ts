import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { doctor } from "../support/doctor.ts";
import { parseReport } from "../support/report-schema.ts";

let folder: string;
const broken = "export NODE_IP_RANGES='[10.0.0.9-10.0.0.5]'\n";
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "capmox-doctor-baseline-"));
	writeFileSync(join(folder, "envfile"), broken);
});

const check = (...words: readonly string[]) => doctor(["check", "envfile", ...words], { cwd: folder });
const read = () => readFileSync(join(folder, "known.json"), "utf8");

test("only what is new fails, wherever what is known has moved to", async () => {
	expect(await check("--write-baseline", "known.json")).toMatchObject({ exitCode: 0, stderr: "" });
	writeFileSync(join(folder, "envfile"), `# moved\n${broken}`);
	const known = await check("--baseline", "known.json");
	expect(known).toMatchObject({ exitCode: 0, stderr: "" });
	expect(known.stdout).toContain("Known before (known.json)");
	expect(known.stdout).toMatch(/^1 accepted, \d+ findings known before · .* · exit 0$/m);

	writeFileSync(join(folder, "envfile"), `${broken}export BOOT_VOLUME_SIZE=1\n`);
	const { exitCode, stdout } = await check("--baseline", "known.json", "--format", "json");
	const { checks } = await parseReport(stdout);
	const fresh = checks[0]?.findings.filter(({ knownFrom }) => knownFrom === undefined).map(({ code }) => code);
	expect({ exitCode, fresh }).toEqual({ exitCode: 1, fresh: ["envfile/boot-volume-too-small"] });
});

test("with both options it is renewed, and what is gone is told", async () => {
	await check("--write-baseline", "known.json");
	writeFileSync(join(folder, "envfile"), broken.replace("10.0.0.9-10.0.0.5", "10.0.0.5-10.0.0.9"));
	const { stdout, exitCode } = await check("--baseline", "known.json", "--write-baseline", "known.json");
	expect(exitCode).toBe(0);
	expect(stdout).toMatch(/^Stale: envfile\/reversed-range is known before \(known\.json\), and not found any\s+more/m);
	expect(read()).not.toContain("reversed-range");
});

test("an interrupted look leaves the former one", async () => {
	writeFileSync(join(folder, "known.json"), "former");
	writeFileSync(join(folder, "docker"), "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
	const { exitCode } = await doctor(["check", "kind-host", "--write-baseline", "known.json"], {
		cwd: folder,
		env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` },
		onStart: (child) => setTimeout(() => child.kill("SIGTERM"), 600),
	});
	expect({ exitCode, text: read() }).toEqual({ exitCode: 143, text: "former" });
});

describe("bad words are one line and exit 2", () => {
	test.each([
		[["--baseline", "missing.json"], "--baseline: there is no file missing.json"],
		[["--baseline", "envfile"], "--baseline: envfile is no baseline of capmox-doctor: it is not JSON"],
		[["--write-baseline", "a/b"], "a/b cannot be written: its folder does not exist"],
		[["--write-baseline", "a", "--wait", "1s"], "cannot be used with option '--wait <duration>'"],
	])("%j", async (words, message) => {
		const { exitCode, stderr } = await check(...words);
		expect({ exitCode, lines: stderr.trimEnd().split("\n").length }).toEqual({ exitCode: 2, lines: 1 });
		expect(stderr).toContain(message);
	});
});
