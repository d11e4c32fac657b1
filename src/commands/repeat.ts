import { setTimeout as sleep } from "node:timers/promises";
import { type Judgement, shownAs } from "../diagnose.ts";
import type { Terminal } from "./terminal.ts";

/** One look, and the exit code that it would end with. */
export interface Look {
	readonly judgements: readonly Judgement[];
	readonly code: number;
}

/** Milliseconds between two looks: half as long again each time. */
const shortest = 2_000;
const longest = 30_000;

/** Looks again until the exit code is 0 or `patience` (milliseconds) is over; the last look is the answer. */
export async function waitUntilFine<T extends Look>(
	look: () => Promise<T>,
	patience: number,
	terminal: Pick<Terminal, "err" | "watched">,
	interrupted: AbortSignal,
): Promise<T> {
	const end = performance.now() + patience;
	let seen = await look();
	for (let pause = shortest; seen.code !== 0 && !interrupted.aborted; pause = Math.min(pause * 1.5, longest)) {
		const left = end - performance.now();
		if (left <= 0) {
			terminal.err(`Waited ${patience / 1_000} s; this is the last that was seen.\n`);
			break;
		}

		if (terminal.watched) {
			terminal.err(`${summaryOf(seen.judgements)}; looking again, for ${Math.ceil(left / 1_000)} s at most\n`);
		}

		await quiet(Math.min(pause, left), interrupted);
		seen = hasEnded(interrupted) ? seen : await look();
	}

	return seen;
}

/** Looks again and again, until it is interrupted; `show` gets each look and the one before. */
export async function watch<T extends Look>(
	look: () => Promise<T>,
	show: (seen: T, before: T | undefined) => Promise<void> | void,
	interrupted: AbortSignal,
): Promise<T> {
	let before: T | undefined;
	for (;;) {
		const seen = await look();
		if (interrupted.aborted) {
			return before ?? seen;
		}

		await show(seen, before);
		before = seen;
		await quiet(5_000, interrupted);
		if (hasEnded(interrupted)) {
			return seen;
		}
	}
}

/** A line for each check whose verdict is another than before; at first for those that are not fine. */
export function transitions(now: Look, before: Look | undefined, time: Date): string {
	const old = new Map(before?.judgements.map(({ check: { id }, verdict }) => [id, shownAs(verdict)]));
	return now.judgements
		.flatMap(({ check: { id }, verdict }) => {
			const shown = shownAs(verdict);
			const was = old.get(id);
			const isNews = before === undefined ? !["pass", "skip"].includes(shown) : shown !== was;
			const codes = verdict.kind === "problem" ? ` (${verdict.findings.map(({ code }) => code).join(", ")})` : "";
			return isNews ? [`${time.toISOString()} ${id}: ${was === undefined ? "" : `${was} → `}${shown}${codes}\n`] : [];
		})
		.join("");
}

const summaryOf = (judgements: readonly Judgement[]): string =>
	judgements
		.map(({ check: { id }, verdict }) => ({ id, shown: shownAs(verdict) }))
		.filter(({ shown }) => !["pass", "skip"].includes(shown))
		.map(({ id, shown }) => `${id}: ${shown}`)
		.join(", ");

/** Asked for anew: it may have come while something else was waited for. */
const hasEnded = ({ aborted }: AbortSignal): boolean => aborted;

/** Ends early where it is interrupted. */
async function quiet(milliseconds: number, interrupted: AbortSignal): Promise<void> {
	await sleep(milliseconds, undefined, { signal: interrupted }).catch(() => undefined);
}
