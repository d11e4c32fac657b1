import type { ChalkInstance } from "chalk";
import { groups, type Step } from "../check.ts";
import {
	isOpen,
	type Judgement,
	type MissingFact,
	type ReportedFinding,
	type ShownVerdict,
	shownAs,
	type Verdict,
} from "../diagnose.ts";
import {
	acceptedCounts,
	adviceOf,
	isAccepted,
	openingOf,
	staleLines,
	standingLines,
	tally,
	titleOf,
	typed,
	undoLine,
} from "./plain.ts";
import { prose } from "./prose.ts";
import type { Run } from "./report.ts";

export interface HumanOptions {
	readonly paint: ChalkInstance;
	/** Columns to wrap prose at; commands stay whole, to be pasted. */
	readonly width: number;
	/** Show passes and what was seen there. */
	readonly verbose?: boolean;
	/** Show findings and nothing else. */
	readonly quiet?: boolean;
}

const marks: Readonly<Record<ShownVerdict, string>> = { pass: "✔", warn: "!", fail: "✘", skip: "–", unknown: "?" };

export function renderHuman(run: Run, options: HumanOptions): string {
	const sections = groups.flatMap((group) => {
		const shown = run.judgements.filter(({ check, verdict }) => check.group === group && isShown(verdict, options));
		return shown.length === 0
			? []
			: [
					[
						options.paint.bold(titleOf(group, run)),
						...shown.map((judgement) => renderJudgement(judgement, options)),
					].join("\n"),
				];
	});
	const said = openingOf(run);
	const opening = said === undefined ? "" : options.paint.bold(prose(said, 0, options));
	const stale = staleLines(run).map((line) => prose(line, 0, options));
	const closing =
		options.quiet === true ? [] : [renderSkips(run, options), stale.join("\n"), renderClosing(run, options)];
	const parts = [...sections, ...closing].filter((part) => part !== "");
	return parts.length === 0 ? "" : `${[opening, ...parts].filter((part) => part !== "").join("\n\n")}\n`;
}

function isShown(verdict: Verdict, { verbose, quiet }: HumanOptions): boolean {
	const shown = shownAs(verdict);
	if (quiet !== true && verdict.kind === "problem") {
		return true;
	}

	return quiet === true
		? shown === "fail" || shown === "warn"
		: verbose === true
			? shown !== "skip"
			: !["pass", "skip"].includes(shown);
}

const colourOf = (paint: ChalkInstance, shown: ShownVerdict): ChalkInstance =>
	({ pass: paint.green, warn: paint.yellow, fail: paint.red, skip: paint.dim, unknown: paint.magenta })[shown];

function renderJudgement({ check, verdict }: Judgement, options: HumanOptions): string {
	const { paint, width } = options;
	const shown = shownAs(verdict);
	const colour = colourOf(paint, shown);
	const title = `${isAccepted(verdict) ? "~" : marks[shown]} ${check.title}`;
	const gap = " ".repeat(Math.max(2, width - title.length - check.id.length));
	return [`${colour(title)}${gap}${paint.dim(check.id)}`, ...renderVerdict(verdict, options)].join("\n");
}

function renderVerdict(verdict: Verdict, options: HumanOptions): string[] {
	switch (verdict.kind) {
		case "pass":
			return [prose(verdict.summary, 4, options)];
		case "problem":
			return [
				verdict.findings.map((finding) => renderFinding(finding, options)).join("\n\n"),
				...renderMissing(verdict.missing, options),
			];
		case "unknown":
			return renderMissing(verdict.missing, options);
		case "crashed":
			return [prose(`This check failed by a bug of capmox-doctor: ${verdict.message}`, 4, options)];
		case "skip":
			return [prose(verdict.reason, 4, options)];
	}
}

export function renderFinding(finding: ReportedFinding, options: HumanOptions): string {
	const { paint } = options;
	const colour = finding.severity === "error" ? paint.red : paint.yellow;
	const likely = finding.confidence === "likely" ? " (likely)" : "";
	return [
		prose(finding.summary, 4, options),
		...standingLines(finding).map((line) => prose(line, 6, options)),
		...(finding.knownFrom === undefined || options.verbose === true ? renderDetails(finding, options) : []),
		`    ${colour(`${finding.severity}${likely}`)} ${paint.dim(`· more: capmox-doctor explain ${finding.code}`)}`,
		...(options.verbose === true && isOpen(finding) ? [paint.dim(`    ${waiverToPaste(finding)}`)] : []),
	].join("\n");
}

const renderDetails = ({ evidence, remedy }: ReportedFinding, options: HumanOptions): readonly string[] => [
	...evidence.flatMap(({ from, saw, expected, lines = [] }) => [
		labelled("saw", `${from}: ${saw}`, options),
		...shortened(lines, options).map((line) => `${" ".repeat(16)}${line}`),
		...(expected === undefined ? [] : [labelled("expected", expected, options)]),
	]),
	...remedy.map((step, index) => renderStep(step, `${index + 1}.`, options)),
];

/** The date is left open, so that it is decided by whoever pastes it. */
const waiverToPaste = ({ code }: ReportedFinding): string =>
	`to waive it, in capmox-doctor.yaml under waivers: - { code: ${code}, reason: "WHY", until: YYYY-MM-DD }`;

/** Of evidence line by line, without `-v`. */
const fewLines = 9;

const shortened = (lines: readonly string[], { verbose, paint }: HumanOptions): readonly string[] =>
	verbose === true || lines.length <= fewLines + 1
		? lines
		: [...lines.slice(0, fewLines), paint.dim(`… ${lines.length - fewLines} more lines; -v shows them`)];

function renderStep(step: Step, number: string, options: HumanOptions): string {
	return [
		labelled(number, adviceOf(step), options),
		...typed(step).flatMap((text) => text.split("\n").map((line) => `${" ".repeat(18)}${options.paint.cyan(line)}`)),
		...(step.undo === undefined ? [] : [prose(`To undo: ${undoLine(step.undo)}`, 18, options)]),
	].join("\n");
}

/** A fact that others build on leaves its reason with all of them; it is said once. */
function renderMissing(missing: readonly MissingFact[], options: HumanOptions): string[] {
	const reasons = [...new Set(missing.map(({ lastSeen }) => lastSeen))];
	return reasons.map((reason) => {
		const facts = missing.filter(({ lastSeen }) => lastSeen === reason);
		const what = [...new Set(facts.map(({ cause }) => cause)), ...new Set(facts.map(({ fact }) => fact))].join(", ");
		return prose(`Could not look (${what}): ${reason}${/[.!?]$/.test(reason) ? "" : "."}`, 4, options);
	});
}

const labelled = (label: string, text: string, options: HumanOptions): string =>
	`      ${options.paint.dim(label.padEnd(10))}${prose(text, 16, options).trimStart()}`;

/** One line for each reason: ten checks that miss the same thing miss it once. */
function renderSkips({ judgements }: Run, options: HumanOptions): string {
	const byReason = new Map<string, string[]>();
	for (const { check, verdict } of judgements) {
		if (verdict.kind === "skip") {
			byReason.set(verdict.reason, [...(byReason.get(verdict.reason) ?? []), check.id]);
		}
	}

	return [...byReason]
		.map(([reason, ids]) => options.paint.dim(prose(`${marks.skip} ${ids.join(", ")}: ${reason}`, 0, options)))
		.join("\n");
}

function renderClosing({ judgements, milliseconds, exitCode, failOn }: Run, { paint }: HumanOptions): string {
	const parts = [
		...tally({ judgements }).map(([shown, text]) => colourOf(paint, shown)(text)),
		...acceptedCounts({ judgements }),
	];
	return `${parts.join(", ")} · ${(milliseconds / 1_000).toFixed(1)} s · exit ${exitCode}${meaning(exitCode, failOn)}`;
}

function meaning(exitCode: number, failOn: string): string {
	switch (exitCode) {
		case 0:
			return "";
		case 1:
			return failOn === "warning" ? ": something needs mending" : ": something is broken";
		case 3:
			return ": the picture is incomplete";
		default:
			return ": a bug of capmox-doctor";
	}
}
