import { found, mapNonEmpty } from "../../src/check.ts";
import { placeOf } from "../../src/knowledge/places.ts";
import { readBy } from "../../src/knowledge/templates.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileCode, EnvfileFinding } from "./findings.ts";
import { exampleOf } from "./forms.ts";

interface Line {
	readonly path: string;
	readonly line: number;
	readonly problem: Cluster["files"][number]["problems"][number]["problem"];
	readonly name?: string | undefined;
}

const linesOf = ({ files }: Cluster): readonly Line[] =>
	files.flatMap(({ path, problems }) => problems.map((problem) => ({ path, ...problem })));

/** Without these no value of the file counts, so they come first. */
export function judgeFiles(cluster: Cluster): EnvfileFinding[] {
	const read = new Set(readBy(cluster.flavor, cluster.capmoxVersion).map(({ name }) => name));
	const lines = linesOf(cluster);
	return [
		...lines.filter(({ problem }) => problem === "invalid-yaml").map(invalidYaml),
		...lines.filter(({ problem }) => problem === "open-quote").map(openQuote),
		...lines.filter(({ problem, name }) => problem === "yaml-collection" && read.has(name ?? "")).map(unquotedList),
		...lines.filter(({ problem, name }) => problem === "unquoted-blank" && read.has(name ?? "")).map(unquotedBlank),
		...lines
			.filter(({ problem, name }) => problem === "unquoted-operator" && read.has(name ?? ""))
			.map(unquotedOperator),
	];
}

const invalidYaml = ({ path, line, name }: Line): EnvfileFinding =>
	found(
		"invalid-yaml",
		name === undefined
			? `${path} is not valid YAML, so clusterctl cannot read a single variable from it.`
			: `${path} is not valid YAML: line ${line} has ${name}=…, as shells want it. clusterctl cannot read a single variable from the file. CAPMOX's own guide has such a line for EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION.`,
		{
			from: `${path}, line ${line}`,
			saw: name === undefined ? "a syntax error" : `${name}=…`,
			expected: `${name ?? "NAME"}: "value"`,
		},
		advise(
			name === undefined
				? 'Write each line as NAME: "value".'
				: `Write that line as YAML, with its value between the quotes. For example: ${name}: "true"`,
		),
	);

const unquotedList = ({ path, line, name = "" }: Line): EnvfileFinding =>
	found(
		"unquoted-list",
		`${name} is a list without quotes in ${path}. clusterctl wants text there, and takes the list for an empty value.`,
		{ from: `${path}, line ${line}`, saw: `${name}: a YAML list`, expected: `${name}: "${exampleOf(name)}"` },
		advise(`Put the whole value, brackets and all, into double quotes. For example: ${name}: "${exampleOf(name)}"`),
	);

const openQuote = ({ path, line, name = "" }: Line): EnvfileFinding =>
	found(
		"open-quote",
		`The value of ${name} opens a quote and does not close it. A shell looks for the end in the lines behind it: what they set is lost, or the whole rest of the file.`,
		{ from: `${path}, line ${line}`, saw: `${name}=… with one quotation mark too few`, expected: `export ${name}='…'` },
		advise(`Close the quote at the end of line ${line}, with the mark that opens it.`),
	);

const unquotedBlank = ({ path, line, name = "" }: Line): EnvfileFinding =>
	found(
		"unquoted-blank",
		`The value of ${name} has a blank and no quotes around it. A shell ends the value at the blank, and takes the rest for something else.`,
		{ from: `${path}, line ${line}`, saw: `${name}=… with a blank outside quotes`, expected: `export ${name}='…'` },
		advise(`Put the whole value into single quotes. For example: export ${name}='${exampleOf(name)}'`),
	);

const unquotedOperator = ({ path, line, name = "" }: Line): EnvfileFinding =>
	found(
		"unquoted-operator",
		`The value of ${name} has one of ; & | < > ( ) and no quotes around it. A shell takes that for the end of the command or for a file: the value is cut off there, or not set at all.`,
		{
			from: `${path}, line ${line}`,
			saw: `${name}=… with such a character outside quotes`,
			expected: `export ${name}='…'`,
		},
		advise(`Put the whole value into single quotes. For example: export ${name}='${exampleOf(name)}'`),
	);

const troubles = {
	reference: "refers to another variable, which is not filled in here, so the value was not judged",
	command: "holds a command, which is not run here, so the value was not judged",
	"carriage-return": "ends in a carriage return, which a shell keeps as part of the value",
} as const;

const isTrouble = (problem: string): problem is keyof typeof troubles => problem in troubles;

/** What a shell does otherwise with the line. */
export function misread(cluster: Cluster): EnvfileFinding[] {
	const read = new Set(readBy(cluster.flavor, cluster.capmoxVersion).map(({ name }) => name));
	const [first, ...rest] = linesOf(cluster).flatMap(({ path, line, problem, name = "" }) =>
		isTrouble(problem) && read.has(name)
			? [{ from: `${path}, line ${line}`, saw: `${name} ${troubles[problem]}`, problem, name }]
			: [],
	);
	if (first === undefined) {
		return [];
	}

	const unseen = [first, ...rest].some(({ problem }) => problem === "reference" || problem === "command");
	// As a blank at the end of a text in quotes, or of a number that clusterctl reads itself, it is not harmless.
	const broken = [first, ...rest].find(
		({ problem, name }) => problem === "carriage-return" && ["quoted", "count"].includes(placeOf(name)),
	);
	const code: EnvfileCode = "file-misread";
	return [
		{
			code,
			...(broken === undefined ? {} : { severity: "error" as const }),
			summary: unseen
				? "Some lines mean something only to a shell. This program does not run them, so it cannot judge their values."
				: `A shell takes some lines otherwise than they look.${broken === undefined ? "" : ` With a carriage return at its end ${broken.name} is refused.`}`,
			evidence: mapNonEmpty([first, ...rest], ({ from, saw }) => ({ from, saw })),
			remedy: unseen
				? [
						advise(
							"Read the file in this shell first, with source ./envfile, then run this check again. What is set in the shell comes first.",
						),
					]
				: [advise("Write export NAME='value', one to a line, with line ends of Unix (dos2unix).")],
		},
	];
}
