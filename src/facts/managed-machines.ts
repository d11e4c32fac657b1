import * as z from "zod";
import { startDeadline } from "../deadline.ts";
import { ProbeError } from "../errors.ts";
import { parseMachineObjects } from "./machine-objects.ts";
import { machineTemplates } from "./machine-templates.ts";
import type { EnvironmentMachines, MachinePlan } from "./machines.ts";
import { proxmoxClusters } from "./management-clusters.ts";
import { type Asking, type Kind, type Place, readList } from "./management-list.ts";
import { gap, type Unseen } from "./seen.ts";

export interface Running {
	readonly machines: readonly MachinePlan[];
	readonly considered: readonly string[];
	/** Of another token's business. */
	readonly notConsidered: readonly string[];
	readonly unseen: readonly Unseen[];
}

/** Milliseconds for all that is asked of the management cluster, which is only a help here. */
const patience = 10_000;

/** What the management cluster has, unless the user says by a manifest what is meant. */
export async function readManagedMachines(given: EnvironmentMachines, asking: Asking): Promise<Running> {
	if (asking.world.options.manifest !== undefined) {
		return nothing;
	}

	try {
		const objects = await withinTime(
			Promise.all([
				listObjects("ProxmoxCluster", proxmoxClusters, asking),
				listObjects("ProxmoxMachineTemplate", machineTemplates, asking),
			]),
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

/** As they are, for the reader of manifests; whoever else makes facts of these lists shares the request. A list names the kind of its items only in its own. */
async function listObjects(kind: string, place: Place, asking: Asking): Promise<unknown[]> {
	const whole: Kind<unknown, unknown> = {
		...place,
		raw: z.unknown(),
		read: (item) => (typeof item === "object" && item !== null ? { ...item, kind } : item),
	};
	return (await readList(whole, asking)).items;
}

function withinTime<T>(asked: Promise<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		const callOff = startDeadline(patience, () => {
			reject(new ProbeError("timeout", `the management cluster did not answer within ${patience / 1_000} s`));
		});
		asked.then(resolve, reject).finally(callOff);
	});
}
