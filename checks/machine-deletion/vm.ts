import type { Facts } from "../../src/facts/sheet.ts";
import type { Estate, ProxmoxMachine } from "./estate.ts";

export type Vm = Facts["proxmox.machines"]["vms"][number];

/** What Proxmox VE has under a machine's VMID. `certain`: name and SMBIOS UUID were both compared, on the right Proxmox VE. */
export type Seen =
	| { readonly kind: "not-looked"; readonly because: string }
	| { readonly kind: "gone"; readonly certain: boolean }
	/** The VMID is taken, and the token does not see by whom. */
	| { readonly kind: "hidden" }
	| { readonly kind: "same"; readonly vm: Vm; readonly certain: boolean }
	| { readonly kind: "other"; readonly vm: Vm; readonly certain: boolean };

export function lookAt(estate: Estate, machine: ProxmoxMachine): Seen {
	const proxmox = estate.facts["proxmox.machines"];
	const { vmid } = machine;
	if (proxmox === undefined || vmid === undefined) {
		return { kind: "not-looked", because: vmid === undefined ? "it has no VMID" : "Proxmox VE was not asked" };
	}

	const where = residenceOf(estate, machine);
	if (where === "elsewhere") {
		return {
			kind: "not-looked",
			because: "its cluster has another Proxmox VE, or other credentials, than the variables here",
		};
	}

	const certain = where === "here";
	const vm = proxmox.vms.find((each) => each.vmid === vmid);
	if (vm === undefined) {
		return proxmox.free.includes(vmid) ? { kind: "gone", certain } : { kind: "hidden" };
	}

	return compare(machine, vm, certain);
}

function compare({ name, providerId }: ProxmoxMachine, vm: Vm, certain: boolean): Seen {
	const expected = providerId?.replace(/^proxmox:\/\//, "").toLowerCase();
	const found = vm.config?.uuid;
	const actualName = vm.config?.name ?? vm.name;
	if (expected !== undefined && found !== undefined) {
		return expected === found
			? { kind: "same", vm, certain: certain && actualName === name }
			: { kind: "other", vm, certain: certain && actualName !== name };
	}

	return actualName === undefined || actualName === name
		? { kind: "same", vm, certain: false }
		: { kind: "other", vm, certain: false };
}

/**
 * The variables of this host may name another Proxmox VE than the one that a cluster is on. It is this one where a VM of
 * the cluster has the VMID and the name that its ProxmoxMachine has.
 */
export function residenceOf(estate: Estate, { namespace, cluster }: Placed): "here" | "perhaps" | "elsewhere" {
	const known = residences.get(estate) ?? new Map<string, "here" | "perhaps" | "elsewhere">();
	residences.set(estate, known);
	const key = `${namespace ?? ""}/${cluster ?? ""}`;
	const answer = known.get(key) ?? findResidence(estate, { namespace, cluster });
	known.set(key, answer);
	return answer;
}

interface Placed {
	readonly namespace?: string | undefined;
	readonly cluster?: string | undefined;
}

const residences = new WeakMap<Estate, Map<string, "here" | "perhaps" | "elsewhere">>();

function findResidence(estate: Estate, { namespace, cluster }: Placed): "here" | "perhaps" | "elsewhere" {
	const { facts } = estate;
	const names = new Map((facts["proxmox.machines"]?.vms ?? []).map(({ vmid, name }) => [vmid, name]));
	const isFound = ({ vmid, name }: ProxmoxMachine) => vmid !== undefined && names.get(vmid) === name;
	const machines = facts["management.proxmoxMachines"].items.filter(({ vmid }) => vmid !== undefined);
	const own = machines.filter((each) => each.namespace === namespace && each.cluster === cluster);
	if (own.some(isFound)) {
		return "here";
	}

	const hasOwnCredentials = (each: Placed) =>
		estate.proxmoxClusterOf(estate.clusterOf(each))?.credentials !== undefined;
	if (hasOwnCredentials({ namespace, cluster })) {
		return "elsewhere";
	}

	// These all use the credentials of the controller, and so the same Proxmox VE.
	const alike = machines.filter((each) => !hasOwnCredentials(each));
	return alike.some(isFound) ? "here" : alike.length > 1 ? "elsewhere" : "perhaps";
}

/** The node on which CAPMOX looks for the VM: `LocateProxmoxNode` of pkg/scope/machine.go. */
export function nodeOf(estate: Estate, machine: ProxmoxMachine): string | undefined {
	const locations = estate.proxmoxClusterOf(estate.clusterOf(machine))?.nodeLocations ?? [];
	return machine.node ?? locations.find(({ machine: name }) => name === machine.name)?.node ?? machine.sourceNode;
}

/** "VM 105 (prod-workers-0) on pve1, running, UUID 0f9a…" */
export function describeVm({ vmid, name, node, status, config }: Vm): string {
	const uuid = config?.uuid === undefined ? "" : `, UUID ${config.uuid}`;
	return `VM ${vmid} (${config?.name ?? name ?? "name not known"}) on ${node}, ${status}${uuid}`;
}
