import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { ManagementMachine } from "./management-machines.ts";
import type { Know } from "./probe.ts";
import { keyOf, perCluster } from "./workload-access.ts";
import type { WorkloadNode } from "./workload-nodes.ts";

/**
 * Fact `workload.reach`: which Cluster of the management cluster each workload cluster is. Unreached are those whose
 * nodes were not looked at, because nobody named them.
 */
export const workloadReach = perCluster({
	/** Namespace and name. */
	owner: z.string(),
});
export type WorkloadReach = z.infer<typeof workloadReach>;

export async function readWorkloadReach({ workload, options }: World, know: Know): Promise<WorkloadReach> {
	const isAsked = workload !== undefined || options.workload !== undefined;
	const nothing = { clusters: [], unreached: [] };
	const [found, doors, { clusters, unreached }] = await Promise.all([
		attempt(know("management.machines")),
		isAsked ? know("workload.clusters") : nothing,
		isAsked ? know("workload.nodes") : nothing,
	]);
	const machines = found instanceof ProbeError ? [] : found.items;
	const reached = clusters.flatMap(({ cluster, nodes }) => {
		const owner = doors.clusters.find((one) => one.cluster === cluster)?.owner ?? findOwner(nodes, machines);
		return owner === undefined ? [] : [{ cluster, owner }];
	});
	const asked = [...reached.map(({ owner }) => owner), ...unreached.map(({ cluster }) => cluster)];
	// One that is silent may be any of them, unless it was named.
	const isUnclear = unreached.some(({ cluster }) => cluster.startsWith("--"));
	const unseen = machines.filter((machine) => machine.node !== undefined && !asked.includes(ownerOf(machine)));
	const [first] = unseen;
	const names = [...new Set(unseen.map(ownerOf))];
	return {
		clusters: reached,
		unreached:
			first === undefined || isUnclear
				? []
				: [
						{
							cluster: names.join(", "),
							cause: "misconfigured",
							because: howToReach(first, names, [...new Set(asked)]),
						},
					],
	};
}

const ownerOf = ({ namespace, cluster = "" }: ManagementMachine): string => keyOf({ namespace, name: cluster });

/** By provider IDs, of which each is one machine's; else by names, where these lead to one Cluster. */
function findOwner(nodes: readonly WorkloadNode[], machines: readonly ManagementMachine[]): string | undefined {
	const idOf = ({ providerId }: { readonly providerId?: string | undefined }) => providerId?.toLowerCase();
	const owners = (isSame: (node: WorkloadNode, machine: ManagementMachine) => boolean) => [
		...new Set(machines.filter((machine) => nodes.some((node) => isSame(node, machine))).map(ownerOf)),
	];
	const byId = owners((node, machine) => node.providerId !== undefined && idOf(node) === idOf(machine));
	const byName = owners(
		(node, machine) =>
			node.name === (machine.node ?? machine.name) &&
			// A Machine that has its Node has the ID of that one.
			(node.providerId === undefined || machine.node === undefined || machine.providerId === undefined),
	);
	const found = byId.length > 0 ? byId : byName;
	return found.length === 1 ? found[0] : undefined;
}

function howToReach(
	{ cluster = "", namespace }: ManagementMachine,
	unseen: readonly string[],
	seen: readonly string[],
): string {
	const which = unseen.length === 1 ? `workload cluster ${cluster}` : `the workload clusters ${unseen.join(", ")}`;
	const also = seen.length === 0 ? "" : ` (those of ${seen.join(", ")} were)`;
	const command = `clusterctl get kubeconfig ${cluster}${namespace === undefined ? "" : ` --namespace ${namespace}`}`;
	const how = unseen.length === 1 ? `Name it with --workload ${cluster}` : "Look at all with --workload all";
	const its = unseen.length === 1 ? "its kubeconfig" : "the kubeconfig of one";
	return `the nodes of ${which} were not looked at${also}. ${how}, or write ${its} to a file, as "${command}" prints it, and name that with --workload-kubeconfig`;
}
