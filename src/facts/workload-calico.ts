import { parse } from "yaml";
import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { parseOrThrow } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { fromEach, perCluster, sameCluster, type Workload } from "./workload-access.ts";
import type { WorkloadPod } from "./workload-pods.ts";
import type { WorkloadDaemonSet } from "./workload-sets.ts";

/** Fact `workload.kubeProxy`: how Services reach their pods. */
export const workloadKubeProxy = perCluster({
	/** `none`: no kube-proxy runs here. Others are written as its configuration has them. */
	mode: z.string(),
	/** Where that stands. */
	from: z.string(),
});

const method = z.object({
	/** `cidr=10.0.0.0/8`; `first-found` where nothing is written. */
	method: z.string(),
	/** It stands in the DaemonSet, and was not left to Calico. */
	written: z.boolean(),
	/** Calico is to choose an address of this family. */
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

type Calico = NonNullable<z.infer<typeof workloadCalico>["clusters"][number]["calico"]>;

const configMap = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const rawConfigMap = z.object({ data: z.record(z.string(), z.string()).nullish() });
const rawConfiguration = z.object({ mode: z.string().nullish() });

export async function readWorkloadKubeProxy(
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadKubeProxy>> {
	const sets = await know("workload.daemonSets");
	return fromEach(world, know, signal, (workload, until) =>
		readMode(workload, sameCluster(sets, workload).daemonSets, until),
	);
}

async function readMode(
	{ kubectl }: Workload,
	daemonSets: readonly WorkloadDaemonSet[],
	signal: AbortSignal,
): Promise<{ mode: string; from: string }> {
	const own = daemonSets.find(({ container }) => container.name === "kube-proxy");
	if (own === undefined) {
		return { mode: "none", from: "there is no DaemonSet kube-proxy" };
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

function parseYaml(text: string): unknown {
	try {
		return parse(text);
	} catch {
		// The caller says what was to be read.
		return undefined;
	}
}

export async function readWorkloadCalico(
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadCalico>> {
	const [sets, pods] = await Promise.all([know("workload.daemonSets"), know("workload.pods")]);
	return fromEach(world, know, signal, (workload) => {
		const { daemonSets } = sameCluster(sets, workload);
		const own = daemonSets.find(({ container }) => container.name === "calico-node");
		return Promise.resolve(own === undefined ? {} : { calico: calicoOf(own, sameCluster(pods, workload).pods) });
	});
}

function calicoOf(own: WorkloadDaemonSet, pods: readonly WorkloadPod[]): Calico {
	const { variables, image } = own.container;
	return {
		namespace: own.namespace,
		name: own.name,
		byOperator: own.byOperator,
		version: /:(v\d+\.\d+\.\d+)/.exec(image)?.[1],
		ipv4: methodOf(variables["IP_AUTODETECTION_METHOD"], variables["IP"] ?? "autodetect"),
		ipv6: methodOf(variables["IP6_AUTODETECTION_METHOD"], variables["IP6"] ?? "none"),
		elsewhere: whyElsewhere(own),
		pods: pods.flatMap(({ namespace, name, node, kubeVip, ready, restarts, waiting }) =>
			kubeVip === undefined && namespace === own.namespace && node !== undefined
				? [{ name, node, ready, restarts, waiting }]
				: [],
		),
	};
}

const methodOf = (written = "", source: string): CalicoMethod => ({
	method: written === "" ? "first-found" : written,
	written: written !== "",
	wanted: source === "" || source === "autodetect",
});

function whyElsewhere({ container: { variables } }: WorkloadDaemonSet): string | undefined {
	const { CALICO_NETWORKING_BACKEND: backend, DATASTORE_TYPE: store } = variables;
	if (backend === "none") {
		return "it enforces policies only (CALICO_NETWORKING_BACKEND is none), and another plugin does the networking";
	}

	return store === undefined || store === "kubernetes"
		? undefined
		: `it keeps the addresses in ${store}, which is not read here`;
}
