import type { Difference } from "../compare.ts";
import type { ReportedFinding } from "../diagnose.ts";
import { type HumanOptions, renderFinding } from "./human.ts";
import { renderNote } from "./plain.ts";
import { prose } from "./prose.ts";
import { type SnapshotNote, toFinding } from "./report.ts";
import type { DifferenceReport } from "./schema.ts";

/** Two looks at a set-up, as every format shows them. */
export interface Comparison {
	readonly version: string;
	readonly before: SnapshotNote | undefined;
	/** Absent where it is what is here now. */
	readonly after: SnapshotNote | undefined;
	readonly byCode: boolean;
	readonly difference: Difference;
	/** Ids of checks whose facts one of the two does not hold. */
	readonly notCompared: readonly string[];
	readonly exitCode: number;
}

export function renderDifference(comparison: Comparison, options: HumanOptions): string {
	const { difference } = comparison;
	const { fresh, worse, gone, unchanged } = difference;
	const { paint } = options;
	const isBrief = options.quiet === true;
	const parts = [
		...(isBrief ? [] : [renderSides(comparison, options)]),
		...titled("New", fresh, paint.red, options, (finding) => renderFinding(finding, options)),
		...titled("Worse: was a warning", worse, paint.red, options, (finding) => renderFinding(finding, options)),
		...renderBlinded(comparison, options),
		...(isBrief ? [] : titled("Gone", gone, paint.green, options, (finding) => brief(finding, options))),
		...(options.verbose === true
			? titled("Unchanged", unchanged, paint.dim, options, (finding) => brief(finding, options))
			: []),
		...(isBrief ? [] : [renderVersions(difference), renderNotCompared(comparison, options), renderClosing(comparison)]),
	].filter((part) => part !== "");
	return parts.length === 0 ? "" : `${parts.join("\n\n")}\n`;
}

function renderSides({ before, after, byCode }: Comparison, options: HumanOptions): string {
	const side = (name: string, note: SnapshotNote | undefined) =>
		note === undefined ? `${name}: what is here now.` : `${name}: ${renderNote(note)}`;
	const hint = byCode ? ["Names are stand-ins in one of them, so findings are compared by their codes alone."] : [];
	return [side("Before", before), side("After", after), ...hint].map((line) => prose(line, 0, options)).join("\n");
}

type Paint = HumanOptions["paint"];

const titled = <T>(
	title: string,
	items: readonly T[],
	paint: Paint,
	options: HumanOptions,
	render: (item: T) => string,
): string[] =>
	items.length === 0 ? [] : [[options.paint.bold(paint(title)), items.map(render).join("\n\n")].join("\n")];

const brief = ({ code, severity, summary }: ReportedFinding, options: HumanOptions): string =>
	[prose(summary, 4, options), `    ${options.paint.dim(`${severity} · ${code}`)}`].join("\n");

const renderBlinded = ({ difference: { blinded } }: Comparison, options: HumanOptions): string[] =>
	titled("Cannot be seen any more", blinded, options.paint.magenta, options, ({ check, missing, findings }) => {
		const why = missing.map(({ fact, cause, lastSeen }) => `${fact} (${cause}): ${lastSeen}`);
		const found = findings.map(({ code }) => code).join(", ");
		return [
			prose(
				`${check}: ${why.length === 0 ? "the check failed by a bug of capmox-doctor" : why.join("; ")}`,
				4,
				options,
			),
			...(found === "" ? [] : [prose(`Nobody knows whether these are gone: ${found}.`, 4, options)]),
		].join("\n");
	});

function renderVersions({ versions }: Difference): string {
	const rows = versions.map(({ fact, what, before, after }) => [`${fact} ${what}`, `${before} → ${after}`] as const);
	const width = Math.max(0, ...rows.map(([what]) => what.length));
	return rows.length === 0
		? ""
		: ["Changed versions", ...rows.map(([what, change]) => `    ${what.padEnd(width)}  ${change}`)].join("\n");
}

const renderNotCompared = ({ notCompared }: Comparison, options: HumanOptions): string =>
	notCompared.length === 0
		? ""
		: prose(`Not compared, because one of the two does not hold their facts: ${notCompared.join(", ")}.`, 0, options);

function renderClosing({ difference: { fresh, worse, gone, unchanged, blinded }, exitCode }: Comparison): string {
	const counts = [
		[fresh.length, "new"],
		[worse.length, "worse"],
		[gone.length, "gone"],
		[unchanged.length, "unchanged"],
		[blinded.length, "out of sight"],
	] as const;
	const told = counts.flatMap(([number, word]) => (number === 0 ? [] : [`${number} ${word}`]));
	const accepted = [...fresh, ...worse].some(({ waived }) => waived !== undefined);
	const meaning = exitCode === 0 && accepted ? ": what got worse is waived" : (meanings[exitCode] ?? "");
	return `${told.length === 0 ? "no findings" : told.join(", ")} · exit ${exitCode}${meaning}`;
}

const meanings: Readonly<Partial<Record<number, string>>> = {
	0: ": nothing got worse",
	1: ": something got worse",
	3: ": something cannot be seen any more",
	70: ": a bug of capmox-doctor",
};

export function renderDifferenceJson({
	version,
	before,
	after,
	byCode,
	difference,
	notCompared,
	exitCode,
}: Comparison): string {
	const { fresh, worse, gone, unchanged, blinded, versions } = difference;
	const report: DifferenceReport = {
		schema: "capmox-doctor/diff/v1",
		version,
		...(before === undefined ? {} : { before }),
		...(after === undefined ? {} : { after }),
		byCode,
		new: fresh.map(toFinding),
		worse: worse.map(toFinding),
		gone: gone.map(toFinding),
		unchanged: unchanged.map(toFinding),
		outOfSight: blinded.map(({ check, missing, findings }) => ({
			check,
			missing: [...missing],
			findings: findings.map(toFinding),
		})),
		versions: [...versions],
		notCompared: [...notCompared],
		exitCode,
	};
	return `${JSON.stringify(report, null, 2)}\n`;
}
