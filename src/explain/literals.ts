/**
 * The bytes that a search skips: blanks, line ends, quotes, backslashes, borders and everything beyond ASCII. What
 * wraps, quotes or frames a message changes only those.
 */
export const isSkipped = (byte: number): boolean =>
	byte <= 0x20 || byte >= 0x7f || byte === 0x22 || byte === 0x27 || byte === 0x5c || byte === 0x60 || byte === 0x7c;

/** A text as a search sees it: lower case, without the bytes that it skips. */
export const squeeze = (text: string): string => text.toLowerCase().replace(/[^\x21-\x7e]|["'\\`|]/g, "");

/** Bytes by which literals are compared, and those of them that are searched for: longer ones find no less, and cost memory. */
const compared = 16;
const longest = 14;

/** Ways of writing one stretch that are told apart; where there are more, it is cut. */
const most = 16;

/**
 * Literals of which every match of the pattern holds at least one, squeezed. Knows the syntax that signatures use:
 * groups, alternatives, classes, quantifiers, escapes.
 */
export function literalsOf(pattern: string): readonly string[] {
	const parser = { pattern, at: 0 };
	const { certain } = alternatives(parser);
	if (parser.at < pattern.length) {
		throw new Error(`unbalanced bracket at ${parser.at} in ${pattern}`);
	}

	if (certain === undefined) {
		throw new Error(`no literal is certain to be in ${pattern}`);
	}

	return [...new Set(certain.map((literal) => cutOff(literal).text))];
}

interface Parser {
	readonly pattern: string;
	at: number;
}

type Literals = readonly string[] | undefined;

/** What a piece of a pattern matches. */
interface Piece {
	/** One of them is in every match. */
	readonly certain: Literals;
	/** All that it can match, where that is a few texts. */
	readonly exact: Literals;
}

const anything: Piece = { certain: undefined, exact: undefined };
const exactly = (...texts: readonly string[]): Piece => ({ certain: texts, exact: texts });

const all = (parts: readonly Literals[]): Literals =>
	parts.every((part) => part !== undefined) ? parts.flat() : undefined;

function alternatives(parser: Parser): Piece {
	const branches = [sequence(parser)];
	while (parser.pattern[parser.at] === "|") {
		parser.at++;
		branches.push(sequence(parser));
	}

	return { certain: all(branches.map(({ certain }) => certain)), exact: all(branches.map(({ exact }) => exact)) };
}

/** The best of what must follow one another: the one whose least telling literal tells most. */
function sequence(parser: Parser): Piece {
	let best: Literals;
	let bestWorth = 0;
	let run: readonly string[] = [""];
	let cut = false;
	const offer = (candidate: Literals) => {
		const candidateWorth = candidate === undefined ? 0 : worth(candidate);
		if (candidateWorth > bestWorth) {
			[best, bestWorth] = [candidate, candidateWorth];
		}
	};
	for (;;) {
		const character = parser.pattern[parser.at];
		if (character === undefined || character === "|" || character === ")") {
			offer(run);
			return { certain: best, exact: cut ? undefined : run };
		}

		const { certain, exact } = atom(parser);
		const times = quantifier(parser);
		const longer = exact === undefined ? [] : extend(run, times === "optional" ? ["", ...exact] : exact);
		if (longer.length > 0 && longer.length <= most && (times === "once" || times === "optional")) {
			run = longer;
			continue;
		}

		offer(times === "some" && longer.length > 0 && longer.length <= most ? longer : run);
		offer(times === "once" || times === "some" ? certain : undefined);
		run = [""];
		cut = true;
	}
}

const extend = (run: readonly string[], by: readonly string[]): readonly string[] => [
	...new Set(run.flatMap((begin) => by.map((end) => begin + squeeze(end)))),
];

/** What stands in many lines of some program, so that finding it says little. */
const common =
	/nosuchfile(?:ordirectory)?|(?:executablefile)?notfound|contextdeadlineexceeded|connect(?:ion|ed|ing)?|refused|logger|level|content|operationnotpermitted|permissiondenied|invalidargument|doesnotexist|alreadyexists|(?:is|does)?not(?:support(?:ed)?|ready|available|running)|failed(?:to)?|unableto|couldnot|tim(?:ed|e)out|waiting(?:for)?|successfully|create|updat(?:e|ing)|delet(?:e|ing)|error|expected|retriev(?:e|ing)|initializ\w|leaderelection|configur(?:ation|ed)|configmap|secret|certificate|validating|object|kubernetes|kubeadm(?:config|controlplane)?|kubelet|scheduler|controller(?:kind|group)?|controlplane|deployment|ipaddress(?:claim)?|template|garbagecollect(?:or|ion)?|namespace|kind=|container|cluster(?:\.x-k8s\.io|cache)?|proxmox|infrastructure|authentication|filesystem|storage|iptables|systemd|ignition|machine|running|runtime|version|volume|snapshot|release|resource|plugin|packer|network|https?:\/\//g;
const shortest = 6;

/** Of a literal that is longer than need be, the stretch that says most, and how much it says. */
function cutOff(literal: string): { readonly text: string; readonly rarity: number } {
	const masked = literal.replace(common, ({ length }) => " ".repeat(length));
	let best = { text: literal, rarity: 0 };
	for (const from of [0, Math.max(0, masked.search(/[^ ]/)), Math.max(0, literal.length - compared)]) {
		const said = rarity(masked.slice(from, from + compared));
		if (said > best.rarity) {
			best = { text: literal.slice(from, from + longest), rarity: said };
		}
	}

	return best;
}

/** About how many bytes are not masked as common. */
const rarity = (masked: string): number =>
	(masked.replaceAll(" ", "").length + masked.length / 4) / (masked.length < shortest ? 16 : 1);

/** What says least decides; and each literal costs memory. */
const worth = (literals: readonly string[]): number =>
	Math.min(...literals.map((literal) => cutOff(literal).rarity)) - literals.length / 8;

function atom(parser: Parser): Piece {
	const { pattern } = parser;
	const character = pattern[parser.at++] ?? "";
	switch (character) {
		case "(": {
			const look = /^\?(?::|[=!]|<[=!])/.exec(pattern.slice(parser.at))?.[0] ?? "";
			parser.at += look.length;
			const inner = alternatives(parser);
			parser.at++;
			return look === "" || look === "?:" ? inner : exactly("");
		}
		case "[": {
			const begin = parser.at;
			while (pattern[parser.at] !== "]" && parser.at < pattern.length) {
				parser.at += pattern[parser.at] === "\\" ? 2 : 1;
			}

			const inside = pattern.slice(begin, parser.at++);
			return /^[^\\^-]{1,4}$/.test(inside) ? exactly(...Array.from(inside)) : anything;
		}
		case ".":
			return anything;
		case "^":
		case "$":
			return exactly("");
		case "\\": {
			const escaped = pattern[parser.at++] ?? "";
			return escaped === "b" ? exactly("") : /[A-Za-z]/.test(escaped) ? anything : exactly(escaped);
		}
		default:
			return exactly(character);
	}
}

function quantifier(parser: Parser): "once" | "some" | "optional" | "maybe" {
	const [text = ""] = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(parser.pattern.slice(parser.at)) ?? [];
	parser.at += text.length;
	return text === ""
		? "once"
		: text === "?"
			? "optional"
			: text.startsWith("+") || /^\{[1-9]/.test(text)
				? "some"
				: "maybe";
}
