import { withoutEscapes } from "./text.ts";

/** A line as it stands on a screen, taken out of its frame. */
export interface Line {
	readonly text: string;
	readonly indent: number;
	/** Columns that the text ends at, its indent included. */
	readonly columns: number;
	/** Columns between the two borders of a frame, or of a quotation's border. */
	readonly frame?: { readonly right: boolean; readonly room: number };
}

const framed = /^(\s*)([│┃║|┆]|>+(?= ))(.*?)(\s*)([│┃║|┆]?)\s*$/u;

export function readLine(raw: string): Line {
	const line = withoutEscapes(raw);
	const [, , border, inside = "", padding = "", right] = framed.exec(line) ?? [];
	const content = (border === undefined ? line : inside).replace(/\t/g, "        ");
	const text = content.trim();
	const indent = content.length - content.trimStart().length;
	return {
		text,
		indent,
		columns: content.trimEnd().length,
		...(border === undefined
			? {}
			: { frame: { right: right !== "", room: right === "" ? 0 : inside.length + padding.length } }),
	};
}

const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
/** A stamp of time, a level with it, JSON, logfmt: the begin of an entry, wherever it stands. */
const beginsEntry = new RegExp(
	`^(?:\\S{1,60} ){0,2}?(?:${[
		"[IWEF]\\d{4} \\d\\d:\\d\\d:",
		"\\[?\\d{4}[-/]\\d\\d[-/]\\d\\d[T ,]",
		"\\[?\\d\\d:\\d\\d:\\d\\d",
		`(?:${months}) +\\d{1,2} \\d\\d:`,
		"(?:time|level|ts|t|caller)=",
		'\\{"',
		"\\[ *\\d+\\.\\d{3,}\\]",
		"\\[pod/",
		"UPID:",
		"[├└╭╰┌+]",
	].join("|")})`,
);
/** What begins something new, unless the line before is full to its last column. */
const beginsItem =
	/^(?:[-*•✓✗✔✘–] |==> |--> |[$#>] |(?:error|fatal|panic|warning|info|debug|warn)\b[:[ ]|\[[A-Za-z!][\w!-]*\] |(?:TASK|PLAY) |apiVersion:|kind:)/i;
/** A key of YAML or a label; in the middle of a log's entry, it may be a name that was brought to the next line. */
const beginsKey = /^[A-Za-z][\w./-]*:(?: |$)/;

const isScalar = (text: string): boolean => /^(?:- )?[\w./"'-]+: +(?![|>][-+0-9]*$)\S/.test(text) || /^- \S/.test(text);
/** The head of a folded scalar: its lines are one. */
export const isFolded = (text: string): boolean => /: +>[-+0-9]{0,2}$/.test(text.slice(-8));

const firstWord = (text: string): number => /^\S*/.exec(text)?.[0].length ?? 0;
/** Shorter lines are not wrapped, they end. */
const narrowest = 50;

/**
 * Does `next` go on with what `previous` says, because YAML, a frame or a terminal broke it there? `first` is the line
 * where it began, `folded` whether that stands under the head of a folded scalar.
 */
export function continues(previous: Line, next: Line, first: Line, folded: boolean): boolean {
	if (previous.text === "" || next.text === "" || beginsEntry.test(next.text) || /^[-=+]{3,}/.test(next.text)) {
		return false;
	}

	if ((previous.frame === undefined) !== (next.frame === undefined)) {
		return false;
	}

	if (previous.frame?.right === true && next.frame?.right === true) {
		return goesOnInFrame(previous, next, previous.frame.room);
	}

	if (isFolded(previous.text) || /: +\|[-+0-9]*$/.test(previous.text)) {
		return false;
	}

	if (isScalar(first.text) && !next.text.startsWith("- ") && next.indent > first.indent) {
		return true;
	}

	if (folded && next.indent === first.indent && !next.text.startsWith("- ")) {
		return true;
	}

	return isWrapped(previous, next, first);
}

/** A word went to the next line because it found no room, or a letter did. */
function goesOnInFrame(previous: Line, next: Line, room: number): boolean {
	const left = room - previous.columns;
	return left <= 1 || (!beginsItem.test(next.text) && !beginsKey.test(next.text) && left <= firstWord(next.text) + 1);
}

function isWrapped(previous: Line, next: Line, first: Line): boolean {
	const width = Math.max(previous.columns, next.columns, first.columns);
	if (previous.columns < narrowest || next.indent > Math.max(previous.indent, 8) || /[.!?;]$/.test(previous.text)) {
		return false;
	}

	const isItem = beginsItem.test(next.text) || (beginsKey.test(next.text) && !beginsEntry.test(first.text));
	const full = previous.columns === width && next.indent === 0 && !isItem;
	return (
		(full && (next.columns === width || previous === first)) ||
		(!isItem && previous.columns + 1 + firstWord(next.text) > width)
	);
}

/** The lines as one: `spaced` to be read, `tight` for patterns whose blanks may be missing, because it may be that a word was cut. */
export function joinLines(lines: readonly Line[]): { readonly spaced: string; readonly tight: string } {
	const width = Math.max(...lines.map(({ columns }) => columns));
	let spaced = "";
	for (const [index, line] of lines.entries()) {
		const before = lines[index - 1];
		const cut =
			before !== undefined &&
			(before.frame?.right === true ? before.frame.room - before.columns <= 1 : before.columns === width) &&
			line.indent <= 1;
		spaced += before === undefined || cut ? line.text : ` ${line.text}`;
	}

	return { spaced, tight: lines.map(({ text }) => text).join("") };
}

/** The pattern for tight text: every blank may be missing. */
export const withoutBlanks = (pattern: string): string =>
	pattern.replace(/\\.|\[(?:\\.|[^\]])*\]|\{[^}]*\}| \??/g, (part) => (part.startsWith(" ") ? " ?" : part));

/** The pattern for text whose quotes were lost on the way through a shell, or became others. Those around anything stay its bounds. */
export const withAnyQuotes = (pattern: string): string =>
	pattern.replace(/\\.|\[(?:\\.|[^\]])*\]|\{[^}]*\}|["'`](?![?{])/g, (part, at: number) => {
		const isBound = /^(?:\[\^|\(\?!)/.test(pattern.slice(at + 1, at + 4)) || /[\]}*+]/.test(pattern.charAt(at - 1));
		return /^["'`]/.test(part) ? `["'\`]${isBound ? "" : "?"}` : part;
	});
