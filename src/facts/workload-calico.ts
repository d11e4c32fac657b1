import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { parseOrThrow } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { fromEach, parseYaml, perCluster, type Workload } from "./workload-access.ts";
import { podsOf, type WorkloadPod } from "./workload-pods.ts";
import { daemonSetsOf, type WorkloadDaemonSet } from "./workload-sets.ts";

/** Fact `workload.kubeProxy`: how Services reach their pods. */
export const workloadKubeProxy = perCluster({
	/** `none`: no kube-proxy runs here. Others are written as its configuration has them. */
	mode: z.string(),
	/** Where that stands. */
	from: z.string(),
});

const method = z.object({
	/** `cidr=10.0.0.0/8`; `first-found` where nothing is written; `told by …` where it is not seen here, or nothing is left to choose. */
	method: z.string(),
	/** It stands in the DaemonSet, and was not left to Calico. */
	written: z.boolean(),
	/** Calico is to have an address of this family. */
	wanted: z.boolean(),
});
export type CalicoMethod = z.infer<typeof method>;

/** Fact `workload.calico`: how Calico chooses the address of each node. */
export const workloadCalico = perCluster({
	/** Absent: another network plugin, or none. */
	calico: z
		.object({
			namespace: z.string(),
			name: z.string(),
			/** The Tigera operator made it: the Installation is to be changed, not the DaemonSet. */
			byOperator: z.boolean(),
			/** Of the object that is to be changed. */
			uid: z.string().optional(),
			/** Its pods are being replaced, so that not all of them have looked by what it says now. */
			rolling: z.boolean().optional(),
			/** `v3.32.1` */
			version: z.string().optional(),
			ipv4: method,
			ipv6: method,
			/** Why it chooses no address at all: policies only, or etcd. */
			elsewhere: z.string().optional(),
			/** Its pods, by node. */
			pods: z.array(
				z.object({
					name: z.string(),
					node: z.string(),
					ready: z.boolean(),
					restarts: z.number(),
					waiting: z.string().optional(),
				}),
			),
		})
		.optional(),
});

type Variables = WorkloadDaemonSet["container"]["variables"];
type Calico = NonNullable<z.infer<typeof workloadCalico>["clusters"][number]["calico"]>;

const configMap = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const rawConfigMap = z.object({ data: z.record(z.string(), z.string()).nullish() });
const rawConfiguration = z.object({ mode: z.string().nullish() });

export const readWorkloadKubeProxy = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadKubeProxy>> =>
	fromEach(world, know, signal, async (workload, until) =>
		readMode(workload, await daemonSetsOf(workload, until), until),
	);

async function readMode(
	{ kubectl }: Workload,
	daemonSets: readonly WorkloadDaemonSet[],
	signal: AbortSignal,
): Promise<{ mode: string; from: string }> {
	const own = daemonSets.find(({ container }) => container.name === "kube-proxy");
	if (own === undefined) {
		return { mode: "none", from: "there is no DaemonSet kube-proxy" };
	}

	// Whoever replaces it, as Calico's eBPF does, leaves the DaemonSet there and has it select no node.
	if (own.desired === 0) {
		return { mode: "none", from: `DaemonSet ${own.namespace}/${own.name} is to run on no node` };
	}

	const flag = own.container.arguments.map((word) => /^--proxy-mode=(\w+)/.exec(word)?.[1]).find(Boolean);
	if (flag !== undefined) {
		return { mode: flag, from: `DaemonSet ${own.namespace}/${own.name}, --proxy-mode` };
	}

	const answer = await kubectl.get(configMap, { signal });
	const text = parseOrThrow(rawConfigMap, answer, `GET ${configMap}: the ConfigMap`).data?.["config.conf"];
	const configuration = rawConfiguration.safeParse(parseYaml(text ?? "")).data;
	if (configuration === undefined) {
		throw new ProbeError("unreadable", `GET ${configMap}: config.conf is no configuration of kube-proxy`);
	}

	// On Linux an empty one means iptables (pkg/proxy/apis/config, KubeProxyConfiguration.Mode).
	const mode = configuration.mode ?? "";
	return { mode: mode === "" ? "iptables" : mode, from: "ConfigMap kube-system/kube-proxy" };
}

export const readWorkloadCalico = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadCalico>> =>
	fromEach(world, know, signal, async (workload, until) => {
		const own = (await daemonSetsOf(workload, until)).find(({ container }) => container.name === "calico-node");
		return own === undefined ? {} : { calico: calicoOf(own, await podsOf(workload, until)) };
	});

function calicoOf(own: WorkloadDaemonSet, pods: readonly WorkloadPod[]): Calico {
	const { variables, image } = own.container;
	return {
		namespace: own.namespace,
		name: own.name,
		byOperator: own.byOperator,
		uid: own.uid,
		...(own.rolling ? { rolling: true } : {}),
		version: /:(v\d+\.\d+\.\d+)/.exec(image)?.[1],
		ipv4: methodOf(variables, "IP", "autodetect"),
		ipv6: methodOf(variables, "IP6", "none"),
		elsewhere: whyElsewhere(own),
		pods: pods.flatMap(({ namespace, name, node, kubeVip, ready, restarts, waiting }) =>
			kubeVip === undefined && namespace === own.namespace && node !== undefined
				? [{ name, node, ready, restarts, waiting }]
				: [],
		),
	};
}

/** `usual`: what Calico takes where the variable is not set (node/pkg/lifecycle/startup). */
function methodOf(variables: Variables, name: "IP" | "IP6", usual: string): CalicoMethod {
	const { [name]: source = usual, [`${name}_AUTODETECTION_METHOD`]: written = "" } = variables;
	if (source !== "" && source !== "autodetect") {
		return { method: `told by ${name}`, written: true, wanted: source !== "none" };
	}

	return written === null
		? { method: `told by what ${name}_AUTODETECTION_METHOD leads to`, written: true, wanted: true }
		: { method: written === "" ? "first-found" : written, written: written !== "", wanted: true };
}

function whyElsewhere({ container: { variables } }: WorkloadDaemonSet): string | undefined {
	const { CALICO_NETWORKING_BACKEND: backend, DATASTORE_TYPE: store } = variables;
	if (backend === "none") {
		return "it enforces policies only (CALICO_NETWORKING_BACKEND is none), and another plugin does the networking";
	}

	return store === undefined || store === null || store === "kubernetes"
		? undefined
		: `it keeps the addresses in ${store}, which is not read here`;
}
