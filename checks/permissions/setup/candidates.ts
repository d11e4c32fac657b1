import type { Step } from "../../../src/check.ts";
import type { Permissions } from "../grants.ts";
import { listed } from "../words.ts";
import type { Machine } from "./naming.ts";

export const resources = "GET /cluster/resources?type=vm";

export type Candidate = NonNullable<Machine["candidates"]>[number];

export const called = ({ vmid, name }: Pick<Candidate, "vmid" | "name">): string =>
	name === undefined ? String(vmid) : `${vmid} (${name})`;

export const seenTemplates = ({ listed: { templates = [] } }: Permissions): string =>
	templates.length === 0
		? "The token sees no template at all."
		: `Templates that the token sees: ${listed(templates.slice(0, 8).map((each) => `${called(each)} on ${each.node}`))}${templates.length > 8 ? " and others" : ""}.`;

export const toTemplate = (vmid: number): Step => ({
	advice:
		"If it is the right VM, shut it down and make a template of it. That cannot be undone, and it can never be started again.",
	command: ["qm", "template", String(vmid)],
	where: "proxmox-node",
	risk: "changes",
});
