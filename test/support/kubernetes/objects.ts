import { parseAllDocuments } from "yaml";

export interface Metadata {
	readonly name: string;
	readonly namespace?: string;
	readonly uid?: string;
	readonly resourceVersion?: string;
	readonly generation?: number;
	readonly creationTimestamp?: string;
	readonly deletionTimestamp?: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly finalizers?: readonly string[];
	readonly [field: string]: unknown;
}

export interface KubernetesObject {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: Metadata;
	readonly [field: string]: unknown;
}

/** Objects as they are written for `kubectl apply`: documents of YAML, with `kind: List` (what `kubectl get -o yaml` prints) unfolded. */
export function parseObjects(source: string | readonly KubernetesObject[]): readonly KubernetesObject[] {
	return (typeof source === "string" ? parseDocuments(source) : source).flatMap(unfold).map(requireObject);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isKubernetesObject(value: unknown): value is KubernetesObject {
	return (
		isRecord(value) &&
		typeof value["apiVersion"] === "string" &&
		typeof value["kind"] === "string" &&
		isRecord(value["metadata"]) &&
		typeof value["metadata"]["name"] === "string"
	);
}

export function splitApiVersion(apiVersion: string): { group: string; version: string } {
	const slash = apiVersion.indexOf("/");
	return { group: slash < 0 ? "" : apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

export const joinApiVersion = (group: string, version: string) => (group === "" ? version : `${group}/${version}`);

function parseDocuments(text: string): readonly unknown[] {
	return parseAllDocuments(text)
		.map((document) => {
			const [error] = document.errors;
			if (error !== undefined) {
				throw error;
			}

			return document.toJS() as unknown;
		})
		.filter((value) => value !== null);
}

function unfold(value: unknown): readonly unknown[] {
	const isList = isRecord(value) && String(value["kind"]).endsWith("List") && Array.isArray(value["items"]);
	return isList ? (value["items"] as unknown[]) : [value];
}

function requireObject(value: unknown): KubernetesObject {
	if (!isKubernetesObject(value)) {
		throw new Error(`Not a Kubernetes object (apiVersion, kind, metadata.name): ${JSON.stringify(value)}`);
	}

	return value;
}
