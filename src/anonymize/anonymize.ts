import { parseAddress } from "../addresses.ts";
import type { FactSheet } from "../facts/sheet.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { createAddresses, type NetworkBits } from "./addresses.ts";
import { fields, isPrefixVariable, type Kind, kindOfAnnotation, kindOfVariable } from "./fields.ts";
import { commonRules, poolRule, type Rule, rangeRule } from "./networks.ts";
import { rewrite, type StandIns } from "./rewrite.ts";
import { createWords, isOrdinary } from "./words.ts";

/**
 * The same snapshot with stand-ins for names and addresses. What is equal stays equal, and what is in one network stays in
 * one. The same key makes the same stand-ins; without it there is no way back, so it is kept nowhere.
 */
export function anonymize({ header, sheet }: Snapshot, key: Uint8Array): Snapshot {
	const { present, names } = surveyWords(header.host, sheet);
	const { rules, bits } = surveyNetworks(sheet);
	const words = createWords(key, present);
	const addresses = createAddresses(key, [...commonRules, ...rules], bits);
	const by: StandIns = {
		...addresses,
		word: (word, place) => {
			// A sentence is full of short words.
			const isMeant = place === "name" || ((place === "part" || word.length > 2) && names.has(word.toLowerCase()));
			return isMeant && !isOrdinary(word) ? words.replace(word) : word;
		},
	};
	return {
		header: { ...header, host: rewrite(header.host, "name", by), anonymized: true },
		sheet: changeSheet(sheet, (text, kind) => rewrite(text, kind, by)),
	};
}

/** All words, and those that are names somewhere, in lower case. */
function surveyWords(host: string, sheet: FactSheet): { present: ReadonlySet<string>; names: ReadonlySet<string> } {
	const present = new Set<string>();
	const names = new Set<string>();
	const by: StandIns = {
		address: (text) => text,
		mac: (text) => text,
		hex: (text) => text,
		word: (word, place) => {
			present.add(word.toLowerCase());
			if (place === "name" && !isOrdinary(word)) {
				names.add(word.toLowerCase());
			}

			return word;
		},
	};
	rewrite(host, "name", by);
	changeSheet(sheet, (text, kind) => rewrite(text, kind === "keep" ? "text" : kind, by));
	return { present, names };
}

/** A network is at least as large as this: what follows counts hosts. */
const usual: NetworkBits = { 4: 24, 6: 64 };

/** Which bits must stay: of hosts in the networks as they are cut here, of ranges, of pools that are used in order. */
function surveyNetworks(sheet: FactSheet): { rules: readonly Rule[]; bits: NetworkBits } {
	const rules: Rule[] = [];
	const prefixes: number[] = [];
	changeSheet(sheet, (text) => {
		for (const [, first = "", last = ""] of text.matchAll(/([\da-f.:]+)\s*-\s*([\da-f.:]+)/gi)) {
			const [from, to] = [parseAddress(first), parseAddress(last)];
			rules.push(...(from === undefined || to === undefined ? [] : rangeRule(from, to)));
		}

		return text;
	});
	for (const [name, { value = "" }] of Object.entries(valueOf(sheet, "environment.cluster")?.variables ?? {})) {
		prefixes.push(...(isPrefixVariable(name) && /^\d+$/.test(value) ? [Number(value)] : []));
	}

	const { docker } = valueOf(sheet, "host.engines") ?? {};
	const told = docker !== undefined && "server" in docker ? (docker.server?.addressPools ?? []) : [];
	for (const { base, size } of [...told, ...(valueOf(sheet, "host.networks")?.pools ?? [])]) {
		rules.push(...poolRule(base, size));
	}

	const shortest = (most: number) => Math.min(most, ...prefixes.filter((prefix) => prefix >= 8));
	return { rules, bits: { 4: shortest(usual[4]), 6: shortest(usual[6]) } };
}

function valueOf<Name extends keyof FactSheet>(sheet: FactSheet, name: Name) {
	const state = sheet[name];
	return state?.state === "known" ? state.value : undefined;
}

type Change = (text: string, kind: Kind) => string;

const changeSheet = (sheet: FactSheet, change: Change): FactSheet =>
	Object.fromEntries(
		Object.entries(sheet).map(([name, state]) => [
			name,
			state.state === "known"
				? { ...state, value: changeValue(state.value, tableOf(name), "", "", change) }
				: { ...state, lastSeen: change(state.lastSeen, "text") },
		]),
	);

type Table = Readonly<Record<string, Kind>>;
const tableOf = (fact: string): Table => Object.entries(fields).find(([name]) => name === fact)?.[1] ?? {};

/** `path` as the table of fields has it; `key` is the last one of a record on the way. */
function changeValue(value: unknown, table: Table, path: string, key: string, change: Change): unknown {
	if (typeof value === "string") {
		// What is not in the table is a word of our own: a test holds it against the schemas.
		const kind = table[path] ?? "keep";
		return change(
			value,
			kind === "variable" ? kindOfVariable(key) : kind === "annotation" ? kindOfAnnotation(key) : kind,
		);
	}

	if (Array.isArray(value)) {
		return value.map((item) => changeValue(item, table, `${path}[]`, key, change));
	}

	if (typeof value !== "object" || value === null) {
		return value;
	}

	const ownKeys = table[`${path}{key}`];
	return Object.fromEntries(
		Object.entries(value).map(([name, item]) =>
			ownKeys === undefined
				? [name, changeValue(item, table, path === "" ? name : `${path}.${name}`, key, change)]
				: [change(name, ownKeys), changeValue(item, table, `${path}{}`, name, change)],
		),
	);
}
