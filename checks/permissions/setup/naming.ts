import type { Evidence, Step } from "../../../src/check.ts";
import { write } from "../../steps.ts";
import type { Permissions } from "../grants.ts";

export type Machine = Permissions["machines"][number];

/** A name as it stands in a variable and in a manifest. */
interface Name {
	readonly variable?: "PROXMOX_SOURCENODE" | "TEMPLATE_VMID" | "TEMPLATE_TAGS" | "ALLOWED_NODES";
	readonly field: string;
	/** The object that has the field, where it is not the ProxmoxMachineTemplate. */
	readonly of?: string;
}

export const sourceNode: Name = { variable: "PROXMOX_SOURCENODE", field: "sourceNode" };
export const allowedNodes = ({ ownNodes }: Machine): Name => ({
	variable: "ALLOWED_NODES",
	field: "allowedNodes",
	...(ownNodes === true ? {} : { of: "the ProxmoxCluster" }),
});
export const target: Name = { field: "target" };
export const templateId: Name = { variable: "TEMPLATE_VMID", field: "templateID" };
export const templateTags: Name = { variable: "TEMPLATE_TAGS", field: "templateSelector.matchTags" };

/** "PROXMOX_SOURCENODE (envfile, line 3)", "sourceNode of ProxmoxMachineTemplate demo-worker" */
export function placeOf({ from, origins }: Machine, { variable, field, of = from }: Name): string {
	const origin = variable === undefined ? undefined : origins?.[variable];
	return variable === undefined || origin === undefined ? `${field} of ${of}` : `${variable} (${origin})`;
}

/** That an object has this value in a field, and where; variables tell it by their origins. */
export const namedIn = (from: string, field: string, saw: string): readonly Evidence[] =>
	from.startsWith("the ") ? [] : [{ from: `${field} of ${from}`, saw }];

/** Gives the name another value, where it stands. */
export function assign(machine: Machine, name: Name, value: string, advice: string): Step {
	const { variable, field, of } = name;
	const origin = variable === undefined ? undefined : machine.origins?.[variable];
	if (variable !== undefined && origin !== undefined) {
		return write(advice, `export ${variable}='${value}'`, origin);
	}

	return of === undefined
		? {
				advice: `${advice} A ProxmoxMachineTemplate cannot be changed, so create a new one.`,
				put: { line: `${field}: ${value}`, into: `${machine.from}, below spec.template.spec` },
				where: "here",
				risk: "changes",
			}
		: { advice, put: { line: `${field}: ${value}`, into: `${of}, below spec` }, where: "here", risk: "changes" };
}

export const namedNodes = (nodes: readonly string[]): string => `[${nodes.join(",")}]`;

/** The VM that is cloned, as far as the token sees it. */
export const templateOf = ({ candidates = [] }: Machine) =>
	candidates.find(({ isTemplate }) => isTemplate) ?? candidates[0];
