import { readBy } from "../../src/knowledge/templates.ts";
import { advise, write } from "../steps.ts";
import type { Cluster } from "./findings.ts";
import { exampleOf } from "./forms.ts";

/** A variable as the chosen template gets it. */
export interface Given {
	readonly name: string;
	readonly value: string;
	readonly origin: string | undefined;
	/** `NODE_IP_RANGES (envfile, line 8)`, as evidence begins. */
	readonly from: string;
}

export type Read = (name: string) => Given | undefined;

/** Where a line has one of these, the value that was read is not the one that was meant. */
const garbling: ReadonlySet<string> = new Set(["unquoted-blank", "open-quote", "yaml-collection"]);

/** What the template gets; `undefined` where it does not read the variable, or nothing can be said about its value. */
export function reading(cluster: Cluster): Read {
	const cutOff = new Set(
		cluster.files.flatMap(({ problems }) =>
			problems.flatMap(({ problem, name }) => (garbling.has(problem) && name !== undefined ? [name] : [])),
		),
	);
	const rows = new Map(readBy(cluster.flavor, cluster.capmoxVersion).map((row) => [row.name, row]));
	return (name) => {
		const row = rows.get(name);
		const given = cluster.variables[name];
		if (row === undefined || cutOff.has(name) || (given?.presence === "set" && given.value === undefined)) {
			return undefined;
		}

		const value = given?.value?.trim() ?? row.default;
		if (value === undefined) {
			return undefined;
		}

		const { origin } = given ?? {};
		return { name, value, origin, from: `${name} (${given?.value === undefined ? "default" : (origin ?? "")})` };
	};
}

/** The items of `[a, b]`, without quotes around them; `undefined` where it is no list. */
export function itemsOf(value: string): readonly string[] | undefined {
	const inner = /^\[(.*)\]$/s.exec(value)?.[1];
	return inner
		?.split(",")
		.map((item) => item.trim().replace(/^(["'])(.*)\1$/, "$2"))
		.filter((item) => item !== "");
}

/** A value of another network, in words: only the user knows the right one, so nothing is there to be written for them. */
export const example = (advice: string, { name, origin }: Pick<Given, "name" | "origin">, value = exampleOf(name)) => {
	const { put } = rewrite(advice, { name, origin }, value);
	return advise(put === undefined ? advice : `${advice} For example, in ${put.into}: ${put.line}`);
};

/** The step that writes a better value, which follows from the others, where the variable stands. */
export const rewrite = (advice: string, { name, origin }: Pick<Given, "name" | "origin">, value: string) =>
	write(advice, `export ${name}='${value}'`, origin);

/** The better value where it follows from the given one, otherwise an example. */
export const mend = (advice: string, given: Given, better: string | undefined, sample?: string) =>
	better === undefined ? example(advice, given, sample) : rewrite(advice, given, better);
