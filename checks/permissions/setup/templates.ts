import type { Step } from "../../../src/check.ts";
import { advise } from "../../steps.ts";
import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { onNode } from "../steps.ts";
import { listed } from "../words.ts";
import { assign, type Machine, placeOf, sourceNode, templateId, templateTags } from "./naming.ts";

const resources = "GET /cluster/resources?type=vm";

type Candidate = NonNullable<Machine["candidates"]>[number];

/** What is wrong with the VM that machines are made from. */
export const templateFaults = (permissions: Permissions): PermissionFinding[] =>
	permissions.machines.flatMap((machine) =>
		machine.templateId === undefined ? byTags(machine, permissions) : byId(machine, machine.templateId, permissions),
	);

function byId(machine: Machine, id: number, permissions: Permissions): PermissionFinding[] {
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

const called = ({ vmid, name }: Pick<Candidate, "vmid" | "name">): string =>
	name === undefined ? String(vmid) : `${vmid} (${name})`;

const seenTemplates = ({ listed: { templates = [] } }: Permissions): string =>
	templates.length === 0
		? "The token sees no template at all."
		: `Templates that the token sees: ${listed(templates.slice(0, 8).map((each) => `${called(each)} on ${each.node}`))}${templates.length > 8 ? " and others" : ""}.`;

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
		evidence: [{ from: resources, saw: `VM ${vmid} on ${node}`, expected: `VM ${vmid} on ${named}` }],
		remedy: [assign(machine, sourceNode, node, "Name the node where the template is.")],
	};
}

/** CAPMOX clones it in full, as Proxmox VE does with every VM that is no template. */
function noTemplate(machine: Machine, { vmid, name }: Candidate): PermissionFinding {
	return {
		code: "not-a-template",
		summary: `VM ${called({ vmid, name })}, which ${placeOf(machine, templateId)} names, is no template. CAPMOX clones it all the same. But it can be started and changed, and each new machine is a copy of what it is at that moment; where cloud-init ran in it once, it may not run again in the copies.`,
		evidence: [{ from: resources, saw: `VM ${vmid} without template`, expected: "template=1" }],
		remedy: [toTemplate(vmid)],
	};
}

const toTemplate = (vmid: number): Step => ({
	advice:
		"If it is the right VM, shut it down and make a template of it. That cannot be undone, and it can never be started again.",
	command: ["qm", "template", String(vmid)],
	where: "proxmox-node",
	risk: "changes",
});

/** CAPMOX is shown the same list as this check, and takes nothing but templates from it. */
function byTags(machine: Machine, permissions: Permissions): PermissionFinding[] {
	const { candidates, templateTags: tags } = machine;
	// Without VM.Audit anywhere, no-vm-audit is what is wrong.
	const maySeeSome = Object.entries(permissions.paths).some(
		([path, held]) => path.startsWith("/vms") && "VM.Audit" in held,
	);
	if (tags.length === 0 || candidates === undefined || !maySeeSome) {
		return [];
	}

	const templates = candidates.filter(({ isTemplate }) => isTemplate === true);
	if (templates.length === 0) {
		return candidates.some(({ isTemplate }) => isTemplate === undefined)
			? []
			: [noneTagged(machine, candidates, permissions)];
	}

	return templates.length === 1 || machine.tagMatch === "bestSubset" ? [] : [severalTagged(machine, templates)];
}

function noneTagged(machine: Machine, others: readonly Candidate[], permissions: Permissions): PermissionFinding {
	const tags = machine.templateTags.join(";");
	const [vm] = others;
	const notThese = vm === undefined ? "" : ` VM ${listed(others.map(called))} has these tags, and is no template.`;
	return {
		code: "no-template",
		summary: `The token sees no template that has the tags ${tags}${machine.tagMatch === undefined ? " and no others" : ""}. CAPMOX then says "VM template not found: found 0 VM templates with tags".${notThese} ${seenTemplates(permissions)}`,
		evidence: [
			{
				from: resources,
				saw: listedTags(permissions),
				expected: `one template with ${tags}`,
			},
		],
		remedy:
			vm === undefined
				? [
						onNode(
							"See the tags of a VM. They must be the same as in TEMPLATE_TAGS, divided by semicolons.",
							"qm",
							"config",
							idOf(permissions),
						),
						{
							advice: "Give the template these tags, and none besides.",
							command: ["qm", "set", idOf(permissions), "--tags", tags],
							where: "proxmox-node",
							risk: "changes",
						},
					]
				: [toTemplate(vm.vmid)],
	};
}

const idOf = ({ listed: { templates = [] } }: Permissions): string => String(templates[0]?.vmid ?? "VMID");

const listedTags = ({ listed: { templates = [] } }: Permissions): string =>
	templates.length === 0
		? "no template"
		: templates
				.slice(0, 8)
				.map(({ vmid, tags }) => `${vmid}: ${tags.length === 0 ? "no tags" : tags.join(";")}`)
				.join(", ");

function severalTagged(machine: Machine, templates: readonly Candidate[]): PermissionFinding {
	const tags = machine.templateTags.join(";");
	const [, other] = templates;
	const ids = listed(templates.map((each) => `${called(each)} on ${each.node}`));
	return {
		code: "several-templates",
		summary: `${templates.length} templates have the tags ${tags}: ${ids}. CAPMOX wants exactly one, also where they are on different nodes, and then says "VM template not found: found ${templates.length} VM templates with tags".`,
		evidence: [{ from: `${placeOf(machine, templateTags)}, and ${resources}`, saw: ids, expected: "one template" }],
		remedy: [
			{
				advice: "Give all but one of them other tags.",
				command: ["qm", "set", String(other?.vmid ?? "VMID"), "--tags", `${tags};old`],
				where: "proxmox-node",
				risk: "changes",
				undo: `qm set ${other?.vmid ?? "VMID"} --tags '${tags}'`,
			},
		],
	};
}
