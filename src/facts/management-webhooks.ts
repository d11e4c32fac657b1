import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { hasBundle, serviceRef } from "./management-definitions.ts";
import { rawMetadata } from "./management-object.ts";
import type { Know } from "./probe.ts";

const webhook = z.object({
	kind: z.enum(["validating", "mutating"]),
	/** Name of the configuration that it stands in. */
	configuration: z.string(),
	name: z.string(),
	provider: z.string().optional(),
	/** Absent where the API server is to call a URL. */
	service: serviceRef.optional(),
	caBundle: z.boolean(),
	/** Nothing of its kind can be written while it does not answer. */
	mandatory: z.boolean(),
	/** `ipam.cluster.x-k8s.io/v1beta1` */
	groupVersions: z.array(z.string()),
});
export type Webhook = z.infer<typeof webhook>;

/**
 * Fact `management.webhooks`: those that the API server calls about objects of Cluster API and its providers; mutating
 * ones only where a provider has no validating ones.
 */
export const managementWebhooks = z.object({ webhooks: z.array(webhook) });

/** Fact `management.endpoints`: whether somebody answers behind the Services of webhooks and conversions. */
export const managementEndpoints = z.object({
	services: z.array(
		z.object({
			namespace: z.string(),
			name: z.string(),
			ready: z.boolean(),
			/** "Deployment capmox-system/capmox-controller-manager", "EndpointSlices". */
			from: z.string(),
		}),
	),
});

const rawConfiguration = z.object({
	metadata: rawMetadata,
	webhooks: z
		.array(
			z.object({
				name: z.string(),
				clientConfig: z.object({
					service: z.object({ namespace: z.string(), name: z.string(), path: z.string().optional() }).nullish(),
					caBundle: z.string().nullish(),
				}),
				failurePolicy: z.string().optional(),
				rules: z
					.array(z.object({ apiGroups: z.array(z.string()).nullish(), apiVersions: z.array(z.string()).nullish() }))
					.nullish(),
			}),
		)
		.nullish(),
});

const pathOf = (kind: Webhook["kind"]): string => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;

function parseWebhooks(kind: Webhook["kind"], item: unknown): Webhook[] {
	const parsed = rawConfiguration.safeParse(item);
	if (!parsed.success) {
		throw new ProbeError("unreadable", `GET ${pathOf(kind)}: an item is no configuration of webhooks`);
	}

	const { metadata, webhooks } = parsed.data;
	return (webhooks ?? [])
		.map(({ name, clientConfig, failurePolicy, rules }) => ({
			kind,
			configuration: metadata.name,
			name,
			provider: metadata.labels?.["cluster.x-k8s.io/provider"],
			service: clientConfig.service ?? undefined,
			caBundle: hasBundle(clientConfig.caBundle),
			mandatory: failurePolicy !== "Ignore",
			groupVersions: (rules ?? []).flatMap(({ apiGroups, apiVersions }) =>
				(apiGroups ?? []).flatMap((group) => (apiVersions ?? []).map((version) => `${group}/${version}`)),
			),
		}))
		.filter(({ groupVersions }) => groupVersions.some((each) => /(?:^|\.)cluster\.x-k8s\.io\//.test(each)));
}

/**
 * cert-manager fills in the bundles of both kinds alike, and both lead to one Service, so that mutating webhooks are worth
 * a request only where a provider has no others.
 */
export async function readManagementWebhooks(
	{ kubectl }: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementWebhooks>> {
	const list = async (kind: Webhook["kind"]) =>
		(await kubectl.listKept(pathOf(kind), (item) => parseWebhooks(kind, item), { signal })).flat();
	const [validating, controllers] = await Promise.all([list("validating"), attempt(know("management.controllers"))]);
	const isTold =
		!(controllers instanceof ProbeError) &&
		controllers.controllers.every((each) => validating.some(({ provider }) => provider === each.provider));
	return { webhooks: isTold ? validating : [...validating, ...(await list("mutating"))] };
}

const rawSlice = z.object({
	metadata: rawMetadata,
	endpoints: z.array(z.object({ conditions: z.object({ ready: z.boolean().nullish() }).nullish() })).nullish(),
});
const serviceLabel = "kubernetes.io/service-name";

/** A provider's own Deployment tells it without a request; EndpointSlices are asked for a Service that has none. */
export async function readManagementEndpoints(
	{ kubectl }: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementEndpoints>> {
	const [{ webhooks }, { definitions }, { controllers }] = await Promise.all([
		know("management.webhooks"),
		know("management.definitions"),
		know("management.controllers"),
	]);
	const all = [
		...webhooks.map(({ provider, service }) => ({ provider, service })),
		...definitions.map(({ provider, conversion }) => ({ provider, service: conversion?.service })),
	];
	const services = new Map(
		all.flatMap(({ provider, service }) =>
			service === undefined ? [] : [[`${service.namespace}/${service.name}`, { provider, ...service }] as const],
		),
	);
	const told = [...services.values()].map(({ provider, namespace, name }) => {
		const inNamespace = controllers.filter((each) => each.namespace === namespace);
		const own = inNamespace.filter((each) => each.provider === provider);
		const [only, ...others] = own.length > 0 ? own : inNamespace;
		const ready = only !== undefined && others.length === 0 ? only.ready > 0 : undefined;
		return { namespace, name, ready, from: `Deployment ${namespace}/${only?.name ?? ""}` };
	});
	const untold = told.filter(({ ready }) => ready === undefined);
	const slices = untold.length === 0 ? new Set<string>() : await readSlices(kubectl, untold, signal);
	return {
		services: told.map(({ namespace, name, ready, from }) =>
			ready === undefined
				? { namespace, name, ready: slices.has(`${namespace}/${name}`), from: "EndpointSlices" }
				: { namespace, name, ready, from },
		),
	};
}

/** The Services with an endpoint that is ready. */
async function readSlices(
	kubectl: World["kubectl"],
	services: readonly { readonly name: string }[],
	signal: AbortSignal,
): Promise<ReadonlySet<string>> {
	const names = [...new Set(services.map(({ name }) => name))].join(",");
	const path = `/apis/discovery.k8s.io/v1/endpointslices?labelSelector=${encodeURIComponent(`${serviceLabel} in (${names})`)}`;
	const ready = await kubectl.listKept(
		path,
		(item) => {
			const parsed = rawSlice.safeParse(item);
			if (!parsed.success) {
				throw new ProbeError("unreadable", `GET ${path}: an item is no EndpointSlice`);
			}

			const { metadata, endpoints } = parsed.data;
			// Absent means ready: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
			const isReady = (endpoints ?? []).some(({ conditions }) => conditions?.ready ?? true);
			return isReady ? [`${metadata.namespace ?? ""}/${metadata.labels?.[serviceLabel] ?? ""}`] : [];
		},
		{ signal },
	);
	return new Set(ready.flat());
}
