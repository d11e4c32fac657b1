import { type Judgement, type ReportedFinding, shownAs } from "../diagnose.ts";
import { adviceOf, countsOf, remarksOf, standingLines, typed, unseen } from "./plain.ts";
import type { Run } from "./report.ts";

/** GitHub takes 65,536 characters for an issue; something is left for what its author has to say. */
const largest = 60_000;

/** Markdown to be pasted into an issue, or with a larger `limit` (bytes of UTF-8) for the summary of a CI job. */
export function renderMarkdown(run: Run, limit = largest): string {
	const remarks = remarksOf(run).map((remark) => `\n${escape(remark)}\n`);
	const head = `## capmox-doctor ${run.version}: ${countsOf(run)}\n${remarks.join("")}`;
	const parts = [...run.judgements.flatMap(problem), ...run.judgements.flatMap(gap), rest(run)].filter(
		(part) => part !== "",
	);
	const notice = (left: number) => `\n_${left} more parts were left out for their length._\n`;
	let text = head;
	for (const [index, part] of parts.entries()) {
		if (bytes(text) + bytes(part) + 1 + bytes(notice(parts.length)) > limit) {
			return text + notice(parts.length - index);
		}

		text += `\n${part}`;
	}

	return text;
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;

const problem = ({ check, verdict }: Judgement): readonly string[] =>
	verdict.kind === "problem"
		? verdict.findings.map(
				(finding) =>
					`### ${finding.waived !== undefined ? "waived:" : finding.knownFrom !== undefined ? "known:" : finding.severity === "error" ? "✘" : "!"} ${escape(check.title)} (\`${finding.code}\`)\n\n${body(finding)}`,
			)
		: [];

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

const gap = ({ check, verdict }: Judgement): readonly string[] => {
	const reason = unseen(verdict);
	return reason === undefined
		? []
		: [`### ? ${escape(check.title)} (\`${check.id}\`)\n\nCould not look: ${escape(reason)}\n`];
};

function rest({ judgements }: Run): string {
	const rows = judgements.flatMap(({ check, verdict }) =>
		verdict.kind === "pass" || verdict.kind === "skip"
			? [
					`| ${shownAs(verdict)} | ${check.id} | ${escape(verdict.kind === "pass" ? verdict.summary : verdict.reason)} |`,
				]
			: [],
	);
	return rows.length === 0
		? ""
		: [
				"<details><summary>Fine, or not applicable</summary>",
				"",
				"| verdict | check | why |",
				"|---|---|---|",
				...rows,
				"",
				"</details>",
				"",
			].join("\n");
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
