import { controlPlaneLog, coreLog, foreignFinalizer, paused, stuck } from "./common.ts";
import { controllerDown } from "./controllers.ts";
import { apiDown, judgeDrain, judgeVolumes } from "./drain.ts";
import type { Estate, Machine, Thing } from "./estate.ts";
import { blocked, type Fault, goesOn, type State, waits } from "./fault.ts";
import { advise, destroy, look } from "./findings.ts";
import { withLastResort } from "./last-resort.ts";
import { inNamespace, meantFor, resources } from "./resources.ts";
import { hooksOf, kcpHook, nodeIsUnreachable, type Stage, saysConnectionDown, stageOf } from "./stage.ts";

/** A Machine in deletion, in the order in which Cluster API goes about it. */
export function judgeMachine(estate: Estate, machine: Machine): State {
	const thing = { kind: "Machine", object: machine } as const;
	const cluster = estate.clusterOf(machine);
	const fault =
		foreignFinalizer(thing) ??
		paused(thing, cluster) ??
		clusterGone(estate, thing, cluster) ??
		controllerDown(estate, "core", thing);
	return fault === undefined ? judgeStage(estate, machine, stageOf(machine)) : blocked(fault);
}

function judgeStage(estate: Estate, machine: Machine, stage: Stage): State {
	switch (stage.name) {
		case "pre-drain-hook":
			return judgeHooks(estate, machine, "pre-drain", stage);
		case "drain":
			return judgeDrain(estate, machine, stage);
		case "volume-detach":
			return judgeVolumes(estate, machine, stage);
		case "pre-terminate-hook":
			return judgeHooks(estate, machine, "pre-terminate", stage);
		case "node":
			return judgeNode(estate, machine, stage);
		case "bootstrap":
		case "infrastructure":
		case "unknown":
			return judgeInfrastructure(estate, machine, stage);
	}
}

/** Cluster API asks for the Cluster first, and ends with an error where there is none: `util.GetClusterByName`. */
export function clusterGone(
	estate: Estate,
	thing: Extract<Thing, { kind: "Machine" | "ProxmoxMachine" }>,
	cluster: object | undefined,
): Fault | undefined {
	if (cluster !== undefined) {
		return undefined;
	}

	const name = thing.object.cluster;
	return {
		code: "cluster-gone",
		group: `${thing.object.namespace ?? ""}/${name ?? ""}`,
		thing,
		never: true,
		from: `Clusters in namespace ${thing.object.namespace ?? ""}`,
		saw: `no Cluster ${name ?? ""}`,
		expected: "the Cluster of the machine",
		summary: (who) =>
			`${who} belongs to Cluster ${name ?? ""}, which does not exist any more, and is never finished without.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				advise(
					"Somebody took the finalizer off the Cluster, or moved it away. Where a backup of the Cluster and its ProxmoxCluster exists, apply both again, paused by spec.paused, and then unpause: everything then finishes in order.",
				),
			),
	};
}

function judgeInfrastructure(estate: Estate, machine: Machine, stage: Stage): State {
	const thing = { kind: "Machine", object: machine } as const;
	const { namespace, infrastructure, bootstrap } = machine;
	const proxmox =
		infrastructure?.kind === "ProxmoxMachine"
			? estate.find("ProxmoxMachine", namespace, infrastructure.name)
			: undefined;
	if (proxmox?.object.deleting !== undefined) {
		return waits(proxmox);
	}

	const isOther = infrastructure !== undefined && infrastructure.kind !== "ProxmoxMachine";
	const next = isOther
		? `it has ${infrastructure.kind} ${infrastructure.name}, which another provider deletes`
		: proxmox === undefined
			? `its infrastructure is gone; next go ${bootstrap === undefined ? "its bootstrap data" : `${bootstrap.kind} ${bootstrap.name}`} and its Node`
			: `ProxmoxMachine ${proxmox.object.name} is not in deletion yet`;
	return blocked(
		stuck(
			thing,
			`${stage.condition}${stage.message === "" ? "" : `: ${stage.message}`}; ${next}`,
			coreLog(estate, "Read what Cluster API says of it."),
			look(
				"And what the object itself shows.",
				"kubectl",
				"describe",
				resources.Machine,
				machine.name,
				...inNamespace(thing),
			),
		),
	);
}

/** The Node goes last; without an own limit Cluster API tries for 10 s, then leaves it. */
function judgeNode(estate: Estate, machine: Machine, stage: Stage): State {
	const isEndless = machine.nodeDeletionTimeout === 0;
	if (saysConnectionDown(stage.message) || nodeIsUnreachable(machine)) {
		return isEndless
			? blocked(apiDown(estate, machine, stage, "node"))
			: goesOn("its Node cannot be deleted, which is given up after its time limit");
	}

	return judgeInfrastructure(estate, machine, stage);
}

function judgeHooks(estate: Estate, machine: Machine, moment: "pre-drain" | "pre-terminate", stage: Stage): State {
	const thing = { kind: "Machine", object: machine } as const;
	const hooks = hooksOf(machine, moment);
	const foreign = hooks.filter((hook) => hook !== kcpHook);
	if (foreign.length === 0 && hooks.length > 0) {
		return judgeKcpHook(estate, machine, stage);
	}

	const names = foreign.map(
		(hook) => `${hook}${machine.annotations[hook] === "" ? "" : `=${machine.annotations[hook] ?? ""}`}`,
	);
	return blocked({
		code: "hook-waits",
		calm: true,
		group: foreign.join(","),
		thing,
		from: `Machine ${machine.namespace ?? ""}/${machine.name}, ${stage.condition}`,
		saw: names.length === 0 ? stage.message || "no hook is left" : `the annotations ${names.join(", ")}`,
		summary: (who) =>
			`${who} is held ${moment === "pre-drain" ? "before the drain" : "before its VM is removed"} by a hook, and whoever set it has not taken it off.`,
		steps: () => [
			advise(
				`See whether the program that set it runs, and what it says: the annotation's name and value tell whose it is (${names.join(", ") || "none is left"}). It takes the hook off when its work is done.`,
			),
			...foreign.map((hook) =>
				meantFor(
					[thing],
					destroy(
						"Only where that program is gone for good: take its hook off. What it guards is then not done.",
						"kubectl",
						"annotate",
						resources.Machine,
						machine.name,
						...inNamespace(thing),
						`${hook}-`,
					),
				),
			),
		],
	});
}

/** Normal for a while: KubeadmControlPlane first removes the etcd member. */
function judgeKcpHook(estate: Estate, machine: Machine, stage: Stage): State {
	const thing = { kind: "Machine", object: machine } as const;
	const owner = machine.owners.find(({ kind }) => kind === "KubeadmControlPlane");
	const controlPlane = estate.find("KubeadmControlPlane", machine.namespace, owner?.name);
	const down = controllerDown(estate, "controlPlane", thing);
	if (down !== undefined) {
		return blocked(down);
	}

	const pause = controlPlane?.object.paused === true ? paused(controlPlane, undefined) : undefined;
	if (pause !== undefined) {
		return blocked({ ...pause, thing });
	}

	if (controlPlane === undefined && estate.facts["management.controlPlanes"] !== undefined) {
		return blocked(controlPlaneGone(estate, machine, owner?.name, stage));
	}

	const said = (controlPlane?.object.conditions ?? [])
		.filter(({ type, status }) => /etcd|Deleting|ScalingDown|Available/i.test(type) && status !== "True")
		.flatMap(({ type, message }) => (message === undefined ? [] : [`${type}: ${message}`]));
	return blocked({
		code: "etcd-member-remains",
		calm: said.length === 0,
		group: `${machine.namespace ?? ""}/${machine.cluster ?? ""}`,
		thing,
		from: `Machine ${machine.namespace ?? ""}/${machine.name}, ${stage.condition}`,
		saw: [`the hook kcp-cleanup`, ...said].join("; "),
		expected: "that the control plane takes the hook off within minutes",
		summary: (who) =>
			`${who} is a control-plane machine, and its control plane does not release it: its etcd member could not be removed. The hook kcp-cleanup guards the quorum; it is normal, but not for so long.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				controlPlaneLog(
					estate,
					'Read why: "Cannot delete control plane Machine …, the operation can lead to etcd quorum loss" names what is missing.',
				),
				advise(
					"Mend etcd first: start the VMs of the other control-plane machines. Never take the hook off while a majority of the members is not healthy.",
				),
			),
	});
}

function controlPlaneGone(estate: Estate, machine: Machine, name: string | undefined, stage: Stage): Fault {
	const thing = { kind: "Machine", object: machine } as const;
	return {
		code: "hook-waits",
		group: `KubeadmControlPlane ${machine.namespace ?? ""}/${name ?? ""}`,
		thing,
		never: true,
		from: `Machine ${machine.namespace ?? ""}/${machine.name}, ${stage.condition}`,
		saw: `the hook kcp-cleanup, and ${name === undefined ? "no owner of kind KubeadmControlPlane" : `no KubeadmControlPlane ${name}`}`,
		expected: "the KubeadmControlPlane that takes it off",
		summary: (who) =>
			`${who} is held by the hook kcp-cleanup, and the control plane that would take it off is gone: somebody took its finalizer off.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				meantFor(
					[thing],
					destroy(
						"Where the cluster is to go with all its machines: take the hook off, and the deletion goes on by itself.",
						"kubectl",
						"annotate",
						resources.Machine,
						machine.name,
						...inNamespace(thing),
						`${kcpHook}-`,
					),
				),
			),
	};
}
