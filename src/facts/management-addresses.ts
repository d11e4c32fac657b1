import * as z from "zod";
import type { World } from "../access/world.ts";
import { type Kind, type ListOf, listOf, reading } from "./management-list.ts";
import { managementObject, rawMetadata, rawStatus, readObject } from "./management-object.ts";
import type { Know } from "./probe.ts";

const poolReference = z.object({ kind: z.string(), name: z.string() });

const pool = managementObject.extend({
	kind: z.enum(["InClusterIPPool", "GlobalInClusterIPPool"]),
	/** Addresses, ranges and CIDRs, as they are written. */
	addresses: z.array(z.string()),
	excluded: z.array(z.string()),
	prefix: z.number().optional(),
	gateway: z.string().optional(),
	/** Of the default route; an annotation, whose older name was `metric` (CAPMOX up to v0.7). */
	metric: z.number().optional(),
	/** Seconds for which a released address is held back; normal, and no deadlock. */
	reuseGrace: z.number().optional(),
	/** Counted by the provider; absent until it did. */
	counts: z.object({ total: z.number(), free: z.number(), used: z.number(), outOfRange: z.number() }).optional(),
});
export type ManagementPool = z.infer<typeof pool>;

/** Fact `management.pools`: InClusterIPPool; GlobalInClusterIPPool only where a claim or an address names one. */
export const managementPools = listOf(pool);

const claim = managementObject.extend({
	pool: poolReference,
	/** Name of the IPAddress; absent until there is one. */
	address: z.string().optional(),
});
export type ManagementClaim = z.infer<typeof claim>;

/** Fact `management.claims`: IPAddressClaim. */
export const managementClaims = listOf(claim);

const address = managementObject.extend({
	address: z.string(),
	prefix: z.number().optional(),
	gateway: z.string().optional(),
	/** Name of the IPAddressClaim that it was given to. */
	claim: z.string(),
	pool: poolReference,
});
export type ManagementAddress = z.infer<typeof address>;

/** Fact `management.addresses`: IPAddress. */
export const managementAddresses = listOf(address);

const rawPool = z.object({
	metadata: rawMetadata,
	spec: z
		.object({
			addresses: z.array(z.string()).nullish(),
			excludedAddresses: z.array(z.string()).nullish(),
			prefix: z.number().nullish(),
			gateway: z.string().nullish(),
			addressReuseGracePeriodSeconds: z.number().nullish(),
			/** v1alpha1 */
			subnet: z.string().nullish(),
			start: z.string().nullish(),
			end: z.string().nullish(),
		})
		.nullish(),
	status: z
		.object({
			ipAddresses: z
				.object({
					total: z.number().default(0),
					free: z.number().default(0),
					used: z.number().default(0),
					outOfRange: z.number().default(0),
				})
				.nullish(),
		})
		.nullish(),
});
type RawPool = z.infer<typeof rawPool>;

const poolKind = (kind: ManagementPool["kind"], plural: string): Kind<RawPool, ManagementPool> => ({
	group: "ipam.cluster.x-k8s.io",
	plural,
	namespaced: kind === "InClusterIPPool",
	shared: kind === "GlobalInClusterIPPool",
	versions: ["v1alpha2", "v1alpha1"],
	raw: rawPool,
	read: ({ metadata, spec, status }) => ({
		...readObject({ metadata }),
		kind,
		addresses: spec?.addresses ?? olderAddresses(spec),
		excluded: spec?.excludedAddresses ?? [],
		prefix: spec?.prefix ?? undefined,
		gateway: spec?.gateway ?? undefined,
		metric: metricOf(metadata.annotations ?? {}),
		reuseGrace: spec?.addressReuseGracePeriodSeconds ?? undefined,
		counts: status?.ipAddresses ?? undefined,
	}),
});
export const pools = poolKind("InClusterIPPool", "inclusterippools");
export const globalPools = poolKind("GlobalInClusterIPPool", "globalinclusterippools");

/** As findIPAddressGatewayMetric in CAPMOX's internal/service/vmservice/ip.go. */
function metricOf(annotations: Readonly<Record<string, string>>): number | undefined {
	const text = annotations["ipam.capmox.cluster.x-k8s.io/gateway-metric"] ?? annotations["metric"] ?? "";
	return /^\d+$/.test(text) ? Number(text) : undefined;
}

function olderAddresses(spec: RawPool["spec"]): string[] {
	if (spec?.start && spec.end) {
		return [`${spec.start}-${spec.end}`];
	}

	return spec?.subnet ? [spec.subnet] : [];
}

/** A pool outside of namespaces matters to whoever uses it, and by that to its own deletion, so that it is only then worth a request. */
export async function readManagementPools(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<ListOf<ManagementPool>> {
	const [own, { items: claimed }, { items: given }] = await Promise.all([
		reading(pools)(world, know, signal, note),
		know("management.claims"),
		know("management.addresses"),
	]);
	if (![...claimed, ...given].some(({ pool: { kind } }) => kind === "GlobalInClusterIPPool")) {
		return own;
	}

	const global = await reading(globalPools)(world, know, signal, note);
	return { ...own, items: [...own.items, ...global.items] };
}

const rawPoolReference = z.object({ kind: z.string().default("InClusterIPPool"), name: z.string() });

const rawClaim = z.object({
	metadata: rawMetadata,
	spec: z.object({ clusterName: z.string().optional(), poolRef: rawPoolReference }),
	status: z.object({ ...rawStatus, addressRef: z.object({ name: z.string().optional() }).nullish() }).nullish(),
});

export const claims: Kind<z.infer<typeof rawClaim>, ManagementClaim> = {
	group: "ipam.cluster.x-k8s.io",
	plural: "ipaddressclaims",
	versions: ["v1beta2", "v1beta1", "v1alpha1"],
	raw: rawClaim,
	read: ({ metadata, spec, status }) => ({
		...readObject({ metadata, spec: { clusterName: spec.clusterName }, status }),
		pool: spec.poolRef,
		address: status?.addressRef?.name === "" ? undefined : status?.addressRef?.name,
	}),
};

const rawAddress = z.object({
	metadata: rawMetadata,
	spec: z.object({
		address: z.string(),
		prefix: z.number().nullish(),
		gateway: z.string().nullish(),
		claimRef: z.object({ name: z.string().default("") }),
		poolRef: rawPoolReference,
	}),
});

export const addresses: Kind<z.infer<typeof rawAddress>, ManagementAddress> = {
	group: "ipam.cluster.x-k8s.io",
	plural: "ipaddresses",
	versions: ["v1beta2", "v1beta1", "v1alpha1"],
	raw: rawAddress,
	read: ({ metadata, spec }) => ({
		...readObject({ metadata }),
		address: spec.address,
		prefix: spec.prefix ?? undefined,
		gateway: spec.gateway ?? undefined,
		claim: spec.claimRef.name,
		pool: spec.poolRef,
	}),
};
