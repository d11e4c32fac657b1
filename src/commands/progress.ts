import type { FactName } from "../facts/sheet.ts";
import type { Terminal } from "./terminal.ts";

/** A fact is named once it takes longer than this many milliseconds. */
const slow = 2_000;
const clearLine = "\r\u001B[2K";

export interface Progress {
	readonly report: (fact: FactName, event: "started" | "settled") => void;
	readonly end: () => void;
}

/** One line on stderr that says what is looked at, only where someone watches. */
export function showProgress(terminal: Terminal, quiet: boolean): Progress {
	if (!terminal.watched || quiet) {
		return { report: () => undefined, end: () => undefined };
	}

	const open = new Map<FactName, number>();
	const draw = () => {
		const waiting = [...open].filter(([, since]) => performance.now() - since > slow).map(([fact]) => fact);
		const seconds = Math.round((performance.now() - Math.min(...open.values())) / 1_000);
		const text =
			waiting.length > 0
				? `still waiting for ${waiting.join(", ")} (${seconds} s)`
				: `looking at ${[...open.keys()].join(", ")}`;
		terminal.err(`${clearLine}${text.slice(0, terminal.columns - 1)}`);
	};
	const timer = setInterval(() => {
		if (open.size > 0) {
			draw();
		}
	}, 250);
	let ended = false;
	return {
		report: (fact, event) => {
			if (event === "started") {
				open.set(fact, performance.now());
			} else {
				open.delete(fact);
			}
		},
		end: () => {
			if (!ended) {
				ended = true;
				clearInterval(timer);
				terminal.err(clearLine);
			}
		},
	};
}
