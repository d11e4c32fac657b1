import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { Know } from "./probe.ts";

/** Fact `workload.nodes`: the Nodes of the workload cluster that --workload-kubeconfig leads to. */
export const workloadNodes = z.object({
	/** What it was asked by: "--workload-kubeconfig prod.yaml". */
	source: z.string(),
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
export type WorkloadNodes = z.infer<typeof workloadNodes>;
export type WorkloadNode = WorkloadNodes["nodes"][number];

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

export async function readWorkloadNodes(world: World, _know: Know, signal: AbortSignal): Promise<WorkloadNodes> {
	const { workload, options } = world;
	if (workload === undefined) {
		throw new ProbeError("not-set-up", "no workload cluster is named by --workload-kubeconfig");
	}

	const nodes = await workload.listKept("/api/v1/nodes", parseNode, { signal, timeout: 15_000 });
	return {
		source: [
			...(options.workloadKubeconfig === undefined ? [] : [`--workload-kubeconfig ${options.workloadKubeconfig}`]),
			...(options.workloadContext === undefined ? [] : [`--workload-context ${options.workloadContext}`]),
		].join(" "),
		nodes: [...nodes],
	};
}

/** Fact `workload.reach`: the workload clusters that were looked at. Unavailable where there are others beside them. */
export const workloadReach = z.object({ clusters: z.array(z.string()) });
export type WorkloadReach = z.infer<typeof workloadReach>;

export async function readWorkloadReach({ workload }: World, know: Know): Promise<WorkloadReach> {
	const machines = await attempt(know("management.machines"));
	const joined = machines instanceof ProbeError ? [] : machines.items.filter(({ node }) => node !== undefined);
	const nodes = workload === undefined ? [] : (await know("workload.nodes")).nodes;
	const isSeen = ({ node, providerId }: (typeof joined)[number]) =>
		nodes.some((one) => one.name === node && (one.providerId === undefined || one.providerId === providerId));
	const seen = [...new Set(joined.filter(isSeen).map(clusterOf))];
	const unseen = joined.filter((machine) => !seen.includes(clusterOf(machine)));
	const [first] = unseen;
	if (first !== undefined) {
		throw new ProbeError("misconfigured", howToReach(first, [...new Set(unseen.map(clusterOf))], seen));
	}

	return { clusters: seen };
}

const clusterOf = ({ cluster = "" }: { readonly cluster?: string | undefined }): string => cluster;

function howToReach(
	{ cluster = "", namespace }: { readonly cluster?: string | undefined; readonly namespace?: string | undefined },
	unseen: readonly string[],
	seen: readonly string[],
): string {
	const which = unseen.length === 1 ? `workload cluster ${cluster}` : `the workload clusters ${unseen.join(", ")}`;
	const also = seen.length === 0 ? "" : ` (those of ${seen.join(", ")} were)`;
	const command = `clusterctl get kubeconfig ${cluster}${namespace === undefined ? "" : ` --namespace ${namespace}`}`;
	return `the nodes of ${which} were not looked at${also}. Write the kubeconfig to a file, as "${command}" prints it, and name that file with --workload-kubeconfig`;
}

export function parseNode(item: unknown): WorkloadNode {
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
