import type { Evidence, NonEmpty } from "../../src/check.ts";
import { isOwnTag } from "../../src/knowledge/marks.ts";
import type { Estate } from "./estate.ts";
import { advise, type DeletionFinding, destroyOnNode, look, lookOnNode } from "./findings.ts";
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
			code: "lingering-vm",
			confidence: "likely",
			summary: `${which} like a machine of cluster ${[...new Set(all.map(({ cluster }) => cluster))].join(", ")}, and no ProxmoxMachine of this management cluster knows ${others.length === 0 ? "it" : "them"}. It may have been left behind by a deletion, and hold its address and disks. It may also belong to another management cluster: two of them can share one Proxmox VE.`,
			evidence: [
				{
					from: "GET /cluster/resources?type=vm",
					saw: `${all.length} of that name without a ProxmoxMachine`,
					lines: all.map(
						({ vm }) =>
							`${vm.vmid}  ${vm.name ?? ""}  ${vm.node}  ${vm.status}${vm.tags.length === 0 ? "" : `  ${vm.tags.join(";")}`}`,
					),
				},
				...whoseItIs(estate, first),
			],
			remedy: [
				lookOnNode(
					`See what VM ${vmid} is: its name, its tags, its notes, when it was made.`,
					"qm",
					"config",
					String(vmid),
				),
				advise(
					"What was seen above is all that can be proven from here. Ask whether another management cluster uses this Proxmox VE, also one that clusterctl moved this cluster from or to. Where one does, look there for a ProxmoxMachine with this VMID or UUID before you touch anything: kubectl get proxmoxmachines --all-namespaces --output yaml.",
				),
				destroyOnNode(
					`Only where nobody knows it: on ${node}, stop it, wait a day, then remove it with its disks.`,
					"qm",
					"destroy",
					String(vmid),
					"--purge",
					"1",
				),
			],
		},
	];
}

/** What tells whose VM it is, as far as Proxmox VE and this management cluster show it. */
function whoseItIs(estate: Estate, { vm, cluster }: Lingering): readonly Evidence[] {
	const { vmid, name = "", config, tags, unseen } = vm;
	const machines = estate.facts["management.proxmoxMachines"].items;
	const compared = [`VMID ${vmid}`, `name ${name}`, ...(config?.uuid === undefined ? [] : [`UUID ${config.uuid}`])];
	const marks = [
		...tags.filter(isOwnTag).map((tag) => `tag ${tag}`),
		...(config?.bootstrapIso === true ? [`user-data-${vmid}.iso in ide0`] : []),
	];
	const before = estate.facts["management.clusters"].items.filter(
		(one) => one.name === cluster && one.created !== undefined && config?.created !== undefined,
	);
	const isOlder = before.some((one) => Date.parse(one.created ?? "") > Date.parse(config?.created ?? ""));
	return [
		{
			from: `ProxmoxMachines of this management cluster (${machines.length})`,
			saw: `none with ${compared.join(", ")}${config?.uuid === undefined ? `; its UUID could not be compared${unseen === undefined ? "" : ` (${unseen})`}` : ""}`,
		},
		{
			from: `VM ${vmid}`,
			saw:
				marks.length === 0
					? "no mark of CAPMOX: somebody may have made it by hand"
					: `marks of CAPMOX: ${marks.join(", ")}`,
		},
		...(before.length === 0
			? []
			: [
					{
						from: `VM ${vmid}, meta`,
						saw: `made ${config?.created ?? ""}, ${isOlder ? `before Cluster ${cluster} here was: it is not of this cluster, or the cluster was moved here` : `after Cluster ${cluster} here`}`,
					},
				]),
		...tags.flatMap((tag) => addressOf(estate, tag)),
		otherUsers(estate),
	];
}

/** `ip_net0_10.10.10.102`: the pool here gives the address to the next machine where nobody holds it. */
function addressOf(estate: Estate, tag: string): readonly Evidence[] {
	const address = /^ip_net\d+_(.+)$/.exec(tag)?.[1];
	const holder = estate.facts["management.addresses"].items.find((one) => one.address === address);
	return address === undefined
		? []
		: [
				{
					from: "IPAddresses of this management cluster",
					saw:
						holder === undefined
							? `nobody here holds ${address}: a pool with it gives it out, though the VM may use it`
							: `${address} is held by ${holder.claim}`,
				},
			];
}

/** Whether anybody else seems to let CAPMOX work on this Proxmox VE. */
function otherUsers(estate: Estate): Evidence {
	const strangers = strangersOf(estate);
	return {
		from: "other VMs that the token sees",
		saw:
			strangers === 0
				? "none with CAPMOX's marks is of a cluster that is not here; VMs that the token does not see may be"
				: `${strangers} with CAPMOX's marks ${strangers === 1 ? "is of a cluster that is" : "are of clusters that are"} not here: another management cluster uses this Proxmox VE, or did`,
	};
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
	const { items } = estate.facts["management.proxmoxMachines"];
	const claimed = items.filter((machine) => all.some(({ vmid }) => vmid === machine.vmid));
	return [
		{
			code: "leftover-iso",
			summary: `${all.length === 1 ? "An ISO image is left of a VM that does" : `${all.length} ISO images are left of VMs that do`} not exist any more, whichever management cluster made it. It holds a machine's cloud-init data, and with that secrets of the workload cluster.`,
			evidence: [
				{
					from: "the content of the storages with ISO images",
					saw: `${all.length} for VMIDs that are free`,
					lines: all.map(({ volume, node }) => `${volume}  (seen on ${node})`),
				},
				{
					from: "GET /cluster/nextid",
					saw: `no guest of this Proxmox VE has VMID ${all.map(({ vmid }) => vmid).join(", ")}, also none that the token does not see`,
				},
				{
					from: `ProxmoxMachines of this management cluster (${items.length})`,
					saw:
						claimed.length === 0
							? "none with such a VMID"
							: `${claimed.map(({ name, vmid = 0 }) => `${name} (VMID ${vmid})`).join(", ")}: its VM is gone`,
				},
			],
			remedy: [
				look(
					"See whether the token may remove them: CAPMOX needs Datastore.Allocate for that.",
					"capmox-doctor",
					"check",
					"permissions",
				),
				advise(
					"A storage that another Proxmox VE mounts as well may hold images of its VMs, which cannot be seen here. Make sure that there is none.",
				),
				destroyOnNode(
					`On ${first.node}: remove ${all.length === 1 ? "it" : "the first; the others likewise"}. A VMID that is free now may be given out again, so look at it once more right before.`,
					"pvesm",
					"free",
					first.volume,
				),
			],
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
