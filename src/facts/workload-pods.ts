import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { kubeVipContainer, parseOrThrow, rawContainer, readContainer, runsKubeVip } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { fromEach, oncePerCluster, pagePatience, perCluster, type Workload } from "./workload-access.ts";
import { daemonSetsOf } from "./workload-sets.ts";

const pod = z.object({
	namespace: z.string(),
	name: z.string(),
	node: z.string().optional(),
	ready: z.boolean(),
	/** Of the container that counts; a pod that is Pending has none yet. */
	restarts: z.number(),
	/** `CrashLoopBackOff`, `ImagePullBackOff`. */
	waiting: z.string().optional(),
	/** How it ended the last time: "Completed, exit code 0". */
	ended: z.string().optional(),
	/** Absent for pods of Calico. */
	kubeVip: kubeVipContainer.optional(),
});
export type WorkloadPod = z.infer<typeof pod>;

/** Fact `workload.pods`: those of kube-vip, and of Calico's node agent. */
export const workloadPods = perCluster({ pods: z.array(pod) });

const ended = z.object({ exitCode: z.number(), reason: z.string().nullish() }).nullish();
const rawStatus = z.object({
	name: z.string(),
	ready: z.boolean().default(false),
	restartCount: z.number().default(0),
	state: z.object({ waiting: z.object({ reason: z.string().nullish() }).nullish(), terminated: ended }).nullish(),
	lastState: z.object({ terminated: ended }).nullish(),
});
const rawPod = z.object({
	metadata: z.object({ namespace: z.string().default(""), name: z.string() }),
	spec: z.object({ nodeName: z.string().nullish(), containers: z.array(rawContainer) }),
	status: z.object({ containerStatuses: z.array(rawStatus).nullish() }).nullish(),
});

export const readWorkloadPods = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadPods>> =>
	fromEach(world, know, signal, async (workload, until) => ({ pods: [...(await podsOf(workload, until))] }));

/** kube-system holds those of kube-vip and of a Calico that manifests installed; the operator's Calico has a namespace of its own. */
export const podsOf = oncePerCluster(async (workload, signal): Promise<readonly WorkloadPod[]> => {
	const namespaces = [...new Set(["kube-system", ...(await namespacesOfCalico(workload, signal))])];
	const lists = namespaces.map((namespace) => {
		const path = `/api/v1/namespaces/${namespace}/pods`;
		return workload.kubectl.listKept(path, (item) => parsePod(path, item), { signal, timeout: pagePatience });
	});
	return (await Promise.all(lists)).flat(2);
});

/** None for whoever may not list DaemonSets, who may well read the pods of kube-vip. */
async function namespacesOfCalico(workload: Workload, signal: AbortSignal): Promise<readonly string[]> {
	const sets = await attempt(daemonSetsOf(workload, signal));
	if (sets instanceof ProbeError) {
		if (sets.reason === "forbidden") {
			return [];
		}

		throw sets;
	}

	return sets.filter(({ container }) => container.name === "calico-node").map(({ namespace }) => namespace);
}

function parsePod(path: string, item: unknown): WorkloadPod[] {
	const { metadata, spec, status } = parseOrThrow(rawPod, item, `GET ${path}: a pod`);
	const container = spec.containers.find((one) => runsKubeVip(one) || one.name === "calico-node");
	if (container === undefined) {
		return [];
	}

	const own = status?.containerStatuses?.find(({ name }) => name === container.name);
	const last = own?.state?.terminated ?? own?.lastState?.terminated;
	return [
		{
			namespace: metadata.namespace,
			name: metadata.name,
			node: spec.nodeName ?? undefined,
			ready: own?.ready ?? false,
			restarts: own?.restartCount ?? 0,
			waiting: own?.state?.waiting?.reason ?? undefined,
			ended: last ? `${last.reason ?? "ended"}, exit code ${last.exitCode}` : undefined,
			kubeVip: runsKubeVip(container) ? readContainer(container) : undefined,
		},
	];
}
