import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { onNode } from "../steps.ts";
import { listed } from "../words.ts";
import { type Candidate, called, resources, seenTemplates, toTemplate } from "./candidates.ts";
import { type Machine, placeOf, templateTags } from "./naming.ts";

/** CAPMOX is shown the same list as this check, and takes nothing but templates from it. */
export function byTags(machine: Machine, permissions: Permissions): PermissionFinding[] {
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
			{ from: placeOf(machine, templateTags), saw: tags },
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
