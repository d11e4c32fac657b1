import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { causes } from "../../src/errors.ts";
import { loadSchemas } from "../../src/facts/probe.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { extractFlows, flowIndent, renderFlow } from "../../src/snapshot/flow.ts";
import { parseSnapshot } from "../../src/snapshot/read.ts";
import { format, type Header } from "../../src/snapshot/snapshot.ts";
import { renderSnapshot } from "../../src/snapshot/write.ts";
import { changeTexts, withoutControls } from "../../src/texts.ts";
import { valuesOf } from "../support/fact-schemas.ts";
import { findSituations, judgeSituation, readSituation } from "../support/situations.ts";

const header: Header = { schema: format, doctor: "0.0.0", taken: "2026-11-23T09:30:00.000Z", host: "lantern" };
const load = (text: string) => parseSnapshot(text, "a.yaml", "0.0.0");
const reload = async (sheet: FactSheet) => (await load(renderSnapshot({ header, sheet }))).sheet;

test.each(findSituations().map((situation) => [`${situation.check.id}/${situation.name}`, situation] as const))(
	"%s is judged alike, saved and loaded",
	async (_, situation) => {
		const { sheet, asked } = readSituation(situation);
		const again = await reload(sheet);
		expect(again).toEqual(sheet);
		expect(judgeSituation(situation.check, again, asked).text).toBe(judgeSituation(situation.check, sheet, asked).text);
	},
);

describe("every fact comes back as it was, whatever stands in it", async () => {
	// The table of versions has a form that arbitrary texts do not; every situation brings it.
	const schemas = Object.entries(await loadSchemas()).filter(([name]) => name !== "knowledge.compatibility");
	test.each(schemas)("%s", async (name, schema) => {
		const known = valuesOf(schema).map((value) => ({ state: "known" as const, value }));
		const unavailable = fc.record({
			state: fc.constant("unavailable" as const),
			cause: fc.constantFrom(...causes),
			lastSeen: fc.string({ unit: "grapheme" }),
		});
		await fc.assert(
			fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: known }, unavailable), async (state) => {
				// As gather leaves it.
				const gathered = changeTexts(state, withoutControls, withoutControls);
				const sheet = { [name]: parsed(gathered) };
				expect(await reload(sheet)).toEqual(sheet);
			}),
			{ numRuns: 40 },
		);

		function parsed(state: unknown) {
			const { state: kind, value } = state as { state: string; value?: unknown };
			return kind === "known" ? { state: kind, value: schema.parse(value) } : state;
		}
	});
});

describe("what is large is written as JSON that YAML reads alike", () => {
	const long = fc.array(fc.jsonValue({ maxDepth: 4, noUnicodeString: false }), { minLength: 40, maxLength: 60 });
	test("any value", () => {
		fc.assert(
			fc.property(long, (value) => {
				const text = `facts:\n  a:\n    value:\n${flowIndent}${renderFlow(value, flowIndent)}\n`;
				const { rest, values } = extractFlows(text);
				const plain = JSON.parse(JSON.stringify(value)) as unknown;
				if (text.length > 400) {
					expect([...values.values()]).toEqual([plain]);
				}

				expect(rest.length).toBeLessThan(text.length + 60);
				expect(parse(text)).toEqual({ facts: { a: { value: plain } } });
			}),
			{ numRuns: 60 },
		);
	});

	const machines = (count: number): FactSheet => ({
		"environment.machines": {
			state: "known",
			value: {
				source: "cluster.yaml",
				otherCredentials: [],
				blanks: [],
				machines: Array.from({ length: count }, (_, index) => ({
					from: `ProxmoxMachineTemplate default/worker-${index}`,
					templateTags: ["ubuntu", "kube"],
					allowedNodes: ["beacon1", "beacon2"],
					devices: [{ bridge: "vmbr0", vlan: index, onlySome: false }],
					tags: ["a: b", "#c"],
					skips: [],
				})),
			},
		},
	});

	test("a fact with 2,000 machines is", async () => {
		const text = renderSnapshot({ header, sheet: machines(2_000) });
		expect(text).toContain('        "machines": [\n          {"from":');
		expect(extractFlows(text).values.size).toBe(1);
		expect(await reload(machines(2_000))).toEqual(machines(2_000));
	});

	test("sent by mail, with other ends of lines, is none that somebody changed", async () => {
		const text = renderSnapshot({ header, sheet: machines(30_000) });
		expect(text.length).toBeGreaterThan(4 * 1_048_576);
		expect((await load(text.replaceAll("\n", "\r\n"))).sheet).toEqual(machines(30_000));
	});

	test("changed by hand it is read as YAML, to the same end or to a complaint", async () => {
		const text = renderSnapshot({ header, sheet: machines(150) });
		expect(extractFlows(text).values.size).toBe(1);
		const spaced = text.replace('"allowedNodes":["beacon1","beacon2"]', '"allowedNodes": [ beacon1, "beacon2" ]');
		expect(extractFlows(spaced).values.size).toBe(0);
		expect((await load(spaced)).sheet).toEqual(machines(150));
		const twice = text.replace('{"from":', '{"from":"x","from":');
		await expect(load(twice)).rejects.toThrow("a.yaml is not valid YAML, line ");
		await expect(load(text.replace('{"from":', '{"__proto__":{},"from":'))).rejects.toThrow("holds a key __proto__");
	});
});
