import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Chalk } from "chalk";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readSettingsFile } from "../../src/access/settings-file.ts";
import { nearest, select } from "../../src/commands/select.ts";
import { exitCode, type Judgement, shownAs } from "../../src/diagnose.ts";
import { renderGithub } from "../../src/report/github.ts";
import { renderHtml } from "../../src/report/html.ts";
import { renderHuman } from "../../src/report/human.ts";
import { renderJunit } from "../../src/report/junit.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { renderJson } from "../../src/report/report.ts";
import { renderSarif } from "../../src/report/sarif.ts";
import { renderSchema } from "../../src/report/schema.ts";
import { applySettings, parseSettings } from "../../src/settings.ts";
import { everything, finding } from "../report/run.ts";

const checks = [
	{ id: "network-plan", group: "config" },
	{ id: "token", group: "proxmox" },
] as const;
const read = (text: string) =>
	parseSettings(text, "capmox-doctor.yaml", {
		codes: ["network-plan/broken", "network-plan/worn", "token/wrong-secret"],
		select: (word) => select([word], checks),
		nearest,
	});
const waiver = (more: string) => `waivers:\n  - { code: network-plan/broken, reason: "moving in spring", ${more} }\n`;
const [first] = everything.judgements;
const problem: Judgement = {
	check: first!.check,
	verdict: { kind: "problem", findings: [finding("network-plan/broken")], missing: [] },
};
const settle = (text: string, judgement = problem) => applySettings([judgement], read(text), "2026-11-28");
const apply = (text: string, judgement = problem) => settle(text, judgement).judgements;

describe("what cannot be meant", () => {
	it.each([
		["waivrs: []", 'line 1: there is no setting "waivrs", did you mean waivers?'],
		["failOn: error\nskip: [tokn]", 'line 2: there is no check or group "tokn", did you mean token'],
		[
			"severities:\n  token/wrong-secre: error",
			'line 2: there is no finding "token/wrong-secre", did you mean token/wrong',
		],
		["severities:\n  token/wrong-secret: fatal", "line 2: severities.token/wrong-secret: "],
		[waiver("until: 2026-13-01"), "line 2: waivers.0.until: "],
		[waiver("until: soon"), "line 2: waivers.0.until: "],
		[waiver("object: a"), "line 2: waivers.0: a waiver needs either until: YYYY-MM-DD or permanent: true"],
		[waiver("until: 2027-01-01, permanent: true"), "line 2: waivers.0: a waiver needs either"],
		[waiver("untill: 2027-01-01"), 'line 2: there is no setting "untill", did you mean until?'],
		["waivers:\n- code: token/wrong-secret\n  permanent: true", "line 2: waivers.0.reason: "],
		["timeout: 0s", "line 1: timeout: it takes a duration"],
		["only: [", "line 1: "],
		["- a", "line 1: "],
		["only: *nowhere", "line 1: "],
	])("%j", (text, message) => {
		expect(() => read(text)).toThrow(expect.objectContaining({ name: "UsageError" }));
		expect(() => read(text)).toThrow(/^capmox-doctor\.yaml, line \d+: [^\n]+$/);
		expect(() => read(text)).toThrow(message);
	});

	it("takes an empty file", () => {
		expect(read("# nothing yet\n")).toStrictEqual({ waivers: [] });
	});
});

describe("a waiver", () => {
	it.each([
		["the check is fine", { ...problem, verdict: { kind: "pass", summary: "" } } as const, 1],
		["it is of another object", problem, 1],
		["the check could not look", { ...problem, verdict: { kind: "skip", reason: "" } } as const, 0],
	])("that meets nothing, as %s, is stale: %$", (_, judgement, count) => {
		const stale = {
			kind: "waiver",
			from: "capmox-doctor.yaml, line 2",
			code: "network-plan/broken",
			about: "elsewhere",
		};
		expect(settle(waiver("permanent: true, object: elsewhere"), judgement).stale).toStrictEqual(
			Array.from({ length: count }, () => stale),
		);
	});

	it("that meets something is not stale, though it expired", () => {
		expect(settle(waiver("until: 2026-11-27")).stale).toStrictEqual([]);
	});

	it("takes the finding out of the verdict and the exit code", () => {
		const judged = apply(waiver("until: 2026-11-28"));
		expect(shownAs(judged[0]!.verdict)).toBe("pass");
		expect(exitCode(judged, "warning")).toBe(0);
	});

	it("that has expired brings it back, and says so", () => {
		const judged = apply(waiver("until: 2026-11-27"));
		expect(shownAs(judged[0]!.verdict)).toBe("fail");
		expect(exitCode(judged)).toBe(1);
		expect(renderGithub({ ...everything, judgements: judged })).toMatch(
			/^::error .*%0AIts waiver expired on 2026-11-27: moving in spring \(capmox-doctor\.yaml, line 2\)$/m,
		);
	});

	it("does not make a pass of what could not be looked at", () => {
		const missing = [{ fact: "proxmox.access", cause: "timeout", lastSeen: "no answer" }] as const;
		const judged = apply(waiver("permanent: true"), {
			...problem,
			verdict: { kind: "problem", findings: [finding("network-plan/broken")], missing },
		});
		expect(shownAs(judged[0]!.verdict)).toBe("unknown");
		expect(exitCode(judged)).toBe(3);
	});

	it.each([
		["NODE_IP_RANGES", "pass"],
		["NODE_IP", "fail"],
		["envfile", "pass"],
		["10.0.0", "fail"],
		["token", "fail"],
	])("for %s: %s", (object, shown) => {
		expect(shownAs(apply(waiver(`permanent: true, object: ${object}`))[0]!.verdict)).toBe(shown);
	});

	it("is for its code only", () => {
		const other: Judgement = {
			...problem,
			verdict: { kind: "problem", findings: [finding("network-plan/worn")], missing: [] },
		};
		expect(shownAs(apply(waiver("permanent: true"), other)[0]!.verdict)).toBe("fail");
	});

	it("is shown in every format", () => {
		const run = { ...everything, exitCode: 0, judgements: apply(waiver("until: 2027-03-01")) };
		const options = { paint: new Chalk({ level: 0 }), width: 100 };
		for (const text of [
			renderHuman(run, options),
			renderJunit(run),
			renderSarif(run),
			renderGithub(run),
			renderMarkdown(run),
			renderHtml(run),
		]) {
			expect(text).toContain("Waived until 2027-03-01: moving in spring (capmox-doctor.yaml, line 2)");
		}

		expect(JSON.parse(renderJson(run))).toMatchObject({
			checks: [{ verdict: "pass", findings: [{ waived: { reason: "moving in spring", until: "2027-03-01" } }] }],
		});
		expect(renderJunit(run)).toMatch(/failures="0" errors="0" skipped="1"[^]*<skipped message="Waived/);
		expect(renderGithub(run)).not.toContain("::error");
		expect(JSON.parse(renderSarif(run))).toMatchObject({
			runs: [{ results: [{ suppressions: [{ kind: "external", status: "accepted" }] }] }],
		});
	});

	it("is printed to be pasted with -v, and refused until its date is filled in", () => {
		const run = { ...everything, judgements: [problem] };
		const text = renderHuman(run, { paint: new Chalk({ level: 0 }), width: 100, verbose: true });
		const [, line = ""] = /under waivers: (- \{.*\})/.exec(text) ?? [];
		expect(() => read(`waivers:\n  ${line}`)).toThrow("waivers.0.until");
		expect(read(`waivers:\n  ${line.replace("YYYY-MM-DD", "2027-01-01")}`).waivers).toHaveLength(1);
	});
});

it("changes severities, and puts errors first", () => {
	const both: Judgement = {
		...problem,
		verdict: { kind: "problem", findings: [finding("network-plan/broken"), finding("network-plan/worn")], missing: [] },
	};
	const [judged] = apply("severities: { network-plan/broken: warning }", both);
	expect(judged!.verdict).toMatchObject({
		findings: [
			{ code: "network-plan/worn", severity: "error" },
			{ code: "network-plan/broken", severity: "warning" },
		],
	});
});

it("has a JSON Schema that demands what the program demands", () => {
	const validate = new Ajv2020({ validateFormats: false }).compile(JSON.parse(renderSchema("config")) as object);
	const isValid = (text: string) => validate(parse(text));
	expect(isValid(`${waiver("until: 2027-01-01")}timeout: 30s\nfailOn: never\nskip: [token]\n`)).toBe(true);
	expect(isValid(waiver("permanent: true"))).toBe(true);
	expect(isValid(waiver("object: a"))).toBe(false);
	expect(isValid("waivrs: []")).toBe(false);
});

describe("the file", () => {
	const folder = mkdtempSync(join(tmpdir(), "settings-"));
	afterAll(() => {
		rmSync(folder, { recursive: true });
	});

	it("is found upwards, or named", async () => {
		const below = join(folder, "a", "b");
		mkdirSync(below, { recursive: true });
		writeFileSync(join(folder, "capmox-doctor.yaml"), "failOn: never\n");
		expect(await readSettingsFile(undefined, below)).toStrictEqual({
			name: "../../capmox-doctor.yaml",
			text: "failOn: never\n",
		});
		await expect(readSettingsFile(join(folder, "other.yaml"), below)).rejects.toThrow("--config: there is no file");
	});

	// Only root can give a file to somebody else.
	it.skipIf(process.getuid?.() !== 0)("is left to be named where somebody else may have put it there", async () => {
		const [above, below] = [join(folder, "shared"), join(folder, "shared", "own")];
		const file = join(above, "capmox-doctor.yaml");
		mkdirSync(below, { recursive: true });
		writeFileSync(file, "kubeconfig: theirs\n");
		chownSync(file, 65_534, 65_534);
		await expect(readSettingsFile(undefined, below)).rejects.toThrow("../capmox-doctor.yaml belongs to another user");
		expect(await readSettingsFile(file, below)).toStrictEqual({ name: file, text: "kubeconfig: theirs\n" });
		// As in a container, whose checkout is somebody else's as a whole.
		chownSync(below, 65_534, 65_534);
		expect(await readSettingsFile(undefined, below)).toMatchObject({ name: "../capmox-doctor.yaml" });
	});
});
