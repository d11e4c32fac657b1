/**
 * The bytes that a search skips: blanks, line ends, quotes, backslashes, borders and everything beyond ASCII. What
 * wraps, quotes or frames a message changes only those.
 */
export const isSkipped = (byte: number): boolean =>
	byte <= 0x20 || byte >= 0x7f || byte === 0x22 || byte === 0x27 || byte === 0x5c || byte === 0x60 || byte === 0x7c;

/** A text as a search sees it: lower case, without the bytes that it skips. */
export const squeeze = (text: string): string => text.toLowerCase().replace(/[^\x21-\x7e]|["'\\`|]/g, "");

/** Longer ones find no less, and cost memory. */
const longest = 24;

/**
 * Literals of which every match of the pattern holds at least one, squeezed. Knows the syntax that signatures use:
 * groups, alternatives, classes, quantifiers, escapes.
 */
export function literalsOf(pattern: string): readonly string[] {
	const parser = { pattern, at: 0 };
	const found = alternatives(parser);
	if (parser.at < pattern.length) {
		throw new Error(`unbalanced bracket at ${parser.at} in ${pattern}`);
	}

	if (found === undefined) {
		throw new Error(`no literal is certain to be in ${pattern}`);
	}

	return [...new Set(found.map((literal) => literal.slice(0, longest)))];
}

interface Parser {
	readonly pattern: string;
	at: number;
}

type Literals = readonly string[] | undefined;

function alternatives(parser: Parser): Literals {
	const branches = [sequence(parser)];
	while (parser.pattern[parser.at] === "|") {
		parser.at++;
		branches.push(sequence(parser));
	}

	return branches.every((branch) => branch !== undefined) ? branches.flat() : undefined;
}

/** The best of what must follow one another: the one whose shortest literal is longest. */
function sequence(parser: Parser): Literals {
	let best: Literals;
	let run = "";
	const offer = (candidate: Literals) => {
		if (candidate !== undefined && worth(candidate) > worth(best)) {
			best = candidate;
		}
	};
	for (;;) {
		const character = parser.pattern[parser.at];
		if (character === undefined || character === "|" || character === ")") {
			offer([squeeze(run)]);
			return worth(best) > 0 ? best : undefined;
		}

		const part = atom(parser);
		const times = quantifier(parser);
		if (typeof part === "string" && times === "once") {
			run += part;
			continue;
		}

		if (typeof part === "string" && times === "some") {
			offer([squeeze(run + part)]);
		} else {
			offer([squeeze(run)]);
			offer(times === "maybe" || typeof part === "string" ? undefined : part);
		}

		run = "";
	}
}

/** In every line of some program, so that finding them says nothing. */
const everywhere = [".cluster.x-k8s.io", "proxmoxmachine", "cluster.x-k8s.io", "clustercache", "controller", "proxmox"];

const worth = (literals: Literals): number =>
	literals === undefined
		? 0
		: Math.min(longest, ...literals.map((literal) => (everywhere.includes(literal) ? 1 : literal.length)));

/** A character as a string; what may be in its place as a group's literals, `undefined` where nothing is certain. */
function atom(parser: Parser): string | Literals {
	const { pattern } = parser;
	const character = pattern[parser.at++] ?? "";
	switch (character) {
		case "(": {
			const look = /^\?(?::|[=!]|<[=!])/.exec(pattern.slice(parser.at))?.[0] ?? "";
			parser.at += look.length;
			const inner = alternatives(parser);
			parser.at++;
			return look === "" || look === "?:" ? inner : undefined;
		}
		case "[":
			while (pattern[parser.at] !== "]" && parser.at < pattern.length) {
				parser.at += pattern[parser.at] === "\\" ? 2 : 1;
			}

			parser.at++;
			return undefined;
		case ".":
			return undefined;
		case "^":
		case "$":
			return "";
		case "\\": {
			const escaped = pattern[parser.at++] ?? "";
			return escaped === "b" ? "" : /[A-Za-z]/.test(escaped) ? undefined : escaped;
		}
		default:
			return character;
	}
}

function quantifier(parser: Parser): "once" | "some" | "maybe" {
	const [text = ""] = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(parser.pattern.slice(parser.at)) ?? [];
	parser.at += text.length;
	return text === "" ? "once" : text.startsWith("+") || /^\{[1-9]/.test(text) ? "some" : "maybe";
}
