import type { NonEmpty } from "../../src/check.ts";
import type { Estate } from "./estate.ts";
import { advise, type DeletionFinding, destroyOnNode, found, look, lookOnNode } from "./findings.ts";
import { residenceOf, type Vm } from "./vm.ts";

interface Lingering {
	readonly vm: Vm;
	readonly cluster: string;
}

/**
 * VMs that are named like machines of a cluster and that no ProxmoxMachine knows. Another management cluster may have a
 * cluster of that name on the same Proxmox VE, so they are shown and not claimed.
 */
export function lingering(estate: Estate): readonly DeletionFinding[] {
	const [first, ...others] = findLingering(estate);
	if (first === undefined) {
		return [];
	}

	const all: NonEmpty<Lingering> = [first, ...others];
	const { vmid, name = "", node } = first.vm;
	const which = others.length === 0 ? `VM ${vmid} (${name}) is named` : `${all.length} VMs are named`;
	return [
		{
			...found(
				"lingering-vm",
				`${which} like a machine of cluster ${[...new Set(all.map(({ cluster }) => cluster))].join(", ")}, and no ProxmoxMachine of this management cluster knows ${others.length === 0 ? "it" : "them"}. It may have been left behind by a deletion, and hold its address and disks. It may also belong to another management cluster: two of them can share one Proxmox VE.`,
				{
					from: "GET /cluster/resources?type=vm",
					saw: `${all.length} of that name without a ProxmoxMachine`,
					lines: all.map(
						({ vm }) =>
							`${vm.vmid}  ${vm.name ?? ""}  ${vm.node}  ${vm.status}${vm.tags.length === 0 ? "" : `  ${vm.tags.join(";")}`}`,
					),
				},
				lookOnNode(
					`See what VM ${vmid} is: its name, its tags, its notes, when it was made.`,
					"qm",
					"config",
					String(vmid),
				),
				advise(
					"Ask whether another management cluster uses this Proxmox VE. Where one does, look there for a ProxmoxMachine with this VMID before you touch anything.",
				),
				destroyOnNode(
					`Only where nobody knows it: on ${node}, stop it, wait a day, then remove it with its disks.`,
					"qm",
					"destroy",
					String(vmid),
					"--purge",
					"1",
				),
			),
			confidence: "likely",
		},
	];
}

function findLingering(estate: Estate): readonly Lingering[] {
	const proxmox = estate.facts["proxmox.machines"];
	if (proxmox?.complete !== true) {
		return [];
	}

	const machines = estate.facts["management.proxmoxMachines"].items;
	const vmids = new Set(machines.map(({ vmid }) => vmid));
	// Without a VMID yet, it is found by name; a Machine may just be getting its ProxmoxMachine.
	const names = new Set([...machines, ...estate.facts["management.machines"].items].map(({ name }) => name));
	const uuids = new Set(machines.map(({ providerId }) => providerId?.replace(/^proxmox:\/\//, "").toLowerCase()));
	const clusters = estate.facts["management.clusters"].items
		.filter(({ namespace, name }) => residenceOf(estate, { namespace, cluster: name }) === "here")
		.map(({ name }) => name)
		.sort((one, other) => other.length - one.length);
	return proxmox.vms.flatMap((vm) => {
		const { vmid, name = "", lock, config } = vm;
		const cluster = clusters.find((each) => name.startsWith(`${each}-`));
		const isKnown = vmids.has(vmid) || names.has(name) || (config?.uuid !== undefined && uuids.has(config.uuid));
		return cluster === undefined || isKnown || lock === "clone" ? [] : [{ vm, cluster }];
	});
}

/** They hold what the machine was to join its cluster with, and their VM is gone, whoever it belonged to. */
export function leftoverIsos(estate: Estate): readonly DeletionFinding[] {
	const [first, ...others] = estate.facts["proxmox.leftovers"]?.isos ?? [];
	if (first === undefined) {
		return [];
	}

	const all = [first, ...others];
	return [
		{
			...found(
				"leftover-iso",
				`${all.length === 1 ? "An ISO image is left of a VM that does" : `${all.length} ISO images are left of VMs that do`} not exist any more, whichever management cluster made it. It holds a machine's cloud-init data, and with that secrets of the workload cluster.`,
				{
					from: "the content of the storages with ISO images",
					saw: `${all.length} for VMIDs that are free`,
					lines: all.map(({ volume, node }) => `${volume}  (seen on ${node})`),
				},
				look(
					"See whether the token may remove them: CAPMOX needs Datastore.Allocate for that.",
					"capmox-doctor",
					"check",
					"permissions",
				),
				destroyOnNode(
					`On ${first.node}: remove ${all.length === 1 ? "it" : "the first; the others likewise"}. A VMID that is free now may be given out again, so look at it once more right before.`,
					"pvesm",
					"free",
					first.volume,
				),
			),
			confidence: "certain",
		},
	];
}

/** VMs with CAPMOX's tags whose name belongs to no cluster here: likely another management cluster's, and no finding. */
export function strangersOf(estate: Estate): number {
	const proxmox = estate.facts["proxmox.machines"];
	const beginnings = estate.facts["management.clusters"].items.map(({ name }) => `${name}-`);
	const vmids = new Set(estate.facts["management.proxmoxMachines"].items.map(({ vmid }) => vmid));
	return (proxmox?.vms ?? []).filter(
		({ vmid, name = "" }) => !vmids.has(vmid) && !beginnings.some((beginning) => name.startsWith(beginning)),
	).length;
}
