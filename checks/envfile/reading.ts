import { readList, readScalar } from "../../src/go-yaml.ts";
import { placeOf } from "../../src/knowledge/places.ts";
import { readBy } from "../../src/knowledge/templates.ts";
import { advise, write } from "../steps.ts";
import type { Cluster } from "./findings.ts";
import { exampleOf } from "./forms.ts";

/** A variable as the chosen template gets it. */
export interface Given {
	readonly name: string;
	/** What Kubernetes gets, where the template makes a text of it; otherwise as it was given. */
	readonly value: string;
	readonly origin: string | undefined;
	/** `NODE_IP_RANGES (envfile, line 8)`, as evidence begins. */
	readonly from: string;
}

export type Read = (name: string) => Given | undefined;

/** Where a line has one of these, the value that was read is not the one that was meant. */
const garbling: ReadonlySet<string> = new Set(["unquoted-blank", "unquoted-operator", "open-quote", "yaml-collection"]);

/** The values as they are written; `undefined` where the template does not read the variable, or nothing can be said about its value. */
export function readingAsWritten(cluster: Cluster): Read {
	const cutOff = new Set(
		cluster.files.flatMap(({ problems }) =>
			problems.flatMap(({ problem, name }) => (garbling.has(problem) && name !== undefined ? [name] : [])),
		),
	);
	const rows = new Map(readBy(cluster.flavor, cluster.capmoxVersion).map((row) => [row.name, row]));
	return (name) => {
		const row = rows.get(name);
		const given = cluster.variables[name];
		const value = given?.value ?? row?.default;
		const isUnseen = given?.presence === "set" && given.value === undefined;
		if (row === undefined || value === undefined || cutOff.has(name) || isUnseen) {
			return undefined;
		}

		const { origin } = given ?? {};
		return { name, value, origin, from: `${name} (${given?.value === undefined ? "default" : (origin ?? "")})` };
	};
}

/** The values as the template makes them; `undefined` also for a list that breaks it. */
export function reading(cluster: Cluster): Read {
	const asWritten = readingAsWritten(cluster);
	return (name) => {
		const given = asWritten(name);
		const value = given === undefined ? undefined : valueIn(name, given.value);
		return given === undefined || value === undefined ? undefined : { ...given, value };
	};
}

/** `undefined` for a list that breaks the template, of which judgeYaml speaks. */
function valueIn(name: string, given: string): string | undefined {
	const text = given.trim();
	switch (placeOf(name)) {
		case "text": {
			const read = readScalar(text);
			return read.kind === "broken" ? text : read.kind === "null" ? "" : read.text;
		}

		case "number": {
			const read = readScalar(text);
			// A number in quotes is none, so they stay.
			return read.kind === "number" ? read.text : text;
		}

		case "list":
			return readList(text)?.kind === "broken" ? undefined : text;
		case "entries":
			return text;
		case "quoted":
		case "count":
			return given;
	}
}

/** The items of `[a, b]` as Kubernetes gets them; `undefined` where it is no list. */
export function itemsOf(value: string): readonly string[] | undefined {
	const list = readList(value);
	return list?.kind === "list" ? list.items.map(({ text }) => text) : undefined;
}

/** `[a, b]`, with quotes around what Go's YAML reader would not take for that text. */
export const renderList = (items: readonly string[], separator = ", "): string =>
	`[${items.map(quoteWhereNeeded).join(separator)}]`;

export function quoteWhereNeeded(item: string): string {
	const list = readList(`[${item}]`);
	const [only, ...others] = list?.kind === "list" ? list.items : [];
	const isItself = only?.kind === "text" && only.text === item && others.length === 0;
	return isItself ? item : `"${item.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** A value of another network, in words: only the user knows the right one, so nothing is there to be written for them. */
export const example = (advice: string, { name, origin }: Pick<Given, "name" | "origin">, value = exampleOf(name)) => {
	const { put } = rewrite("", { name, origin }, value);
	const where = put === undefined ? "" : `, in ${put.into}`;
	return advise(`${advice} For example${where}: ${put?.line ?? lineOf(name, value)}`);
};

/** The step that writes a better value, which follows from the others, where the variable stands. */
export const rewrite = (advice: string, { name, origin }: Pick<Given, "name" | "origin">, value: string) =>
	write(advice, lineOf(name, value), origin);

const lineOf = (name: string, value: string): string => `export ${name}='${value}'`;

/** The better value where it follows from the given one, otherwise an example. */
export const mend = (advice: string, given: Given, better: string | undefined, sample?: string) =>
	better === undefined ? example(advice, given, sample) : rewrite(advice, given, better);
