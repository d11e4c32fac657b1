import { advise } from "../../steps.ts";
import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { type Candidate, called, resources, seenTemplates, toTemplate } from "./candidates.ts";
import { assign, type Machine, placeOf, sourceNode, templateId } from "./naming.ts";

export function byId(machine: Machine, id: number, permissions: Permissions): PermissionFinding[] {
	const [found] = machine.candidates ?? [];
	if (found === undefined) {
		// What the token may audit would be on the list.
		const wouldBeSeen = "VM.Audit" in (permissions.paths[`/vms/${id}`] ?? {});
		return machine.candidates === undefined || !wouldBeSeen ? [] : [noSuchVm(machine, id, permissions)];
	}

	const isElsewhere =
		machine.sourceNode !== undefined &&
		machine.sourceNode !== found.node &&
		// Otherwise unknown-node says it.
		permissions.listed.nodes?.some(({ node }) => node === machine.sourceNode) !== false;
	return [
		...(isElsewhere ? [elsewhere(machine, found)] : []),
		...(found.isTemplate !== false ? [] : [noTemplate(machine, found)]),
	];
}

function noSuchVm(machine: Machine, id: number, permissions: Permissions): PermissionFinding {
	const { templates: [only, ...others] = [] } = permissions.listed;
	const where = machine.sourceNode ?? "NODE";
	return {
		code: "no-template",
		summary: `There is no VM ${id}. CAPMOX then says "unable to find vm template: 500 Configuration file 'nodes/${where}/qemu-server/${id}.conf' does not exist". ${seenTemplates(permissions)}`,
		evidence: [
			{ from: placeOf(machine, templateId), saw: String(id) },
			{ from: resources, saw: `no VM ${id}`, expected: `VM ${id}, a template` },
		],
		remedy:
			only !== undefined && others.length === 0
				? [assign(machine, templateId, String(only.vmid), `Name the template ${called(only)}, if that is the one.`)]
				: [advise(`Name the ID of a template in ${placeOf(machine, templateId)}.`)],
	};
}

function elsewhere(machine: Machine, { vmid, node, name }: Candidate): PermissionFinding {
	const named = machine.sourceNode ?? "";
	return {
		code: "template-elsewhere",
		summary: `VM ${called({ vmid, name })} is on node ${node}, and ${placeOf(machine, sourceNode)} says ${named}. CAPMOX asks only there, and then says "unable to find vm template: 500 Configuration file 'nodes/${named}/qemu-server/${vmid}.conf' does not exist".`,
		evidence: [
			{ from: resources, saw: `VM ${vmid} on ${node}`, expected: `VM ${vmid} on ${named}` },
			{ from: placeOf(machine, sourceNode), saw: named },
		],
		remedy: [assign(machine, sourceNode, node, "Name the node where the template is.")],
	};
}

/** CAPMOX clones it in full, as Proxmox VE does with every VM that is no template. */
function noTemplate(machine: Machine, { vmid, name }: Candidate): PermissionFinding {
	return {
		code: "not-a-template",
		summary: `VM ${called({ vmid, name })}, which ${placeOf(machine, templateId)} names, is no template. CAPMOX clones it all the same. But it can be started and changed, and each new machine is a copy of what it is at that moment; where cloud-init ran in it once, it may not run again in the copies.`,
		evidence: [
			{ from: resources, saw: `VM ${vmid} without template`, expected: "template=1" },
			{ from: placeOf(machine, templateId), saw: String(vmid) },
		],
		remedy: [toTemplate(vmid)],
	};
}
