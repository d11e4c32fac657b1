import type { Kubectl } from "../access/kubectl.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";

/** Milliseconds for one page of a list. */
export const pagePatience = 15_000;

/** @throws ProbeError not-set-up where the user named no workload cluster. */
export function workloadOf({ workload }: World): Kubectl {
	if (workload === undefined) {
		throw new ProbeError("not-set-up", "no workload cluster is named by --workload-kubeconfig");
	}

	return workload;
}

/** What kubectl has to be told to reach the same cluster, for commands that a person pastes. */
export const kubectlFlags = ({ options: { workloadKubeconfig, workloadContext } }: World): string[] => [
	...(workloadKubeconfig === undefined ? [] : [`--kubeconfig=${workloadKubeconfig}`]),
	...(workloadContext === undefined ? [] : [`--context=${workloadContext}`]),
];
