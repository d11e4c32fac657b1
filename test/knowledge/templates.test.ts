import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import envfile from "../../checks/envfile.ts";
import { placeOf } from "../../src/knowledge/places.ts";
import {
	type CapmoxVersion,
	clusterNetworks,
	type Flavor,
	filledByClusterctl,
	flavors,
	readBy,
	templateVariables,
} from "../../src/knowledge/templates.ts";
import { judgeSituation } from "../support/situations.ts";
import { type Edits, renderEnvfile, variableFacts, variablesOf } from "../support/variables.ts";

const folder = new URL("../../../shared/data/capmox/", import.meta.url);
const isThere = existsSync(folder);
const releases = { "0.9": "v0.9.0", "0.8": "v0.8.2", "0.7": "v0.7.7" } as const satisfies Record<CapmoxVersion, string>;
const cases = Object.entries(releases).flatMap(([version, tag]) =>
	flavors.map((flavor) => [tag, flavor, version as CapmoxVersion] as const),
);

const fileOf = (tag: string, flavor: Flavor) =>
	new URL(`${tag}/templates/cluster-template${flavor === "default" ? "" : `-${flavor}`}.yaml`, folder);

/** As clusterctl's simple processor: blanks inside the braces do not count, a doubled dollar escapes. */
function variablesIn(text: string): Map<string, string | undefined> {
	const found = new Map<string, string | undefined>();
	for (const [, name = "", , value] of text.matchAll(/(?<!\$)\$\{\s*([A-Za-z0-9_]+)\s*(:?=([^}]*))?\}/g)) {
		found.set(name, value?.replace(/^""$/, ""));
	}

	return found;
}

const bare: readonly string[] = ["text", "number", "count", "list"];
const placeIn = (line: string): string =>
	/["'][\w-]*\$\{/.test(line)
		? "quoted"
		: /\[\s*\$\{/.test(line)
			? "entries"
			: /: \$\{[^}]*\}$/.test(line)
				? "bare"
				: line;

const where = isThere ? "" : " – skipped: the folder ../shared/data/capmox with CAPMOX's templates is not here";

describe.skipIf(!isThere)(`the table of variables is what CAPMOX's templates say${where}`, () => {
	test.each(cases)("%s %s", (tag, flavor, version) => {
		const inTemplate = variablesIn(readFileSync(fileOf(tag, flavor), "utf8"));
		const inTable = new Map(readBy(flavor, version).map((row) => [row.name, row.default]));
		expect(Object.fromEntries(inTable)).toEqual(Object.fromEntries(inTemplate));
	});

	test.each(cases)("%s %s: variables stand where the table of places puts them", (tag, flavor) => {
		const text = readFileSync(fileOf(tag, flavor), "utf8");
		const stands = [...text.matchAll(/^.*?(?<!\$)\$\{\s*([A-Za-z0-9_]+)\s*(?::?=[^}]*)?\}.*$/gm)].map(
			([line, name = ""]) => [name, placeIn(line)] as const,
		);
		for (const [name, place] of stands) {
			// Behind a name, as in ${CLUSTER_NAME}-crs-0, a text cannot become anything else.
			expect([name, place]).toEqual([
				name,
				name === "CLUSTER_NAME" ? place : bare.includes(placeOf(name)) ? "bare" : placeOf(name),
			]);
		}

		expect(stands.length).toBeGreaterThan(20);
	});

	test.each(cases)("%s %s: networks of pods and services", (tag, flavor) => {
		// Only the document with clusterNetwork, with its placeholders quoted away.
		const text = readFileSync(fileOf(tag, flavor), "utf8").replace(/\$\{[^}]*\}/g, "x");
		const document = text.split(/^---$/m).find((part) => part.includes("clusterNetwork:")) ?? "";
		const { spec } = parse(document) as { spec: { clusterNetwork: Record<string, { cidrBlocks: string[] }> } };
		const inTemplate = Object.entries(spec.clusterNetwork).flatMap(([use, { cidrBlocks }]) =>
			cidrBlocks.map((cidr) => ({ cidr, use })),
		);
		const kubeadmDefault = "services" in spec.clusterNetwork ? [] : [{ cidr: "10.96.0.0/12", use: "services" }];
		expect(clusterNetworks(flavor)).toEqual([...inTemplate, ...kubeadmDefault]);
	});

	test.each(cases)(
		"%s %s: the envfile of the tests fills it, and not without any one variable",
		async (tag, flavor, version) => {
			const renamed = { NODE_SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.50]" };
			const variables = {
				...variablesOf(flavor),
				...(version === "0.7" && "SECONDARY_IP_RANGES" in variablesOf(flavor) ? renamed : {}),
			};
			const codesOf = async (edits: Edits) => {
				const facts = await variableFacts(
					{ envfile: renderEnvfile({ ...variables, ...edits }) },
					{ flavor, capmoxVersion: version },
				);
				return judgeSituation(envfile, facts, false).codes;
			};
			expect(await codesOf({})).toEqual([]);
			const needed = [...variablesIn(readFileSync(fileOf(tag, flavor), "utf8"))].flatMap(([name, preset]) =>
				preset === undefined && !filledByClusterctl.has(name) ? [name] : [],
			);
			expect(needed.length).toBeGreaterThan(5);
			for (const name of needed) {
				const codes = await codesOf({ [name]: undefined });
				expect([name, codes.some((code) => code === "envfile/missing" || code === "envfile/renamed")]).toEqual([
					name,
					true,
				]);
			}
		},
	);

	test.each(Object.values(releases))("%s has no flavor that the table lacks", (tag) => {
		const inFolder = readdirSync(new URL(`${tag}/templates/`, folder)).flatMap((name) => {
			const match = /^cluster-template(?:-(?<flavor>.+))?\.yaml$/.exec(name);
			return match === null ? [] : [match.groups?.["flavor"] ?? "default"];
		});
		expect(inFolder.sort()).toEqual([...flavors].sort());
	});
});

test("a variable has one row per flavor and version", () => {
	for (const [, flavor, version] of cases) {
		const names = readBy(flavor, version).map(({ name }) => name);
		expect(new Set(names).size).toBe(names.length);
	}
});

test("what clusterctl fills in stands in the table", () => {
	const names = templateVariables.map(({ name }) => name);
	expect([...filledByClusterctl].filter((name) => !names.includes(name))).toEqual([]);
});
