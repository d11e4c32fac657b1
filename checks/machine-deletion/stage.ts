import type { Machine } from "./estate.ts";

type StageName =
	| "pre-drain-hook"
	| "drain"
	| "volume-detach"
	| "pre-terminate-hook"
	| "infrastructure"
	| "bootstrap"
	| "node"
	| "unknown";

/** How far the deletion of a Machine has come, and what Cluster API says of it. */
export interface Stage {
	readonly name: StageName;
	/** "Deleting: DrainingNode" */
	readonly condition: string;
	readonly message: string;
}

/** Reasons of the condition `Deleting` of contract v1beta2: api/core/v1beta2/machine_types.go. */
const reasons: Readonly<Record<string, StageName>> = {
	WaitingForPreDrainHook: "pre-drain-hook",
	DrainingNode: "drain",
	WaitingForVolumeDetach: "volume-detach",
	WaitingForPreTerminateHook: "pre-terminate-hook",
	WaitingForInfrastructureDeletion: "infrastructure",
	WaitingForBootstrapDeletion: "bootstrap",
	DeletingNode: "node",
};

/** Conditions of contract v1beta1 that are False while their stage lasts, the latest stage first. */
const older: readonly (readonly [type: string, StageName])[] = [
	["PreTerminateDeleteHookSucceeded", "pre-terminate-hook"],
	["VolumeDetachSucceeded", "volume-detach"],
	["DrainingSucceeded", "drain"],
	["PreDrainDeleteHookSucceeded", "pre-drain-hook"],
];

export function stageOf({ conditions }: Machine): Stage {
	const current = conditions.find(({ type, status }) => type === "Deleting" && status === "True");
	const name = reasons[current?.reason ?? ""];
	if (current !== undefined && name !== undefined) {
		return { name, condition: `Deleting: ${current.reason ?? ""}`, message: current.message ?? "" };
	}

	for (const [type, stage] of older) {
		const found = conditions.find((each) => each.type === type && each.status === "False");
		if (found !== undefined) {
			return { name: stage, condition: `${type}: ${found.reason ?? "False"}`, message: found.message ?? "" };
		}
	}

	return {
		name: "unknown",
		condition: current === undefined ? "no condition Deleting" : `Deleting: ${current.reason ?? "True"}`,
		message: current?.message ?? "",
	};
}

/** `prod-workers-0` of `pre-drain.delete.hook.machine.cluster.x-k8s.io/prod-workers-0`. */
export const hooksOf = ({ annotations }: Machine, moment: "pre-drain" | "pre-terminate"): readonly string[] =>
	Object.keys(annotations).filter((key) => key.startsWith(`${moment}.delete.hook.machine.cluster.x-k8s.io/`));

/** KubeadmControlPlane sets it on every machine of its own since CAPI 1.8.2, and takes it off when etcd let the member go. */
export const kcpHook = "pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup";

/** The connection to the workload cluster is lost, by what the Machine or its Cluster shows. */
const connectionDown = /connection to the workload cluster is down|error creating a remote client|ConnectionDown/i;

export const saysConnectionDown = (text: string): boolean => connectionDown.test(text);

export const nodeIsUnreachable = ({ conditions }: Machine): boolean =>
	conditions.some(
		({ type, reason, message = "" }) =>
			(type === "NodeReady" || type === "NodeHealthy") && (reason === "ConnectionDown" || connectionDown.test(message)),
	);

/** Its kubelet does not report, though the API answers. */
export const kubeletIsSilent = ({ conditions }: Machine): boolean =>
	conditions.some(
		({ type, status, reason }) =>
			(type === "NodeReady" || type === "NodeHealthy") && status !== "True" && reason !== "ConnectionDown",
	);
