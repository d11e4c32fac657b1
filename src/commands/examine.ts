import { throwIfBroken } from "../abort.ts";
import { homeFolder } from "../access/current-folder.ts";
import { firstFile } from "../access/settings-file.ts";
import type { ClusterOptions } from "../access/world.ts";
import type { Check } from "../check.ts";
import { diagnose, exitCode, type Judgement, type Settled } from "../diagnose.ts";
import { isUsageError, UsageError } from "../errors.ts";
import type { FactName, FactSheet } from "../facts/sheet.ts";
import type { SnapshotNote } from "../report/report.ts";
import { type Acceptance, acceptNothing } from "./accept.ts";
import { repeatOptions } from "./again.ts";
import { look, masking } from "./look.ts";
import { type Look, transitions, waitUntilFine, watch } from "./repeat.ts";
import { targetsOf, writeReports } from "./reports.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface Examination {
	readonly checks: readonly Check[];
	/** Ids that the user named. */
	readonly asked?: ReadonlySet<string>;
	/** A snapshot to judge in place of what is here. */
	readonly from?: string | undefined;
	/** Milliseconds to look again in, until all is fine. */
	readonly wait?: number | undefined;
	/** Look again until it is interrupted. */
	readonly watch?: boolean | undefined;
	readonly acceptance?: Acceptance;
	readonly options: GlobalOptions & ClusterOptions;
	readonly terminal: Terminal;
	readonly interrupted: AbortSignal;
}

/** Every fact that the checks ask for. */
export const wantedBy = (checks: readonly Check[]): ReadonlySet<FactName> =>
	new Set(checks.flatMap(({ needs, uses }) => [...needs, ...uses]));

/** Looks, judges and prints; returns the exit code. */
export async function examine(examination: Examination): Promise<number> {
	const { checks, asked, options, terminal, interrupted } = examination;
	const { settle, keep, file: configuration } = examination.acceptance ?? acceptNothing;
	const settingsFile = firstFile([options.manifest, examination.from, options.envFile, configuration, "envfile"]);
	const started = performance.now();
	const targets = targetsOf(options.format, options.report ?? []);
	const report: Report = async ({ judgements, stale, code, note }, isShown = true) => {
		const run = {
			version: terminal.version,
			judgements,
			stale,
			failOn: options.failOn,
			exitCode: code,
			milliseconds: performance.now() - started,
			...(note === undefined ? {} : { snapshot: note }),
			...(settingsFile === undefined ? {} : { settingsFile }),
			home: homeFolder(),
		};
		// Whoever interrupts wants no answer, but a CI system reads the files all the same.
		const wanted = targets.filter(({ file }) => file !== undefined || (isShown && !interrupted.aborted));
		await writeReports(run, wanted, { terminal, verbose: options.verbose, quiet: options.quiet });
	};
	try {
		const look = async (): Promise<Looked> => {
			const { sheet, note } = await see(examination);
			const found = repeatOptions(diagnose(checks, sheet, asked === undefined ? {} : { asked }), options);
			const { judgements, stale } = settle(found);
			return { judgements, stale, code: exitCode(judgements, options.failOn), ...(note === undefined ? {} : { note }) };
		};
		const seen = await repeat(look, examination, report);
		throwIfBroken(interrupted);
		// What an interrupted look missed would be new the next time.
		if (!interrupted.aborted) {
			await keep?.(seen.judgements);
		}

		if (examination.watch !== true) {
			await report(seen);
		}

		return seen.code;
	} catch (error) {
		if (!isUsageError(error) && targets.some(({ file }) => file !== undefined)) {
			const message = error instanceof Error ? error.message : String(error);
			const mask = await masking(options).catch(() => () => "[an error]");
			await report({ judgements: crashed(checks, mask(message)), stale: [], code: 70 });
		}

		throw error;
	}
}

type Looked = Look & Settled & { readonly note?: SnapshotNote };
/** Writes every report, and without `isShown` only those that go into a file. */
type Report = (seen: Looked, isShown?: boolean) => Promise<void>;

/** Once, until all is fine (`--wait`), or until it is interrupted (`--watch`). */
async function repeat(
	look: () => Promise<Looked>,
	{ wait, watch: isWatching = false, from, terminal, interrupted }: Examination,
	report: Report,
): Promise<Looked> {
	if (wait === undefined && !isWatching) {
		return await look();
	}

	if (from !== undefined) {
		throw new UsageError("--from: a snapshot does not change, so there is nothing to wait for");
	}

	if (wait !== undefined) {
		return await waitUntilFine(look, wait, terminal, interrupted);
	}

	const clear = "\u001B[2J\u001B[3J\u001B[H";
	return await watch(
		look,
		async (seen, before) => {
			terminal.out(terminal.interactive ? clear : transitions(seen, before, new Date()));
			await report(seen, terminal.interactive);
		},
		interrupted,
	);
}

interface Seen {
	readonly sheet: FactSheet;
	readonly note?: SnapshotNote;
}

/** Here, or in the snapshot, whose reader is loaded for it. */
async function see({ checks, from, options, terminal, interrupted }: Examination): Promise<Seen> {
	const wanted = wantedBy(checks);
	if (from === undefined) {
		const { sheet } = await look({ wanted, options, terminal, interrupted });
		return { sheet };
	}

	const { openSnapshot } = await import("./open.ts");
	return await openSnapshot(from, wanted, terminal.version);
}

/** A crash must not leave a report of yesterday, or none at all. */
const crashed = (checks: readonly Check[], message: string): readonly Judgement[] =>
	checks.map((check) => ({ check, verdict: { kind: "crashed", message } }));
