import { parse } from "yaml";
import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { parseOrThrow } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { openWorkload } from "./workload-access.ts";
import type { WorkloadDaemonSet } from "./workload-sets.ts";

/** Fact `workload.kubeProxy`: how Services reach their pods. */
export const workloadKubeProxy = z.object({
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
export const workloadCalico = z.object({
	/** Flags by which kubectl reaches the same cluster. */
	kubectl: z.array(z.string()),
	/** The command that prints the kubeconfig which they name; absent where the user has it. */
	fetch: z.array(z.string()).optional(),
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
export type WorkloadCalico = z.infer<typeof workloadCalico>;

const configMap = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const rawConfigMap = z.object({ data: z.record(z.string(), z.string()).nullish() });
const rawConfiguration = z.object({ mode: z.string().nullish() });

export async function readWorkloadKubeProxy(
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadKubeProxy>> {
	const { kubectl: workload } = await openWorkload(world, know, signal);
	const { daemonSets } = await know("workload.daemonSets");
	const own = daemonSets.find(({ container }) => container.name === "kube-proxy");
	if (own === undefined) {
		return { mode: "none", from: "there is no DaemonSet kube-proxy" };
	}

	const flag = own.container.arguments.map((word) => /^--proxy-mode=(\w+)/.exec(word)?.[1]).find(Boolean);
	if (flag !== undefined) {
		return { mode: flag, from: `DaemonSet ${own.namespace}/${own.name}, --proxy-mode` };
	}

	const answer = await attempt(workload.get(configMap, { signal }));
	if (answer instanceof ProbeError) {
		throw answer;
	}

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

export async function readWorkloadCalico(world: World, know: Know, signal: AbortSignal): Promise<WorkloadCalico> {
	const { flags: kubectl, fetch } = await openWorkload(world, know, signal);
	const [{ daemonSets }, { pods }] = await Promise.all([know("workload.daemonSets"), know("workload.pods")]);
	const own = daemonSets.find(({ container }) => container.name === "calico-node");
	if (own === undefined) {
		return { kubectl, fetch };
	}

	const { variables, image } = own.container;
	return {
		kubectl,
		fetch,
		calico: {
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
		},
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
