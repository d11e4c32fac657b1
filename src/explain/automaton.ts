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
	const trie = createTrie(1 + literals.reduce((sum, [{ length }]) => sum + length, 0));
	for (const [literal, means] of literals) {
		plant(
			trie,
			Buffer.from(literal, "latin1").map((byte) => classes[byte] ?? other),
			means,
		);
	}

	return { classes, width, ...layOut(trie, link(trie), width) };
}

/** Only the bytes that stand in a literal need a column of their own; all others share one. */
function classify(literals: readonly (readonly [string, number])[]) {
	const classes = new Uint8Array(256);
	const columns = new Map<number, number>();
	for (const byte of new Set(Buffer.from(literals.map(([literal]) => literal).join(""), "latin1"))) {
		columns.set(byte, other + 1 + columns.size);
	}

	for (let byte = 0; byte < 256; byte++) {
		const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
		classes[byte] =
			byte === 0x0a ? lineEnd : byte === 0x1b ? escape : isSkipped(byte) ? skipped : (columns.get(lower) ?? other);
	}

	return { classes, width: other + 1 + columns.size };
}

/** The literals, as far as they begin alike in one state each. Children of a state hang together by `sibling`; 0 is none. */
interface Trie {
	readonly letter: Uint8Array;
	readonly firstChild: Uint16Array;
	readonly sibling: Uint16Array;
	/** Where to go on when a literal breaks off: the longest end of what was read that begins another literal. */
	readonly fail: Uint16Array;
	states: number;
	/** What a state has found; few have. */
	readonly found: Map<number, readonly number[]>;
}

const createTrie = (most: number): Trie => ({
	letter: new Uint8Array(most),
	firstChild: new Uint16Array(most),
	sibling: new Uint16Array(most),
	fail: new Uint16Array(most),
	states: 1,
	found: new Map(),
});

function childOf({ letter, firstChild, sibling }: Trie, state: number, by: number): number {
	let child = firstChild[state] ?? 0;
	while (child !== 0 && letter[child] !== by) {
		child = sibling[child] ?? 0;
	}

	return child;
}

function plant(trie: Trie, letters: Uint8Array, means: number): void {
	let at = 0;
	for (const letter of letters) {
		let child = childOf(trie, at, letter);
		if (child === 0) {
			child = trie.states++;
			trie.letter[child] = letter;
			trie.sibling[child] = trie.firstChild[at] ?? 0;
			trie.firstChild[at] = child;
		}

		at = child;
	}

	if (trie.states > 0xff_ff) {
		throw new Error("too many literals for 16 bits");
	}

	mark(trie, at, [means]);
}

function mark({ found }: Trie, state: number, means: readonly number[]): void {
	found.set(state, [...new Set([...(found.get(state) ?? []), ...means])]);
}

/** The states, short beginnings first, so that where one fails to stands before it. */
function link(trie: Trie): Uint16Array {
	const { letter, firstChild, sibling, fail, found } = trie;
	const order = new Uint16Array(trie.states);
	let queued = 1;
	for (const state of order) {
		for (let child = firstChild[state] ?? 0; child !== 0; child = sibling[child] ?? 0) {
			order[queued++] = child;
			if (state === 0) {
				continue;
			}

			const by = letter[child] ?? 0;
			let from = fail[state] ?? 0;
			while (from !== 0 && childOf(trie, from, by) === 0) {
				from = fail[from] ?? 0;
			}

			const otherwise = childOf(trie, from, by);
			fail[child] = otherwise;
			const alsoFound = found.get(otherwise);
			if (alsoFound !== undefined) {
				mark(trie, child, alsoFound);
			}
		}
	}

	return order;
}

/** A row for each state: that of where it fails to, but for its children. Those that have found something come last. */
function layOut(trie: Trie, order: Uint16Array, width: number): Pick<Automaton, "next" | "firstFound" | "found"> {
	const { letter, firstChild, sibling, fail, states, found } = trie;
	const firstFound = states - found.size;
	const numbers = new Uint16Array(states);
	const named: (readonly number[])[] = [];
	for (const [place, state] of order.entries()) {
		const means = found.get(state);
		numbers[state] = means === undefined ? place - named.length : firstFound + named.push(means) - 1;
	}

	const next = new Uint16Array(states * width);
	for (const state of order) {
		const row = (numbers[state] ?? 0) * width;
		const failRow = (numbers[fail[state] ?? 0] ?? 0) * width;
		next.copyWithin(row, failRow, failRow + width);
		next[row + skipped] = numbers[state] ?? 0;
		for (let child = firstChild[state] ?? 0; child !== 0; child = sibling[child] ?? 0) {
			next[row + (letter[child] ?? 0)] = numbers[child] ?? 0;
		}
	}

	return { next, firstFound, found: named };
}
