import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { managementObject, rawMetadata, readObject } from "./management-object.ts";
import type { Know } from "./probe.ts";

/** Fact `management.credentials`: the Secrets that ProxmoxClusters log in with, by their metadata alone. */
export const managementCredentials = z.object({
	secrets: z.array(
		z.object({
			namespace: z.string(),
			name: z.string(),
			/** Absent: there is no such Secret. */
			object: managementObject.optional(),
		}),
	),
});

/** One request, whatever the number of Secrets; the narrowest that names them all. */
export async function readManagementCredentials(
	{ kubectl }: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementCredentials>> {
	const { items } = await know("management.proxmoxClusters");
	const named = new Map(
		items.flatMap(({ credentials }) =>
			credentials === undefined ? [] : [[`${credentials.namespace}/${credentials.name}`, credentials] as const],
		),
	);
	const wanted = [...named.values()];
	const [first, ...others] = wanted;
	if (first === undefined) {
		return { secrets: [] };
	}

	const inOne = others.every(({ namespace }) => namespace === first.namespace);
	const path = inOne ? `/api/v1/namespaces/${first.namespace}/secrets` : "/api/v1/secrets";
	const query = others.length === 0 ? `?fieldSelector=metadata.name%3D${encodeURIComponent(first.name)}` : "";
	const found = (await kubectl.listMetadata(`${path}${query}`, { signal })).map((item) => {
		const parsed = z.object({ metadata: rawMetadata }).safeParse(item);
		if (!parsed.success) {
			throw new ProbeError("unreadable", `GET ${path}: an item has no metadata`);
		}

		return readObject(parsed.data);
	});
	return {
		secrets: wanted.map(({ namespace, name }) => ({
			namespace,
			name,
			object: found.find((object) => object.namespace === namespace && object.name === name),
		})),
	};
}
