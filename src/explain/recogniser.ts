import { type Automaton, createAutomaton, escape, firstLetter, lineEnd, skipped } from "./automaton.ts";
import { createGroups, type Group, isPlainError } from "./group.ts";
import { continues, isFolded, joinLines, type Line, readLine, withAnyQuotes, withoutBlanks } from "./join.ts";
import { literalsOf, squeeze } from "./literals.ts";
import { depthOf, type Kind, type Signature, type Signatures } from "./signature.ts";
import { createTally, type Match, type Occurrence, type Place, type Tally } from "./tally.ts";
import { clean, subjectOf } from "./text.ts";

/** What was seen in all that was read. */
export interface Recognition {
	readonly tallies: readonly Tally[];
	readonly groups: readonly Group[];
	/** Lines that look like errors, of kinds too many to keep. */
	readonly others: number;
	readonly lines: number;
	readonly bytes: number;
}

/** Hears of each message as it is judged. */
export interface Listener {
	recognised(occurrence: Occurrence): void;
	/** A message says that a retry ended well; `ending` is the name that signatures are ended by. */
	ended(ending: string, text: string): void;
}

export interface Recogniser {
	/** What follows comes from there; how a retry ended is not looked for in another source. */
	begin(source: string): void;
	feed(chunk: Buffer): void;
	end(): Recognition;
}

/** Words of lines that may be errors. Which of them are is looked at once for each kind of line. */
const errorWords = (
	"error err= fatal panic fail unable to cannot can't could not couldn't denied refused forbidden unauthorized " +
	"timed out timeout x509 not found invalid no such"
).match(/unable to|could not|timed out|not found|no such|\S+/g) as readonly string[];

/** Bytes kept before and after what is judged, so that a message is whole though it was read in pieces. */
const margin = 16_384;
/** Bytes held at a time. */
const capacity = 524_288;
/** Bytes of a longer line that are judged at once, before and after the place that was found. */
const before = 4_096;
const after = 8_192;
/** Lines of one message that was broken into several. */
const mostLines = 24;

/** A pattern, compiled when it is needed first. */
interface Rule {
	readonly pattern: string;
	/** That something went well is only believed word by word. */
	readonly strict: boolean;
	plain?: RegExp;
	tight?: RegExp;
}

interface Hit {
	at: number;
	/** Where its line begins; below 0 where that is kept no more. */
	start: number;
	readonly line: number;
	readonly means: number;
}

interface Entry {
	/** Where the next entry may begin. */
	readonly end: number;
	/** Where the first line begins and ends. */
	readonly first: readonly [number, number];
	/** To be read. */
	readonly text: string;
	/** Of several lines: for patterns whose blanks may be missing. */
	readonly tight?: string;
	/** Lines before the one that was asked for. */
	readonly above: number;
}

/** Signatures made ready to look for. */
export interface Rules {
	readonly signatures: readonly Signature[];
	readonly endingNames: readonly string[];
	/** Of the signatures, then of the endings. */
	readonly rules: readonly Rule[];
	readonly automaton: Automaton;
}

/** Takes some milliseconds; a program does it once. */
export function compile({ endings, signatures, literals }: Signatures): Rules {
	const patterns = [...signatures.map(({ pattern }) => pattern), ...Object.values(endings)];
	const automaton = createAutomaton([
		...(literals ?? patterns.map(literalsOf)).flatMap((of, index) => of.map((literal) => [literal, index] as const)),
		...errorWords.map((word) => [squeeze(word), patterns.length] as const),
	]);
	const rules = patterns.map((pattern, index) => ({ pattern, strict: index >= signatures.length }));
	return { signatures, endingNames: Object.keys(endings), rules, automaton };
}

export function createRecogniser(
	{ signatures, endingNames, rules, automaton }: Rules,
	listener?: Listener,
): Recogniser {
	const anError = rules.length;
	const tallies = new Map<Signature, Tally>();
	/** By the name of an ending: what was recognised and would be ended by it. */
	const open = new Map<string, Tally[]>();
	const groups = createGroups();
	let scanner = createScanner(automaton, anError + 1);
	let source = "";
	/** What was read last lies at the begin of it. */
	const space = Buffer.allocUnsafeSlow(capacity);
	let bytes = space.subarray(0, 0);
	let hits: Hit[] = [];
	let total = 0;
	let lines = 0;

	function judge(entry: Entry, means: readonly number[], line: number): void {
		const broken = entry.tight !== undefined;
		const text = clean(entry.tight ?? entry.text);
		const matches: Match[] = [];
		const ends: { readonly name: string; readonly at: number }[] = [];
		for (const index of means.toSorted((a, b) => a - b)) {
			const found = index === anError ? null : find(rules[index], text, broken);
			if (found === null) {
				continue;
			}

			const signature = signatures[index];
			if (signature === undefined) {
				ends.push({ name: endingNames[index - signatures.length] ?? "", at: found.index });
			} else {
				matches.push({ signature, start: found.index, end: found.index + found[0].length });
			}
		}

		// Of one line, the message counts; of several that were joined, what comes last.
		const last = broken ? Math.max(...matches.map(({ end }) => end)) : Number.POSITIVE_INFINITY;
		for (const { name } of ends.filter(({ at }) => at < last)) {
			endWith(name, text);
		}

		const readable = broken ? clean(entry.text) : text;
		const needed = withoutNeedless(matches, readable);
		record(needed, { text, readable, line: line - entry.above });
		for (const { name } of ends.filter(({ at }) => at >= last)) {
			endWith(name, text);
		}

		if (means.includes(anError) && needed.every(({ signature }) => signature.kind === "wrapper")) {
			groups.add(bytes, ...entry.first, readable);
		}
	}

	function endWith(name: string, text: string): void {
		listener?.ended(name, text);
		const subject = subjectOf(text);
		for (const tally of open.get(name) ?? []) {
			tally.endedBy(subject);
		}
	}

	function record(
		matches: readonly Match[],
		{ text, readable, line }: { text: string; readable: string; line: number },
	) {
		const kept = withoutContained(matches);
		const deepest = kept.toSorted(byDepth)[0];
		for (const match of kept) {
			let tally = tallies.get(match.signature);
			if (tally === undefined) {
				tally = createTally(match.signature);
				tallies.set(match.signature, tally);
				for (const name of match.signature.endedBy ?? []) {
					open.set(name, [...(open.get(name) ?? []), tally]);
				}
			}

			const place: Place = { source, line, head: text.slice(0, 300) };
			const occurrence: Occurrence = {
				place,
				text,
				readable,
				match,
				...(deepest === undefined || deepest === match ? {} : { inner: deepest }),
			};
			tally.add(occurrence);
			listener?.recognised(occurrence);
		}
	}

	/** Judges what was found before `limit`. */
	function resolve(limit: number): void {
		let next = 0;
		for (let hit = hits[next]; hit !== undefined && hit.at < limit; hit = hits[next]) {
			const entry = entryAt(bytes, hit);
			const means: number[] = [];
			const { line } = hit;
			for (; hit !== undefined && hit.at < entry.end; hit = hits[++next]) {
				if (!means.includes(hit.means)) {
					means.push(hit.means);
				}
			}

			judge(entry, means, line);
		}

		hits = hits.slice(next);
	}

	/** Judges all but the last bytes, and keeps those with what stands before them. */
	function keepRest(): void {
		const limit = bytes.length - margin;
		resolve(limit);
		const cut = Math.max(0, limit - margin);
		space.copyWithin(0, cut, bytes.length);
		bytes = space.subarray(0, bytes.length - cut);
		for (const hit of hits) {
			hit.at -= cut;
			hit.start -= cut;
		}
	}

	function finish(): void {
		resolve(Number.POSITIVE_INFINITY);
		lines += scanner.lines + (bytes.length > 0 && bytes.at(-1) !== 0x0a ? 1 : 0);
		for (const tally of tallies.values()) {
			tally.close();
		}

		bytes = space.subarray(0, 0);
		hits = [];
		scanner = createScanner(automaton, anError + 1);
	}

	return {
		begin(name) {
			finish();
			source = name;
		},
		feed(chunk) {
			total += chunk.length;
			for (let fed = 0; fed < chunk.length; ) {
				const from = bytes.length;
				const taken = chunk.copy(space, from, fed, fed + capacity - from);
				fed += taken;
				bytes = space.subarray(0, from + taken);
				scanner.scan(bytes, from, hits);
				keepRest();
			}
		},
		end() {
			finish();
			return { tallies: [...tallies.values()], groups: groups.list(), others: groups.others, lines, bytes: total };
		},
	};
}

function find(rule: Rule | undefined, text: string, broken: boolean): RegExpExecArray | null {
	if (rule === undefined) {
		return null;
	}

	const pattern = () => (rule.strict ? rule.pattern : withAnyQuotes(rule.pattern));
	if (!broken) {
		rule.plain ??= new RegExp(pattern(), "i");
		return rule.plain.exec(text);
	}

	rule.tight ??= new RegExp(withoutBlanks(pattern()), "i");
	return rule.tight.exec(text);
}

/** What holds for any program counts only in an error of which nothing else is known. */
function withoutNeedless(matches: readonly Match[], line: string): readonly Match[] {
	const special = matches.filter(({ signature }) => signature.kind !== "general");
	return special.length < matches.length &&
		special.every(({ signature }) => signature.kind === "wrapper") &&
		isPlainError(line)
		? matches
		: special;
}

/** What says more holds what says less: the longer match stays, and the shorter one only where it is deeper. */
const withoutContained = (matches: readonly Match[]): readonly Match[] =>
	matches.filter(
		(inner) =>
			!matches.some(
				(outer) =>
					outer !== inner &&
					saysMore(outer.signature.kind, inner.signature.kind) &&
					outer.start <= inner.start &&
					outer.end >= inner.end &&
					outer.end - outer.start > inner.end - inner.start,
			),
	);

/** A deeper kind is never hidden, but that a note tells of what is no failure. */
const saysMore = (outer: Kind, inner: Kind): boolean =>
	outer === "note" ? inner !== "cause" : outer !== "wrapper" && depthOf(outer) <= depthOf(inner);

/** Of causes in one message the last one is the deepest: programs put what they add in front. */
const byDepth = (a: Match, b: Match): number => depthOf(a.signature.kind) - depthOf(b.signature.kind) || b.end - a.end;

/** Runs the automaton over bytes that come in pieces. */
function createScanner(automaton: Automaton, meanings: number) {
	let state = 0;
	let lines = 0;
	let colour = false;
	let read = 0;
	let begun = 0;
	/** Per meaning, the line and the place where it was found last: once for each line, or each part of a long one, will do. */
	const lastLine = new Float64Array(meanings).fill(-1);
	const lastAt = new Float64Array(meanings);

	return {
		get lines() {
			return lines;
		},
		scan(bytes: Buffer, from: number, hits: Hit[]): void {
			const offset = read - from;
			const { length } = bytes;
			// Variables of its own, and no call for what is found: those around it are slower to get at.
			const { classes, width, next, firstFound, found } = automaton;
			let [now, line, inColour, start] = [state, lines, colour, begun - offset];
			for (let index = from; index < length; index++) {
				const byte = bytes[index] ?? 0;
				const letter = classes[byte] ?? 0;
				if (letter >= firstLetter && !inColour) {
					now = next[now * width + letter] ?? 0;
					if (now >= firstFound && letter !== skipped) {
						for (const means of found[now - firstFound] ?? []) {
							if (lastLine[means] !== line || offset + index - (lastAt[means] ?? 0) >= before) {
								lastLine[means] = line;
								lastAt[means] = offset + index;
								hits.push({ at: index, start, line: line + 1, means });
							}
						}
					}
				} else if (letter === lineEnd) {
					line++;
					start = index + 1;
					inColour = false;
				} else if (letter === escape) {
					inColour = true;
				} else if (byte >= 0x40 && byte !== 0x5b && byte <= 0x7e) {
					inColour = false;
				}
			}

			[state, lines, colour, begun] = [now, line, inColour, offset + start];
			read += length - from;
		},
	};
}

/** The message around a place: its line, and those that go on with it or that it goes on with. */
function entryAt(bytes: Buffer, { at, start: begun }: Hit): Entry {
	const start = Math.max(0, begun);
	const end = endOf(bytes, at);
	if (end - start > before + after || (beginsPlainly(bytes, start) && beginsPlainly(bytes, end + 1))) {
		const from = Math.max(start, at - before);
		const to = Math.min(end, at + after);
		return {
			end: to === end ? end + 1 : to,
			first: [from, to],
			text: bytes.toString("utf8", from, to),
			above: 0,
		};
	}

	const ranges: (readonly [number, number])[] = [[start, end]];
	const lines = [readLine(bytes.toString("utf8", start, end))];
	const mayHaveBegun = (at: number): boolean => at > 0 && !beginsPlainly(bytes, at);
	for (
		let [first] = ranges;
		first !== undefined && mayHaveBegun(first[0]) && lines.length < mostLines;
		[first] = ranges
	) {
		const range = lineAt(bytes, first[0] - 1);
		const line = readLine(bytes.toString("utf8", ...capped(range)));
		if (!mayGoOn(line, lines[0])) {
			// The head of a folded scalar says how its lines are to be read.
			break;
		}

		ranges.unshift(range);
		lines.unshift(line);
	}

	const above = lines.length - 1;
	for (let last = ranges.at(-1); last !== undefined && last[1] + 1 < bytes.length; last = ranges.at(-1)) {
		if (lines.length >= above + mostLines || beginsPlainly(bytes, last[1] + 1)) {
			break;
		}

		const range = lineAt(bytes, last[1] + 1);
		const line = readLine(bytes.toString("utf8", ...capped(range)));
		if (!mayGoOn(lines.at(-1), line)) {
			break;
		}

		ranges.push(range);
		lines.push(line);
	}

	const [from, to] = around(lines, above);
	const { spaced, tight } = joinLines(lines.slice(from, to + 1));
	return {
		end: (ranges[to]?.[1] ?? end) + 1,
		first: ranges[from] ?? [start, end],
		text: spaced,
		...(from === to ? {} : { tight }),
		above: above - from,
	};
}

function lineAt(bytes: Buffer, at: number): readonly [number, number] {
	const start = at === 0 ? 0 : bytes.lastIndexOf(0x0a, at - 1) + 1;
	return [start, endOf(bytes, at)];
}

function endOf(bytes: Buffer, at: number): number {
	const end = bytes.indexOf(0x0a, at);
	return end === -1 ? bytes.length : end;
}

const capped = ([start, end]: readonly [number, number]): [number, number] => [start, Math.min(end, start + before)];

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isUpper = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x41 && byte <= 0x5a;

/** An entry begins here beyond doubt, as far as a few bytes can tell: klog, a date, JSON, logfmt, or the end of all. */
function beginsPlainly(bytes: Buffer, at: number): boolean {
	switch (bytes[at]) {
		case undefined:
			return true;
		case 0x7b: // {
			return bytes[at + 1] === 0x22;
		case 0x74: // time=" of logfmt
			return bytes[at + 4] === 0x3d && bytes[at + 5] === 0x22;
		default:
			return isKlog(bytes, at) || isDate(bytes, at) || isJournal(bytes, at);
	}
}

/** `E0801 10:00:00` */
const isKlog = (bytes: Buffer, at: number): boolean =>
	bytes[at + 5] === 0x20 && isDigit(bytes[at + 1]) && isDigit(bytes[at + 4]) && isUpper(bytes[at]);
/** `2026-08-01T10:00:00`, `2026/08/01 10:00:00` */
const isDate = (bytes: Buffer, at: number): boolean =>
	isDigit(bytes[at]) && isDigit(bytes[at + 3]) && isDigit(bytes[at + 5]) && isDigit(bytes[at + 9]);
/** `Aug  1 10:00:00` */
const isJournal = (bytes: Buffer, at: number): boolean =>
	bytes[at + 9] === 0x3a && bytes[at + 6] === 0x20 && isDigit(bytes[at + 5]) && isUpper(bytes[at]);

/** What must be so where two lines are one message; whether they are is decided with the first line at hand. */
function mayGoOn(previous: Line | undefined, next: Line | undefined): boolean {
	return (
		previous !== undefined &&
		next !== undefined &&
		previous.text !== "" &&
		next.text !== "" &&
		(isFolded(previous.text) || next.indent > 0 || next.frame !== undefined || previous.columns >= 50)
	);
}

/** The lines, among these, that are one message with the one at `at`. */
function around(lines: readonly Line[], at: number): readonly [number, number] {
	let from = 0;
	let folded = false;
	for (let index = 1; index < lines.length; index++) {
		const previous = lines[index - 1];
		const line = lines[index];
		const first = lines[from];
		if (previous === undefined || line === undefined || first === undefined) {
			break;
		}

		if (continues(previous, line, first, folded)) {
			continue;
		}

		if (index > at) {
			return [from, index - 1];
		}

		from = index;
		folded = isFolded(previous.text) && line.indent > previous.indent;
	}

	return [from, lines.length - 1];
}
