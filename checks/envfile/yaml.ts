import { parseAddress } from "../../src/addresses.ts";
import { type Broken, type List, readList, readScalar, type Scalar } from "../../src/go-yaml.ts";
import { isSet, placeOf } from "../../src/knowledge/places.ts";
import { readBy } from "../../src/knowledge/templates.ts";
import { about } from "./about.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { example, type Given, mend, quoteWhereNeeded, readingAsWritten, renderList, rewrite } from "./reading.ts";

/** What the values do to the YAML that clusterctl puts them into. */
export const judgeYaml = (cluster: Cluster): EnvfileFinding[] => {
	const read = readingAsWritten(cluster);
	return readBy(cluster.flavor, cluster.capmoxVersion).flatMap(({ name }) => {
		const given = read(name);
		return given === undefined || given.value.trim() === ""
			? []
			: judgePlaced(cluster, { ...given, value: given.value.trim() });
	});
};

function judgePlaced(cluster: Cluster, given: Given): EnvfileFinding[] {
	switch (placeOf(given.name)) {
		case "text":
			return judgeText(given);
		case "list":
			return judgeList(cluster, given, readList(given.value));
		case "entries":
			// Whatever breaks the brackets of the template is no tag either, and is said with the tags.
			return judgeList(cluster, given, intact(readList(`[${given.value}]`)));
		case "quoted":
		case "number":
		case "count":
			return [];
	}
}

const intact = (list: List | Broken | undefined): List | undefined => (list?.kind === "list" ? list : undefined);

/** Their own form excludes what YAML could take otherwise, and says more about it. */
const hasOwnForm = (name: string): boolean => /GATEWAY$|_BGP_PEER2?$|^BOOT_VOLUME_DEVICE$/.test(name);

function judgeText(given: Given): EnvfileFinding[] {
	const read = readScalar(given.value);
	const isAddress = parseAddress(given.value) !== undefined;
	if (read.kind === "broken") {
		// No device has a colon in its name, quotes or not.
		const isDevice = given.name === "VIP_NETWORK_INTERFACE" && !given.value.includes(":");
		return isAddress || isDevice ? [breaksText(given, isAddress)] : [];
	}

	return read.kind === "text" || (read.kind !== "null" && hasOwnForm(given.name))
		? []
		: [notText(given, read, inQuotes(given.value))];
}

const inQuotes = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

const breaksText = (given: Given, isAddress: boolean): EnvfileFinding =>
	about(
		"breaks-yaml",
		given,
		`${given.name} is put into the manifest without quotes, and ${isAddress ? "YAML takes the colon at its end for that of a key" : "YAML takes it for something else than text"}. clusterctl cannot read the manifest then.`,
		rewrite("Put double quotes around it, inside the single ones.", given, inQuotes(given.value)),
		"a text that YAML takes for one",
	);

const kinds = { number: "a number", boolean: "true or false", null: "nothing" } as const;

const notText = (given: Given, { kind, text }: Scalar, better: string): EnvfileFinding =>
	about(
		"not-text",
		given,
		`${given.name} has to be text, but YAML takes ${text === "" ? "it" : text} for ${kind === "text" ? "text" : kinds[kind]}. The API server refuses the manifest, or the machines do.`,
		kind === "null"
			? example("Write a value, or take it out.", given)
			: rewrite("Put double quotes around it, inside the single ones.", given, better),
		"text",
	);

function judgeList(cluster: Cluster, given: Given, list: List | Broken | undefined): EnvfileFinding[] {
	if (list === undefined) {
		return [];
	}

	if (list.kind === "broken") {
		return [breaksList(given, list)];
	}

	const texts = list.items.map(({ text }) => text);
	const odd = list.items.find(({ kind }) => kind !== "text");
	const twice = texts.find((text, index) => texts.indexOf(text) !== index);
	const isWritten = placeOf(given.name) === "list";
	const render = (items: readonly string[]): string =>
		isWritten ? renderList(items, ",") : items.map(quoteWhereNeeded).join(",");
	return [
		// An entry that is no text is no address either, and that is said with the addresses.
		...(odd === undefined || /^DNS_SERVERS$|_RANGES?$/.test(given.name) ? [] : [notText(given, odd, render(texts))]),
		...(twice === undefined || !isSet(given.name, cluster.capmoxVersion)
			? []
			: [
					about(
						"duplicate-entry",
						given,
						`${given.name} has ${twice} twice. The API server refuses that: "Duplicate value".`,
						rewrite("Write each entry once.", given, render([...new Set(texts)])),
						"each entry once",
					),
				]),
	];
}

const meanings = {
	"empty-entry": "has nothing between two commas",
	special: "has characters that mean something else to YAML",
	comment: "has a #, and YAML takes all behind it for a comment",
	quote: "has a quotation mark without its partner, or something behind the closing one",
} as const;

function breaksList(given: Given, { trouble, piece }: Broken): EnvfileFinding {
	const isColon = trouble === "special" && piece.startsWith(":");
	return about(
		"breaks-yaml",
		given,
		`${given.name} ${isColon ? `has ${piece}, and YAML takes the colon at the beginning of an entry for its own` : `${meanings[trouble]}${trouble === "special" && piece !== "" ? `: ${piece}` : ""}`}. clusterctl cannot read the manifest then: "did not find expected node content", or the like.`,
		mend("Write the list like this.", given, repaired(given.value)),
	);
}

/** Empty entries left out, and quotes where they are needed; `undefined` where it cannot be told what was meant. */
function repaired(value: string): string | undefined {
	const items = (/^\[(.*)\]$/s.exec(value)?.[1] ?? "")
		.split(",")
		.map((item) => item.trim().replace(/^(["'])(.*)\1$/, "$2"))
		.filter((item) => item !== "");
	return items.length > 0 && items.every((item) => /^[\w.:/-]+$/.test(item)) ? renderList(items, ",") : undefined;
}

/** A secret of which only is known how YAML takes it. */
export const judgeSecretText = (cluster: Cluster): EnvfileFinding[] =>
	readBy(cluster.flavor, cluster.capmoxVersion).flatMap(({ name }) => {
		const { takenFor, origin } = cluster.variables[name] ?? {};
		const given = { name, value: "a value, which is not shown", origin, from: `${name} (${origin ?? ""})` };
		return takenFor === undefined
			? []
			: [
					about(
						takenFor === "broken" ? "breaks-yaml" : "not-text",
						given,
						`${name} is put into the manifest without quotes, and YAML ${takenFor === "broken" ? "cannot read it" : `takes it for ${kinds[takenFor]}`}. It has to be text.`,
						example("Put double quotes around it, inside the single ones.", given, '"…"'),
						"text",
					),
				];
	});
