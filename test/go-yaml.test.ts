import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Broken, type List, readList, readScalar, type Scalar } from "../src/go-yaml.ts";
import recorded from "./go-yaml.recorded.json" with { type: "json" };

/** What sigs.k8s.io/yaml v1.6.0 made of `k:\n  a: TEXT\n  z: 1\n`; nothing where it could not read that. */
const cases = recorded as [text: string, value?: unknown][];

const valueOf = (scalar: Scalar): unknown =>
	scalar.kind === "text"
		? scalar.text
		: scalar.kind === "number"
			? scalar.value
			: scalar.kind === "null"
				? null
				: /^(?:y|yes|true|on)$/i.test(scalar.text);

function valueIn(read: Scalar | List | Broken | undefined): unknown {
	if (read === undefined || read.kind === "broken") {
		return undefined;
	}

	return read.kind === "list" ? read.items.map(valueOf) : valueOf(read);
}

/** Collections inside are valid YAML, and never what a template wants: they count as broken here. */
const isNested = (value: unknown): boolean =>
	typeof value === "object" &&
	value !== null &&
	(!Array.isArray(value) || value.some((item) => typeof item === "object" && item !== null));

describe("reads as Go does", () => {
	test.each(cases)("%j", (text, value) => {
		const read = text.startsWith("[") ? readList(text) : readScalar(text);
		expect(valueIn(read)).toEqual(isNested(value) ? undefined : value);
	});
});

test("quoted entries come out as they went in, and so does yaml's reader say", () => {
	const texts = fc.array(
		fc.string({ unit: fc.constantFrom(...Array.from('ab1.:-/ #[]{},?"\\&*!')) }).filter((text) => text.trim() === text),
	);
	fc.assert(
		fc.property(texts, (items) => {
			const source = `[${items.map((item) => JSON.stringify(item)).join(", ")}]`;
			expect(valueIn(readList(source))).toEqual(items);
			expect(parse(source)).toEqual(items);
		}),
	);
});

test("never throws, and a list is never taken from what is none", () => {
	fc.assert(
		fc.property(fc.string({ unit: fc.constantFrom(...Array.from("a1:-[]{},#\"'?&*!|> \t\n\\")) }), (text) => {
			readScalar(text);
			expect(readList(text) === undefined).toBe(!text.trim().startsWith("["));
		}),
	);
});
