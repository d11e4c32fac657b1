import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderEnvfile, variablesOf } from "../support/variables.ts";

const main = fileURLToPath(new URL("../../dist/main.cjs", import.meta.url));

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "options-"));
});
afterEach(() => {
	rmSync(folder, { recursive: true });
});

function doctor(...words: string[]) {
	const env = { PATH: process.env["PATH"], HOME: folder };
	return spawnSync(process.execPath, [main, ...words], { cwd: folder, encoding: "utf8", env });
}

test.each([
	[
		["check", "envfile", "--flavor", "dualstack"],
		'--flavor: there is no "dualstack", did you mean dual-stack?; known are',
	],
	[["run", "--flavor", "x"], '--flavor: there is no "x"; known are default,'],
	[["run", "--capmox-version", "0.6"], '--capmox-version: there is no "0.6"; known are 0.9, 0.8, 0.7'],
])("%j is wrong usage, in one line", (words, message) => {
	const { status, stderr, stdout } = doctor(...words);
	expect([status, stdout]).toEqual([2, ""]);
	expect(stderr.startsWith(`capmox-doctor: ${message}`)).toBe(true);
	expect(stderr.trim().split("\n")).toHaveLength(1);
});

test.each(["0.7", "v0.7", "0.7.7", "v0.7.3-rc.0"])("--capmox-version %s means 0.7", (version) => {
	writeFileSync(join(folder, "envfile"), renderEnvfile(variablesOf("multiple-vlans")));
	const words = ["check", "envfile", "--flavor", "multiple-vlans"];
	expect(doctor(...words).status).toBe(0);
	const { status, stdout } = doctor(...words, "--capmox-version", version);
	expect(status).toBe(1);
	expect(stdout).toContain("envfile/renamed");
});

test("run leaves out what is not set up, and a name brings it back", () => {
	expect(doctor("run", "--only", "config").status).toBe(0);
	expect(doctor("check", "envfile").status).toBe(1);
});
