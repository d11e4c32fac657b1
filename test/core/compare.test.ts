import { describe, expect, test } from "vitest";
import { defineCheck, healthy } from "../../src/check.ts";
import { compare } from "../../src/compare.ts";
import { diagnose, type Judgement } from "../../src/diagnose.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";

const check = defineCheck({
	id: "sample",
	title: "The sample is fine",
	group: "workload",
	documented: "test",
	needs: [],
	uses: ["workload.nodes"],
	findings: {},
	diagnose: () => healthy("Seen."),
});

const judge = (state: FactSheet["workload.nodes"]): readonly Judgement[] =>
	diagnose([check], state === undefined ? {} : { "workload.nodes": state });
const without = (...clusters: readonly string[]) =>
	judge({
		state: "known",
		value: {
			clusters: [],
			unreached: clusters.map((cluster) => ({ cluster, cause: "unreachable", because: `${cluster}: silent` })),
		},
	});
const nothing = judge({ state: "unavailable", cause: "timeout", lastSeen: "no answer" });

describe("a workload cluster that cannot be seen any more", () => {
	test.each([
		["that could be before", without(), without("a/a"), ["a/a"]],
		["beside one that could not be before", without("a/a"), without("a/a", "b/b"), ["b/b"]],
		["and the other can again", without("a/a"), without("b/b"), ["b/b"]],
		["as before", without("a/a"), without("a/a"), []],
		["when none could be seen before", nothing, without("a/a"), []],
		["and now none can", without("a/a"), nothing, [undefined]],
	] as const)("%s", (_, before, after, expected) => {
		const { blinded } = compare(before, after, { byCode: false });
		expect(blinded.flatMap(({ missing }) => missing.map(({ cluster }) => cluster))).toEqual(expected);
	});
});
