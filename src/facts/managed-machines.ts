import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { parseMachineObjects } from "./machine-objects.ts";
import type { EnvironmentMachines, MachinePlan } from "./machines.ts";
import { gap, type Unseen } from "./seen.ts";

export interface Running {
	readonly machines: readonly MachinePlan[];
	readonly considered: readonly string[];
	/** Of another token's business. */
	readonly notConsidered: readonly string[];
	readonly unseen: readonly Unseen[];
}

/** Milliseconds for each list of the management cluster, which is only a help here. */
const patience = 4_000;

/** What the management cluster has, unless the user says by a manifest what is meant. */
export async function readManagedMachines(world: World, given: EnvironmentMachines): Promise<Running> {
	if (world.options.manifest !== undefined) {
		return nothing;
	}

	try {
		const objects = await Promise.all(
			["proxmoxclusters", "proxmoxmachinetemplates"].map((resource) => listObjects(world, resource)),
		);
		const { machines, otherCredentials, blanks, unreadable } = parseMachineObjects(objects.flat());
		const known = machines.filter((plan) => !given.machines.some((own) => isSame(own, plan)));
		return {
			machines: known,
			considered: machines.length > 0 ? ["the management cluster"] : [],
			notConsidered: [
				...ownCredentials(otherCredentials),
				...blanks.map((name) => `${name}, which a ClusterClass fills in`),
			],
			unseen: unreadable.map((name) => gap(name, "unreadable", "it is not in a form of CAPMOX's API that is known")),
		};
	} catch (error) {
		if (!(error instanceof ProbeError)) {
			throw error;
		}

		// Without kubectl nobody has had a management cluster from here yet.
		const isAbsent = ["not-set-up", "not-found", "tool-missing"].includes(error.reason);
		const because = `${error.message}; with --manifest FILE it is not asked`;
		return isAbsent ? nothing : { ...nothing, unseen: [gap("the management cluster", error.reason, because)] };
	}
}

const nothing: Running = { machines: [], considered: [], notConsidered: [], unseen: [] };

export const ownCredentials = (clusters: readonly string[]): string[] =>
	clusters.map((name) => `ProxmoxCluster ${name} has credentials of its own`);

const isSame = (one: MachinePlan, other: MachinePlan): boolean =>
	JSON.stringify({ ...one, ...unlike }) === JSON.stringify({ ...other, ...unlike });

/** Where they are described does not matter. */
const unlike = { from: "", origins: undefined };

/** v1alpha2 since CAPMOX v0.8, v1alpha1 before. A list names the kind of its items only in its own. */
async function listObjects(world: World, resource: string): Promise<unknown[]> {
	const { namespace } = world.options;
	const path = (version: string) =>
		`/apis/infrastructure.cluster.x-k8s.io/${version}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${resource}`;
	const kind = resource === "proxmoxclusters" ? "ProxmoxCluster" : "ProxmoxMachineTemplate";
	const list = async (version: string) => await world.kubectl.list(path(version), { timeout: patience });
	const items = await list("v1alpha2").catch((error: unknown) => {
		if (error instanceof ProbeError && error.reason === "not-found") {
			return list("v1alpha1");
		}

		throw error;
	});
	return items.map((item) => (typeof item === "object" && item !== null ? { ...item, kind } : item));
}
