import { capmoxLog, foreignFinalizer, paused } from "./common.ts";
import { controllerDown, isBelow, minorOf } from "./controllers.ts";
import { credentialsFault, refusal } from "./credentials.ts";
import { type Estate, type Machine, nameOf, type ProxmoxMachine } from "./estate.ts";
import { blocked, type Fault, type State } from "./fault.ts";
import { advise, change } from "./findings.ts";
import { withLastResort } from "./last-resort.ts";
import { clusterGone } from "./machine.ts";
import { judgeVm, reusedVmid } from "./proxmox-vm.ts";
import { inNamespace, meantFor, resources } from "./resources.ts";

/** A ProxmoxMachine in deletion, in the order in which CAPMOX goes about it: proxmoxmachine_controller.go, delete.go. */
export function judgeProxmoxMachine(estate: Estate, machine: ProxmoxMachine): State {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const foreign = foreignFinalizer(thing);
	if (foreign !== undefined) {
		return blocked(foreign);
	}

	const gone = reusedVmid(estate, machine, thing) ?? ownerGone(estate, machine);
	if (gone !== undefined) {
		return blocked(gone);
	}

	const owner = machine.owners.find(({ kind }) => kind === "Machine");
	const named = estate.find("Machine", machine.namespace, owner?.name)?.object;
	const cluster = estate.clusterOf(named ?? machine);
	const fault =
		clusterGone(estate, thing, cluster) ??
		labelLost(thing, named) ??
		paused(thing, cluster) ??
		proxmoxClusterGone(estate, machine) ??
		controllerDown(estate, "capmox", thing) ??
		credentialsFault(estate, machine) ??
		refusal(estate, machine) ??
		judgeVm(estate, machine) ??
		notDeleted(estate, machine);
	return blocked(fault);
}

/** `util.GetOwnerMachine` fails or finds nothing, each time. */
function ownerGone(estate: Estate, machine: ProxmoxMachine): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const owner = machine.owners.find(({ kind, group }) => kind === "Machine" && group === "cluster.x-k8s.io");
	if (owner !== undefined && estate.find("Machine", machine.namespace, owner.name) !== undefined) {
		return undefined;
	}

	return {
		code: "owner-gone",
		thing,
		never: true,
		from: `ProxmoxMachine ${machine.namespace ?? ""}/${machine.name}, metadata.ownerReferences`,
		saw: owner === undefined ? "no owner of kind Machine" : `Machine ${owner.name}, which does not exist any more`,
		expected: "a Machine that exists",
		summary: (who) =>
			`${who} can never be finished: CAPMOX begins with its Machine, and that is gone. This is what taking the Machine's finalizer off first leads to.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				advise(
					"Waiting does not help, and the Machine cannot be made again under the same UID. What is left is the last resort.",
				),
			),
	};
}

/** `util.GetClusterFromMetadata` looks at a label of the Machine, whatever its spec says. */
function labelLost(thing: Fault["thing"], machine: Machine | undefined): Fault | undefined {
	if (machine?.unlabelled !== true) {
		return undefined;
	}

	const key = "cluster.x-k8s.io/cluster-name";
	const label = `${key}=${machine.cluster ?? ""}`;
	const owner = { kind: "Machine", object: machine } as const;
	const command = ["kubectl", "label", "--overwrite", resources.Machine, machine.name, ...inNamespace(owner)] as const;
	return {
		code: "cluster-gone",
		thing,
		from: `${nameOf(owner)}, metadata.labels`,
		saw: `not ${label}`,
		expected: label,
		summary: (who) =>
			`${who} is not finished: CAPMOX goes by a label of its Machine to find the Cluster, and ${machine.name} has lost it ("Machine is missing cluster label or cluster does not exist").`,
		steps: () => [
			meantFor(
				[owner],
				change([...command, `${key}-`], "Set the label again. CAPMOX then goes on by itself.", ...command, label),
			),
		],
	};
}

function proxmoxClusterGone(estate: Estate, machine: ProxmoxMachine): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const cluster = estate.clusterOf(machine);
	const name = cluster?.infrastructure?.name;
	if (cluster === undefined || estate.proxmoxClusterOf(cluster) !== undefined) {
		return undefined;
	}

	return {
		code: "proxmox-cluster-gone",
		group: `${machine.namespace ?? ""}/${name ?? ""}`,
		thing,
		never: true,
		from: `ProxmoxClusters in namespace ${machine.namespace ?? ""}`,
		saw: name === undefined ? `Cluster ${cluster.name} names none` : `no ProxmoxCluster ${name}`,
		expected: `the one that Cluster ${cluster.name} names`,
		summary: (who) =>
			`${who} can never be finished: ProxmoxCluster ${name ?? ""} is gone, and CAPMOX waits for it ("ProxmoxCluster is not ready yet").`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				advise(
					`Where a manifest or a backup of ProxmoxCluster ${name ?? ""} exists, apply it again: CAPMOX then removes the VM by itself.`,
				),
			),
	};
}

/** CAPMOX may say why; up to v0.9 its condition is empty, and only its log does. */
function notDeleted(estate: Estate, machine: ProxmoxMachine): Fault {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const condition = conditionOf(machine);
	const message = condition?.message ?? "";
	const isOld = isBelow(minorOf(estate, "capmox"), [0, 6]);
	return {
		code: "vm-not-deleted",
		calm: message === "" && condition?.reason !== "DeletionFailed",
		group: message.replaceAll(/\d+/g, "N"),
		thing,
		likely: message === "",
		from: `ProxmoxMachine ${machine.namespace ?? ""}/${machine.name}, ${condition?.type ?? "conditions"}`,
		saw: `${condition?.reason ?? "nothing"}${message === "" ? "; why is only in CAPMOX's log" : `: ${message}`}`,
		summary: (who) =>
			message.includes("is running - destroy failed")
				? `${who} waits for its VM, which was still running when it was to be destroyed. CAPMOX does not wait for it to stop; it tries again.`
				: `${who} waits for CAPMOX to delete its VM, and that fails.${isOld ? " CAPMOX before 0.6 also fails where the VM is gone already." : ""}`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				capmoxLog(estate, `Read why; look for ${machine.name}.`),
				advise("And see in Proxmox VE, under the VM's task history, how the tasks qmstop and qmdestroy ended."),
			),
	};
}

export const conditionOf = ({ conditions }: ProxmoxMachine) =>
	conditions.find(({ type }) => type === "VirtualMachineProvisioned" || type === "VMProvisioned");
