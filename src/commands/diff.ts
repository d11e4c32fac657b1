import { Chalk } from "chalk";
import { load } from "../../checks/directory.ts";
import { comparable, compare, compareVersions, exitCodeOf } from "../compare.ts";
import { diagnose } from "../diagnose.ts";
import { UsageError } from "../errors.ts";
import type { FactSheet } from "../facts/sheet.ts";
import { type Comparison, renderDifference, renderDifferenceJson } from "../report/difference.ts";
import type { SnapshotNote } from "../report/report.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { acceptNothing } from "./accept.ts";
import { wantedBy } from "./examine.ts";
import { look } from "./look.ts";
import { noteOf, readSnapshot } from "./open.ts";
import { choose, type RunOptions } from "./run.ts";
import { type IsGiven, withSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export type DiffOptions = Omit<RunOptions, "from" | "flavor" | "capmoxVersion">;

interface Side {
	readonly snapshot: Snapshot;
	/** Absent for what is here now. */
	readonly note?: SnapshotNote;
}

/** `diff`: what got worse, better, or out of sight between two snapshots, or between one and now. */
export async function diff(
	before: string,
	after: string | undefined,
	line: DiffOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
	isGiven: IsGiven,
): Promise<number> {
	const { options, settings = acceptNothing } = await withSettings(line, isGiven);
	const chosen = await load(choose(options));
	const one = await open(before, terminal.version);
	const other = await (after === undefined ? lookAgain(one.snapshot) : open(after, terminal.version));
	if (interrupted.aborted) {
		return 130;
	}

	const [former, latter] = [one.snapshot.sheet, other.snapshot.sheet];
	const checks = comparable(chosen, [former, latter]);
	if (checks.length === 0) {
		throw new UsageError(`there is nothing to compare: ${before} and the other hold the facts of no check in common`);
	}

	const byCode = [one, other].some(({ snapshot }) => snapshot.header.anonymized === true);
	const judge = (sheet: FactSheet) => settings.settle(diagnose(checks, sheet)).judgements;
	const difference = {
		...compare(judge(former), judge(latter), { byCode }),
		versions: compareVersions(former, latter),
	};
	const code = exitCodeOf(difference, options.failOn);
	const comparison: Comparison = {
		version: terminal.version,
		before: one.note,
		after: other.note,
		byCode,
		difference,
		notCompared: chosen.filter((check) => !checks.includes(check)).map(({ id }) => id),
		exitCode: code,
	};
	terminal.out(
		options.format === "json"
			? renderDifferenceJson(comparison)
			: renderDifference(comparison, {
					paint: new Chalk({ level: terminal.colour ? 1 : 0 }),
					width: terminal.columns,
					verbose: options.verbose,
					quiet: options.quiet,
				}),
	);
	return code;

	/** Only what the snapshot holds: the rest has nothing to be compared with. */
	async function lookAgain({ sheet }: Snapshot): Promise<Side> {
		const wanted = [...wantedBy(chosen)].filter((name) => sheet[name] !== undefined);
		return { snapshot: await look({ wanted, options, terminal, interrupted }) };
	}
}

async function open(path: string, version: string): Promise<Side> {
	const snapshot = await readSnapshot("diff", path, version);
	return { snapshot, note: noteOf(snapshot, new Date()) };
}
