import { type Judgement, type ReportedFinding, shownAs } from "../diagnose.ts";
import { clip } from "../texts.ts";
import { adviceOf, countsOf, remarksOf, standingLines, typed, unseen } from "./plain.ts";
import type { Run } from "./report.ts";

/** GitHub takes 65,536 characters for an issue; something is left for what its author has to say. */
const largest = 60_000;

/** What stands or falls together in the report; `short` is for where the whole is too long. */
interface Part {
	readonly whole: string;
	readonly short?: string;
}

/** Markdown to be pasted into an issue, or with a larger `limit` (bytes of UTF-8) for the summary of a CI job. */
export function renderMarkdown(run: Run, limit = largest): string {
	const parts: readonly Part[] = [
		...remarksOf(run).map((remark) => ({ whole: `${escape(remark)}\n` })),
		...run.judgements.flatMap(problem),
		...run.judgements.flatMap(gap),
		...rest(run),
	];
	const notice = (left: number) => `\n_${left} more parts were left out for their length._\n`;
	let text = `## capmox-doctor ${run.version}: ${countsOf(run)}\n`;
	let room = limit - bytes(text) - bytes(notice(parts.length));
	for (const [index, { whole, short = whole }] of parts.entries()) {
		const added = [whole, short].map((part) => `\n${part}`).find((part) => bytes(part) <= room);
		if (added === undefined) {
			return text + notice(parts.length - index);
		}

		text += added;
		room -= bytes(added);
	}

	return text;
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;

const problem = ({ check, verdict }: Judgement): readonly Part[] =>
	verdict.kind === "problem"
		? verdict.findings.map((finding) => {
				const heading = `### ${markOf(finding)} ${escape(check.title)} (\`${finding.code}\`)\n\n`;
				return { whole: heading + body(finding), short: heading + shortened(finding.summary) };
			})
		: [];

function markOf({ waived, knownFrom, severity }: ReportedFinding): string {
	if (waived !== undefined) {
		return "waived:";
	}

	const mark = severity === "error" ? "✘" : "!";
	return knownFrom === undefined ? mark : "known:";
}

const shortened = (text: string): string =>
	`${escape(clip(text, 400))}\n\n_What else there is to it was left out for its length._\n`;

function body(finding: ReportedFinding): string {
	return [
		escape(finding.summary) + (finding.confidence === "likely" ? " (likely)" : ""),
		...standingLines(finding).flatMap((line) => ["", `**${escape(line)}**`]),
		"",
		...(finding.knownFrom === undefined ? details(finding) : []),
	].join("\n");
}

function details({ evidence, remedy }: ReportedFinding): readonly string[] {
	return [
		...evidence.flatMap(({ from, saw, expected, lines = [] }) => [
			`- saw ${code(`${from}: ${saw}`)}${expected === undefined ? "" : `, expected ${code(expected)}`}`,
			...(lines.length === 0 ? [] : ["", ...fenced(lines.join("\n"), "text").map((line) => `  ${line}`)]),
		]),
		"",
		...remedy.flatMap((step, index) => [
			`${index + 1}. ${escape(adviceOf(step))}`,
			...typed(step).flatMap((line) => ["", ...fenced(line).map((each) => `   ${each}`)]),
		]),
		"",
	];
}

const gap = ({ check, verdict }: Judgement): readonly Part[] => {
	const reason = unseen(verdict);
	const heading = `### ? ${escape(check.title)} (\`${check.id}\`)\n\n`;
	return reason === undefined
		? []
		: [{ whole: `${heading}Could not look: ${escape(reason)}\n`, short: heading + shortened(reason) }];
};

function rest({ judgements }: Run): readonly Part[] {
	const rows = judgements.flatMap(({ check, verdict }) =>
		verdict.kind === "pass" || verdict.kind === "skip"
			? [
					`| ${shownAs(verdict)} | ${check.id} | ${escape(verdict.kind === "pass" ? verdict.summary : verdict.reason)} |`,
				]
			: [],
	);
	const lines = [
		"<details><summary>Fine, or not applicable</summary>",
		"",
		"| verdict | check | why |",
		"|---|---|---|",
		...rows,
		"",
		"</details>",
		"",
	];
	return rows.length === 0 ? [] : [{ whole: lines.join("\n") }];
}

const escape = (text: string): string =>
	// An underscore within a word, as names of variables have, stays as it is.
	text.replace(/\s+/g, " ").replace(/[\\`*{}[\]<>#|~&]|(?<!\w)_|_(?!\w)/g, (character) => `\\${character}`);

/** The fence is longer than any run of backticks inside. */
const fence = (text: string, shortest: number): string =>
	"`".repeat(Math.max(shortest, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));

const code = (text: string): string => {
	const line = text.replace(/\s+/g, " ");
	const mark = fence(line, 1);
	return mark.length === 1 ? `\`${line}\`` : `${mark} ${line} ${mark}`;
};

const fenced = (text: string, language = "sh"): readonly string[] => [
	`${fence(text, 3)}${language}`,
	...text.split("\n"),
	fence(text, 3),
];
