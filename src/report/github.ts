import { findingsOf, isOpen, type ReportedFinding } from "../diagnose.ts";
import { acceptedLine, countsOf, openingOf, placeOf, staleLines, standingLines, unseen } from "./plain.ts";
import type { Run } from "./report.ts";

/** GitHub shows so many annotations of a level per step; the rest is dropped silently there, so it is counted here. */
const most = 10;

/**
 * Workflow commands that make annotations
 * (docs.github.com/actions, "Workflow commands for GitHub Actions": format, escaping and limits).
 */
export function renderGithub(run: Run): string {
	const all = findingsOf(run.judgements);
	const findings = all.filter(isOpen);
	const accepted = all.flatMap((finding) => {
		const why = acceptedLine(finding);
		return why === undefined ? [] : [command("notice", { title: finding.code }, `${why}. ${finding.summary}`)];
	});
	const errors = findings.filter(({ severity }) => severity === "error").map((finding) => annotate("error", finding));
	const warnings = findings
		.filter(({ severity }) => severity === "warning")
		.map((finding) => annotate("warning", finding));
	const gaps = run.judgements.flatMap(({ check, verdict }) => {
		const reason = unseen(verdict);
		return reason === undefined ? [] : [command("notice", { title: `${check.id} could not be looked at` }, reason)];
	});
	const opening = openingOf(run);
	const notices = [
		...(opening === undefined ? [] : [command("notice", { title: "a snapshot" }, opening)]),
		...gaps,
		...staleLines(run).map((line) => command("notice", { title: "capmox-doctor" }, line)),
		...accepted,
	];
	return [
		...atMost("error", errors),
		...atMost("warning", warnings),
		...atMost("notice", notices),
		`capmox-doctor ${run.version}: ${countsOf(run)}`,
		"",
	].join("\n");
}

type Level = "error" | "warning" | "notice";

function annotate(level: Level, finding: ReportedFinding): string {
	const { code, summary, evidence } = finding;
	const { file, line } = placeOf(evidence) ?? {};
	return command(
		level,
		{ ...(file === undefined ? {} : { file, line: String(line) }), title: code },
		[`${summary} More: capmox-doctor explain ${code}`, ...standingLines(finding)].join("\n"),
	);
}

const atMost = (level: Level, lines: readonly string[]): readonly string[] =>
	lines.length <= most
		? lines
		: [
				...lines.slice(0, most - 1),
				command(level, { title: "capmox-doctor" }, `and ${lines.length - most + 1} more; see the step's summary`),
			];

const command = (level: Level, properties: Readonly<Record<string, string>>, message: string): string =>
	`::${level} ${Object.entries(properties)
		.map(([name, value]) => `${name}=${escapeData(value).replaceAll(":", "%3A").replaceAll(",", "%2C")}`)
		.join(",")}::${escapeData(message)}`;

const escapeData = (text: string): string =>
	text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
