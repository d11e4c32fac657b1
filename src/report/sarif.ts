import { findingsOf, type Judgement, type ReportedFinding } from "../diagnose.ts";
import { acceptedLine, findingLines, placeOf, remarksOf, unseen } from "./plain.ts";
import type { Run } from "./report.ts";

/** SARIF 2.1.0. What was seen outside of any file is placed in the file that told where to look, else in the folder. */
export function renderSarif(run: Run): string {
	const rules = run.judgements.flatMap(({ check }) =>
		Object.entries(check.findings).map(([code, { severity, means }]) => ({
			id: `${check.id}/${code}`,
			shortDescription: { text: means },
			help: { text: `capmox-doctor explain ${check.id}/${code}` },
			defaultConfiguration: { level: severity },
		})),
	);
	const remarks = remarksOf(run).map((text) => ({ level: "note", message: { text } }));
	const log = {
		$schema: "https://json.schemastore.org/sarif-2.1.0.json",
		version: "2.1.0",
		runs: [
			{
				tool: { driver: { name: "capmox-doctor", semanticVersion: run.version, rules } },
				invocations: [
					{
						executionSuccessful: run.exitCode !== 70,
						exitCode: run.exitCode,
						toolExecutionNotifications: [...remarks, ...run.judgements.flatMap(notification)],
					},
				],
				results: findingsOf(run.judgements).map((finding) => ({
					...toResult(finding, run),
					ruleIndex: rules.findIndex(({ id }) => id === finding.code),
				})),
				columnKind: "utf16CodeUnits",
			},
		],
	};
	return `${JSON.stringify(log, null, 2)}\n`;
}

function toResult(finding: ReportedFinding, { settingsFile = ".", home = "~" }: Run) {
	const { file, line } = placeOf(finding.evidence) ?? { file: settingsFile, line: 1 };
	const accepted = acceptedLine(finding);
	return {
		ruleId: finding.code,
		level: finding.severity,
		message: { text: findingLines(finding).join("\n") },
		locations: [
			{
				physicalLocation: {
					artifactLocation: { uri: toUri(file.replace(/^~(?=\/)/, home)) },
					region: { startLine: line },
				},
			},
		],
		...(accepted === undefined
			? {}
			: { suppressions: [{ kind: "external", status: "accepted", justification: accepted }] }),
		partialFingerprints: {
			"codeAndSource/v1": `${finding.code}: ${finding.evidence[0].from.replace(/, line \d+/, "")}`,
		},
	};
}

const toUri = (file: string): string => {
	const path = file.split("/").map(encodeURIComponent).join("/");
	return file.startsWith("/") ? `file://${path}` : path;
};

/** What could not be looked at is no result, and must not look like a pass. */
function notification({ check, verdict }: Judgement) {
	const text = unseen(verdict);
	return text === undefined
		? []
		: [
				{
					level: verdict.kind === "crashed" ? "error" : "warning",
					message: { text: `${check.id}: ${text}` },
				},
			];
}
