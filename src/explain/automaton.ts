import { isSkipped } from "./literals.ts";

/**
 * Finds many literals in one pass over bytes (Aho and Corasick, 1975), whatever quotes, frames or wraps them: its cost
 * grows with the bytes and not with the number of literals.
 */
export interface Automaton {
	/** Per byte: `lineEnd`, `escape`, which begins a colour, or a column of `next`. */
	readonly classes: Uint8Array;
	readonly width: number;
	/** State × class → state; what is skipped leads back to the state itself. */
	readonly next: Uint16Array;
	/** States from this one on have found something. */
	readonly firstFound: number;
	/** What a state has found, from `firstFound` on. */
	readonly found: readonly (readonly number[])[];
}

/** Classes of bytes. Those below `firstLetter` move no state and have no column; all that no literal holds share `other`. */
export const lineEnd = 0;
export const escape = 1;
export const firstLetter = 2;
export const skipped = 2;
const other = 3;

/** `literals` are squeezed; each comes with what it stands for. */
export function createAutomaton(literals: readonly (readonly [string, number])[]): Automaton {
	const { classes, width } = classify(literals);
	const trie: Trie = { width, next: new Uint16Array(statesOf(literals) * width), states: 1, found: new Map() };
	for (const [literal, means] of literals) {
		plant(
			trie,
			Buffer.from(literal, "latin1").map((byte) => classes[byte] ?? other),
			means,
		);
	}

	link(trie);
	return { classes, width, ...foundLast(trie) };
}

/** One for each way that a literal begins, and the first. */
function statesOf(literals: readonly (readonly [string, number])[]): number {
	let states = 1;
	let before = "";
	for (const literal of literals.map(([text]) => text).sort()) {
		let shared = 0;
		while (shared < literal.length && literal[shared] === before[shared]) {
			shared++;
		}

		states += literal.length - shared;
		before = literal;
	}

	return states;
}

interface Trie {
	readonly width: number;
	/** State × class → state; before it is linked, 0 where no literal goes on. */
	readonly next: Uint16Array;
	states: number;
	/** What a state has found; few have. */
	readonly found: Map<number, readonly number[]>;
}

/** Only the bytes that stand in a literal need a column of their own; all others share one. */
function classify(literals: readonly (readonly [string, number])[]) {
	const classes = new Uint8Array(256);
	const columns = new Map<number, number>();
	for (const byte of Buffer.from(literals.map(([literal]) => literal).join(""), "latin1")) {
		if (!columns.has(byte)) {
			columns.set(byte, other + 1 + columns.size);
		}
	}

	for (let byte = 0; byte < 256; byte++) {
		const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
		classes[byte] =
			byte === 0x0a ? lineEnd : byte === 0x1b ? escape : isSkipped(byte) ? skipped : (columns.get(lower) ?? other);
	}

	return { classes, width: other + 1 + columns.size };
}

function plant(trie: Trie, letters: Uint8Array, means: number): void {
	const { width, next, found } = trie;
	let at = 0;
	for (const letter of letters) {
		const place = at * width + letter;
		if (next[place] === 0) {
			next[place] = trie.states++;
		}

		at = next[place] ?? 0;
	}

	if (trie.states > 0xff_ff) {
		throw new Error("too many literals for 16 bits");
	}

	found.set(at, [...new Set([...(found.get(at) ?? []), means])]);
}

/** Where to go on when a literal breaks off: the longest end of what was read that begins another literal. */
function link({ width, next, states, found }: Trie): void {
	const fail = new Uint16Array(states);
	const queue = new Uint16Array(states);
	let queued = 1;
	for (const state of queue) {
		const [row, failRow] = [state * width, (fail[state] ?? 0) * width];
		for (let letter = 0; letter < width; letter++) {
			const child = next[row + letter] ?? 0;
			const otherwise = state === 0 ? 0 : (next[failRow + letter] ?? 0);
			if (child === 0) {
				next[row + letter] = otherwise;
				continue;
			}

			fail[child] = otherwise;
			const alsoFound = found.get(otherwise);
			if (alsoFound !== undefined) {
				found.set(child, [...new Set([...(found.get(child) ?? []), ...alsoFound])]);
			}

			queue[queued++] = child;
		}
	}
}

/** Numbers the states anew, those that have found something behind all others, so that one comparison tells. */
function foundLast({ width, next, states, found }: Trie): Pick<Automaton, "next" | "firstFound" | "found"> {
	const firstFound = states - found.size;
	const numbers = new Uint16Array(states);
	const named: (readonly number[])[] = [];
	for (let state = 0; state < states; state++) {
		const means = found.get(state);
		numbers[state] = means === undefined ? state - named.length : firstFound + named.push(means) - 1;
	}

	const renumbered = new Uint16Array(states * width);
	for (const [state, number] of numbers.entries()) {
		for (let letter = 0; letter < width; letter++) {
			renumbered[number * width + letter] = numbers[next[state * width + letter] ?? 0] ?? 0;
		}

		renumbered[number * width + skipped] = number;
	}

	return { next: renumbered, firstFound, found: named };
}
