/** One assignment as a POSIX shell would take it, and what the shell would do that this reader does not. */
export interface Assignment {
	readonly name: string;
	readonly value: string;
	readonly line: number;
	/** `false`: the variable stays in the shell that reads the file, and no program it starts gets it. */
	readonly exported: boolean;
}

/** `not-utf8` concerns a whole file, `invalid-yaml` and `yaml-collection` (a list without quotes, which clusterctl reads as empty) concern clusterctl.yaml. */
export const lineProblems = [
	"reference",
	"command",
	"carriage-return",
	"byte-order-mark",
	"not-utf8",
	"unquoted-blank",
	"unquoted-operator",
	"open-quote",
	"invalid-yaml",
	"yaml-collection",
] as const;
export type LineProblem = (typeof lineProblems)[number];

export interface Envfile {
	readonly assignments: readonly Assignment[];
	/** Lines that a shell takes otherwise than they look; `name` is the variable concerned, where one is. */
	readonly problems: readonly { readonly line: number; readonly problem: LineProblem; readonly name?: string }[];
}

const assignment =
	/^\s*(export\s+(?:[A-Za-z_][A-Za-z0-9_]*\s+)*|set\s+-x\s+|(?:declare|typeset)\s+-[A-Za-z]*x[A-Za-z]*\s+)?([A-Za-z_][A-Za-z0-9_]*)(=|:(?=\s|$)\s*)(.*)$/s;

/**
 * Reads an envfile as people have it: `export A="b"`, `A='b'`, `A=b # why`, `export A=b C=d`, `A=b; C=d`, `declare -x A="b"`
 * as bash prints it, `A: "b"`, CRLF, a byte order mark. Nothing is executed or expanded: `$OTHER` and `$(command)` stay in the
 * value and are reported.
 */
export function parseEnvfile(given: string): Envfile {
	const assignments: Assignment[] = [];
	const problems: { line: number; problem: LineProblem; name?: string }[] = [];
	if (isUtf16(given) || given.includes("\0")) {
		problems.push({ line: 1, problem: "not-utf8" });
	} else if (given.startsWith("\uFEFF")) {
		problems.push({ line: 1, problem: "byte-order-mark" });
	}

	const text = isUtf16(given) ? given.slice(2).replaceAll("\0", "") : given.replace(/^\uFEFF/, "");
	const exportedApart = namesExportedApart(text);
	const lines = text.split("\n");
	for (let index = 0; index < lines.length; index++) {
		const first = index;
		let source = lines[index] ?? "";
		let read = readLine(source);
		// A quote that stays open goes on over the next lines, as in a shell.
		while (read.open && index + 1 < lines.length && !startsAnother(lines[index + 1] ?? "")) {
			const previous = lines[index] ?? "";
			index++;
			const next = lines[index] ?? "";
			// Nothing else ends it, and reading all again for each line would take minutes for a long file.
			const mayEnd = /['"]/.test(next) || /\\\r?$/.test(previous);
			source += `\n${next}`;
			read = mayEnd ? readLine(source) : read;
		}

		if (read.open) {
			// No closing quote anywhere: judge this line alone and go on with the next.
			index = first;
			source = lines[first] ?? "";
			read = readLine(source);
		}

		const line = first + 1;
		for (const { name, word, exported } of read.pairs) {
			assignments.push({ name, value: word.value, line, exported: exported || exportedApart.test(name) });
			const seen: LineProblem[] = [
				...(word.open ? (["open-quote"] as const) : []),
				...(source.endsWith("\r") && word === read.pairs.at(-1)?.word ? (["carriage-return"] as const) : []),
				...(read.isYaml ? [] : word.problems),
			];
			problems.push(...seen.map((problem) => ({ line, problem, name })));
		}
	}

	return { assignments, problems };
}

/** A quote that runs into such a line was forgotten: nobody means the next variable, maybe the secret, as a part of this one. */
const startsAnother = (line: string): boolean =>
	/^\s*(?:(?:export|declare\s+-x)\s+[A-Za-z_]\w*=|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?:=|:(?:\s|$)))/.test(line);

/** Neither byte of a UTF-16 byte order mark is UTF-8; of what follows, all that is ASCII has a NUL beside it. */
const isUtf16 = (text: string): boolean => text.startsWith("\uFFFD\uFFFD") && text.includes("\0");

interface Line {
	readonly pairs: readonly (Pair & { readonly exported: boolean })[];
	readonly isYaml: boolean;
	/** A quote goes on behind the last pair. */
	readonly open: boolean;
}

interface Pair {
	readonly name: string;
	readonly word: Word;
}

function readLine(source: string): Line {
	const [, before, name, sign, rest = ""] = assignment.exec(trimCarriageReturn(source)) ?? [];
	if (name === undefined) {
		return { pairs: [], isYaml: false, open: false };
	}

	const isYaml = sign !== "=";
	const own = isYaml ? [{ name, word: readWord(rest) }] : readPairs(name, rest, before?.startsWith("export") === true);
	const exported = isYaml || before !== undefined;
	const behind = isYaml ? "" : (own.at(-1)?.word.rest ?? "");
	const next = behind.startsWith(";") ? readLine(behind.slice(1)) : undefined;
	const isCut = next?.pairs.length === 0 && /^;[^\s#]/.test(behind);
	const pairs = own.map((pair, index) => ({
		...(isCut && index === own.length - 1 ? withProblem(pair, "unquoted-operator") : pair),
		exported,
	}));
	const all = [...pairs, ...(next?.pairs ?? [])];
	return { pairs: all, isYaml, open: all.at(-1)?.word.open === true };
}

/** The value of `name`, and the assignments behind it. */
function readPairs(name: string, source: string, isExport: boolean): readonly Pair[] {
	const first = { name, word: readWord(source) };
	const pairs: Pair[] = [first];
	/** The pairs behind which something stands that is no assignment. */
	const strayed = new Set<Pair>();
	let last: Pair = first;
	let { rest } = first.word;
	while (/^\s+[^\s#;]/.test(rest)) {
		const [begin = "", next] = /^\s+(?:([A-Za-z_][A-Za-z0-9_]*)=)?/.exec(rest) ?? [];
		const word = readWord(rest.slice(begin.length));
		if (next === undefined) {
			strayed.add(last);
		} else {
			last = { name: next, word };
			pairs.push(last);
		}

		({ rest } = word);
	}

	// Without export, a command behind them would have them to itself.
	const [kept, cut] = !isExport && strayed.size > 0 ? [[first], new Set([first])] : [pairs, strayed];
	return kept.map((pair) =>
		cut.has(pair) && !pair.word.problems.includes("unquoted-operator") ? withProblem(pair, "unquoted-blank") : pair,
	);
}

const withProblem = ({ name, word }: Pair, problem: LineProblem): Pair => ({
	name,
	word: { ...word, problems: [...word.problems, problem] },
});

/** `set -a` exports everything, `export A B` what it names. */
function namesExportedApart(text: string): { test(name: string): boolean } {
	const everything = /^[ \t]*set[ \t]+(?:-[b-zA-Z]*a|-o[ \t]+allexport)/m.test(text);
	const named = [...text.matchAll(/^[ \t]*export((?:[ \t]+[A-Za-z_][A-Za-z0-9_]*(?=[ \t\r\n;]|$))+)/gm)].flatMap(
		([, names = ""]) => names.trim().split(/\s+/),
	);
	return { test: (name) => everything || named.includes(name) };
}

const trimCarriageReturn = (line: string): string => line.replace(/\r$/, "");

interface Word {
	readonly value: string;
	readonly open: boolean;
	readonly problems: readonly LineProblem[];
	/** What stands behind it. */
	readonly rest: string;
}

/** One shell word: adjacent quoted and bare parts; ends at an unquoted blank or `;`. */
function readWord(source: string): Word {
	let value = "";
	let rest = source;
	const problems = new Set<LineProblem>();
	while (rest !== "" && !/^[\s;]/.test(rest)) {
		const part = /^(?:\$?'([^']*)'|"((?:[^"\\]|\\.)*)"|((?:[^\s'";\\$]|\\.|\$(?!'))+))/s.exec(rest);
		if (part === null) {
			return { value: value + rest.replace(/^['"]/, "").trimEnd(), open: true, problems: [...problems], rest: "" };
		}

		const [whole, single, double, bare] = part;
		if (single === undefined) {
			noteExpansions(whole, problems);
		}

		// What stands in brackets of a command is its own.
		if (bare !== undefined && !problems.has("command") && /[&|<>()]/.test(withoutEscapes(bare))) {
			problems.add("unquoted-operator");
		}

		value += single ?? (double === undefined ? (bare ?? "").replace(/\\(.)/gs, "$1") : unescapeDouble(double));
		rest = rest.slice(whole.length);
	}

	return { value, open: false, problems: [...problems], rest };
}

const withoutEscapes = (part: string): string => part.replace(/\\./gs, "");

/** Besides names, digits and signs are parameters of a shell: `$1`, `$$`, `$!` (POSIX 2.5). */
function noteExpansions(part: string, problems: Set<LineProblem>): void {
	const active = withoutEscapes(part);
	if (/\$\(|`/.test(active)) {
		problems.add("command");
	} else if (/\$[\w{@*#?$!-]/.test(active)) {
		problems.add("reference");
	}
}

/** Inside double quotes a backslash is only special before `$`, a backtick, `"`, itself and a newline (POSIX 2.2.3). */
const unescapeDouble = (text: string): string =>
	text.replace(/\\([$`"\\\n])/g, (_, special: string) => (special === "\n" ? "" : special));
