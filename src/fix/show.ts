import { adviceOf, typed, undoLine } from "../report/plain.ts";
import { prose } from "../report/prose.ts";
import type { PlannedStep, Way } from "./plan.ts";

const ways: Readonly<Record<Way, string>> = {
	run: "run here",
	write: "write here",
	copy: "for you to type",
	read: "for you to decide",
};

const risks = { safe: "changes nothing", changes: "changes something", destroys: "DESTROYS something" } as const;

/** All that may be done, before anything is. `width`: columns for prose; what is typed stays whole. */
export function renderPlan(plan: readonly PlannedStep[], width: number): string {
	const lines: string[] = [];
	let shown: PlannedStep["finding"] | undefined;
	for (const [index, { finding, step, way }] of plan.entries()) {
		if (finding !== shown) {
			shown = finding;
			lines.push("", `${finding.severity} ${finding.code}`, prose(finding.summary, 0, { width }), "");
		}

		const risk = way === "read" ? ways.read : `${ways[way]}, ${risks[step.risk]}`;
		lines.push(
			`${String(index + 1).padStart(3)}. ${prose(`[${risk}] ${adviceOf(step)}`, 5, { width }).trimStart()}`,
			...indented(typed(step), 7),
			...(step.undo === undefined ? [] : [prose(`To undo: ${undoLine(step.undo)}`, 7, { width })]),
		);
	}

	return `${lines.join("\n").trimStart()}\n\n`;
}

/** One step when its turn comes; of a file, `edit` shows what changes. */
export const renderStep = ({ step, way }: PlannedStep, width: number, edit?: string): string =>
	[
		`» ${prose(adviceOf(step), 2, { width }).trimStart()}`,
		...indented(edit === undefined ? typed(step) : [edit], 4),
		...(way === "read" || step.undo === undefined ? [] : [prose(`To undo: ${undoLine(step.undo)}`, 2, { width })]),
		"",
	].join("\n");

const indented = (texts: readonly string[], columns: number): readonly string[] =>
	texts.flatMap((text) => text.split("\n").map((line) => " ".repeat(columns) + line));
