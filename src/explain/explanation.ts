import type { Group } from "./group.ts";
import type { Recognition } from "./recogniser.ts";
import { depthOf, type Kind, type Signature } from "./signature.ts";
import type { Place, Tally } from "./tally.ts";
import { timeOf } from "./text.ts";

export interface Seen {
	readonly source: string;
	readonly line: number;
	readonly time?: string;
}

/** One signature that was seen, and what that means beside the others. */
export interface Recognised {
	readonly signature: Signature;
	/** That of the signature, but `wrapper` where each of its messages names a deeper cause. */
	readonly kind: Kind;
	readonly count: number;
	readonly first: Seen;
	readonly last: Seen;
	/** Some of the lines, masked. */
	readonly lines: readonly string[];
	/** Ids of the causes that its messages name behind it. */
	readonly wraps: readonly string[];
	/** Ids of what was seen, too, and that it follows from. */
	readonly follows: readonly string[];
}

export interface Explanation {
	/** The deepest cause first. */
	readonly recognised: readonly Recognised[];
	/** Retries that ended well. */
	readonly ended: readonly Recognised[];
	/** No failures: what helps to read one. */
	readonly notes: readonly Recognised[];
	/** The most frequent kinds of lines that may be errors, masked. */
	readonly unrecognised: readonly Group[];
	/** Of all of them. */
	readonly unrecognisedKinds: number;
	readonly unrecognisedLines: number;
	readonly lines: number;
	readonly bytes: number;
}

/** Kinds of unrecognised lines that are kept. */
const mostGroups = 100;

/** Puts what was seen into an order: causes before what they cause, and of equals what came first. */
export function explain(recognition: Recognition, mask: (text: string) => string): Explanation {
	const { tallies, groups, others, lines, bytes } = recognition;
	const seen = tallies.filter(({ count }) => count > 0);
	const blamed = seen.filter(({ unended, signature }) => unended > 0 && signature.kind !== "note");
	const ids = blamed.map(({ signature }) => signature.id);
	const toRecognised = (tally: Tally) => recognise(tally, ids, mask);
	const place = new Map(seen.map(({ signature, firstAt }) => [signature.id, firstAt]));
	return {
		recognised: inOrder(blamed.map(toRecognised), (id) => place.get(id) ?? 0),
		ended: seen.filter(({ unended, signature }) => unended === 0 && signature.kind !== "note").map(toRecognised),
		notes: seen.filter(({ signature }) => signature.kind === "note").map(toRecognised),
		unrecognised: groups.slice(0, mostGroups).map(({ line, count }) => ({ line: shorten(mask(line), 0), count })),
		unrecognisedKinds: groups.length,
		unrecognisedLines: groups.reduce((sum, { count }) => sum + count, others),
		lines,
		bytes,
	};
}

function recognise(tally: Tally, ids: readonly string[], mask: (text: string) => string): Recognised {
	const { signature, count, inner, first, last, examples } = tally;
	const wrapped = [...inner.values()].reduce((sum, number) => sum + number, 0);
	return {
		signature,
		kind: wrapped === count && signature.kind !== "note" ? "wrapper" : signature.kind,
		count,
		first: toSeen(first),
		last: toSeen(last),
		lines: examples.map(({ text, at }) => shorten(mask(text), at)),
		wraps: [...inner.keys()],
		follows: ids.filter((id) => id !== signature.id && signature.after?.some((name) => names(name, id)) === true),
	};
}

/** `capmox.*` names all that begin with `capmox.`. */
export const names = (name: string, id: string): boolean =>
	name.endsWith("*") ? id.startsWith(name.slice(0, -1)) : name === id;

function toSeen(place: Place | undefined): Seen {
	const time = timeOf(place?.head ?? "");
	return { source: place?.source ?? "", line: place?.line ?? 0, ...(time === undefined ? {} : { time }) };
}

/** Columns of a line that are shown, with the message in them. */
const longest = 1_000;

function shorten(text: string, at: number): string {
	if (text.length <= longest) {
		return text;
	}

	const start = Math.max(0, Math.min(at - 200, text.length - longest));
	const end = start + longest;
	return `${start > 0 ? "…" : ""}${text.slice(start, end)}${end < text.length ? "…" : ""}`;
}

const instantOf = (time: string): number =>
	/^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(time) ? Date.parse(time) : Number.NaN;

/** By rank, then by the line where it was seen first, in a line from its end; what follows from another of the same rank comes after it. */
function inOrder(items: readonly Recognised[], columnOf: (id: string) => number): readonly Recognised[] {
	// Lines of several logs have an order only by times that know their year.
	const times = new Map(items.map(({ signature, first: { time = "" } }) => [signature.id, instantOf(time)]));
	const timed = [...times.values()].every((time) => !Number.isNaN(time));
	const firstOf = ({ signature, first }: Recognised) => (timed ? (times.get(signature.id) ?? 0) : first.line);
	const left = items.toSorted(
		(a, b) =>
			depthOf(a.kind) - depthOf(b.kind) ||
			firstOf(a) - firstOf(b) ||
			a.first.line - b.first.line ||
			columnOf(b.signature.id) - columnOf(a.signature.id),
	);
	const ordered: Recognised[] = [];
	while (left.length > 0) {
		const waitsFor = (item: Recognised) =>
			left.some((other) => item.follows.includes(other.signature.id) && !other.follows.includes(item.signature.id));
		// What follows from each other in a circle comes as it stands.
		const index = Math.max(
			0,
			left.findIndex((item) => !waitsFor(item)),
		);
		ordered.push(...left.splice(index, 1));
	}

	return ordered;
}
