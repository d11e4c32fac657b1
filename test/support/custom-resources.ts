import { readdirSync, readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { parse } from "yaml";
import * as z from "zod";
import { unlessThere } from "./host.ts";
import type { KubernetesObject } from "./kubernetes/objects.ts";

/** CustomResourceDefinitions as the providers install them, which lie beside the project and not in it. */
const definitions = new URL("../../../shared/data/crds/", import.meta.url);
export const unlessDefined = unlessThere(definitions);

const definition = z.object({
	spec: z.object({
		group: z.string(),
		names: z.object({ kind: z.string() }),
		versions: z.array(z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: z.unknown() }) })),
	}),
});

/** What an API server would refuse or drop of each object, by the definitions in these folders. */
export function faultsOf(objects: readonly KubernetesObject[], folders: readonly string[]): readonly string[] {
	const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, unicodeRegExp: false });
	const known = folders.flatMap((folder) => {
		const url = new URL(`${folder}/`, definitions);
		return readdirSync(url).flatMap((file) => {
			const parsed = definition.safeParse(parse(readFileSync(new URL(file, url), "utf8")));
			return parsed.success ? [parsed.data.spec] : [];
		});
	});
	const compiled = new Map<unknown, ValidateFunction>();
	return objects.flatMap((object) => {
		const [group = "", version] = object.apiVersion.split("/");
		const found = known.find((spec) => spec.group === group && spec.names.kind === object.kind);
		const schema = found?.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema;
		if (schema === undefined) {
			return [];
		}

		const validate = compiled.get(schema) ?? ajv.compile(closed(schema) as object);
		compiled.set(schema, validate);
		validate(object);
		return (validate.errors ?? []).map(
			({ instancePath, message = "", params }) =>
				`${object.kind} ${object.metadata.name}: ${instancePath} ${message} ${JSON.stringify(params)}`,
		);
	});
}

/** Go writes "whatever the case" into the pattern itself. */
const asJavaScript = (pattern: string): string =>
	pattern.includes("(?i)") ? pattern.replace("(?i)", "").replaceAll("a-z", "a-zA-Z") : pattern;

/** Without a word on other fields an API server drops them; here they are a fault. */
function closed(schema: unknown, isRoot = true): unknown {
	if (Array.isArray(schema)) {
		return (schema as unknown[]).map((each) => closed(each, false));
	}

	if (typeof schema !== "object" || schema === null) {
		return schema;
	}

	const entries = Object.entries(schema as Record<string, unknown>).map(([key, value]) => [
		key,
		key === "properties"
			? Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, closed(each, false)]))
			: ["items", "additionalProperties", "anyOf", "allOf", "oneOf"].includes(key)
				? closed(value, false)
				: key === "pattern"
					? asJavaScript(String(value))
					: value,
	]);
	const whole = Object.fromEntries(entries) as Record<string, unknown>;
	const isOpen = "additionalProperties" in whole || whole["x-kubernetes-preserve-unknown-fields"] === true;
	return !isRoot && "properties" in whole && !isOpen ? { ...whole, additionalProperties: false } : whole;
}
