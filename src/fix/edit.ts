/** A file before and after lines were put into it. */
export interface Edit {
	readonly path: string;
	/** Absent where there is no such file yet. */
	readonly before?: string | undefined;
	readonly after: string;
}

/** Where `into` leads: a file, and the line that is replaced. */
export function placeOf(into: string): { readonly path: string; readonly line?: number } {
	const [, path = into, line] = /^(.*), line (\d+)$/.exec(into) ?? [];
	return line === undefined ? { path: into } : { path, line: Number(line) };
}

const nameOf = (line: string): string | undefined => /^\s*(?:export\s+)?([A-Za-z_]\w*)(?:=|:)/.exec(line)?.[1];

/**
 * The text with the lines in it: in place of line `at`, which must set the same variable and be whole, or at the end, as
 * far as they are missing. `undefined` where that line holds something else by now, or goes on in the next one, and where
 * a script is begun otherwise.
 */
export function putInto(before: string | undefined, lines: string, at?: number): string | undefined {
	const text = before ?? "";
	const newline = text.includes("\r\n") ? "\r\n" : "\n";
	if (at === undefined) {
		const [first = "", ...rest] = lines.split("\n");
		if (first.startsWith("#!") && text !== "" && !isFirst(text, first)) {
			return undefined;
		}

		const missing = missingFrom(text, first, rest);
		return missing.length === 0
			? text
			: `${text}${text === "" || text.endsWith("\n") ? "" : newline}${missing.map((line) => `${line}${newline}`).join("")}`;
	}

	const added = lines.split("\n").join(newline);
	const all = text.split("\n");
	const old = all[at - 1];
	if (old === undefined || nameOf(old) === undefined || nameOf(old) !== nameOf(lines) || !isWhole(old)) {
		return undefined;
	}

	all[at - 1] = old.endsWith("\r") ? `${added}\r` : added;
	return all.join("\n");
}

const isFirst = (text: string, line: string): boolean => linesOf(text)[0] === line;
const linesOf = (text: string): readonly string[] => text.split(/\r?\n/);

/**
 * Settings of the kernel and variables stand each for itself. What stands below a `[Section]` belongs to it: at the end
 * of the file it would be in whatever section is the last, so it is added with its heading, which may be there twice.
 */
function missingFrom(text: string, first: string, rest: readonly string[]): readonly string[] {
	if (!isHeading(first)) {
		const present = new Set(linesOf(text));
		return [first, ...rest].filter((line) => !present.has(line));
	}

	const present = new Set(linesBelow(text, first));
	const block = [first, ...rest];
	return block.every((line) => present.has(line)) ? [] : block;
}

const isHeading = (line: string): boolean => /^\[.*\]$/.test(line);

function linesBelow(text: string, heading: string): readonly string[] {
	let isBelow = false;
	return linesOf(text).filter((line) => {
		isBelow = isHeading(line.trim()) ? line.trim() === heading : isBelow;
		return isBelow;
	});
}

/** One assignment, whose quotes close on the same line; of several (`export A=b C=d`) none may be lost. */
function isWhole(line: string): boolean {
	const [, value = ""] = /^\s*(?:export\s+)?\w+(?:=|:\s*)(.*?)\s*$/s.exec(line) ?? [];
	return (
		/^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'|>\\][^"'\\]*|)\s*(?:#.*)?$/s.test(value) &&
		!/\s\w+=/.test(value.replace(/"[^"]*"|'[^']*'|#.*/g, ""))
	);
}

/** What changes, line by line, as a patch shows it. */
export function renderEdit({ path, before, after }: Edit): string {
	const old = before === undefined ? [] : before.split("\n");
	const now = after.split("\n");
	if (old.at(-1) === "" || (before === undefined && now.at(-1) === "")) {
		now.splice(-1, now.at(-1) === "" ? 1 : 0);
		old.splice(-1, 1);
	}

	let start = 0;
	while (start < old.length && start < now.length && old[start] === now[start]) {
		start++;
	}

	let end = 0;
	while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) {
		end++;
	}

	return [
		`--- ${before === undefined ? "/dev/null" : path}`,
		`+++ ${path}`,
		...old.slice(start, old.length - end).map((line) => `-${line}`),
		...now.slice(start, now.length - end).map((line) => `+${line}`),
	]
		.map((line) => line.replace(/\r$/, ""))
		.join("\n");
}
