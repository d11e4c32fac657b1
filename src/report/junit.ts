import { isOpen, type Judgement, type ReportedFinding, shownAs } from "../diagnose.ts";
import { acceptedLine, byGroup, escapeMarkup, findingLines, openingOf, staleLines, titleOf, unseen } from "./plain.ts";
import type { Run } from "./report.ts";

/**
 * JUnit XML as Jenkins and GitLab read it: a test case for each check. `unknown` is an error, because nothing was
 * proven; warnings fail only where --fail-on says so.
 */
export function renderJunit(run: Run): string {
	const suites = byGroup(run.judgements).map(
		([group, judgements]) => [titleOf(group, run), judgements.map((judgement) => testCase(judgement, run))] as const,
	);
	const all = suites.flatMap(([, cases]) => cases);
	const opening = openingOf(run);
	const said = [
		...(opening === undefined ? [] : [["snapshot", opening] as const]),
		...staleLines(run).map((line) => ["stale", line] as const),
	].map(([name, value]) => `<property name="${name}" value="${escapeMarkup(value)}"/>`);
	const properties = said.length === 0 ? [] : [`    <properties>${said.join("")}</properties>`];
	return [
		'<?xml version="1.0" encoding="UTF-8"?>',
		`<testsuites name="capmox-doctor ${escapeMarkup(run.version)}" ${totals(all)} time="${(run.milliseconds / 1_000).toFixed(3)}">`,
		...suites.flatMap(([title, cases]) => [
			`  <testsuite name="${escapeMarkup(title)}" ${totals(cases)}>`,
			...properties,
			...cases.map(({ xml }) => xml),
			"  </testsuite>",
		]),
		"</testsuites>",
		"",
	].join("\n");
}

interface TestCase {
	readonly outcome: "passed" | "failure" | "error" | "skipped";
	readonly xml: string;
}

function totals(cases: readonly TestCase[]): string {
	const count = (outcome: TestCase["outcome"]) => cases.filter((each) => each.outcome === outcome).length;
	return `tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}" skipped="${count("skipped")}"`;
}

function testCase(judgement: Judgement, run: Run): TestCase {
	const { check, verdict } = judgement;
	const { outcome, lines } = inside(judgement, run);
	const head = `    <testcase classname="capmox-doctor.${check.group}" name="${escapeMarkup(`${check.id}: ${check.title}`)}"`;
	const reason = verdict.kind === "pass" ? [`      <system-out>${escapeMarkup(verdict.summary)}</system-out>`] : lines;
	return { outcome, xml: [`${head}>`, ...reason, "    </testcase>"].join("\n") };
}

function inside({ verdict }: Judgement, { failOn }: Run): { outcome: TestCase["outcome"]; lines: readonly string[] } {
	const missing = unseen(verdict);
	const error = missing === undefined ? [] : [element("error", "unknown", missing, missing)];
	switch (verdict.kind) {
		case "pass":
			return { outcome: "passed", lines: [] };
		case "skip":
			return { outcome: "skipped", lines: [`      <skipped message="${escapeMarkup(verdict.reason)}"/>`] };
		case "unknown":
		case "crashed":
			return { outcome: "error", lines: error };
		case "problem": {
			const text = verdict.findings.map((finding) => findingLines(finding).join("\n")).join("\n\n");
			const open = verdict.findings.filter(isOpen);
			const [first] = open;
			if (first === undefined) {
				const reasons = new Set(verdict.findings.map(acceptedLine));
				const output = `      <system-out>${escapeMarkup(text)}</system-out>`;
				return error.length > 0
					? { outcome: "error", lines: [...error, output] }
					: {
							outcome: "skipped",
							lines: [`      <skipped message="${escapeMarkup([...reasons].join("; "))}"/>`, output],
						};
			}

			return shownAs(verdict) === "fail" || failOn === "warning"
				? { outcome: "failure", lines: [failure(first, text)] }
				: error.length > 0
					? { outcome: "error", lines: [...error, `      <system-out>${escapeMarkup(text)}</system-out>`] }
					: { outcome: "passed", lines: [`      <system-out>${escapeMarkup(text)}</system-out>`] };
		}
	}
}

const failure = ({ code, summary }: ReportedFinding, text: string): string => element("failure", code, summary, text);

const element = (name: string, type: string, message: string, text: string): string =>
	`      <${name} type="${escapeMarkup(type)}" message="${escapeMarkup(message)}">${escapeMarkup(text)}</${name}>`;
