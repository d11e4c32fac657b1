/** One assignment as a POSIX shell would take it, and what the shell would do that this reader does not. */
export interface Assignment {
	readonly name: string;
	readonly value: string;
	readonly line: number;
	/** `false`: the variable stays in the shell that reads the file, and no program it starts gets it. */
	readonly exported: boolean;
}

/** `invalid-yaml` and `yaml-collection` (a list without quotes, which clusterctl reads as empty) concern clusterctl.yaml. */
export const lineProblems = [
	"reference",
	"command",
	"carriage-return",
	"byte-order-mark",
	"unquoted-blank",
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

const assignment = /^\s*(export\s+|set\s+-x\s+)?([A-Za-z_][A-Za-z0-9_]*)(=|:(?=\s|$)\s*)(.*)$/s;

/**
 * Reads an envfile as people have it: `export A="b"`, `A='b'`, `A=b # why`, `A: "b"`, CRLF, a byte order mark.
 * Nothing is executed or expanded: `$OTHER` and `$(command)` stay in the value and are reported.
 */
export function parseEnvfile(text: string): Envfile {
	const assignments: Assignment[] = [];
	const problems: { line: number; problem: LineProblem; name?: string }[] = [];
	if (text.startsWith("\uFEFF")) {
		problems.push({ line: 1, problem: "byte-order-mark" });
	}

	const exportedApart = namesExportedApart(text);
	const lines = text.replace(/^\uFEFF/, "").split("\n");
	for (let index = 0; index < lines.length; index++) {
		const first = index;
		let source = lines[index] ?? "";
		let found = assignment.exec(trimCarriageReturn(source));
		if (found === null) {
			continue;
		}

		let word = readWord(found[4] ?? "");
		// A quote that stays open goes on over the next lines, as in a shell.
		while (word.open && index + 1 < lines.length) {
			index++;
			source += `\n${lines[index] ?? ""}`;
			found = assignment.exec(trimCarriageReturn(source)) ?? found;
			word = readWord(found[4] ?? "");
		}

		if (word.open) {
			// No closing quote anywhere: judge this line alone and go on with the next.
			index = first;
			source = lines[first] ?? "";
			word = readWord(assignment.exec(trimCarriageReturn(source))?.[4] ?? "");
		}

		const name = found[2] ?? "";
		const line = first + 1;
		const isYaml = found[3] !== "=";
		const exported = isYaml || found[1] !== undefined || exportedApart.test(name);
		assignments.push({ name, value: word.value, line, exported });
		const seen: LineProblem[] = [
			...(word.open ? (["open-quote"] as const) : []),
			...(source.endsWith("\r") ? (["carriage-return"] as const) : []),
			...(isYaml ? [] : word.problems),
		];
		problems.push(...seen.map((problem) => ({ line, problem, name })));
	}

	return { assignments, problems };
}

/** `set -a` exports everything, `export A B` on a line of its own what it names. */
function namesExportedApart(text: string): { test(name: string): boolean } {
	const everything = /^[ \t]*set[ \t]+(?:-[b-zA-Z]*a|-o[ \t]+allexport)/m.test(text);
	const named = [...text.matchAll(/^[ \t]*export((?:[ \t]+[A-Za-z_][A-Za-z0-9_]*)+)[ \t\r]*(?:#.*)?$/gm)].flatMap(
		([, names = ""]) => names.trim().split(/\s+/),
	);
	return { test: (name) => everything || named.includes(name) };
}

const trimCarriageReturn = (line: string): string => line.replace(/\r$/, "");

interface Word {
	readonly value: string;
	readonly open: boolean;
	readonly problems: readonly LineProblem[];
}

/** One shell word: adjacent quoted and bare parts; ends at an unquoted blank or `;`. */
function readWord(source: string): Word {
	let value = "";
	let rest = source;
	const problems = new Set<LineProblem>();
	while (rest !== "" && !/^[\s;]/.test(rest)) {
		const part = /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|((?:[^\s'";\\]|\\.)+))/s.exec(rest);
		if (part === null) {
			return { value: value + rest.replace(/^['"]/, "").trimEnd(), open: true, problems: [...problems] };
		}

		const [whole, single, double, bare] = part;
		if (single === undefined) {
			noteExpansions(whole, problems);
		}

		value += single ?? (double === undefined ? (bare ?? "").replace(/\\(.)/gs, "$1") : unescapeDouble(double));
		rest = rest.slice(whole.length);
	}

	if (rest.trim() !== "" && !/^\s+#|^;|^\s*$/.test(rest)) {
		problems.add("unquoted-blank");
	}

	return { value, open: false, problems: [...problems] };
}

function noteExpansions(part: string, problems: Set<LineProblem>): void {
	if (/(?<!\\)(?:\$\(|`)/.test(part)) {
		problems.add("command");
	} else if (/(?<!\\)\$(?:[A-Za-z_{])/.test(part)) {
		problems.add("reference");
	}
}

/** Inside double quotes a backslash is only special before `$`, a backtick, `"`, itself and a newline (POSIX 2.2.3). */
const unescapeDouble = (text: string): string =>
	text.replace(/\\([$`"\\\n])/g, (_, special: string) => (special === "\n" ? "" : special));
