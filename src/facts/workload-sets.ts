import * as z from "zod";
import type { World } from "../access/world.ts";
import { parseOrThrow } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { fromEach, pagePatience, perCluster } from "./workload-access.ts";

const daemonSet = z.object({
	namespace: z.string(),
	name: z.string(),
	/** The Tigera operator made it, and takes back what others change. */
	byOperator: z.boolean(),
	/** Pods that should run, and those that are ready. */
	desired: z.number(),
	ready: z.number(),
	container: z.object({
		name: z.string(),
		image: z.string(),
		arguments: z.array(z.string()),
		/** Of Calico only what decides about addresses; a value that stands elsewhere is absent. */
		variables: z.record(z.string(), z.string()),
	}),
});
export type WorkloadDaemonSet = z.infer<typeof daemonSet>;

/** Fact `workload.daemonSets`: those of kube-proxy and of Calico's node agent. */
export const workloadDaemonSets = perCluster({ daemonSets: z.array(daemonSet) });

const path = "/apis/apps/v1/daemonsets";
const rawContainer = z.object({
	name: z.string(),
	image: z.string().default(""),
	command: z.array(z.string()).nullish(),
	args: z.array(z.string()).nullish(),
	env: z
		.array(z.object({ name: z.string(), value: z.string().nullish(), valueFrom: z.unknown().optional() }))
		.nullish(),
});
const rawDaemonSet = z.object({
	metadata: z.object({
		namespace: z.string().default(""),
		name: z.string(),
		ownerReferences: z.array(z.object({ kind: z.string(), apiVersion: z.string() })).nullish(),
	}),
	spec: z.object({ template: z.object({ spec: z.object({ containers: z.array(rawContainer) }) }) }),
	status: z.object({ desiredNumberScheduled: z.number().nullish(), numberReady: z.number().nullish() }).nullish(),
});

const agents: readonly string[] = ["calico-node", "kube-proxy"];
const kept: readonly string[] = [
	"IP",
	"IP6",
	"IP_AUTODETECTION_METHOD",
	"IP6_AUTODETECTION_METHOD",
	"CALICO_NETWORKING_BACKEND",
	"DATASTORE_TYPE",
];

/** In one list of all namespaces: the operator has its own, and Canal another name. */
export const readWorkloadDaemonSets = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadDaemonSets>> =>
	fromEach(world, know, signal, async ({ kubectl }, until) => {
		const lists = await kubectl.listKept(path, parseDaemonSet, { signal: until, timeout: pagePatience });
		return { daemonSets: lists.flat() };
	});

function parseDaemonSet(item: unknown): WorkloadDaemonSet[] {
	const { metadata, spec, status } = parseOrThrow(rawDaemonSet, item, `GET ${path}: a DaemonSet`);
	const container = spec.template.spec.containers.find(({ name }) => agents.includes(name));
	if (container === undefined) {
		return [];
	}

	const { name, image, command, args, env } = container;
	return [
		{
			namespace: metadata.namespace,
			name: metadata.name,
			byOperator: metadata.ownerReferences?.some((one) => one.apiVersion.startsWith("operator.tigera.io/")) ?? false,
			desired: status?.desiredNumberScheduled ?? 0,
			ready: status?.numberReady ?? 0,
			container: {
				name,
				image,
				arguments: [...(command ?? []), ...(args ?? [])].filter((word) => word.startsWith("--proxy-mode")),
				variables: Object.fromEntries(
					(env ?? []).flatMap(({ name: key, value, valueFrom }) =>
						kept.includes(key) && !valueFrom ? [[key, value ?? ""]] : [],
					),
				),
			},
		},
	];
}
