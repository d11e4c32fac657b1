import type { NonEmpty, Step } from "../../src/check.ts";
import { ageOf, type Estate, nameOf, spell, type Thing } from "./estate.ts";
import { type Fault, severityOf } from "./fault.ts";
import { advise, type DeletionFinding, findings } from "./findings.ts";
import { renderTree, type Waiting } from "./tree.ts";

interface Group {
	readonly faults: NonEmpty<Fault>;
	readonly severity: "error" | "warning";
}

/** One finding for each cause, however many objects it holds; the oldest stands for the others. */
export function reportFaults(estate: Estate, waiting: Waiting, faults: readonly Fault[]): readonly DeletionFinding[] {
	return groupByCause(estate, faults)
		.sort((one, other) => rank(one) - rank(other))
		.map((group) => reportGroup(estate, waiting, group));
}

/** In the order of the table of findings: what destroys first. */
const codes = Object.keys(findings);
const rank = ({ faults: [{ code }] }: Group): number => codes.indexOf(code);

function groupByCause(estate: Estate, faults: readonly Fault[]): Group[] {
	const groups = new Map<string, Group>();
	const oldestFirst = [...faults].sort(
		(one, other) => ageOf(other.thing.object, estate.now) - ageOf(one.thing.object, estate.now),
	);
	for (const fault of oldestFirst) {
		const severity = severityOf(fault, estate);
		if (severity === undefined) {
			continue;
		}

		const key = `${fault.code} ${fault.group ?? ""}`;
		const before = groups.get(key);
		groups.set(
			key,
			before === undefined
				? { faults: [fault], severity }
				: {
						faults: [...before.faults, fault],
						severity: before.severity === "error" ? "error" : severity,
					},
		);
	}

	return [...groups.values()];
}

/** Evidence of so many is told in full; the tree names all. */
const fewFaults = 3;

function reportGroup(estate: Estate, waiting: Waiting, { faults, severity }: Group): DeletionFinding {
	const [first, ...others] = faults;
	const different = faults.filter(
		({ from, saw }, index) => faults.findIndex((each) => each.from === from && each.saw === saw) === index,
	);
	const [shown = first, ...more] = different.slice(0, fewFaults);
	const [step, ...steps] = first.steps();
	const table = findings[first.code];
	const tree = renderTree(
		waiting,
		faults.map(({ thing }) => thing),
		estate,
	);
	return {
		code: first.code,
		// The table's own word is the worst that a code can be.
		severity: table.severity === "warning" ? "warning" : severity,
		confidence: faults.every(({ likely }) => likely === true) ? "likely" : "certain",
		summary: first.summary(whoOf(faults, estate)),
		evidence: [
			evidenceOf(shown),
			...more.map(evidenceOf),
			...(tree.length === 1 && different.length === 1
				? []
				: [
						{
							from: "who waits for whom",
							saw: `from the top down, with the time since each was deleted${isOwnClock(estate) ? ", by this host's clock" : ""}`,
							lines: tree,
						},
					]),
		],
		remedy: [
			step,
			...steps,
			...(others.length === 0 || !names(first.thing, [step, ...steps])
				? []
				: [
						advise(
							`The commands name ${nameOf(first.thing)}, the oldest. Where the cause is one for all, it is enough to remove it; otherwise run this check again after each one, for fresh commands of the next.`,
						),
					]),
		],
	};
}

/** The API server's could not be seen. */
const isOwnClock = ({ facts }: Estate): boolean => facts["management.server"].date === undefined;

/** A command is for that very object. */
const names = ({ object: { name } }: Thing, steps: readonly Step[]): boolean =>
	steps.some(({ command }) => command?.includes(name));

const evidenceOf = ({ from, saw, expected }: Fault) => ({
	from,
	saw: saw.replaceAll(/\s+/g, " "),
	...(expected === undefined ? {} : { expected }),
});

function whoOf([first, ...others]: NonEmpty<Fault>, { now }: Estate): string {
	const name = `${nameOf(first.thing)} (in deletion for ${spell(ageOf(first.thing.object, now))})`;
	if (others.length === 0) {
		return name;
	}

	const kinds = new Map<Thing["kind"], number>();
	for (const { thing } of others) {
		kinds.set(thing.kind, (kinds.get(thing.kind) ?? 0) + 1);
	}

	return `${name}, together with ${[...kinds].map(([kind, count]) => `${count} ${kind === first.thing.kind ? "other " : ""}${kind}${count === 1 ? "" : plural(kind)}`).join(" and ")},`;
}

const plural = (kind: string): string => (kind.endsWith("s") ? "es" : "s");
