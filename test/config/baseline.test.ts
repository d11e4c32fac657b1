import { Ajv2020 } from "ajv/dist/2020.js";
import { Chalk } from "chalk";
import { describe, expect, it } from "vitest";
import { applyBaseline, parseBaseline, renderBaseline } from "../../src/baseline.ts";
import { exitCode, type Judgement, type ReportedFinding, shownAs } from "../../src/diagnose.ts";
import { renderHuman } from "../../src/report/human.ts";
import { renderSchema } from "../../src/report/schema.ts";
import { everything, finding } from "../report/run.ts";

const [first, second] = everything.judgements;
const found = (...findings: readonly ReportedFinding[]): Judgement => {
	const [one, ...others] = findings;
	return {
		check: first!.check,
		verdict:
			one === undefined
				? { kind: "pass", summary: "fine" }
				: { kind: "problem", findings: [one, ...others], missing: [] },
	};
};
const machine = (name: string, over: Partial<ReportedFinding> = {}) =>
	finding("network-plan/broken", {
		summary: `Machine ${name} waits.`,
		evidence: [{ from: `Machine ${name}`, saw: "it waits" }],
		...over,
	});
const write = (judgements: readonly Judgement[], former: Parameters<typeof renderBaseline>[1] = []) =>
	parseBaseline(renderBaseline(judgements, former), "known.json");
const apply = (before: readonly Judgement[], now: readonly Judgement[]) => applyBaseline(now, write(before));
const newOnes = ([judgement]: readonly Judgement[]) =>
	judgement?.verdict.kind === "problem"
		? judgement.verdict.findings.filter(({ knownFrom }) => knownFrom === undefined).map(({ summary }) => summary)
		: [];

describe("what is known", () => {
	it("is shown, and counts neither for the verdict nor for the exit code", () => {
		const { judgements, stale } = apply([found(machine("a"))], [found(machine("a"))]);
		expect(shownAs(judgements[0]!.verdict)).toBe("pass");
		expect(exitCode(judgements, "warning")).toBe(0);
		expect(stale).toStrictEqual([]);
	});

	it("is told in short, and whole with -v", () => {
		const { judgements } = apply([found(machine("a"))], [found(machine("a"))]);
		const run = { ...everything, judgements };
		const options = { paint: new Chalk({ level: 0 }), width: 100 };
		expect(renderHuman(run, options)).toContain("    Machine a waits.\n      Known before (known.json)\n    error ·");
		expect(renderHuman(run, { ...options, verbose: true })).toContain("it waits");
	});

	it("is of one object, and one finding", () => {
		const one = [found(machine("a"))];
		expect(newOnes(apply(one, [found(machine("a"), machine("b"))]).judgements)).toEqual(["Machine b waits."]);
		expect(newOnes(apply(one, [found(machine("a"), machine("a"))]).judgements)).toHaveLength(1);
	});

	it("is of one object, also where only the sentence names it", () => {
		const storage = (name: string) =>
			machine(name, { summary: `Storage ${name} is gone.`, evidence: [{ from: "GET /storage", saw: "others" }] });
		expect(newOnes(apply([found(storage("nfs"))], [found(storage("ceph"))]).judgements)).toHaveLength(1);
	});

	it.each([
		["envfile, line 3", "envfile, line 31", "It is broken.", "It is broken."],
		["a", "a", "Deleted for 31 min.", "Deleted for 2 h 5 min."],
		["a", "a", "2.5 GiB are left.", "900 MiB are left."],
		["a", "a", "A and 13 more.", "A and 2 more."],
		["a", "a", "The clock is 7204 s behind.", "The clock is 7205 s behind."],
	])("stays known where it moves: %s → %s, %s → %s", (from, then, summary, later) => {
		const at = (place: string, text: string) =>
			found(machine("a", { summary: text, evidence: [{ from: place, saw: "x" }] }));
		expect(newOnes(apply([at(from, summary)], [at(then, later)]).judgements)).toEqual([]);
	});

	it.each([
		["VM 9001 is no template.", "VM 9002 is no template."],
		["It is v1.0.2.", "It is v1.0.3."],
		["10.0.0.1 is taken.", "10.0.0.2 is taken."],
	])("is something else where it says something else: %s → %s", (summary, later) => {
		expect(
			newOnes(apply([found(machine("a", { summary }))], [found(machine("a", { summary: later }))]).judgements),
		).toEqual([later]);
	});
});

describe("an entry is stale", () => {
	const gone = [found(machine("a"))];

	it("where the check finds it no more", () => {
		const stale = [{ kind: "baseline", from: "known.json", code: "network-plan/broken", about: "Machine a waits." }];
		expect(apply(gone, [found()]).stale).toStrictEqual(stale);
		expect(apply(gone, [found(machine("b"))]).stale).toStrictEqual(stale);
	});

	it.each([
		["was not run", []],
		["was run without its facts", [first!]],
		["is another one", [second!]],
		["does not apply", [{ check: first!.check, verdict: { kind: "skip", reason: "nothing there" } } as const]],
	])("but not where the check %s", (_, now) => {
		expect(apply(gone, now).stale).toStrictEqual([]);
	});

	it("but not where the finding is waived now", () => {
		const waived = machine("a", { waived: { reason: "why", from: "capmox-doctor.yaml, line 2" } });
		const { judgements, stale } = apply(gone, [found(waived)]);
		expect(stale).toStrictEqual([]);
		expect(judgements).toStrictEqual([found(waived)]);
	});
});

describe("written", () => {
	it("holds what counts, sorted, and follows its schema", () => {
		const waived = machine("c", { waived: { reason: "why", from: "capmox-doctor.yaml, line 2" } });
		const text = renderBaseline([found(machine("b"), waived, machine("a"))], []);
		const document = JSON.parse(text) as { findings: { places: string[] }[] };
		expect(document.findings.map(({ places }) => places)).toEqual([["Machine a"], ["Machine b"]]);
		expect(new Ajv2020().compile(JSON.parse(renderSchema("baseline")) as object)(document)).toBe(true);
	});

	it("keeps of the former one what was not looked at, and drops what is gone", () => {
		const { entries } = write([found(machine("a"))]);
		expect(write([found()], entries).entries).toEqual([]);
		expect(write([second!], entries).entries).toContainEqual(entries[0]);
		expect(write([found(machine("a"))], entries).entries).toEqual(entries);
	});
});

it.each([
	["", "it is not JSON"],
	["[]", "expected object"],
	['{"schema":"capmox-doctor/report/v1","findings":[]}', 'schema: Invalid input: expected "capmox-doctor/baseline/v1"'],
	['{"schema":"capmox-doctor/baseline/v1","findings":[{"code":"a/b"}]}', "findings.0.places: "],
])("refuses %j in one line", (text, why) => {
	const parse = () => parseBaseline(text, "a.json");
	expect(parse).toThrow(expect.objectContaining({ name: "UsageError" }));
	expect(parse).toThrow(/^--baseline: a\.json is no baseline of capmox-doctor: [^\n]+; --write-baseline writes one$/);
	expect(parse).toThrow(why);
});
