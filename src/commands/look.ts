import { type ClusterOptions, openWorld } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { FactName } from "../facts/sheet.ts";
import { gather, maskOf } from "../gather.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { format } from "../snapshot/snapshot.ts";
import { showProgress } from "./progress.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface Look {
	readonly wanted: Iterable<FactName>;
	readonly options: GlobalOptions & ClusterOptions;
	readonly terminal: Terminal;
	readonly interrupted: AbortSignal;
}

/** Hides the secrets that this environment knows. Where it cannot be read, none of them is known. */
export async function masking(options: GlobalOptions & ClusterOptions): Promise<(text: string) => string> {
	try {
		return await maskOf(openWorld(options));
	} catch (error) {
		if (error instanceof ProbeError) {
			return (text) => text;
		}

		throw error;
	}
}

/** Reads the facts here and now; the only way from a command to the host, the clusters and Proxmox VE. */
export async function look({ wanted, options, terminal, interrupted }: Look): Promise<Snapshot> {
	const world = openWorld(options);
	const overall = new AbortController();
	const timer = setTimeout(() => {
		overall.abort(
			new ProbeError("timeout", `the ${options.timeout / 1_000} s that --timeout gives to a run were over`),
		);
	}, options.timeout);
	const callOff = () => {
		overall.abort(new ProbeError("cancelled", "interrupted"));
	};
	interrupted.addEventListener("abort", callOff);
	const progress = showProgress(terminal, options.quiet);
	try {
		const taken = world.now().toISOString();
		const sheet = await gather(world, { wanted, signal: overall.signal, onProgress: progress.report });
		return { header: { schema: format, doctor: terminal.version, taken, host: world.hostName }, sheet };
	} finally {
		clearTimeout(timer);
		interrupted.removeEventListener("abort", callOff);
		progress.end();
		world.commands.killAll();
		world.close();
	}
}
