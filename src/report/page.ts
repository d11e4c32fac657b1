import type { ChalkInstance } from "chalk";

export interface PageOptions {
	readonly paint: ChalkInstance;
	/** Columns to wrap prose at; code stays whole, to be pasted. */
	readonly width: number;
}

/** A check's page for a terminal: headings in bold, prose wrapped, code indented, no marks of Markdown. */
export function renderPage(markdown: string, options: PageOptions): string {
	const blocks = splitBlocks(markdown.trim().split("\n"));
	return `${blocks.map((block) => renderBlock(block, options)).join("\n\n")}\n`;
}

interface Block {
	readonly kind: "heading" | "code" | "table" | "list" | "prose";
	readonly lines: string[];
}

function kindOf(line: string): Block["kind"] {
	if (/^#{1,6} /.test(line)) {
		return "heading";
	}

	return line.startsWith("|") ? "table" : /^ *(?:[-*]|\d+\.) /.test(line) ? "list" : "prose";
}

function splitBlocks(lines: readonly string[]): readonly Block[] {
	const blocks: Block[] = [];
	let current: Block | undefined;
	for (const line of lines) {
		if (current?.kind === "code") {
			if (/^\s*```/.test(line)) {
				current = undefined;
			} else {
				current.lines.push(line);
			}

			continue;
		}

		if (/^\s*```/.test(line)) {
			current = { kind: "code", lines: [] };
			blocks.push(current);
			continue;
		}

		if (line.trim() === "") {
			current = undefined;
			continue;
		}

		const kind = kindOf(line);
		if (
			current === undefined ||
			kind === "heading" ||
			(current.kind !== kind && !(current.kind === "list" && kind === "prose"))
		) {
			current = { kind, lines: [line] };
			blocks.push(current);
			current = kind === "heading" ? undefined : current;
		} else {
			current.lines.push(line);
		}
	}

	return blocks;
}

function renderBlock({ kind, lines }: Block, options: PageOptions): string {
	const { paint, width } = options;
	switch (kind) {
		case "heading":
			return paint.bold(plain(lines.join(" ").replace(/^#+ /, "")));
		case "code":
			return lines.map((line) => `    ${paint.cyan(line)}`).join("\n");
		case "table":
			return renderTable(lines, options);
		case "list":
			return items(lines)
				.map(({ mark, text }) => wrap(text, width, `${mark} `, options))
				.join("\n");
		case "prose":
			return wrap(lines.join(" "), width, "", options);
	}
}

/** Lines of a list; one that begins no item goes on with the one before. */
function items(lines: readonly string[]): readonly { mark: string; text: string }[] {
	const found: { mark: string; text: string }[] = [];
	for (const line of lines) {
		const [, mark, text] = /^ *([-*]|\d+\.) +(.*)$/.exec(line) ?? [];
		const last = found.at(-1);
		if (mark !== undefined) {
			found.push({ mark: mark === "*" ? "-" : mark, text: text ?? "" });
		} else if (last !== undefined) {
			last.text += ` ${line.trim()}`;
		}
	}

	return found;
}

/** The first column as it is, the rest beside it, or below where there is no room. */
function renderTable(lines: readonly string[], options: PageOptions): string {
	const rows = lines
		.filter((line) => !/^\|[\s:|-]+\|$/.test(line))
		.map((line) =>
			line
				.replace(/^\||\|\s*$/g, "")
				.split(/(?<!\\)\|/)
				.map((cell) => cell.trim()),
		);
	const first = Math.min(24, Math.max(...rows.map(([cell = ""]) => plain(cell).length)));
	return rows
		.map(([cell = "", ...rest], index) => {
			const label = plain(cell);
			const body = rest.join(" · ");
			const lead = label.length > first ? `${label}\n${" ".repeat(first + 2)}` : `${label.padEnd(first)}  `;
			const text =
				lead + wrap(body, options.width - first - 2, "", options).replaceAll("\n", `\n${" ".repeat(first + 2)}`);
			return index === 0 ? options.paint.dim(text) : text;
		})
		.join("\n");
}

/** Wraps at blanks. A piece of code is one word, though it holds blanks. */
function wrap(text: string, width: number, lead: string, { paint }: PageOptions): string {
	const lines: string[] = [];
	let line = lead;
	let columns = lead.length;
	for (const { shown, length } of wordsOf(text, paint)) {
		if (columns > lead.length && columns + 1 + length > width) {
			lines.push(line);
			line = " ".repeat(lead.length);
			columns = lead.length;
		}

		const gap = columns > lead.length ? " " : "";
		line += gap + shown;
		columns += gap.length + length;
	}

	return [...lines, line].join("\n");
}

interface Word {
	readonly shown: string;
	readonly length: number;
}

/** Text, code and strong words, with what joins them without a blank kept together. */
function wordsOf(text: string, paint: ChalkInstance): readonly Word[] {
	const words: Word[] = [];
	let open = false;
	const add = (part: string, colour: (text: string) => string) => {
		const last = words.at(-1);
		if (open && last !== undefined) {
			words[words.length - 1] = { shown: last.shown + colour(part), length: last.length + part.length };
		} else {
			words.push({ shown: colour(part), length: part.length });
		}

		open = true;
	};
	for (const [, code, strong, rest = ""] of withLinks(text).matchAll(
		/`([^`]*)`|\*\*([^*]+)\*\*|((?:[^`*]|\*(?!\*))+|.)/gs,
	)) {
		if (code !== undefined) {
			add(code.replaceAll("\\|", "|"), paint.cyan);
			continue;
		}

		const colour = strong === undefined ? (part: string) => part : paint.bold;
		for (const part of (strong?.replaceAll("`", "") ?? rest).split(/(\s+)/)) {
			if (/^\s+$/.test(part)) {
				open = false;
			} else if (part !== "") {
				add(part, colour);
			}
		}
	}

	return words;
}

const withLinks = (text: string): string => text.replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, "$1 ($2)");
const plain = (text: string): string =>
	withLinks(text)
		.replace(/`([^`]*)`/g, "$1")
		.replace(/\*\*([^*]+)\*\*/g, "$1")
		.replaceAll("\\|", "|");
