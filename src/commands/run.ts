import { checks } from "../../checks/index.ts";
import { examine } from "./examine.ts";
import { select } from "./select.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface RunOptions extends GlobalOptions {
	readonly only?: readonly string[];
	readonly skip?: readonly string[];
}

/** `run`: every check that applies here, or the chosen ones. */
export function run(options: RunOptions, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
	const left = options.only === undefined ? checks : select(options.only, checks);
	const skipped = new Set(options.skip === undefined ? [] : select(options.skip, checks));
	return examine({ checks: left.filter((check) => !skipped.has(check)), options, terminal, interrupted });
}

/** `check`: the named ones, also where `run` would say that there is nothing set up to look at. */
export function check(
	words: readonly string[],
	options: GlobalOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
): Promise<number> {
	const chosen = select(words, checks);
	const asked = new Set(chosen.map(({ id }) => id).filter((id) => words.includes(id)));
	return examine({ checks: chosen, asked, options, terminal, interrupted });
}
