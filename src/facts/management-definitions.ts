import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { rawMetadata } from "./management-object.ts";
import type { Know } from "./probe.ts";

/** A Service that the API server calls. */
export const serviceRef = z.object({
	namespace: z.string(),
	name: z.string(),
	path: z.string().optional(),
});

const definition = z.object({
	/** `machines.cluster.x-k8s.io` */
	name: z.string(),
	group: z.string(),
	plural: z.string(),
	kind: z.string(),
	/** `cluster.x-k8s.io/provider`: `infrastructure-proxmox`. */
	provider: z.string().optional(),
	/** Contract → the versions that its label names for it: `v1beta2` → `["v1alpha2"]`. */
	contracts: z.record(z.string(), z.array(z.string())),
	versions: z.array(z.object({ name: z.string(), served: z.boolean(), storage: z.boolean(), deprecated: z.boolean() })),
	/** Versions in which objects may lie in etcd. */
	stored: z.array(z.string()),
	conversion: z.object({ service: serviceRef.optional(), caBundle: z.boolean() }).optional(),
	deleting: z.string().optional(),
});
export type Definition = z.infer<typeof definition>;

/** Fact `management.definitions`: the CustomResourceDefinitions of Cluster API and of its providers. */
export const managementDefinitions = z.object({ definitions: z.array(definition) });

/** Fact `management.groups`: every API group with its versions, the preferred one first. */
export const managementGroups = z.object({ groups: z.record(z.string(), z.array(z.string())) });

const crdPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/** Without these nothing of CAPMOX works; all of them come labelled. */
const expected = [
	["clusters", "cluster.x-k8s.io"],
	["machines", "cluster.x-k8s.io"],
	["ipaddressclaims", "ipam.cluster.x-k8s.io"],
	["inclusterippools", "ipam.cluster.x-k8s.io"],
	["proxmoxclusters", "infrastructure.cluster.x-k8s.io"],
	["proxmoxmachines", "infrastructure.cluster.x-k8s.io"],
] as const;

const rawDefinition = z.object({
	metadata: rawMetadata,
	spec: z.object({
		group: z.string(),
		names: z.object({ plural: z.string(), kind: z.string() }),
		versions: z.array(
			z.object({
				name: z.string(),
				served: z.boolean(),
				storage: z.boolean(),
				deprecated: z.boolean().optional(),
			}),
		),
		conversion: z
			.object({
				strategy: z.string(),
				webhook: z
					.object({
						clientConfig: z
							.object({
								service: z.object({ namespace: z.string(), name: z.string(), path: z.string().optional() }).nullish(),
								caBundle: z.string().nullish(),
							})
							.nullish(),
					})
					.nullish(),
			})
			.nullish(),
	}),
	status: z.object({ storedVersions: z.array(z.string()).nullish() }).nullish(),
});

/** A bundle of one line feed is what kustomize leaves for cert-manager to fill. */
export const hasBundle = (caBundle: string | null | undefined): boolean =>
	caBundle !== undefined && caBundle !== null && caBundle.trim() !== "" && caBundle !== "Cg==";

/** @throws ProbeError unreadable */
function parseDefinition(item: unknown): Definition {
	const parsed = rawDefinition.safeParse(item);
	if (!parsed.success) {
		throw new ProbeError("unreadable", `GET ${crdPath}: an item is no CustomResourceDefinition`);
	}

	const { metadata, spec, status } = parsed.data;
	const contracts = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
		const contract = /^cluster\.x-k8s\.io\/(v\d+\w*)$/.exec(key)?.[1];
		return contract === undefined ? [] : [[contract, value.split("_").filter((part) => part !== "")] as const];
	});
	const client = spec.conversion?.strategy === "Webhook" ? (spec.conversion.webhook?.clientConfig ?? {}) : undefined;
	return {
		name: metadata.name,
		group: spec.group,
		plural: spec.names.plural,
		kind: spec.names.kind,
		provider: metadata.labels?.["cluster.x-k8s.io/provider"],
		contracts: Object.fromEntries(contracts),
		versions: spec.versions.map(({ name, served, storage, deprecated = false }) => ({
			name,
			served,
			storage,
			deprecated,
		})),
		stored: status?.storedVersions ?? [],
		conversion:
			client === undefined ? undefined : { service: client.service ?? undefined, caBundle: hasBundle(client.caBundle) },
		deleting: metadata.deletionTimestamp ?? undefined,
	};
}

/** A definition is some 100 kB, of which next to nothing is kept. */
const definitionsPerPage = 50;

export async function readManagementDefinitions(
	{ kubectl }: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<z.infer<typeof managementDefinitions>> {
	const ask = async (query: string) => {
		note(`GET ${crdPath}${query}`);
		const all = await kubectl.listKept(`${crdPath}${query}`, parseDefinition, {
			signal,
			timeout: 15_000,
			pageSize: definitionsPerPage,
		});
		return all.filter(({ group }) => /(?:^|\.)cluster\.x-k8s\.io$/.test(group));
	};
	const labelled = await ask("?labelSelector=cluster.x-k8s.io%2Fprovider");
	const missing = expected.filter(
		([plural, group]) => !labelled.some((found) => found.plural === plural && found.group === group),
	);
	if (missing.length === 0) {
		return { definitions: labelled };
	}

	// Whoever renders the manifests anew may lose the label. A group that is not served has no definition at all.
	const { groups } = await know("management.groups");
	return missing.some(([, group]) => groups[group] !== undefined)
		? { definitions: await ask("") }
		: { definitions: labelled };
}

const rawGroups = z.object({
	kind: z.literal("APIGroupList"),
	groups: z
		.array(
			z.object({
				name: z.string(),
				versions: z.array(z.object({ version: z.string() })),
				preferredVersion: z.object({ version: z.string() }).optional(),
			}),
		)
		.nullable(),
});

export async function readManagementGroups(
	{ kubectl }: World,
	_: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementGroups>> {
	const parsed = rawGroups.safeParse(await kubectl.get("/apis", { signal }));
	if (!parsed.success) {
		throw new ProbeError("unreadable", "GET /apis: the answer is no list of API groups");
	}

	const entries = (parsed.data.groups ?? []).map(({ name, versions, preferredVersion }) => {
		const all = [preferredVersion?.version, ...versions.map(({ version }) => version)];
		return [name, [...new Set(all.filter((version) => version !== undefined))]] satisfies [string, string[]];
	});
	return { groups: Object.fromEntries(entries) };
}
