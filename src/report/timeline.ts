import type { Timeline, TimelineEvent, Timelines } from "../explain/timeline.ts";
import type { ExplanationOptions } from "./explanation.ts";
import { grouped, prose } from "./prose.ts";

/** One block for each machine, what happened in time order. */
export function renderTimelines({ timelines, others }: Timelines, options: ExplanationOptions): readonly string[] {
	const rest =
		others === 0
			? []
			: [
					options.paint.dim(
						prose(
							others === 1
								? "1 other machine is running, and no known message names it."
								: `${others} other machines are running, and no known message names them.`,
							0,
							options,
						),
					),
				];
	return timelines.length === 0
		? rest
		: [
				prose("What happened to each machine, in time order (UTC):", 0, options),
				...timelines.map((timeline) => renderTimeline(timeline, options)),
				...rest,
			];
}

function renderTimeline(timeline: Timeline, options: ExplanationOptions): string {
	const { machine, proxmoxMachine, vmid, node, gone, events } = timeline;
	const about = [
		...(proxmoxMachine === undefined || proxmoxMachine === machine ? [] : [`ProxmoxMachine ${proxmoxMachine}`]),
		...(vmid === undefined ? [] : [`VM ${vmid}${node === undefined ? "" : ` on ${node}`}`]),
		...(gone ? ["does not exist any more"] : []),
	];
	const title = `${options.paint.bold(machine)}${about.length === 0 ? "" : `  ${options.paint.dim(about.join(", "))}`}`;
	return [title, ...events.map((event) => renderEvent(event, options))].join("\n");
}

const clock = (time: string): string => time.replace("T", " ").replace(/(?:\.\d+)?Z$/, "");

function renderEvent(event: TimelineEvent, options: ExplanationOptions): string {
	const { paint } = options;
	const colour =
		event.kind === "message" && event.ended !== true
			? event.means === "cause"
				? paint.red
				: paint.magenta
			: event.kind === "condition" && event.well !== true
				? paint.yellow
				: (text: string) => text;
	const lines = prose(`${markOf(event)} ${wordsOf(event)}`, 25, options).trimStart();
	return `    ${paint.dim(clock(event.time))}  ${colour(lines)}`;
}

function markOf({ kind, means, ended, well }: TimelineEvent): string {
	if (kind !== "message") {
		return kind === "condition" && well !== true ? "!" : "·";
	}

	return ended === true ? "✔" : means === "waiting" ? "…" : means === "consequence" || means === "wrapper" ? "↳" : "✘";
}

function wordsOf({ kind, id = "", text, count = 1, time, last = time, ended }: TimelineEvent): string {
	if (kind !== "message") {
		return text;
	}

	const day = clock(last).slice(0, 10) === clock(time).slice(0, 10) ? clock(last).slice(11) : clock(last);
	const often = count === 1 ? "" : `, ${grouped(count)} times until ${day}`;
	return `${id}${often}: ${text}${ended === true ? " (ended well)" : ""}`;
}
