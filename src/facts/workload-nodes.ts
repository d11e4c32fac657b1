import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { Know } from "./probe.ts";
import { fromEach, pagePatience, perCluster } from "./workload-access.ts";

/** Fact `workload.nodes`: the Nodes of the workload clusters. */
export const workloadNodes = perCluster({
	nodes: z.array(
		z.object({
			name: z.string(),
			ready: z.boolean(),
			/** In the order of the object, which for two families tells the preferred one. */
			internal: z.array(z.string()),
			providerId: z.string().optional(),
			/** `alpha.kubernetes.io/provided-node-ip`: what kubelet was told by --node-ip. */
			providedNodeIp: z.string().optional(),
			/** Waits for a cloud controller. */
			uninitialized: z.boolean(),
			kubelet: z.string().optional(),
			system: z.string().optional(),
			/** What Calico noted on the Node. */
			calico: z
				.object({
					/** With its mask: `10.10.10.21/24`. */
					ipv4: z.string().optional(),
					ipv6: z.string().optional(),
					/** Since Calico v3.31. */
					interfaces: z.array(z.object({ name: z.string(), addresses: z.array(z.string()) })).optional(),
				})
				.optional(),
		}),
	),
});
export type WorkloadNode = z.infer<typeof workloadNodes>["clusters"][number]["nodes"][number];

const rawNode = z.object({
	metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).nullish() }),
	spec: z
		.object({ providerID: z.string().nullish(), taints: z.array(z.object({ key: z.string() })).nullish() })
		.nullish(),
	status: z
		.object({
			addresses: z.array(z.object({ type: z.string(), address: z.string() })).nullish(),
			conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
			nodeInfo: z.object({ kubeletVersion: z.string(), osImage: z.string() }).partial().nullish(),
		})
		.nullish(),
});

export const readWorkloadNodes = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadNodes>> =>
	fromEach(world, know, signal, async ({ kubectl }, until) => ({
		nodes: [...(await kubectl.listKept("/api/v1/nodes", parseNode, { signal: until, timeout: pagePatience }))],
	}));

function parseNode(item: unknown): WorkloadNode {
	const parsed = rawNode.safeParse(item);
	if (!parsed.success) {
		throw new ProbeError("unreadable", "GET /api/v1/nodes: one of the nodes is not in the form of its API");
	}

	const { metadata, spec, status } = parsed.data;
	return {
		name: metadata.name,
		ready: status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false,
		internal: (status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address),
		providerId: spec?.providerID ?? undefined,
		providedNodeIp: metadata.annotations?.["alpha.kubernetes.io/provided-node-ip"],
		uninitialized: spec?.taints?.some(({ key }) => key === "node.cloudprovider.kubernetes.io/uninitialized") ?? false,
		kubelet: status?.nodeInfo?.kubeletVersion,
		system: status?.nodeInfo?.osImage,
		...calicoOf(metadata.annotations ?? {}),
	};
}

const rawInterfaces = z.array(z.object({ name: z.string(), addresses: z.array(z.string()).nullish() }));

/** libcalico-go/lib/backend/k8s/resources/node.go */
function calicoOf(annotations: Readonly<Record<string, string>>): Pick<WorkloadNode, "calico"> {
	const noted = (name: string) => annotations[`projectcalico.org/${name}`];
	const [ipv4, ipv6] = [noted("IPv4Address"), noted("IPv6Address")];
	const interfaces = rawInterfaces.safeParse(parseJson(noted("Interfaces") ?? "")).data;
	return ipv4 === undefined && ipv6 === undefined
		? {}
		: {
				calico: {
					ipv4,
					ipv6,
					interfaces: interfaces?.map(({ name, addresses }) => ({ name, addresses: addresses ?? [] })),
				},
			};
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		// An annotation that Calico did not write so says nothing.
		return undefined;
	}
}
