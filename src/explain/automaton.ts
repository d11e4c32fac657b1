import { isSkipped } from "./literals.ts";

/**
 * Finds many literals in one pass over bytes (Aho and Corasick, 1975), whatever quotes, frames or wraps them: its cost
 * grows with the bytes and not with the number of literals.
 */
export interface Automaton {
	/** Per byte: 0 to skip, 1 for a line's end, 2 for the begin of a colour, otherwise a column of `next`. */
	readonly classes: Uint8Array;
	readonly width: number;
	/** State × class → state. */
	readonly next: Uint16Array;
	/** States from this one on have found something. */
	readonly firstFound: number;
	/** What a state has found, from `firstFound` on. */
	readonly found: readonly (readonly number[])[];
}

const lineEnd = 0x0a;
const escape = 0x1b;
/** Classes below this one move no state. */
export const firstLetter = 3;

interface Node {
	readonly children: Map<number, number>;
	fail: number;
	found: readonly number[];
}

/** `literals` are squeezed; each comes with what it stands for. */
export function createAutomaton(literals: readonly (readonly [string, number])[]): Automaton {
	const { classes, width } = classify(literals);
	const nodes = link(plant(literals, classes));
	const order = [...nodes.keys()].sort((a, b) => Number(hasFound(nodes, a)) - Number(hasFound(nodes, b)) || a - b);
	const numbers = new Map(order.map((node, number) => [node, number]));
	const firstFound = order.findIndex((node) => hasFound(nodes, node));
	if (order.length > 0xff_ff) {
		throw new Error("too many literals for 16 bits");
	}

	const next = new Uint16Array(order.length * width);
	for (const node of breadthFirst(nodes)) {
		const row = (numbers.get(node) ?? 0) * width;
		if (node !== 0) {
			const failRow = (numbers.get(nodes[node]?.fail ?? 0) ?? 0) * width;
			next.copyWithin(row, failRow, failRow + width);
		}

		for (const [letter, child] of nodes[node]?.children ?? []) {
			next[row + letter] = numbers.get(child) ?? 0;
		}
	}

	return {
		classes,
		width,
		next,
		firstFound: firstFound === -1 ? order.length : firstFound,
		found: order.slice(firstFound === -1 ? order.length : firstFound).map((node) => nodes[node]?.found ?? []),
	};
}

const hasFound = (nodes: readonly Node[], node: number): boolean => (nodes[node]?.found.length ?? 0) > 0;

/** Only the bytes that stand in a literal need a column of their own; all others share one. */
function classify(literals: readonly (readonly [string, number])[]) {
	const classes = new Uint8Array(256);
	const columns = new Map<number, number>();
	for (const byte of Buffer.from(literals.map(([literal]) => literal).join(""), "latin1")) {
		if (!columns.has(byte)) {
			columns.set(byte, firstLetter + 1 + columns.size);
		}
	}

	for (let byte = 0; byte < 256; byte++) {
		const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
		classes[byte] =
			byte === lineEnd ? 1 : byte === escape ? 2 : isSkipped(byte) ? 0 : (columns.get(lower) ?? firstLetter);
	}

	return { classes, width: firstLetter + 1 + columns.size };
}

function plant(literals: readonly (readonly [string, number])[], classes: Uint8Array): Node[] {
	const nodes: Node[] = [{ children: new Map(), fail: 0, found: [] }];
	for (const [literal, means] of literals) {
		let at = 0;
		for (const byte of Buffer.from(literal, "latin1")) {
			const letter = classes[byte] ?? firstLetter;
			let child = nodes[at]?.children.get(letter);
			if (child === undefined) {
				child = nodes.push({ children: new Map(), fail: 0, found: [] }) - 1;
				nodes[at]?.children.set(letter, child);
			}

			at = child;
		}

		const node = nodes[at];
		if (node !== undefined) {
			node.found = [...new Set([...node.found, means])];
		}
	}

	return nodes;
}

function* breadthFirst(nodes: readonly Node[]): Generator<number> {
	const queue = [0];
	for (const node of queue) {
		yield node;
		queue.push(...(nodes[node]?.children.values() ?? []));
	}
}

/** Where to go on when a literal breaks off: the longest end of what was read that begins another literal. */
function link(nodes: Node[]): Node[] {
	for (const parent of breadthFirst(nodes)) {
		for (const [letter, child] of nodes[parent]?.children ?? []) {
			let fail = nodes[parent]?.fail ?? 0;
			while (fail !== 0 && nodes[fail]?.children.get(letter) === undefined) {
				fail = nodes[fail]?.fail ?? 0;
			}

			const target = parent === 0 ? 0 : (nodes[fail]?.children.get(letter) ?? 0);
			const node = nodes[child];
			if (node !== undefined) {
				node.fail = target;
				node.found = [...new Set([...node.found, ...(nodes[target]?.found ?? [])])];
			}
		}
	}

	return nodes;
}
