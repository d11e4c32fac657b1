import * as z from "zod";
import { maskShapes } from "../explain/secrets.ts";

/** In either style; `severity` only stands in those of contract v1beta1. */
export const condition = z.object({
	type: z.string(),
	status: z.string(),
	reason: z.string().optional(),
	message: z.string().optional(),
	severity: z.string().optional(),
	/** When it became so, by the API server's clock. */
	since: z.string().optional(),
});
export type Condition = z.infer<typeof condition>;

const owner = z.object({
	kind: z.string(),
	name: z.string(),
	uid: z.string(),
	group: z.string(),
	controller: z.boolean(),
});

/** What every object of the management cluster is known by. */
export const managementObject = z.object({
	/** Absent for what lives outside of namespaces. */
	namespace: z.string().optional(),
	name: z.string(),
	uid: z.string(),
	/** For patches that must not hit a changed object. */
	resourceVersion: z.string().optional(),
	/** Counted up by the server with every change of what is wanted, and with none of the status. */
	generation: z.number().optional(),
	created: z.string().optional(),
	/** Since when it is being deleted, by the API server's clock; absent where it is not. */
	deleting: z.string().optional(),
	/** In their order, which patches count by. */
	finalizers: z.array(z.string()),
	owners: z.array(owner),
	/** `cluster.x-k8s.io/cluster-name`, or what the spec names. */
	cluster: z.string().optional(),
	/** By `spec.paused` or by annotation. */
	paused: z.boolean(),
	/** Those of Cluster API and its providers: hooks, exclusions, paused. */
	annotations: z.record(z.string(), z.string()),
	/** Those of contract v1beta2 where there are any, and of those of v1beta1 what the others leave unsaid. */
	conditions: z.array(condition),
});
export type ManagementObject = z.infer<typeof managementObject>;

const rawCondition = z.object({
	type: z.string(),
	status: z.string(),
	reason: z.string().optional(),
	message: z.string().optional(),
	severity: z.string().optional(),
	lastTransitionTime: z.string().nullish(),
});
const rawConditions = z.array(rawCondition).nullish();

/** `metadata` as the server has it, but for what nobody needs, such as `managedFields`. */
export const rawMetadata = z.object({
	name: z.string().min(1),
	namespace: z.string().optional(),
	uid: z.string().default(""),
	resourceVersion: z.string().optional(),
	generation: z.number().optional(),
	creationTimestamp: z.string().nullish(),
	deletionTimestamp: z.string().nullish(),
	finalizers: z.array(z.string()).nullish(),
	labels: z.record(z.string(), z.string()).nullish(),
	annotations: z.record(z.string(), z.string()).nullish(),
	ownerReferences: z
		.array(
			z.object({
				apiVersion: z.string(),
				kind: z.string(),
				name: z.string(),
				uid: z.string(),
				controller: z.boolean().optional(),
			}),
		)
		.nullish(),
});
export type RawMetadata = z.infer<typeof rawMetadata>;

/** Where each API version keeps its conditions. */
export const rawStatus = {
	conditions: rawConditions,
	/** CAPI 1.9 and 1.10 keep those of the new style here, in objects of v1beta1. */
	v1beta2: z.object({ conditions: rawConditions }).nullish(),
	/** CAPI 1.11 and newer keep those of the old style here, in objects of v1beta2. */
	deprecated: z.object({ v1beta1: z.object({ conditions: rawConditions }).nullish() }).nullish(),
} as const;
type RawStatus = { readonly [Field in keyof typeof rawStatus]?: z.infer<(typeof rawStatus)[Field]> };

export const clusterLabel = "cluster.x-k8s.io/cluster-name";
const pausedAnnotation = "cluster.x-k8s.io/paused";
/** Cluster API's and its providers' own; a longer one holds a whole configuration. */
const longestAnnotation = 200;
const isOwnAnnotation = (key: string): boolean => /(?:^|\.)cluster\.x-k8s\.io\//.test(key);

interface RawObject {
	readonly metadata: RawMetadata;
	readonly spec?: { readonly clusterName?: string | undefined; readonly paused?: boolean | undefined } | undefined;
	readonly status?: RawStatus | null | undefined;
}

/** The part that is alike for every kind and version. */
export function readObject({ metadata, spec, status }: RawObject): ManagementObject {
	const annotations = Object.entries(metadata.annotations ?? {}).filter(
		([key, value]) => isOwnAnnotation(key) && value.length <= longestAnnotation,
	);
	return {
		namespace: metadata.namespace,
		name: metadata.name,
		uid: metadata.uid,
		resourceVersion: metadata.resourceVersion,
		generation: metadata.generation,
		created: metadata.creationTimestamp ?? undefined,
		deleting: metadata.deletionTimestamp ?? undefined,
		finalizers: metadata.finalizers ?? [],
		owners: (metadata.ownerReferences ?? []).map(({ apiVersion, kind, name, uid, controller = false }) => ({
			kind,
			name,
			uid,
			group: groupOf(apiVersion),
			controller,
		})),
		cluster: spec?.clusterName ?? metadata.labels?.[clusterLabel],
		paused: spec?.paused === true || metadata.annotations?.[pausedAnnotation] !== undefined,
		annotations: Object.fromEntries(annotations.map(([key, value]) => [key, maskShapes(value)])),
		conditions: readConditions(status ?? {}),
	};
}

/** Of `group/version`; the core group has no name. */
export const groupOf = (apiVersion: string): string =>
	apiVersion.includes("/") ? apiVersion.replace(/\/.*$/s, "") : "";

function readConditions({ conditions, v1beta2, deprecated }: RawStatus): Condition[] {
	const [current, old] = v1beta2?.conditions
		? [v1beta2.conditions, conditions]
		: [conditions, deprecated?.v1beta1?.conditions];
	const types = new Set((current ?? []).map(({ type }) => type));
	return [...(current ?? []), ...(old ?? []).filter(({ type }) => !types.has(type))].map(
		({ lastTransitionTime, type, status, reason, message, severity }) => ({
			type,
			status,
			reason: reason === "" ? undefined : reason,
			// What a provider quotes of its own requests is not known here, so it is known by its shape.
			message: message === undefined || message === "" ? undefined : maskShapes(message),
			severity: severity === "" ? undefined : severity,
			since: lastTransitionTime ?? undefined,
		}),
	);
}
