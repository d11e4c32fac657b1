import { adviceOf, typed, undoLine } from "../report/plain.ts";
import type { PlannedStep, Way } from "./plan.ts";

const ways: Readonly<Record<Way, string>> = {
	run: "run here",
	write: "write here",
	copy: "for you to type",
	read: "for you to decide",
};

const risks = { safe: "changes nothing", changes: "changes something", destroys: "DESTROYS something" } as const;

/** All that may be done, before anything is. */
export function renderPlan(plan: readonly PlannedStep[]): string {
	const lines: string[] = [];
	let code: string | undefined;
	for (const [index, { finding, step, way }] of plan.entries()) {
		if (finding.code !== code) {
			({ code } = finding);
			lines.push("", `${finding.severity} ${code}`, finding.summary, "");
		}

		lines.push(
			`  ${index + 1}. [${way === "read" ? ways.read : `${ways[way]}, ${risks[step.risk]}`}] ${adviceOf(step)}`,
		);
		lines.push(...typed(step).flatMap((text) => text.split("\n").map((line) => `       ${line}`)));
		if (step.undo !== undefined) {
			lines.push(`       To undo: ${undoLine(step.undo)}`);
		}
	}

	return `${lines.join("\n").trimStart()}\n\n`;
}

/** One step when its turn comes; of a file, `edit` shows what changes. */
export const renderStep = ({ step, way }: PlannedStep, edit?: string): string =>
	[
		`» ${adviceOf(step)}`,
		...(edit === undefined ? typed(step) : [edit]).flatMap((text) => text.split("\n").map((line) => `    ${line}`)),
		...(way === "read" || step.undo === undefined ? [] : [`  To undo: ${undoLine(step.undo)}`]),
		"",
	].join("\n");
