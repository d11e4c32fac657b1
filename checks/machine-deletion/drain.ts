import type { NonEmpty, Step } from "../../src/check.ts";
import { coreLog } from "./common.ts";
import { isBelow, minorOf } from "./controllers.ts";
import type { Estate, Machine } from "./estate.ts";
import { blocked, type Fault, goesOn, type State } from "./fault.ts";
import { advise, change, look } from "./findings.ts";
import { saveKubeconfig, withLastResort } from "./last-resort.ts";
import { inNamespace, resources } from "./resources.ts";
import { kubeletIsSilent, nodeIsUnreachable, type Stage, saysConnectionDown } from "./stage.ts";

const asThing = (object: Machine) => ({ kind: "Machine", object }) as const;

/** A limit that the user set and that is not reached yet: it ends by itself. */
function withinLimit(limit: number | undefined, started: string | undefined, now: number): string | undefined {
	if (limit === undefined || limit === 0 || started === undefined) {
		return undefined;
	}

	const left = Date.parse(started) + limit * 1_000 - now;
	return left > 0 ? `its time limit ends in ${Math.ceil(left / 60_000)} min` : undefined;
}

/** Evicting the Pods of the machine's node. */
export function judgeDrain(estate: Estate, machine: Machine, stage: Stage): State {
	const limit = withinLimit(machine.drainTimeout, machine.drainStarted, estate.now);
	if (limit !== undefined) {
		return goesOn(`its node is drained, and ${limit}`);
	}

	return blocked({ ...faultOfDrain(estate, machine, stage), since: machine.drainStarted });
}

function faultOfDrain(estate: Estate, machine: Machine, stage: Stage): Fault {
	const common = {
		thing: asThing(machine),
		from: `Machine ${machine.namespace ?? ""}/${machine.name}, ${stage.condition}`,
		saw: stage.message === "" ? "no message" : stage.message,
	};
	const workload = kubeconfigOf(machine);
	const node = machine.node ?? machine.name;
	const onNode = `--field-selector=spec.nodeName=${node}`;
	const podsOn = (advice: string) => look(advice, ...workload, "get", "pods", "--all-namespaces", "-o", "wide", onNode);
	if (/cannot evict pod as it would violate the pod's disruption budget/i.test(stage.message)) {
		return {
			...common,
			code: "drain-blocked-by-pdb",
			summary: (who) =>
				`${who} waits for its node to be drained, and a PodDisruptionBudget of the workload cluster does not let Pods go.`,
			steps: () =>
				withLastResort(
					estate,
					common.thing,
					saveKubeconfig(machine),
					look(
						"See which budgets allow no disruption.",
						...workload,
						"get",
						"poddisruptionbudgets",
						"--all-namespaces",
					),
					advise(
						"Give what it guards one more healthy Pod (another replica, or mend the one that is not ready), or relax the budget. Then the drain goes on by itself.",
					),
					skipDrain(machine),
					limitDrain(estate, machine),
				),
		};
	}

	if (
		saysConnectionDown(stage.message) ||
		nodeIsUnreachable(machine) ||
		stage.message.includes("failed to drain Node")
	) {
		return apiDown(estate, machine, stage, "drain");
	}

	if (/deletionTimestamp set, but still not removed from the Node/i.test(stage.message)) {
		const silent = kubeletIsSilent(machine);
		return {
			...common,
			code: "pods-not-terminating",
			likely: !silent,
			summary: (who) =>
				silent
					? `${who} waits for Pods that are to end, and the kubelet of its node does not report any more: nobody is there to end them.`
					: `${who} waits for Pods that are to end and do not: a finalizer of theirs, a long grace period, or a kubelet that is gone.`,
			steps: () =>
				withLastResort(
					estate,
					common.thing,
					saveKubeconfig(machine),
					look("See whether the node is Ready.", ...workload, "get", "node", node),
					podsOn("See its Pods."),
					advise(
						"A Pod of a node that is off for good can be deleted with --force --grace-period=0. Do that only where the VM is off: a Pod of a StatefulSet may otherwise run twice.",
					),
					skipDrain(machine),
					limitDrain(estate, machine),
				),
		};
	}

	return {
		...common,
		code: "drain-fails",
		likely: !/evict|error draining/i.test(stage.message),
		summary: (who) => `${who} waits for its node to be drained, and that does not get done.`,
		steps: () =>
			withLastResort(
				estate,
				common.thing,
				coreLog(
					estate,
					"Read what Cluster API says of the drain; the reason is often a webhook of the workload cluster.",
				),
				saveKubeconfig(machine),
				podsOn("See what still runs on the node."),
				skipDrain(machine),
				limitDrain(estate, machine),
			),
	};
}

/** A volume that is still attached. */
export function judgeVolumes(estate: Estate, machine: Machine, stage: Stage): State {
	const limit = withinLimit(machine.volumeDetachTimeout, machine.volumeDetachStarted, estate.now);
	if (limit !== undefined) {
		return goesOn(`volumes are detached from its node, and ${limit}`);
	}

	if (saysConnectionDown(stage.message) || nodeIsUnreachable(machine)) {
		return blocked({ ...apiDown(estate, machine, stage, "volumes"), since: machine.volumeDetachStarted });
	}

	const thing = asThing(machine);
	return blocked({
		code: "volume-attached",
		thing,
		from: `Machine ${machine.namespace ?? ""}/${machine.name}, ${stage.condition}`,
		saw: stage.message === "" ? "no message" : stage.message,
		since: machine.volumeDetachStarted,
		summary: (who) =>
			`${who} is drained, and waits for volumes to be detached from its node; the workload cluster's storage driver has to do that.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				saveKubeconfig(machine),
				look(
					`See which volumes are attached to ${machine.node ?? machine.name}.`,
					...kubeconfigOf(machine),
					"get",
					"volumeattachments",
				),
				advise(
					"See whether the controller of the storage driver (CSI) runs there and what it says; when it detaches, the rest follows.",
				),
				change(
					["kubectl", "annotate", resources.Machine, machine.name, ...inNamespace(thing), `${skipVolumes}-`],
					"Or skip waiting: right where the VM is off or its disks can be lost.",
					"kubectl",
					"annotate",
					resources.Machine,
					machine.name,
					...inNamespace(thing),
					`${skipVolumes}=`,
				),
			),
	});
}

const skipVolumes = "machine.cluster.x-k8s.io/exclude-wait-for-node-volume-detach";
const skipNodeDrain = "machine.cluster.x-k8s.io/exclude-node-draining";

/** Behaviour by version: machine_controller.go of v1.8.12, v1.9.11, v1.10.10 and v1.14.0. */
function behaviour(estate: Estate): string {
	const core = minorOf(estate, "core");
	if (core === undefined) {
		return "From CAPI 1.9 on it is tried again and again, without end unless a time limit is set.";
	}

	const version = `CAPI ${core[0]}.${core[1]}`;
	if (isBelow(core, [1, 9])) {
		return `${version} does not wait for that while draining, so that it should go on.`;
	}

	return isBelow(core, [1, 10])
		? `${version} tries again every minute, without end unless a time limit is set.`
		: `${version} tries again without end unless a time limit is set.`;
}

/** Also for the Node, which is deleted at last. */
export function apiDown(estate: Estate, machine: Machine, stage: Stage, doing: "drain" | "volumes" | "node"): Fault {
	const thing = asThing(machine);
	const cluster = machine.cluster ?? "workload";
	const what = { drain: "its node to be drained", volumes: "volumes to be detached", node: "its Node to be deleted" };
	const skip: NonEmpty<Step> =
		doing === "drain" ? [skipDrain(machine), limitDrain(estate, machine)] : [limitDrain(estate, machine)];
	return {
		code: "workload-api-down",
		group: `${machine.namespace ?? ""}/${cluster}`,
		thing,
		from: `Machine ${machine.namespace ?? ""}/${machine.name}, ${stage.condition}`,
		saw: stage.message === "" ? "the connection to the workload cluster is down" : stage.message,
		expected: `the API of cluster ${cluster} answers`,
		since: machine.drainStarted,
		summary: (who) =>
			`${who} waits for ${what[doing]}, and the API of cluster ${cluster} does not answer. ${behaviour(estate)}`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				saveKubeconfig(machine),
				look(
					"See whether the API of the workload cluster answers from here.",
					...kubeconfigOf(machine),
					"get",
					"--raw",
					"/readyz",
				),
				advise(
					"Where it does not: see in Proxmox VE whether the control-plane VMs run, and whether one of them has the cluster's virtual address (kube-vip). When it answers again, the deletion goes on by itself.",
				),
				...skip,
			),
	};
}

const kubeconfigOf = ({ cluster }: Machine): NonEmpty<string> => [
	"kubectl",
	"--kubeconfig",
	`${cluster ?? "workload"}.kubeconfig`,
];

function skipDrain(machine: Machine): Step {
	const where = inNamespace(asThing(machine));
	return change(
		["kubectl", "annotate", resources.Machine, machine.name, ...where, `${skipNodeDrain}-`],
		"Or skip the drain: its Pods end with the VM, and budgets are not kept.",
		"kubectl",
		"annotate",
		resources.Machine,
		machine.name,
		...where,
		`${skipNodeDrain}=`,
	);
}

/** The field's place depends on the API version, and both versions may be served. */
function limitDrain(estate: Estate, machine: Machine): Step {
	const version = estate.facts["management.machines"].version ?? "v1beta2";
	const spec =
		version === "v1beta1"
			? { nodeDrainTimeout: "60s", nodeVolumeDetachTimeout: "60s" }
			: { deletion: { nodeDrainTimeoutSeconds: 60, nodeVolumeDetachTimeoutSeconds: 60 } };
	return change(
		"the time limits may stay; they only concern this Machine",
		"Or set a time limit, after which it goes on without.",
		"kubectl",
		"patch",
		`machines.${version}.cluster.x-k8s.io`,
		machine.name,
		...inNamespace(asThing(machine)),
		"--type=merge",
		`-p=${JSON.stringify({ spec })}`,
	);
}
