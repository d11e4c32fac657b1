import { type Check, type Finding, mapNonEmpty, type NonEmpty, type Severity } from "./check.ts";
import type { Cause } from "./errors.ts";
import type { FactName, FactSheet, Facts } from "./facts/sheet.ts";
import { clip } from "./texts.ts";

/** A fact that a check asked for and that could not be read. */
export interface MissingFact {
	readonly fact: FactName;
	/** Absent where the whole fact is missing, and not that of one workload cluster. */
	readonly cluster?: string;
	readonly cause: Cause;
	readonly lastSeen: string;
}

/** A finding as reported: with its full code, `check/code`, and everything settled that a check may leave out. */
export interface ReportedFinding extends Required<Omit<Finding, "code">> {
	readonly code: string;
	/** Accepted by whoever runs this: shown, and not counted. */
	readonly waived?: Waived;
	/** Waivers that held until some day, and do not any more. */
	readonly expired?: NonEmpty<Required<Waived>>;
	/** The file with what was found before and is not new: shown, and not counted. */
	readonly knownFrom?: string;
}

/** Where a finding was read, in a fixed order; without the numbers of lines, which change while it stays the same thing. */
export const placesOf = ({ evidence }: ReportedFinding): readonly string[] =>
	evidence.map(({ from }) => from.replace(/, line \d+/g, "")).sort();

/** Neither accepted nor known before. */
export const isOpen = ({ waived, knownFrom }: ReportedFinding): boolean =>
	waived === undefined && knownFrom === undefined;

export interface Waived {
	readonly reason: string;
	/** YYYY-MM-DD; absent where it is for good. */
	readonly until?: string;
	/** Where the waiver stands. */
	readonly from: string;
}

export type Verdict =
	| { readonly kind: "pass"; readonly summary: string }
	| {
			readonly kind: "problem";
			readonly findings: NonEmpty<ReportedFinding>;
			/** What could not be looked at beside. */
			readonly missing: readonly MissingFact[];
	  }
	| { readonly kind: "skip"; readonly reason: string }
	| { readonly kind: "unknown"; readonly missing: NonEmpty<MissingFact> }
	/** The check itself threw: a bug of ours. */
	| { readonly kind: "crashed"; readonly message: string };

export interface Judgement {
	readonly check: Check;
	readonly verdict: Verdict;
}

/** What accepts a finding that is not there any more, although it was looked for. */
export interface Stale {
	readonly kind: "waiver" | "baseline";
	/** Where it stands. */
	readonly from: string;
	readonly code: string;
	/** What it is about; absent for a waiver of the code as a whole. */
	readonly about?: string;
}

/** What was found, and what of that is accepted. */
export interface Settled {
	readonly judgements: readonly Judgement[];
	readonly stale: readonly Stale[];
}

export const findingsOf = (judgements: readonly Judgement[]): readonly ReportedFinding[] =>
	judgements.flatMap(({ verdict }) => (verdict.kind === "problem" ? verdict.findings : []));

/** Of what accepts findings that which had met them again, were they still there. */
export function lookedForAmong<T extends { readonly code: string }>(
	accepting: readonly T[],
	judgements: readonly Judgement[],
): readonly T[] {
	const seen = new Set(judgements.filter(({ verdict }) => isLookedAt(verdict)).map(({ check }) => check.id));
	return accepting.filter(({ code }) => seen.has(code.replace(/\/.*$/, "")));
}

/** Whether all was looked at that the check asks for. What does not apply was not. */
const isLookedAt = ({ kind, ...verdict }: Verdict): boolean =>
	kind === "pass" || (kind === "problem" && "missing" in verdict && verdict.missing.length === 0);

/** The same judgements, with other findings in those that have any. */
export const changeFindings = (
	judgements: readonly Judgement[],
	change: (findings: NonEmpty<ReportedFinding>) => NonEmpty<ReportedFinding>,
): readonly Judgement[] =>
	judgements.map(({ check, verdict }) => ({
		check,
		verdict: verdict.kind === "problem" ? { ...verdict, findings: change(verdict.findings) } : verdict,
	}));

export interface DiagnoseOptions {
	/** Ids of checks that the user named; "not set up" is an answer to `run`, but not to them. */
	readonly asked?: ReadonlySet<string>;
}

/** Judges each check by the facts. Only here a verdict becomes `unknown`, so no check can forget or blur it. */
export function diagnose(
	checks: readonly Check[],
	sheet: FactSheet,
	{ asked = new Set() }: DiagnoseOptions = {},
): readonly Judgement[] {
	return checks.map((check) => ({ check, verdict: judge(check, sheet, asked.has(check.id)) }));
}

function judge(check: Check, sheet: FactSheet, asked: boolean): Verdict {
	const missingNeeds = missing(check.needs, sheet);
	const [blocking, ...others] = missingNeeds;
	if (blocking !== undefined) {
		return missingNeeds.every(({ cause }) => cause === "not-set-up") && !asked
			? { kind: "skip", reason: blocking.lastSeen }
			: { kind: "unknown", missing: [blocking, ...others] };
	}

	const facts: Partial<Record<FactName, unknown>> = {};
	for (const name of [...check.needs, ...check.uses]) {
		const state = sheet[name];
		if (state?.state === "known") {
			facts[name] = state.value;
		}
	}

	try {
		const diagnosis = check.diagnose(facts as Partial<Facts>);
		// What is not set up leaves nothing unseen.
		const missingUses = [
			...missing(check.uses, sheet).filter(({ cause }) => cause !== "not-set-up"),
			...[...check.needs, ...check.uses].flatMap((fact) => gapsIn(fact, sheet)),
		];
		switch (diagnosis.kind) {
			case "problem": {
				const isMild = diagnosis.mildUnlessAsked === true && !asked;
				const milder = (finding: Finding): Finding => (isMild ? { ...finding, severity: "warning" } : finding);
				return {
					kind: "problem",
					findings: errorsFirst(mapNonEmpty(diagnosis.findings, (finding) => report(check, milder(finding)))),
					missing: missingUses,
				};
			}

			case "not-applicable":
				if (asked && diagnosis.ifAsked !== undefined) {
					return { kind: "problem", findings: [report(check, diagnosis.ifAsked)], missing: [] };
				}

				return unless(missingUses, { kind: "skip", reason: diagnosis.reason });
			case "healthy":
				return unless(missingUses, { kind: "pass", summary: diagnosis.summary });
		}
	} catch (error) {
		return { kind: "crashed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
	}
}

/** What breaks is read first; within a severity the check's own order stays. */
export const errorsFirst = ([first, ...rest]: NonEmpty<ReportedFinding>): NonEmpty<ReportedFinding> => {
	const lead = [first, ...rest].find(({ severity }) => severity === "error") ?? first;
	const others = [first, ...rest].filter((finding) => finding !== lead);
	return [
		lead,
		...others.filter(({ severity }) => severity === "error"),
		...others.filter(({ severity }) => severity === "warning"),
	];
};

const unless = ([first, ...rest]: readonly MissingFact[], verdict: Verdict): Verdict =>
	first === undefined ? verdict : { kind: "unknown", missing: [first, ...rest] };

function missing(names: readonly FactName[], sheet: FactSheet): MissingFact[] {
	return names.flatMap((fact) => {
		const state = sheet[fact] ?? { state: "unavailable", cause: "bug", lastSeen: `${fact} was never gathered` };
		return state.state === "known" ? [] : [{ fact, cause: state.cause, lastSeen: state.lastSeen }];
	});
}

/** Workload clusters of which a known fact holds nothing. */
function gapsIn(fact: FactName, sheet: FactSheet): MissingFact[] {
	const state = sheet[fact];
	return state?.state === "known" && "unreached" in state.value
		? state.value.unreached.map(({ cluster, cause, because }) => ({ fact, cluster, cause, lastSeen: because }))
		: [];
}

/** Characters of one text: what was seen may be a value of a megabyte, and a report is to be read. */
const longest = 2_000;

function report(check: Check, finding: Finding): ReportedFinding {
	const definition = check.findings[finding.code];
	if (definition === undefined) {
		throw new Error(`${check.id} reported ${finding.code}, which it does not declare`);
	}

	return {
		...finding,
		summary: clip(finding.summary, longest),
		evidence: mapNonEmpty(finding.evidence, ({ from, saw, expected, ...rest }) => ({
			from: clip(from, longest),
			saw: clip(saw, longest),
			...(expected === undefined ? {} : { expected: clip(expected, longest) }),
			...rest,
		})),
		code: `${check.id}/${finding.code}`,
		severity: finding.severity ?? definition.severity,
		confidence: finding.confidence ?? "certain",
	};
}

export const shownVerdicts = ["pass", "warn", "fail", "skip", "unknown"] as const;
export type ShownVerdict = (typeof shownVerdicts)[number];

/** The word that reports show. */
export function shownAs(verdict: Verdict): ShownVerdict {
	switch (verdict.kind) {
		case "problem": {
			const open = verdict.findings.filter(isOpen);
			// Accepting what was found proves nothing about what was not looked at.
			const without = verdict.missing.length > 0 ? "unknown" : "pass";
			return open.length === 0 ? without : open.some(({ severity }) => severity === "error") ? "fail" : "warn";
		}

		case "crashed":
			return "unknown";
		case "pass":
		case "skip":
		case "unknown":
			return verdict.kind;
	}
}

export type FailOn = "error" | "warning" | "never";

/** 1: a finding at or above the level · 70: a bug of ours · 3: something that applies is unknown · 0. Findings win. */
export function exitCode(judgements: readonly Judgement[], failOn: FailOn = "error"): 0 | 1 | 3 | 70 {
	const counting: readonly Severity[] = failOn === "never" ? [] : failOn === "error" ? ["error"] : ["error", "warning"];
	const verdicts = judgements.map(({ verdict }) => verdict);
	if (
		verdicts.some(
			(verdict) =>
				verdict.kind === "problem" &&
				verdict.findings.some((finding) => isOpen(finding) && counting.includes(finding.severity)),
		)
	) {
		return 1;
	}

	const gaps = verdicts.flatMap((verdict) =>
		verdict.kind === "unknown" || verdict.kind === "problem" ? verdict.missing : [],
	);
	if (verdicts.some(({ kind }) => kind === "crashed") || gaps.some(({ cause }) => cause === "bug")) {
		return 70;
	}

	return gaps.length > 0 ? 3 : 0;
}
