import { Chalk } from "chalk";
import type { ClusterOptions } from "../access/world.ts";
import type { Check } from "../check.ts";
import { diagnose, exitCode } from "../diagnose.ts";
import type { FactName, FactSheet } from "../facts/sheet.ts";
import { renderHuman } from "../report/human.ts";
import { type Run, renderJson, type SnapshotNote } from "../report/report.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface Examination {
	readonly checks: readonly Check[];
	/** Ids that the user named. */
	readonly asked?: ReadonlySet<string>;
	readonly options: GlobalOptions & ClusterOptions;
	readonly terminal: Terminal;
	readonly interrupted: AbortSignal;
}

/** Every fact that the checks ask for. */
export const wantedBy = (checks: readonly Check[]): ReadonlySet<FactName> =>
	new Set(checks.flatMap(({ needs, uses }) => [...needs, ...uses]));

/** Looks here, or into the snapshot that `from` names; judges and prints; returns the exit code. */
export async function examine({
	from,
	...examination
}: Examination & { readonly from?: string | undefined }): Promise<number> {
	const { checks, options, terminal, interrupted } = examination;
	const started = performance.now();
	const wanted = wantedBy(checks);
	// Neither way loads what only the other one needs.
	if (from === undefined) {
		const { look } = await import("./look.ts");
		const { sheet } = await look({ wanted, options, terminal, interrupted });
		return judge({ ...examination, sheet, started });
	}

	const { openSnapshot } = await import("./open.ts");
	return judge({ ...examination, ...(await openSnapshot(from, wanted, terminal.version)), started });
}

interface Case extends Examination {
	readonly sheet: FactSheet;
	readonly note?: SnapshotNote;
	/** When the command began, by `performance`. */
	readonly started: number;
}

/** Judges what was seen and prints the report; returns the exit code. */
export function judge({ checks, asked, options, terminal, interrupted, sheet, note, started }: Case): number {
	const { failOn, format } = options;
	const judgements = diagnose(checks, sheet, asked === undefined ? {} : { asked });
	const code = exitCode(judgements, failOn);
	const run: Run = {
		version: terminal.version,
		judgements,
		failOn,
		exitCode: code,
		milliseconds: performance.now() - started,
		...(note === undefined ? {} : { snapshot: note }),
	};
	if (!interrupted.aborted) {
		terminal.out(
			format === "json"
				? renderJson(run)
				: renderHuman(run, {
						paint: new Chalk({ level: terminal.colour ? 1 : 0 }),
						width: terminal.columns,
						verbose: options.verbose,
						quiet: options.quiet,
					}),
		);
	}

	return code;
}
