import { type Log, quotedLog } from "../access/log.ts";
import { openWorld, type World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { KnownMachines } from "../explain/timeline.ts";
import { type ProviderLogs, readProviderLogs, type Unread } from "../facts/provider-logs.ts";
import type { FactSheet } from "../facts/sheet.ts";
import { gather } from "../gather.ts";
import { showProgress } from "./progress.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface LiveOptions extends GlobalOptions {
	readonly live: boolean;
	/** Milliseconds. */
	readonly since: number;
}

/** What the management cluster has to say. */
export interface Live {
	readonly logs: readonly Log[];
	readonly known: KnownMachines;
	readonly place: string;
	readonly unread: readonly Unread[];
	readonly cut: readonly string[];
}

const wanted = ["management.machines", "management.proxmoxMachines"] as const;

/** Reads the logs of the providers and the machines that they may name. @throws ProbeError where there are no logs to be had. */
export async function readLive(options: LiveOptions, terminal: Terminal, interrupted: AbortSignal): Promise<Live> {
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
		const since = Math.max(1, Math.ceil(options.since / 1_000));
		const signal = overall.signal;
		const [found, sheet] = await Promise.all([
			readLogs(world, since, signal),
			gather(world, { wanted, signal, onProgress: progress.report }),
		]);
		return { ...toLive(found, since), ...seen(sheet, found, options.namespace) };
	} finally {
		clearTimeout(timer);
		progress.end();
		world.commands.killAll();
		world.close();
	}
}

/** Of what an abort interrupts the reason says more than a command that was killed. */
async function readLogs({ kubectl }: World, since: number, signal: AbortSignal): Promise<ProviderLogs> {
	try {
		return await readProviderLogs({ kubectl, since, signal });
	} catch (error) {
		throw signal.reason instanceof ProbeError ? signal.reason : error;
	}
}

function toLive({ pods, logs }: ProviderLogs, since: number): Pick<Live, "logs" | "place" | "cut"> {
	return {
		logs: logs.map(({ name, text }) => ({ ...quotedLog(text), name })),
		place: `the logs of ${pods} ${pods === 1 ? "pod" : "pods"} since ${inWords(since)} ago`,
		cut: logs.filter(({ cut }) => cut).map(({ name }) => name),
	};
}

const inWords = (seconds: number): string =>
	seconds % 3_600 === 0 ? `${seconds / 3_600} h` : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;

function seen(
	sheet: FactSheet,
	{ unread }: ProviderLogs,
	namespace: string | undefined,
): Pick<Live, "known" | "unread"> {
	const { "management.machines": machines, "management.proxmoxMachines": proxmoxMachines } = sheet;
	return {
		known: {
			...(machines?.state === "known" ? { machines: machines.value.items } : {}),
			...(proxmoxMachines?.state === "known" ? { proxmoxMachines: proxmoxMachines.value.items } : {}),
			namespace,
		},
		unread: [
			...unread,
			...wanted.flatMap((fact) => {
				const state = sheet[fact];
				return state?.state === "unavailable" ? [{ name: fact, reason: `${state.lastSeen} (${state.cause})` }] : [];
			}),
		],
	};
}
