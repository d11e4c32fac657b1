import type { KubernetesObject } from "./kubernetes/objects.ts";

/** The same objects in another network, as other machines; their names stay. */
export const elsewhere = (objects: readonly KubernetesObject[]): KubernetesObject[] =>
	JSON.parse(
		JSON.stringify(objects)
			.replaceAll("10.10.", "10.30.")
			// As test/support/management.ts begins every UUID.
			.replaceAll("0f9a3c52", "1f9a3c52"),
	) as KubernetesObject[];

/** What belongs to the cluster default/prod, as a cluster staging/test whose machines and nodes have the same names. */
export const asSecond = (objects: readonly KubernetesObject[]): KubernetesObject[] => {
	const own = objects.filter(({ metadata }) => metadata.namespace === "default");
	return JSON.parse(
		JSON.stringify(elsewhere(own))
			.replaceAll('"namespace":"default"', '"namespace":"staging"')
			.replaceAll('"prod"', '"test"'),
	) as KubernetesObject[];
};
