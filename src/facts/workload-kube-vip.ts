import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { parseOrThrow } from "./kube-vip.ts";
import type { Know } from "./probe.ts";
import { fromEach, perCluster, type Workload } from "./workload-access.ts";
import { podsOf, type WorkloadPod } from "./workload-pods.ts";

/** Fact `workload.kubeVip`: who of kube-vip's pods holds the control plane's address. */
export const workloadKubeVip = perCluster({
	/** Absent where no pod elects a leader, and where there is no such lease. */
	lease: z
		.object({
			name: z.string(),
			holder: z.string(),
			/** Seconds after which others may take it. */
			duration: z.number(),
			/** By the leader's clock. */
			renewed: z.string().optional(),
			/** By the API server's clock; absent where kubectl does not show it. */
			now: z.string().optional(),
		})
		.optional(),
	/** Name of the lease that the pods go by, and that does not exist. */
	missingLease: z.string().optional(),
});

type Leading = Omit<z.infer<typeof workloadKubeVip>["clusters"][number], "cluster">;

const rawLease = z.object({
	spec: z
		.object({
			holderIdentity: z.string().nullish(),
			leaseDurationSeconds: z.number().nullish(),
			renewTime: z.string().nullish(),
		})
		.nullish(),
});

export const readWorkloadKubeVip = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadKubeVip>> =>
	fromEach(world, know, signal, async (workload, until) => readLease(workload, await podsOf(workload, until), until));

async function readLease({ kubectl }: Workload, pods: readonly WorkloadPod[], signal: AbortSignal): Promise<Leading> {
	const own = pods.find(({ kubeVip }) => kubeVip?.controlPlane === true && kubeVip.leaderElection)?.kubeVip;
	if (own === undefined) {
		return {};
	}

	const { lease: name, namespace = "kube-system" } = own;
	const path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/${encodeURIComponent(name)}`;
	const answer = await attempt(kubectl.getDated(path, { signal }));
	if (answer instanceof ProbeError) {
		if (answer.reason === "not-found") {
			return { missingLease: name };
		}

		throw answer;
	}

	const { spec } = parseOrThrow(rawLease, answer.value, `GET ${path}: the lease`);
	return {
		lease: {
			name,
			holder: spec?.holderIdentity ?? "",
			duration: spec?.leaseDurationSeconds ?? 15,
			renewed: spec?.renewTime ?? undefined,
			now: answer.date?.toISOString(),
		},
	};
}
