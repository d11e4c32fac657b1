import { checks } from "../../checks/index.ts";
import { groups } from "../check.ts";
import { defineProgram } from "../cli.ts";
import { reportFormats, type Terminal } from "../commands/terminal.ts";
import { flavors } from "../knowledge/templates.ts";
import { type Choice, describeProgram, type ProgramDefinition } from "./definition.ts";

const titles = checks.map(({ id, title }): Choice => [id, title]);
const plain = (words: readonly string[]) => words.map((word): Choice => [word, ""]);

interface Known {
	readonly program: ProgramDefinition;
	/** What to offer by the placeholder; the bundle has all of this as a file, made when it is built. */
	readonly words: Readonly<Record<string, readonly Choice[]>>;
	/** The codes of findings, which are offered once something is typed: there are hundreds. */
	readonly codes: readonly Choice[];
}

/** Nothing is run: the program is only looked at. */
const nowhere = { version: "" } as Terminal;

const named: readonly Choice[] = [
	...titles,
	...groups
		.filter((group) => checks.some((check) => check.group === group))
		.map((group): Choice => [group, `all checks of this group`]),
];

export const known: Known = {
	program: describeProgram(defineProgram(() => true, nowhere, new AbortController().signal).program),
	words: {
		check: named,
		checks: named,
		subject: titles,
		target: titles,
		flavor: plain(flavors),
		"format[=file]": plain(reportFormats),
	},
	codes: checks.flatMap(({ id, findings }) =>
		Object.entries(findings).map(([code, { means }]): Choice => [`${id}/${code}`, means]),
	),
};
