import * as z from "zod";
import type { World } from "../access/world.ts";
import { parseOrThrow } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { fromEach, pagePatience, perCluster } from "./workload-access.ts";

const service = z.object({
	namespace: z.string(),
	name: z.string(),
	/** With IPVS, kube-proxy binds each of them to kube-ipvs0 on every node. */
	clusterIps: z.array(z.string()),
	externalIps: z.array(z.string()),
	/** Wanted, and given by a load balancer. */
	loadBalancerIps: z.array(z.string()),
});
export type WorkloadService = z.infer<typeof service>;

/** Fact `workload.services`: the Services of the workload clusters, by their addresses. */
export const workloadServices = perCluster({ services: z.array(service) });

const path = "/api/v1/services";
const rawService = z.object({
	metadata: z.object({ namespace: z.string().default(""), name: z.string() }),
	spec: z
		.object({
			clusterIP: z.string().nullish(),
			clusterIPs: z.array(z.string()).nullish(),
			externalIPs: z.array(z.string()).nullish(),
			loadBalancerIP: z.string().nullish(),
		})
		.nullish(),
	status: z
		.object({
			loadBalancer: z.object({ ingress: z.array(z.object({ ip: z.string().nullish() })).nullish() }).nullish(),
		})
		.nullish(),
});

export const readWorkloadServices = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadServices>> =>
	fromEach(world, know, signal, async ({ kubectl }, until) => ({
		services: [...(await kubectl.listKept(path, parseService, { signal: until, timeout: pagePatience }))],
	}));

function parseService(item: unknown): WorkloadService {
	const { metadata, spec, status } = parseOrThrow(rawService, item, `GET ${path}: a Service`);
	const addresses = (...all: readonly (string | null | undefined)[]) =>
		[...new Set(all.filter((one) => one !== undefined && one !== null && one !== "" && one !== "None"))] as string[];
	return {
		namespace: metadata.namespace,
		name: metadata.name,
		clusterIps: addresses(spec?.clusterIP, ...(spec?.clusterIPs ?? [])),
		externalIps: addresses(...(spec?.externalIPs ?? [])),
		loadBalancerIps: addresses(spec?.loadBalancerIP, ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip)),
	};
}
