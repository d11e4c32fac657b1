import { likenessOf } from "./group.ts";
import type { Signature } from "./signature.ts";
import { subjectOf } from "./text.ts";

export interface Match {
	readonly signature: Signature;
	/** In the cleaned text. */
	readonly start: number;
	readonly end: number;
}

export interface Place {
	readonly source: string;
	/** From 1 on. */
	readonly line: number;
	/** The begin of the line, where its time stands. */
	readonly head: string;
}

export interface Occurrence {
	readonly place: Place;
	readonly text: string;
	readonly readable: string;
	readonly match: Match;
	/** The deeper cause that the same message names. */
	readonly inner?: Match;
}

export interface Example {
	readonly text: string;
	/** Where the message stands in it, as far as is known. */
	readonly at: number;
}

/** How often a signature was seen, where, and whether it ended well. */
export interface Tally {
	readonly signature: Signature;
	readonly count: number;
	/** Of these, how often nothing said that it ended well. */
	readonly unended: number;
	readonly first: Place | undefined;
	/** Where the message stands in the first line. */
	readonly firstAt: number;
	readonly last: Place | undefined;
	readonly examples: readonly Example[];
	/** Ids of deeper causes in the same messages, with how often. */
	readonly inner: ReadonlyMap<string, number>;
	add(occurrence: Occurrence): void;
	/** What this subject retried went well; all, where it is empty. */
	endedBy(subject: string): void;
	/** The source is over: what has not ended well by now has not. */
	close(): void;
}

const mostExamples = 3;
/** As much of a line as holds its time. */
const headBytes = 300;
/** Objects told apart; further ones are one. */
const mostSubjects = 10_000;

export function createTally(signature: Signature): Tally {
	const open = new Map<string, number>();
	const inner = new Map<string, number>();
	const examples = new Map<number, Example>();
	let count = 0;
	let closed = 0;
	let first: Place | undefined;
	let firstAt = 0;
	let source = "";
	let line = 0;
	// Outside of the heap: strings that each next occurrence replaces would fill it faster than it is cleared.
	const head = Buffer.alloc(headBytes);
	let headEnd = 0;
	return {
		signature,
		get count() {
			return count;
		},
		get unended() {
			return closed + [...open.values()].reduce((sum, number) => sum + number, 0);
		},
		get first() {
			return first;
		},
		get firstAt() {
			return firstAt;
		},
		get last() {
			return count === 0 ? undefined : { source, line, head: head.toString("utf8", 0, headEnd) };
		},
		get examples() {
			return [...examples.values()];
		},
		inner,
		add({ place, text, readable, match, inner: deeper }) {
			count++;
			if (first === undefined) {
				first = place;
				firstAt = match.start;
			}

			({ source, line } = place);
			headEnd = head.write(place.head);
			if (deeper !== undefined) {
				inner.set(deeper.signature.id, (inner.get(deeper.signature.id) ?? 0) + 1);
			}

			const subject = signature.endedBy === undefined || open.size >= mostSubjects ? "" : subjectOf(text);
			open.set(subject, (open.get(subject) ?? 0) + 1);
			if (examples.size < mostExamples) {
				const key = likenessOf(readable);
				if (!examples.has(key)) {
					examples.set(key, { text: Buffer.from(readable).toString(), at: match.start });
				}
			}
		},
		endedBy(subject) {
			if (open.size === 0) {
				return;
			}

			if (subject === "") {
				open.clear();
			} else {
				open.delete(subject);
				open.delete("");
			}
		},
		close() {
			closed = this.unended;
			open.clear();
		},
	};
}
