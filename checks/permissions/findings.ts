import { error, type Finding, type Severity, warning } from "../../src/check.ts";

export const findings = {
	"no-privileges": error("The token has no privilege at all: it is separated from its user and got none of its own."),
	"no-sys-audit": error("The token may not read the status of a node, with which CAPMOX begins every operation."),
	"no-vm-audit": error("The token may not see the template, or the VMs that CAPMOX makes."),
	"no-vm-clone": error("The token may not clone the template."),
	"no-sys-console": error("The template has a physical CD-ROM drive, which the token may not copy."),
	"pool-not-set": error("The token may make VMs only in a pool, and no pool is set."),
	"no-vm-allocate": error("The token may not make or delete VMs."),
	"no-datastore-allocate-space": error("The token may not put disks on a storage that is used."),
	"no-sdn-use": error("The token may not connect VMs to a bridge that is used."),
	"no-mapping-use": error("The token may not use a mapped device of the template."),
	"no-vm-config": error("The token may not configure the VMs that CAPMOX makes."),
	"no-iso-storage": error("The token sees no storage that takes ISO images, so that cloud-init gets no data."),
	"no-datastore-allocate-template": error(
		"The token may not upload the cloud-init ISO to a storage that CAPMOX may choose.",
	),
	"no-datastore-allocate": error("The token may not delete the cloud-init ISO again."),
	"no-vm-powermgmt": error("The token may not start or stop VMs."),
	"no-guest-agent": error("The token may not ask the guest agent."),
	"no-agent-exec": error("The token may not run cloud-init status in the guest."),
	"tags-restricted": error("The datacenter's rules do not let the token set the tags that CAPMOX sets."),
	"unknown-node": error("A node that is named does not exist."),
	"no-template": error("No VM is there that machines could be made from."),
	"template-elsewhere": error("The template is not on the node that is named as its own."),
	"several-templates": error("Several templates have the tags by which one is looked for."),
	"template-not-shared": error("The template's disks are where the nodes for the machines do not reach them."),
	"unknown-pool": error("The pool that is named does not exist."),
	"unusable-storage": error("The storage for the disks does not exist, or not where the machines are made."),
	"unknown-bridge": error("A bridge that is named does not exist on a node where machines are made."),
	"not-a-template": warning("The VM that is cloned is no template, so that it can be started and changed."),
	"guests-unaudited": warning(
		"The token does not see all guests, so that CAPMOX takes nodes for emptier than they are.",
	),
	"no-cluster-audit": warning("The token may not read the cluster's status and rules."),
	"over-privileged": warning("The token may do everything, far beyond what CAPMOX needs."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type Code = keyof typeof findings;
export type PermissionFinding = Finding<Code>;

export const isCode = (word: string): word is Code => word in findings;
