import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { restore } from "../../src/fix/restore.ts";
import { applyJsonPatch } from "../support/kubernetes/patch.ts";

const value: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
	value: fc.oneof(
		{ depthSize: "small" },
		fc.constantFrom<unknown>(0, 1, "", "a", true),
		fc.array(tie("value"), { maxLength: 4 }),
		fc.dictionary(fc.constantFrom("a", "b", "c/d", "e~f"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
	),
})).value;
const spec = fc.dictionary(fc.constantFrom("x", "y", "z"), value, { maxKeys: 3, noNullPrototype: true });
const object = (fields: unknown, more: object = {}) => ({ metadata: { uid: "1" }, spec: fields, ...more });

test("whatever a command changed: patched back, it is as it was before", () => {
	fc.assert(
		fc.property(spec, spec, (before, after) => {
			const operations = restore(object(before), object(after), object(after, { status: { ready: 1 } }));
			fc.pre(Array.isArray(operations));
			expect(applyJsonPatch(object(after), operations)).toEqual(object(before));
		}),
		{ numRuns: 500 },
	);
});

const keptOf = (others: object, after: object): object =>
	Object.fromEntries(Object.entries(others).filter(([key]) => !(key in after)));

test("whatever others wrote since: what is taken for unchanged the server takes for it, too", () => {
	fc.assert(
		fc.property(spec, spec, spec, (before, after, others) => {
			const now = object({ ...others, ...after });
			const operations = restore(object(before), object(after), now);
			fc.pre(Array.isArray(operations));
			expect(applyJsonPatch(now, operations)).toEqual(object({ ...keptOf(others, after), ...before }));
		}),
	);
});

describe("only what changed is named", () => {
	const env = (...names: readonly string[]) =>
		object({ env: names.map((name) => ({ name, value: `${name} secret` })) });

	test.each([
		["an item at the end", env("a", "b"), env("a", "b", "mine")],
		["an item in between", env("a", "b"), env("a", "mine", "b")],
		["an item that went", env("a", "mine", "b"), env("a", "b")],
	])("%s", (_, before, after) => {
		const operations = restore(before, after, after);
		expect(JSON.stringify(operations)).not.toMatch(/[ab] secret/);
		expect(applyJsonPatch(after, operations as readonly unknown[])).toEqual(before);
	});

	test("an item that others put behind it stays", () => {
		const now = env("a", "mine", "theirs");
		const operations = restore(env("a"), env("a", "mine"), now);
		expect(applyJsonPatch(now, operations as readonly unknown[])).toEqual(env("a", "theirs"));
	});
});

test.each([
	["it is as it was", object({ a: 1 }), "as-it-was"],
	["somebody wrote another value", object({ a: 3 }), "changed"],
	["somebody took it out", object({}), "changed"],
])("%s", (_, now, answer) => {
	expect(restore(object({ a: 1 }), object({ a: 2 }), now)).toBe(answer);
});

test("what changed in the status alone is nothing that a patch of the spec brings back", () => {
	expect(restore(object({}, { status: { a: 1 } }), object({}, { status: { a: 2 } }), object({}))).toBe("elsewhere");
});
