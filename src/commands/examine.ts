import { type ClusterOptions, openWorld } from "../access/world.ts";
import type { Check } from "../check.ts";
import { diagnose, exitCode, type Judgement } from "../diagnose.ts";
import { isUsageError, ProbeError } from "../errors.ts";
import { gather } from "../gather.ts";
import { showProgress } from "./progress.ts";
import { targetsOf, writeReports } from "./reports.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface Examination {
	readonly checks: readonly Check[];
	/** Ids that the user named. */
	readonly asked?: ReadonlySet<string>;
	readonly options: GlobalOptions & ClusterOptions;
	readonly terminal: Terminal;
	readonly interrupted: AbortSignal;
}

/** Looks, judges and prints; returns the exit code. */
export async function examine({ checks, asked, options, terminal, interrupted }: Examination): Promise<number> {
	const started = performance.now();
	const targets = targetsOf(options.format, options.report ?? []);
	const world = openWorld(options);
	const overall = new AbortController();
	const timer = setTimeout(() => {
		overall.abort(
			new ProbeError("timeout", `the ${options.timeout / 1_000} s that --timeout gives to a run were over`),
		);
	}, options.timeout);
	interrupted.addEventListener("abort", () => {
		overall.abort(new ProbeError("cancelled", "interrupted"));
	});
	const progress = showProgress(terminal, options.quiet);
	const report = async (judgements: readonly Judgement[], code: number): Promise<void> => {
		const run = {
			version: terminal.version,
			judgements,
			failOn: options.failOn,
			exitCode: code,
			milliseconds: performance.now() - started,
		};
		// Whoever interrupts wants no answer, but a CI system reads the files all the same.
		const wanted = targets.filter(({ file }) => file !== undefined || !interrupted.aborted);
		await writeReports(run, wanted, { terminal, verbose: options.verbose, quiet: options.quiet });
	};
	try {
		const sheet = await gather(world, {
			wanted: new Set(checks.flatMap(({ needs, uses }) => [...needs, ...uses])),
			signal: overall.signal,
			onProgress: progress.report,
		});
		progress.end();
		const judgements = diagnose(checks, sheet, asked === undefined ? {} : { asked });
		const code = exitCode(judgements, options.failOn);
		await report(judgements, code);
		return code;
	} catch (error) {
		if (!isUsageError(error) && targets.some(({ file }) => file !== undefined)) {
			await report(crashed(checks, error), 70);
		}

		throw error;
	} finally {
		clearTimeout(timer);
		progress.end();
		world.commands.killAll();
	}
}

/** A crash must not leave a report of yesterday, or none at all. */
const crashed = (checks: readonly Check[], error: unknown): readonly Judgement[] =>
	checks.map((check) => ({
		check,
		verdict: { kind: "crashed", message: error instanceof Error ? error.message : String(error) },
	}));
