import * as z from "zod";
import type { Kubectl } from "../access/kubectl.ts";
import type { World } from "../access/world.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { Know } from "./probe.ts";
import { tellingWhere } from "./workload-endpoint.ts";

/** Fact `workload.nodes`: the Nodes of the workload clusters that --workload and --workload-kubeconfig lead to. */
export const workloadNodes = z.object({
	/** What it was asked by: "--workload-kubeconfig prod.yaml", "Secret default/prod-kubeconfig". */
	source: z.string(),
	/** Of several clusters those that did not answer. */
	unreached: z.array(z.object({ cluster: z.string(), because: z.string() })),
	nodes: z.array(
		z.object({
			/** Namespace and name of its Cluster; absent where a kubeconfig was given, which does not say whose it is. */
			cluster: z.string().optional(),
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

/** A workload cluster that can be asked. */
export interface Target {
	readonly source: string;
	/** Absent where a kubeconfig was given: it does not say whose it is. */
	readonly cluster?: string;
	readonly kubectl: Kubectl;
}

export async function readWorkloadNodes(world: World, know: Know, signal: AbortSignal): Promise<WorkloadNodes> {
	const { workload, options } = world;
	const source = [
		...(options.workloadKubeconfig === undefined ? [] : [`--workload-kubeconfig ${options.workloadKubeconfig}`]),
		...(options.workloadContext === undefined ? [] : [`--workload-context ${options.workloadContext}`]),
	].join(" ");
	const targets: (Target | Unreached)[] = [
		...(workload === undefined ? [] : [{ source, kubectl: tellingWhere(workload, world, know, undefined) }]),
		...(options.workload === undefined ? [] : await openNamed(world, options.workload, know, signal)),
	];
	if (targets.length === 0) {
		throw new ProbeError("not-set-up", "no workload cluster is named by --workload or --workload-kubeconfig");
	}

	const answers = await Promise.all(
		targets.map(async (target) => ("error" in target ? target : await ask(target, signal))),
	);
	const nodes = answers.flatMap((answer) => ("error" in answer ? [] : answer));
	const unreached = answers.flatMap((answer) => ("error" in answer ? [answer] : []));
	const [first] = unreached;
	if (first !== undefined && unreached.length === answers.length) {
		throw first.error;
	}

	return {
		source: targets.map((target) => target.source).join(", "),
		nodes,
		unreached: unreached.map(({ source: cluster, error }) => ({ cluster, because: error.message })),
	};
}

/** One that cannot. */
export interface Unreached {
	readonly source: string;
	readonly error: ProbeError;
}

async function ask({ kubectl, cluster, source }: Target, signal: AbortSignal): Promise<WorkloadNode[] | Unreached> {
	const nodes = await attempt(kubectl.listKept("/api/v1/nodes", parseNode, { signal, timeout: 15_000 }));
	return nodes instanceof ProbeError
		? { source, error: nodes }
		: nodes.map((node) => ({ ...node, ...(cluster === undefined ? {} : { cluster }) }));
}

/** How Clusters are told apart. */
const keyOf = ({ namespace, name }: { readonly namespace?: string | undefined; readonly name: string }): string =>
	`${namespace ?? ""}/${name}`;

/** The clusters that --workload names, by the kubeconfigs that the management cluster keeps. @throws UsageError where there is none of that name */
export async function openNamed(
	world: World,
	wanted: string,
	know: Know,
	signal: AbortSignal,
): Promise<(Target | Unreached)[]> {
	const { items } = await know("management.clusters");
	const own = items.filter(({ infrastructure }) => infrastructure?.kind === "ProxmoxCluster");
	const chosen = wanted === "all" ? own : own.filter((one) => one.name === wanted || keyOf(one) === wanted);
	if (chosen.length === 0 && wanted !== "all") {
		const names = own.map(({ name }) => name).join(", ");
		throw new UsageError(
			`--workload: there is no Cluster ${JSON.stringify(wanted)} on Proxmox${names === "" ? "" : `; there are ${names}`}`,
		);
	}

	return Promise.all(chosen.map((one) => openOne(world, one, know, signal)));
}

const secretShape = z.object({ data: z.object({ value: z.string() }) });

/** The Secret is cluster-admin; its text goes into the private file and nowhere else. */
async function openOne(
	world: World,
	{ namespace = "default", name }: { readonly namespace?: string | undefined; readonly name: string },
	know: Know,
	signal: AbortSignal,
): Promise<Target | Unreached> {
	const source = `Secret ${namespace}/${name}-kubeconfig`;
	const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(`${name}-kubeconfig`)}`;
	const secret = await attempt(world.kubectl.get(path, { signal }));
	if (secret instanceof ProbeError) {
		return { source, error: secret };
	}

	const value = secretShape.safeParse(secret).data?.data.value;
	if (value === undefined) {
		return { source, error: new ProbeError("unreadable", `${source} holds no kubeconfig`) };
	}

	const cluster = keyOf({ namespace, name });
	const kubectl = world.workloadFrom(Buffer.from(value, "base64").toString("utf8"));
	return { source, cluster, kubectl: tellingWhere(kubectl, world, know, cluster) };
}

/** Fact `workload.reach`: the workload clusters that were looked at. Unavailable where there are others beside them. */
export const workloadReach = z.object({ clusters: z.array(z.string()) });
export type WorkloadReach = z.infer<typeof workloadReach>;

export async function readWorkloadReach({ workload, options }: World, know: Know): Promise<WorkloadReach> {
	const machines = await attempt(know("management.machines"));
	const joined = machines instanceof ProbeError ? [] : machines.items.filter(({ node }) => node !== undefined);
	const isAsked = workload !== undefined || options.workload !== undefined;
	const { nodes, unreached } = isAsked ? await know("workload.nodes") : { nodes: [], unreached: [] };
	const [silent] = unreached;
	if (silent !== undefined) {
		throw new ProbeError("unreachable", unreached.map(({ cluster, because }) => `${cluster}: ${because}`).join("; "));
	}

	const isSeen = ({ node, providerId, namespace, cluster = "" }: (typeof joined)[number]) =>
		nodes.some((one) =>
			one.cluster === undefined
				? one.name === node && (one.providerId === undefined || one.providerId === providerId)
				: one.cluster === keyOf({ namespace, name: cluster }),
		);
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
	return `the nodes of ${which} were not looked at${also}. Name it with --workload ${cluster}, or write its kubeconfig to a file, as "${command}" prints it, and name that with --workload-kubeconfig`;
}

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
