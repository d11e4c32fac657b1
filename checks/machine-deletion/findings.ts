import { error, type Finding, type NonEmpty, type Step, warning } from "../../src/check.ts";

export const findings = {
	"reused-vmid": error("The VMID of a machine in deletion belongs to another VM, which CAPMOX would destroy."),
	"drain-blocked-by-pdb": error("A PodDisruptionBudget keeps the node of a machine from being drained."),
	"pods-not-terminating": error("Pods are told to end on the node of a machine and do not."),
	"drain-fails": error("The node of a machine cannot be drained."),
	"workload-api-down": error("The workload cluster's API does not answer, and deletion waits for it."),
	"volume-attached": error("A volume is still attached to the node of a machine."),
	"hook-waits": error("Something holds a machine with a hook of its own, and does not let go."),
	"etcd-member-remains": error("The control plane does not let a machine go before its etcd member is removed."),
	paused: error("What is in deletion, or its cluster, is paused."),
	"owner-gone": error("A ProxmoxMachine in deletion has no Machine any more, so CAPMOX never finishes it."),
	"cluster-gone": error(
		"The Cluster of an object in deletion is gone, or not found from it, so that nobody finishes it.",
	),
	"proxmox-cluster-gone": error("The ProxmoxCluster of a machine in deletion is gone, so CAPMOX never finishes it."),
	"credentials-gone": error("CAPMOX has no credentials left to delete a VM with."),
	"credentials-rejected": error("Proxmox VE refuses CAPMOX, so that no VM is deleted."),
	"proxmox-unreachable": error("CAPMOX does not reach Proxmox VE, so that no VM is deleted."),
	"node-gone": error("The Proxmox VE node on which CAPMOX looks for a VM does not exist."),
	"node-offline": error("The Proxmox VE node of a VM in deletion is offline."),
	"vm-locked": error("A VM in deletion is locked in Proxmox VE."),
	"vm-protected": error("A VM in deletion is protected from removal in Proxmox VE."),
	"vm-ha-managed": error("A VM in deletion is a resource of Proxmox VE's high availability."),
	"vm-already-gone": error("A VM is gone, and its ProxmoxMachine stays."),
	"vm-not-deleted": error("CAPMOX does not get a VM deleted."),
	"vm-on-other-node": warning("A VM in deletion runs on another node than CAPMOX believes; it may stay behind."),
	"controller-down": error("The controller that has to finish a deletion does not run."),
	"claim-not-released": error("An IPAddressClaim is not released, though its controller runs."),
	"address-deleted-alone": warning("An IPAddress was deleted while its claim lives on, which cannot succeed."),
	"address-left": error("An IPAddress in deletion has no claim any more that would release it."),
	"pool-in-use": error("A pool was deleted while addresses of it are in use."),
	"proxmox-cluster-deleted-alone": error("A ProxmoxCluster was deleted, and not its Cluster."),
	"secret-in-use": warning("The Secret with a cluster's credentials was deleted while the cluster needs it."),
	"foreign-finalizer": warning("What is in deletion waits for somebody who is not Cluster API."),
	stuck: error("An object is in deletion for long, and nothing that can be seen here tells why."),
	"lingering-vm": warning("A VM is named like a cluster's machine, and no ProxmoxMachine knows it."),
	"leftover-iso": warning("An ISO image with cloud-init data is left of a VM that does not exist any more."),
} as const;

export type Code = keyof typeof findings;
export type DeletionFinding = Finding<Code>;

/** Advice alone. */
export const advise = (advice: string): Step => ({ advice, where: "here", risk: "safe" });

/** A command that only looks. */
export const look = (advice: string, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "here",
	risk: "safe",
});

export const lookOnNode = (advice: string, ...command: NonEmpty<string>): Step => ({
	...look(advice, ...command),
	where: "proxmox-node",
});

/** A command that changes something which `undo` takes back. */
export const change = (undo: NonNullable<Step["undo"]>, advice: string, ...command: NonEmpty<string>): Step => ({
	...look(advice, ...command),
	risk: "changes",
	undo,
});

export const changeOnNode = (undo: NonNullable<Step["undo"]>, advice: string, ...command: NonEmpty<string>): Step => ({
	...change(undo, advice, ...command),
	where: "proxmox-node",
});

/** What cannot be taken back. */
export const destroy = (advice: string, ...command: NonEmpty<string>): Step => ({
	...look(advice, ...command),
	risk: "destroys",
});

export const destroyOnNode = (advice: string, ...command: NonEmpty<string>): Step => ({
	...destroy(advice, ...command),
	where: "proxmox-node",
});
