import { describe, expect, test } from "vitest";
import { type Check, type Diagnosis, defineCheck, type Finding, healthy, notApplicable } from "../../src/check.ts";
import { diagnose, exitCode, type FailOn, type Judgement, shownAs } from "../../src/diagnose.ts";
import type { Cause } from "../../src/errors.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { findSituations, readSituation } from "../support/situations.ts";

const finding = (code: "bad" | "meh"): Finding<"bad" | "meh"> => ({
	code,
	summary: "It is so.",
	evidence: [{ from: "here", saw: "this" }],
	remedy: [{ advice: "Mend it.", where: "here", risk: "safe" }],
});
const problem = (...codes: ["bad" | "meh", ...("bad" | "meh")[]]): Diagnosis<"bad" | "meh"> => {
	const [first, ...rest] = codes;
	return { kind: "problem", findings: [finding(first), ...rest.map(finding)] };
};

const checkThat = (says: () => Diagnosis<"bad" | "meh">): Check =>
	defineCheck({
		id: "sample",
		title: "The sample is fine",
		group: "proxmox",
		documented: "test",
		needs: ["environment.proxmox"],
		uses: ["proxmox.access"],
		findings: { bad: { severity: "error", means: "Bad." }, meh: { severity: "warning", means: "Meh." } },
		diagnose: says,
	});

const situation = findSituations().find(({ name }) => name === "healthy.verified");
const { sheet } = readSituation(situation ?? { url: new URL("missing:") });
const missing = (cause: Cause) => ({ state: "unavailable", cause, lastSeen: "nothing" }) as const;
const judge = (says: () => Diagnosis<"bad" | "meh">, facts: FactSheet = sheet, asked = false): Judgement => {
	const [judgement] = diagnose([checkThat(says)], facts, { asked: new Set(asked ? ["sample"] : []) });
	if (judgement === undefined) {
		throw new Error("no judgement");
	}

	return judgement;
};

const fine = () => healthy("Seen.");

describe("a missing fact is never a pass", () => {
	test.each([
		["a need timed out", { ...sheet, "environment.proxmox": missing("timeout") }, "unknown"],
		["a need was never gathered", { "proxmox.access": sheet["proxmox.access"] } as FactSheet, "unknown"],
		["a part timed out", { ...sheet, "proxmox.access": missing("timeout") }, "unknown"],
		["a need is not set up", { ...sheet, "environment.proxmox": missing("not-set-up") }, "skip"],
		["a part is not set up", { ...sheet, "proxmox.access": missing("not-set-up") }, "pass"],
	] as const)("%s", (_, facts, shown) => {
		expect(shownAs(judge(fine, facts).verdict)).toBe(shown);
	});

	test("also where the check would not apply", () => {
		expect(
			judge(() => notApplicable("no need"), { ...sheet, "proxmox.access": missing("forbidden") }).verdict.kind,
		).toBe("unknown");
	});

	test("and stands beside what was found", () => {
		expect(judge(() => problem("bad"), { ...sheet, "proxmox.access": missing("forbidden") }).verdict).toMatchObject({
			kind: "problem",
			missing: [{ fact: "proxmox.access", cause: "forbidden" }],
		});
	});
});

describe("what is missing of one workload cluster alone", () => {
	const gap = { cluster: "default/test", cause: "forbidden", because: "default/test: may not" } as const;
	const facts: FactSheet = { "workload.nodes": { state: "known", value: { clusters: [], unreached: [gap] } } };
	const judged = (needs: readonly "workload.nodes"[], says: () => Diagnosis<"bad" | "meh">) =>
		diagnose([{ ...checkThat(says), needs, uses: needs.length > 0 ? [] : ["workload.nodes"] }], facts)[0]?.verdict;
	const missed = [{ fact: "workload.nodes", cluster: "default/test", cause: "forbidden", lastSeen: gap.because }];

	test.each([[[]], [["workload.nodes" as const]]])(
		"is never a pass, whether the fact is needed or used: %j",
		(needs) => {
			expect(judged(needs, fine)).toEqual({ kind: "unknown", missing: missed });
			expect(judged(needs, () => notApplicable("no"))).toEqual({ kind: "unknown", missing: missed });
		},
	);

	test("and stands beside what was found in others", () => {
		expect(judged([], () => problem("bad"))).toMatchObject({ kind: "problem", missing: missed });
	});
});

test("what is not set up is an answer, unless the user asked for this very check", () => {
	const facts = { ...sheet, "environment.proxmox": missing("not-set-up") };
	expect(judge(fine, facts, true).verdict.kind).toBe("unknown");
	expect(judge(() => notApplicable("nothing there", finding("bad"))).verdict.kind).toBe("skip");
	expect(judge(() => notApplicable("nothing there", finding("bad")), sheet, true).verdict.kind).toBe("problem");
});

test("a check that throws is a bug, not a verdict", () => {
	const judgement = judge(() => {
		throw new Error("oops");
	});
	expect([judgement.verdict.kind, shownAs(judgement.verdict), exitCode([judgement])]).toEqual([
		"crashed",
		"unknown",
		70,
	]);
});

test("a code that is not declared is a bug", () => {
	expect(
		judge(() => ({ kind: "problem", findings: [{ ...finding("bad"), code: "other" as "bad" }] })).verdict.kind,
	).toBe("crashed");
});

describe("exit codes", () => {
	const unknown = judge(fine, { ...sheet, "proxmox.access": missing("timeout") });
	const bug = judge(fine, { ...sheet, "proxmox.access": missing("bug") });
	const rows: readonly (readonly [string, readonly Judgement[], FailOn, number])[] = [
		["nothing to judge", [], "error", 0],
		["all fine", [judge(fine)], "error", 0],
		["an error", [judge(() => problem("bad"))], "error", 1],
		["an error among warnings", [judge(() => problem("meh", "bad"))], "error", 1],
		["a warning", [judge(() => problem("meh"))], "error", 0],
		["a warning that counts", [judge(() => problem("meh"))], "warning", 1],
		["an error that does not count", [judge(() => problem("bad"))], "never", 0],
		["something unknown", [unknown], "error", 3],
		["something unknown, findings do not count", [unknown, judge(() => problem("bad"))], "never", 3],
		["findings win over incomplete", [unknown, judge(() => problem("bad"))], "error", 1],
		["findings win over a bug", [bug, judge(() => problem("bad"))], "error", 1],
		["a bug wins over incomplete", [bug, unknown], "error", 70],
		[
			"incomplete beside a warning",
			[judge(() => problem("meh"), { ...sheet, "proxmox.access": missing("timeout") })],
			"error",
			3,
		],
		["what does not apply", [judge(() => notApplicable("no"))], "warning", 0],
	];
	test.each(rows)("%s", (_, judgements, failOn, code) => {
		expect(exitCode(judgements, failOn)).toBe(code);
	});
});

test("what was seen is quoted in part where it is huge, and cut inside no character", () => {
	const saw = `x${"🦉".repeat(1_500)}`;
	const { verdict } = judge(() => ({
		kind: "problem",
		findings: [{ ...finding("bad"), summary: saw, evidence: [{ from: saw, saw, expected: saw, lines: ["whole"] }] }],
	}));
	const clipped = `x${"🦉".repeat(999)}… (1002 more characters)`;
	expect(verdict).toMatchObject({
		findings: [{ summary: clipped, evidence: [{ from: clipped, saw: clipped, expected: clipped, lines: ["whole"] }] }],
	});
});
