import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, test } from "vitest";
import type { DifferenceReport } from "../../src/report/schema.ts";
import { doctor } from "../support/doctor.ts";

const folder = mkdtempSync(join(tmpdir(), "diff-"));
afterAll(() => {
	rmSync(folder, { recursive: true });
});
const demo = readFileSync(new URL("../../demo/snapshot.yaml", import.meta.url), "utf8");

/** The demo's set-up, changed. */
function variant(name: string, ...changes: readonly (readonly [string | RegExp, string])[]): string {
	const file = join(folder, `${name}.yaml`);
	const text = changes.reduce((rest, [from, to]) => {
		const changed = rest.replaceAll(from, to);
		expect([name, from, changed]).not.toEqual([name, from, rest]);
		return changed;
	}, demo);
	writeFileSync(file, text);
	return file;
}

const before = variant("before", [/^host: lantern/gm, "host: before"]);
const mended = variant(
	"mended",
	[/^( +)instances: 128/gm, "$1instances: 512"],
	[/^( +)watches: 192536/gm, "$1watches: 524288"],
	["26.1.5+dfsg1", "29.0.1"],
);
const outOfSight = variant("out-of-sight", [
	/ {2}proxmox\.permissions:\n(?: {4}.*\n)+/g,
	"  proxmox.permissions:\n    state: unavailable\n    cause: timeout\n    lastSeen: no answer\n",
]);

const validator = (async () =>
	new Ajv2020({ strict: true }).compile(JSON.parse((await doctor(["schema", "diff"])).stdout) as object))();
async function compare(...words: readonly string[]): Promise<DifferenceReport> {
	const { stdout, exitCode } = await doctor(["diff", ...words, "--format", "json"], { cwd: folder });
	const report = JSON.parse(stdout) as DifferenceReport;
	expect((await validator)(report)).toBe(true);
	expect(exitCode).toBe(report.exitCode);
	return report;
}

const codes = (findings: DifferenceReport["new"]) => findings.map(({ code }) => code);

describe("diff", () => {
	test("of a snapshot with itself is empty, 0", async () => {
		const report = await compare(before, before);
		expect(report).toMatchObject({
			exitCode: 0,
			new: [],
			worse: [],
			gone: [],
			outOfSight: [],
			versions: [],
			notCompared: [],
		});
		expect(report.unchanged).toHaveLength(5);
	});

	test("what is mended is gone, and which versions changed: 0", async () => {
		const report = await compare(before, mended);
		expect([report.exitCode, codes(report.gone), codes(report.new)]).toEqual([0, ["kind-host/inotify-limits"], []]);
		expect(report.versions).toContainEqual({
			fact: "host.engine",
			what: "version",
			before: "26.1.5+dfsg1",
			after: "29.0.1",
		});
		// The engine's version stands in several facts, and changed only once.
		expect(report.versions.filter(({ what }) => what === "version")).toHaveLength(1);
	});

	test("the other way round it is new: 1, unless nothing counts", async () => {
		expect(await compare(mended, before)).toMatchObject({ exitCode: 1, gone: [] });
		expect(codes((await compare(mended, before)).new)).toEqual(["kind-host/inotify-limits"]);
		expect((await compare(mended, before, "--fail-on", "never")).exitCode).toBe(0);
	});

	test("what capmox-doctor.yaml waives or makes less of is shown so, and does not count", async () => {
		const config = join(folder, "waived.yaml");
		const waiver = "{ code: kind-host/inotify-limits, reason: one small cluster, permanent: true }";
		writeFileSync(config, `waivers: [${waiver}]\nseverities: { kind-host/inotify-limits: error }\n`);
		const report = await compare(mended, before, "--config", config);
		expect(report).toMatchObject({
			exitCode: 0,
			new: [{ code: "kind-host/inotify-limits", severity: "error", waived: { reason: "one small cluster" } }],
		});
		expect((await doctor(["diff", mended, before, "--config", config])).stdout).toMatch(
			/Waived for good: one small cluster[^]*1 new, 4 unchanged · exit 0: what got worse is waived\n$/,
		);
		writeFileSync(config, "skip: [kind-host]\n");
		expect(await compare(mended, before, "--config", config)).toMatchObject({ exitCode: 0, new: [] });
	});

	test("a finding whose variable stands on another line is the same one", async () => {
		const moved = variant("moved", [/^( +origin: .*, line )(\d+)$/gm, "$19$2"]);
		expect(await compare(before, moved)).toMatchObject({ exitCode: 0, new: [], gone: [] });
	});

	test("what cannot be seen any more is not gone: 3", async () => {
		const report = await compare(before, outOfSight);
		expect([
			report.exitCode,
			report.gone,
			report.outOfSight.map(({ check, findings }) => [check, codes(findings)]),
		]).toEqual([3, [], [["permissions", ["permissions/no-sdn-use"]]]]);
	});

	test("a warning that became an error is worse: 1", async () => {
		// Where CAPMOX verifies, the same certificate stops it.
		const strict = variant("strict", [/^( +)insecure: true/gm, "$1insecure: false"]);
		const report = await compare(before, strict);
		expect([report.exitCode, codes(report.worse)]).toEqual([
			1,
			expect.arrayContaining(["token/untrusted-ca"]) as string[],
		]);
	});

	test("with stand-ins in one of them it goes by the codes", async () => {
		const other = join(folder, "other.yaml");
		expect((await doctor(["snapshot", "--from", before, "--anonymize", "-o", other])).exitCode).toBe(0);
		expect(readFileSync(other, "utf8")).not.toMatch(/lighthouse|beacon|keeper/);
		const report = await compare(before, other);
		expect([report.exitCode, report.byCode, report.unchanged.length]).toEqual([0, true, 5]);
	});

	test("checks that one of them does not hold are named, none at all is wrong usage", async () => {
		const part = join(folder, "part.yaml");
		await doctor(["snapshot", "--from", before, "--only", "token", "-o", part]);
		const report = await compare(before, part);
		expect([report.exitCode, codes(report.unchanged)]).toEqual([0, ["token/untrusted-ca"]]);
		expect(report.notCompared).toContain("permissions");
		const none = await doctor(["diff", part, before, "--only", "permissions"]);
		expect([none.exitCode, none.stdout]).toEqual([2, ""]);
		expect(none.stderr).toMatch(/^capmox-doctor: there is nothing to compare: .*\n$/);
	});

	test("with one file it looks at what is here now", async () => {
		const now = join(folder, "now.yaml");
		await doctor(["snapshot", "--only", "token", "-o", now], { cwd: folder });
		const same = await compare(now, "--only", "token");
		expect([same.exitCode, same.after]).toEqual([0, undefined]);
		writeFileSync(join(folder, "envfile"), "export PROXMOX_URL=https://127.0.0.1:1\n");
		const report = await compare(now, "--only", "token");
		rmSync(join(folder, "envfile"));
		expect([report.exitCode, report.new.length > 0]).toEqual([1, true]);
	});

	test("for people: what is new in full, what is gone in short", async () => {
		const { stdout } = await doctor(["diff", mended, before]);
		expect(stdout).toContain("\nNew\n    A user may have 128 inotify instances");
		expect(stdout).toContain("sudo sysctl -w");
		expect(stdout).toMatch(/1 new, 4 unchanged · exit 1: something got worse\n$/);
		const better = await doctor(["diff", before, mended]);
		expect(better.stdout).toMatch(
			/\nGone\n {4}A user may have 128 .*\n.*\n.*\n {4}warning · kind-host\/inotify-limits\n/,
		);
		expect(better.stdout).toMatch(/Changed versions\n(?: {4}.* → .*\n)+/);
		expect((await doctor(["diff", before, before, "-q"])).stdout).toBe("");
	});
});

describe("snapshot --for-test", () => {
	test("writes a situation for each check, with the verdict in its name, that the doctor judges alike", async () => {
		const { mkdirSync } = await import("node:fs");
		for (const id of ["token", "permissions", "cgroup-v2"]) {
			mkdirSync(join(folder, "test/situations", id), { recursive: true });
		}

		const words = ["snapshot", "--from", before, "--only", "token,permissions,cgroup-v2", "--for-test", "lighthouse"];
		const { exitCode, stdout } = await doctor(words, { cwd: folder });
		expect([exitCode, stdout]).toEqual([
			0,
			[
				"Wrote test/situations/cgroup-v2/healthy.lighthouse.yaml",
				"Wrote test/situations/token/problem.untrusted-ca.lighthouse.yaml",
				"Wrote test/situations/permissions/problem.no-sdn-use.lighthouse.yaml",
				"",
			].join("\n"),
		]);
		const { loadSchemas } = await import("../../src/facts/probe.ts");
		const { parseSituation } = await import("../../src/snapshot/read.ts");
		const file = join(folder, "test/situations/token/problem.untrusted-ca.lighthouse.yaml");
		const { sheet } = parseSituation(readFileSync(file, "utf8"), file, await loadSchemas());
		expect(Object.keys(sheet).sort()).toEqual(["environment.proxmox", "proxmox.access"]);
	});

	test.each([
		[["--only", "token", "--for-test", "../x"], /--for-test: .* is no word/],
		[["--only", "cgroup-v2", "--for-test"], /cgroup-v2 finds no problem, so say in a word what is the case/],
		[["--only", "token", "--for-test", "-o", "x"], /--output has no effect/],
	])("%j is wrong usage", async (words, message) => {
		const { exitCode, stdout, stderr } = await doctor(["snapshot", "--from", before, ...words], { cwd: folder });
		expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringMatching(message)]);
	});
});
