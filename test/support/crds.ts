import { existsSync, readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { parse } from "yaml";
import { isRecord, type KubernetesObject, splitApiVersion } from "./kubernetes/objects.ts";
import type { Setup } from "./management.ts";

/** CustomResourceDefinitions of the providers' releases, beside the repository. */
export const crdsFolder = new URL("../../../shared/data/crds/", import.meta.url);

interface Definition {
	readonly spec: {
		readonly versions: readonly { name: string; schema: { openAPIV3Schema: Record<string, unknown> } }[];
	};
}

const validators = new Map<string, ValidateFunction>();

/** What an API server with these providers would refuse or drop; nothing for kinds that are not theirs. */
export function schemaErrors({ apiVersion, kind, ...rest }: KubernetesObject, setup: Setup): readonly string[] {
	const { group, version } = splitApiVersion(apiVersion);
	const folder = folderOf(group, kind, setup);
	const file = new URL(`${folder ?? ""}/${pluralOf(kind)}.yaml`, crdsFolder);
	if (folder === undefined || !existsSync(file)) {
		return [];
	}

	const key = `${file.pathname} ${version}`;
	const validate = validators.get(key) ?? compile(file, version);
	validators.set(key, validate);
	// The server fills defaults in before it validates.
	return validate(structuredClone({ apiVersion, kind, ...rest }))
		? []
		: (validate.errors ?? []).map(
				({ instancePath, message, params }) =>
					`${kind} ${rest.metadata.name}${instancePath}: ${message ?? ""} ${JSON.stringify(params)}`,
			);
}

const pluralOf = (kind: string): string => (kind === "IPAddress" ? "ipaddresses" : `${kind.toLowerCase()}s`);

function folderOf(group: string, kind: string, { core, capmox }: Setup): string | undefined {
	if (group === "infrastructure.cluster.x-k8s.io") {
		return /^v0\.[0-7]\./.test(capmox) ? "capmox-v0.7.7" : "capmox-v0.9.0";
	}

	if (kind.endsWith("InClusterIPPool")) {
		return "ipam-in-cluster";
	}

	return group.endsWith("cluster.x-k8s.io")
		? /^v1\.(?:\d|10)\./.test(core)
			? "capi-v1.10.10"
			: "capi-v1.12.11"
		: undefined;
}

function compile(file: URL, version: string): ValidateFunction {
	const { spec } = parse(readFileSync(file, "utf8")) as Definition;
	const found = spec.versions.find(({ name }) => name === version);
	if (found === undefined) {
		throw new Error(`${file.pathname} has no ${version}`);
	}

	const { properties, ...schema } = found.schema.openAPIV3Schema;
	const fields = isRecord(properties) ? properties : {};
	return new Ajv({
		strict: false,
		validateFormats: false,
		unicodeRegExp: false,
		useDefaults: true,
		allErrors: true,
	}).compile({
		...schema,
		properties: Object.fromEntries(
			Object.entries(fields).map(([name, field]) => [name, name === "metadata" ? field : closed(field)]),
		),
	});
}

/** The server drops what a definition does not name, so a fixture with such a field would be none. */
function closed(schema: unknown): unknown {
	if (Array.isArray(schema)) {
		return schema.map(closed);
	}

	if (!isRecord(schema)) {
		return schema;
	}

	const inner = Object.fromEntries(
		Object.entries(schema).map(([key, value]) => [
			key,
			key === "pattern" && typeof value === "string" ? toPattern(value) : closed(value),
		]),
	);
	const isOpen =
		!isRecord(schema["properties"]) ||
		"additionalProperties" in schema ||
		schema["x-kubernetes-preserve-unknown-fields"] === true;
	return isOpen || schema["type"] !== "object" ? inner : { ...inner, additionalProperties: false };
}

/** Go writes "whatever the case" into the pattern itself. */
const toPattern = (text: string): string =>
	text.includes("(?i)") ? text.replace("(?i)", "").replaceAll("a-z", "a-zA-Z") : text;
