import { Chalk } from "chalk";
import { type ClusterOptions, openWorld } from "../access/world.ts";
import type { Check } from "../check.ts";
import { diagnose, exitCode, type FailOn } from "../diagnose.ts";
import { ProbeError } from "../errors.ts";
import { gather } from "../gather.ts";
import { renderHuman } from "../report/human.ts";
import { renderJson } from "../report/report.ts";
import { showProgress } from "./progress.ts";
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
	try {
		const sheet = await gather(world, {
			wanted: new Set(checks.flatMap(({ needs, uses }) => [...needs, ...uses])),
			signal: overall.signal,
			onProgress: progress.report,
		});
		progress.end();
		const judgements = diagnose(checks, sheet, asked === undefined ? {} : { asked });
		const failOn: FailOn = options.failOn;
		const code = exitCode(judgements, failOn);
		const run = {
			version: terminal.version,
			judgements,
			failOn,
			exitCode: code,
			milliseconds: performance.now() - started,
		};
		if (!interrupted.aborted) {
			terminal.out(
				options.format === "json"
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
	} finally {
		clearTimeout(timer);
		progress.end();
		world.commands.killAll();
		world.close();
	}
}
