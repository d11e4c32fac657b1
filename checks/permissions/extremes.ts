import type { Step } from "../../src/check.ts";
import { administratorOnly } from "../../src/knowledge/privileges.ts";
import type { PermissionFinding } from "./findings.ts";
import type { Holder, Permissions } from "./grants.ts";
import { onNode, printRole } from "./steps.ts";
import { listed } from "./words.ts";

const idOf = ({ token }: Holder): string => token.split("!").at(-1) ?? "";

/** No privilege on any path that was asked for, nor on any that the overview lists. */
export function noPrivileges({ paths }: Permissions, holder: Holder): PermissionFinding[] {
	if (Object.values(paths).some((held) => Object.keys(held).length > 0)) {
		return [];
	}

	const look = onNode("See what the user itself may do.", "pveum", "user", "permissions", holder.user);
	const join: Step = {
		advice: "Where that is what CAPMOX needs, let the token have all that its user has.",
		command: ["pveum", "user", "token", "modify", holder.user, idOf(holder), "--privsep", "0"],
		where: "proxmox-node",
		risk: "changes",
		undo: `pveum user token modify ${holder.user} ${idOf(holder)} --privsep 1`,
	};
	return [
		{
			code: "no-privileges",
			summary: `${holder.token} is accepted, and may do nothing. Either it is separated from its user (privsep 1) and got no ACL of its own, or ${holder.user} has no ACL either. CAPMOX then says "cannot find node with name …: not authorized to access endpoint".`,
			evidence: [
				{
					from: "GET /access/permissions, as a whole and path by path",
					saw: "no privilege on any path",
					expected: "at least Sys.Audit on the nodes",
				},
			],
			remedy: [
				look,
				// A token of root@pam that may do everything is what one does not want.
				...(holder.user === "root@pam" ? [] : [join]),
				printRole("Otherwise keep it separated, and give user and token what CAPMOX needs. This prints the commands."),
			],
		},
	];
}

/** A token with the privileges of Administrator: whoever has its secret has the whole Proxmox VE cluster. */
export function overPrivileged({ paths }: Permissions, holder: Holder): PermissionFinding[] {
	const onRoot = paths["/"] ?? {};
	if (!administratorOnly.every((privilege) => privilege in onRoot)) {
		return [];
	}

	const isRoot = holder.user === "root@pam";
	const drop: Step = isRoot
		? {
				advice:
					"Put the new token into PROXMOX_TOKEN and PROXMOX_SECRET and into CAPMOX's Secret, then remove this one.",
				command: ["pveum", "user", "token", "remove", holder.user, idOf(holder)],
				where: "proxmox-node",
				risk: "destroys",
			}
		: {
				advice: "Then take Administrator away, here from / where it usually is; pveum acl list shows where.",
				command: [
					"pveum",
					"acl",
					"delete",
					"/",
					"--users",
					holder.user,
					"--tokens",
					holder.token,
					"--roles",
					"Administrator",
				],
				where: "proxmox-node",
				risk: "changes",
				undo: `pveum acl modify / --users ${holder.user} --tokens '${holder.token}' --roles Administrator`,
			};
	return [
		{
			code: "over-privileged",
			summary: `${holder.token} may do everything${isRoot ? ", as root@pam" : ""}. Whoever reads it from CAPMOX's Secret owns the whole Proxmox VE cluster; CAPMOX needs a small part of that.`,
			evidence: [
				{
					from: "GET /access/permissions?path=/",
					saw: `${Object.keys(onRoot).length} privileges, ${listed(administratorOnly)} among them`,
					expected: "Sys.Audit",
				},
			],
			remedy: [printRole("Print the roles and ACLs that are enough for this set-up, and run them on a node."), drop],
		},
	];
}
