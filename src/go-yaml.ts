/**
 * How Go's YAML reader takes a text that clusterctl put behind `key: ` in a template: go-yaml v2 inside sigs.k8s.io/yaml,
 * which clusterctl, the API server and kubelet share (scannerc.go and resolve.go of go.yaml.in/yaml/v2 v2.4.2). It is
 * YAML 1.1 with habits of its own, so no other reader stands in for it: `on` is true, `[::1]` an error, `[fe80::]` none.
 */
export type Scalar =
	| { readonly kind: "text"; readonly text: string }
	/** `value` is what arithmetic gets, `text` how it was written. */
	| { readonly kind: "number"; readonly text: string; readonly value: number }
	| { readonly kind: "boolean" | "null"; readonly text: string };

/** What keeps the reader from taking the text as it is meant. */
type Trouble =
	/** Nothing between two commas. */
	| "empty-entry"
	/** A character that means something to YAML, at this place. */
	| "special"
	/** A blank and `#`: all behind it is taken for a comment. */
	| "comment"
	/** A quotation mark that nothing closes, or with something behind the closing one. */
	| "quote";

export interface Broken {
	readonly kind: "broken";
	readonly trouble: Trouble;
	/** The piece of the text that it concerns, as far as it was read. */
	readonly piece: string;
}

export interface List {
	readonly kind: "list";
	readonly items: readonly Scalar[];
}

const broken = (trouble: Trouble, piece: string): Broken => ({ kind: "broken", trouble, piece: piece.trim() });

const blank = /^[ \t\r\n]*/;
const skipBlank = (source: string): string => source.replace(blank, "");
/** Behind a value nothing may stand but a comment. */
const isEnd = (rest: string): boolean => /^[ \t\r\n]*(?:#.*)?$/.test(rest);

/** The value of `key: SOURCE`. A list or a map is no scalar: `special`. */
export function readScalar(source: string): Scalar | Broken {
	const whole = source.trim();
	if (/^["']/.test(whole)) {
		const quoted = readQuoted(whole);
		return quoted !== undefined && isEnd(quoted.rest) ? { kind: "text", text: quoted.text } : broken("quote", whole);
	}

	const text = whole.replace(/(?:^|\s+)#.*$/, "");
	return startsSpecial(text) || /^[?:-](?:\s|$)/.test(text) || /:(?:\s|$)/.test(text) || text.includes("\n")
		? broken("special", whole)
		: resolve(text);
}

/** The list of scalars in `key: SOURCE`; `undefined` where it does not begin as one. */
export function readList(source: string): List | Broken | undefined {
	const text = source.trim();
	if (!text.startsWith("[")) {
		return undefined;
	}

	const items: Scalar[] = [];
	let rest = skipBlank(text.slice(1));
	while (!rest.startsWith("]")) {
		const item = readItem(rest);
		if (item.kind === "broken") {
			return item;
		}

		items.push(item.scalar);
		rest = skipBlank(item.rest);
		if (rest.startsWith(",")) {
			rest = skipBlank(rest.slice(1));
		} else if (!rest.startsWith("]")) {
			return broken(rest.startsWith("#") ? "comment" : "special", pieceOf(item.source + item.rest));
		}
	}

	return isEnd(rest.slice(1)) ? { kind: "list", items } : broken("special", rest);
}

interface Item {
	readonly kind: "item";
	readonly scalar: Scalar;
	readonly source: string;
	readonly rest: string;
}

function readItem(source: string): Item | Broken {
	if (source === "" || source.startsWith("#")) {
		return broken(source === "" ? "special" : "comment", source);
	}

	if (source.startsWith(",")) {
		return broken("empty-entry", ",");
	}

	if (/^["']/.test(source)) {
		const quoted = readQuoted(source);
		return quoted === undefined || /^[ \t\r\n]*[^,\]# \t\r\n]/.test(quoted.rest)
			? broken("quote", pieceOf(source))
			: { kind: "item", scalar: { kind: "text", text: quoted.text }, source, rest: quoted.rest };
	}

	if (startsSpecial(source) || /^[?:|>]/.test(source) || /^-(?:\s|$)/.test(source)) {
		return broken("special", pieceOf(source));
	}

	// Up to a character that ends a plain scalar in a list; ` #` begins a comment.
	const [plain = ""] = /^(?:(?!:(?:\s|$))(?!\s#)[^,?[\]{}])*/.exec(source) ?? [];
	const rest = source.slice(plain.length);
	return /^(?:[:?[{}]|$)/.test(rest)
		? broken("special", pieceOf(source))
		: { kind: "item", scalar: resolve(plain.trimEnd().replace(/[ \t]*[\r\n]\s*/g, " ")), source: plain, rest };
}

/** `[` and `{` begin collections, `&*!|>` have meanings of their own, ``%@` `` begin nothing at all. */
const startsSpecial = (text: string): boolean => /^[[\]{},&*!|>%@`]/.test(text);

/** Up to the next comma: what a reader would take for one entry. */
const pieceOf = (source: string): string => source.replace(/[,\]]?\s*$/, "").split(",")[0] ?? "";

/** The text between two quotation marks. Of the escapes in double quotes only `\"` and `\\` are of use here. */
function readQuoted(source: string): { readonly text: string; readonly rest: string } | undefined {
	const [whole, single, double] = /^(?:'((?:[^']|'')*)'|"((?:[^"\\]|\\["\\/])*)")/.exec(source) ?? [];
	return whole === undefined
		? undefined
		: {
				text: single?.replaceAll("''", "'") ?? (double ?? "").replace(/\\(.)/g, "$1"),
				rest: source.slice(whole.length),
			};
}

const booleans = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const nulls = /^(?:~|null|Null|NULL|)$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const unlimited = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;

/** resolve.go: what a text without quotes is. */
function resolve(text: string): Scalar {
	if (booleans.test(text)) {
		return { kind: "boolean", text };
	}

	if (nulls.test(text)) {
		return { kind: "null", text };
	}

	const value = numberIn(text);
	return value === undefined ? { kind: "text", text } : { kind: "number", text, value };
}

function numberIn(text: string): number | undefined {
	if (unlimited.test(text)) {
		return Number.NaN;
	}

	if (!/^[-+.0-9]/.test(text)) {
		return undefined;
	}

	const plain = text.replaceAll("_", "");
	const [, sign = "", digits = ""] = /^([-+]?)(.*)$/s.exec(plain) ?? [];
	const based = /^0[xX][0-9a-fA-F]+$|^0[bB][01]+$|^0[oO]?[0-7]+$/.test(digits);
	if (based) {
		const whole = Number(digits.replace(/^0(?=[0-7])/, "0o"));
		return whole < 2 ** 64 ? Number(`${sign}1`) * whole : undefined;
	}

	const value = float.test(plain) ? Number(plain) : undefined;
	return value !== undefined && Number.isFinite(value) ? value : undefined;
}
