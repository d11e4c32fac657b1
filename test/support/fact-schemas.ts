import fc from "fast-check";
import type * as z from "zod";
import { loadSchemas } from "../../src/facts/probe.ts";

type Type = z.core.$ZodTypes;

/** A text in a fact, by its place as the table of the anonymizer names it: `[]` an item, `{key}` and `{}` of a record. */
export interface TextField {
	readonly fact: string;
	readonly path: string;
}

/** Every place of a fact where any text may stand; words of our own (enums) are none. */
export async function textFields(): Promise<readonly TextField[]> {
	const found = Object.entries(await loadSchemas()).flatMap(([fact, schema]) =>
		textsIn(typeOf(schema), "").map((path) => ({ fact, path })),
	);
	return [...new Map(found.map((field) => [`${field.fact} ${field.path}`, field])).values()];
}

const typeOf = (schema: z.core.$ZodType): Type => schema as Type;

function textsIn(type: Type, path: string): readonly string[] {
	const { def } = type._zod;
	switch (def.type) {
		case "string":
			return [path];
		case "object":
			return Object.entries(def.shape).flatMap(([key, inner]) =>
				textsIn(typeOf(inner), path === "" ? key : `${path}.${key}`),
			);
		case "array":
			return textsIn(typeOf(def.element), `${path}[]`);
		case "record":
			return [...textsIn(typeOf(def.keyType), `${path}{key}`), ...textsIn(typeOf(def.valueType), `${path}{}`)];
		case "union":
			return def.options.flatMap((option) => textsIn(typeOf(option), path));
		case "tuple":
			return def.items.flatMap((item) => textsIn(typeOf(item), `${path}[]`));
		case "nullable":
		case "optional":
			return textsIn(typeOf(def.innerType), path);
		case "pipe":
			return textsIn(typeOf(def.in), path);
		case "enum":
		case "literal":
		case "boolean":
		case "number":
			return [];
		default:
			throw new Error(`teach textsIn what a ${def.type} is (${path})`);
	}
}

/** Texts that YAML could take for something else, and any others that a probe lets through. */
const text = fc.oneof(
	fc.constantFrom(
		"",
		"~",
		"null",
		"true",
		"no",
		"1.50",
		"0x1f",
		"1e3",
		"2026-01-01",
		"<<",
		"- a",
		"a: b",
		"a #b",
		"*a",
		"&a",
	),
	fc.constantFrom(
		"|",
		">",
		"%x",
		"@x",
		"`x",
		"'",
		'"',
		" a ",
		"a\n",
		"\na",
		"a\n\n b\t",
		"---",
		"...",
		"[a",
		"{a",
		"!a b",
		"?",
	),
	fc.string({ unit: "grapheme", maxLength: 60 }),
	fc.string({
		unit: fc.constantFrom("\n", "\t", " ", "a", "#", ":", "\u2028", "\u00A0", "\uFEFF", "-"),
		maxLength: 40,
	}),
);

/** Values of a schema, as a probe could make them. */
export function valuesOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
	const { def } = typeOf(schema)._zod;
	switch (def.type) {
		case "string":
			return "format" in def && def.format === "datetime" ? fc.constant("2026-11-23T09:30:00Z") : text;
		case "number":
			return fc.integer();
		case "boolean":
			return fc.boolean();
		case "enum":
			return fc.constantFrom(...Object.values(def.entries));
		case "literal":
			return fc.constantFrom(...def.values);
		case "array":
			return fc.array(valuesOf(def.element), { maxLength: 3 });
		case "record":
			return fc.dictionary(text, valuesOf(def.valueType), { maxKeys: 3 });
		case "union":
			return fc.oneof(...def.options.map(valuesOf));
		case "tuple":
			return fc.tuple(...def.items.map(valuesOf));
		case "nullable":
			return fc.option(valuesOf(def.innerType));
		case "pipe":
			return valuesOf(def.in);
		case "object": {
			const keys = Object.entries(def.shape);
			const isOptional = (inner: z.core.$ZodType) => typeOf(inner)._zod.def.type === "optional";
			return fc.record(Object.fromEntries(keys.map(([key, inner]) => [key, valuesOf(unwrap(inner))])), {
				requiredKeys: keys.filter(([, inner]) => !isOptional(inner)).map(([key]) => key),
			});
		}
		default:
			throw new Error(`teach valuesOf what a ${def.type} is`);
	}
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
	const { def } = typeOf(schema)._zod;
	return def.type === "optional" ? def.innerType : schema;
}
