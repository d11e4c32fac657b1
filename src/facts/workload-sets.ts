import * as z from "zod";
import { parseOrThrow } from "./kube-vip.ts";
import { oncePerCluster, pagePatience } from "./workload-access.ts";

/** That of kube-proxy, or of Calico's node agent. */
export interface WorkloadDaemonSet {
	readonly namespace: string;
	readonly name: string;
	/** The Tigera operator made it, and takes back what others change. */
	readonly byOperator: boolean;
	/** Of the object that its settings stand in: the DaemonSet, or what the operator makes it from. */
	readonly uid: string | undefined;
	/** Pods that should run. */
	readonly desired: number | undefined;
	/** It was changed, and not all of its pods are of the new form yet. */
	readonly rolling: boolean;
	readonly container: {
		readonly name: string;
		readonly image: string;
		readonly arguments: readonly string[];
		/** Of Calico only what decides about addresses; `null` where the value stands elsewhere. */
		readonly variables: Readonly<Record<string, string | null>>;
	};
}

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
		uid: z.string().nullish(),
		generation: z.number().nullish(),
		ownerReferences: z.array(z.object({ apiVersion: z.string(), uid: z.string().nullish() })).nullish(),
	}),
	spec: z.object({ template: z.object({ spec: z.object({ containers: z.array(rawContainer) }) }) }),
	status: z
		.object({
			desiredNumberScheduled: z.number().nullish(),
			updatedNumberScheduled: z.number().nullish(),
			observedGeneration: z.number().nullish(),
		})
		.nullish(),
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
export const daemonSetsOf = oncePerCluster(async ({ kubectl }, signal): Promise<readonly WorkloadDaemonSet[]> => {
	const lists = await kubectl.listKept(path, parseDaemonSet, { signal, timeout: pagePatience });
	return lists.flat();
});

function parseDaemonSet(item: unknown): WorkloadDaemonSet[] {
	const { metadata, spec, status } = parseOrThrow(rawDaemonSet, item, `GET ${path}: a DaemonSet`);
	const container = spec.template.spec.containers.find(({ name }) => agents.includes(name));
	if (container === undefined) {
		return [];
	}

	const { name, image, command, args, env } = container;
	const operator = metadata.ownerReferences?.find((one) => one.apiVersion.startsWith("operator.tigera.io/"));
	return [
		{
			namespace: metadata.namespace,
			name: metadata.name,
			byOperator: operator !== undefined,
			uid: (operator ?? metadata).uid ?? undefined,
			desired: status?.desiredNumberScheduled ?? undefined,
			rolling:
				(status?.observedGeneration ?? Infinity) < (metadata.generation ?? 0) ||
				(status?.updatedNumberScheduled ?? Infinity) < (status?.desiredNumberScheduled ?? 0),
			container: {
				name,
				image,
				arguments: [...(command ?? []), ...(args ?? [])].filter((word) => word.startsWith("--proxy-mode")),
				variables: Object.fromEntries(
					(env ?? []).flatMap(({ name: key, value, valueFrom }) =>
						kept.includes(key) ? [[key, valueFrom ? null : (value ?? "")]] : [],
					),
				),
			},
		},
	];
}
