import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { administratorOnly, cloudInitTag, newMachinePath } from "../../src/knowledge/privileges.ts";
import type { PermissionFinding } from "./findings.ts";
import type { Holder, Permissions, Target } from "./grants.ts";
import type { Reporter } from "./report.ts";
import { listed } from "./words.ts";

const idOf = ({ token }: Holder): string => token.split("!").at(-1) ?? "";
const onNode = (advice: string, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "proxmox-node",
	risk: "safe",
});
const printRole = (advice: string): Step => ({
	advice,
	command: ["capmox-doctor", "env", "--role"],
	where: "here",
	risk: "safe",
});

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

/** CAPMOX is shown the same list as this check, so its upload has nowhere to go, whatever is the reason. */
export function noIsoStorage(permissions: Permissions, holder: Holder, reporter: Reporter): PermissionFinding[] {
	const { withoutIso } = permissions;
	if (withoutIso.length === 0) {
		return [];
	}

	const root: Target = { kind: "iso-storage", path: "/storage", what: "all storages" };
	const onAll = permissions.paths["/storage"] ?? {};
	const isComplete = onAll["Datastore.Audit"] === 1 || onAll["Datastore.AllocateSpace"] === 1;
	return [
		{
			code: "no-iso-storage",
			summary: `${holder.token} sees no storage that takes ISO images on ${listed(withoutIso)}. CAPMOX puts the cloud-init data on the first one it sees, and then says "unable to inject CloudInit ISO: unable to find the item you are looking for".${isComplete ? "" : " Proxmox VE leaves out of this list what the token has no Datastore privilege on."}`,
			evidence: [
				{
					from: "GET /storage",
					saw: `no enabled storage with content iso for ${listed(withoutIso)}`,
					expected: "one, with Datastore.Audit, AllocateSpace, AllocateTemplate and Allocate",
				},
			],
			remedy: [
				onNode("See which storages take ISO images there.", "pvesm", "status", "--content", "iso"),
				{
					advice: `Where there is none, add iso to the content of one that ${listed(withoutIso)} can reach: Datacenter, Storage, Edit in the web interface.`,
					where: "here",
					risk: "changes",
				},
				...(isComplete ? [] : reporter.remedy("no-iso-storage", [root])),
			],
		},
	];
}

/** In place of all that is missing on a VM outside every pool. */
export function poolNotSet(
	pool: string,
	permissions: Permissions,
	holder: Holder,
	reporter: Reporter,
): PermissionFinding {
	const machine: Target = { kind: "machine", path: newMachinePath, what: "new machines" };
	const held = Object.keys(permissions.paths[newMachinePath] ?? {});
	return {
		code: "pool-not-set",
		summary: `${holder.token} may make VMs in pool ${pool}, but not outside, and no pool is set for the machines. CAPMOX then says "unable to create new vm: not authorized to access endpoint".`,
		evidence: [
			{ from: `GET /access/permissions?path=/pool/${pool}`, saw: "VM.Allocate" },
			{
				from: `GET /access/permissions?path=${newMachinePath}, which stands for VMs to come`,
				saw: held.length === 0 ? "no privilege" : held.join(", "),
				expected: "VM.Allocate, or a pool in the manifest",
			},
		],
		remedy: [
			{
				advice: "Name the pool in every ProxmoxMachineTemplate. They cannot be changed, so create new ones.",
				put: { line: `pool: ${pool}`, into: "the ProxmoxMachineTemplate, below spec.template.spec" },
				where: "here",
				risk: "changes",
			},
			{ advice: "Or let the token make VMs anywhere, as follows.", where: "here", risk: "safe" },
			...reporter.remedy("pool-not-set", [machine]),
		],
	};
}

/** pve-guest-common, GuestHelpers.pm, assert_tag_permissions: Sys.Modify on / is above all rules. */
export function tagsRestricted({ tagPolicy, tags, paths }: Permissions): PermissionFinding[] {
	if (tagPolicy === undefined || (paths["/"] !== undefined && "Sys.Modify" in paths["/"])) {
		return [];
	}

	const { allow, registered } = tagPolicy;
	const reserved = [cloudInitTag, ...tags].filter((tag) => registered.includes(tag));
	const evidence: Evidence[] = [
		...(allow === "free"
			? []
			: [{ from: "GET /cluster/options, user-tag-access", saw: `user-allow=${allow}`, expected: "user-allow=free" }]),
		...(reserved.length === 0
			? []
			: [
					{
						from: "GET /cluster/options, registered-tags",
						saw: registered.join(";"),
						expected: `without ${listed(reserved)}`,
					},
				]),
	];
	const [first, ...rest] = evidence;
	if (first === undefined) {
		return [];
	}

	const left = registered.filter((tag) => !reserved.includes(tag));
	const free: Step = {
		advice: "Let users with VM.Config.Options set any tag.",
		command: ["pvesh", "set", "/cluster/options", "--user-tag-access", "user-allow=free"],
		where: "proxmox-node",
		risk: "changes",
		undo: `pvesh set /cluster/options --user-tag-access user-allow=${allow}, with the former user-allow-list`,
	};
	const release: Step = {
		advice: `Take ${listed(reserved)} off the registered tags.`,
		command: [
			"pvesh",
			"set",
			"/cluster/options",
			...(left.length === 0 ? ["--delete", "registered-tags"] : ["--registered-tags", left.join(";")]),
		],
		where: "proxmox-node",
		risk: "changes",
		undo: `pvesh set /cluster/options --registered-tags '${registered.join(";")}'`,
	};
	const [step, ...more] = [...(allow === "free" ? [] : [free]), ...(reserved.length === 0 ? [] : [release])];
	return step === undefined
		? []
		: [
				{
					code: "tags-restricted",
					summary: `CAPMOX tags each VM with ${cloudInitTag} and with its address (ip_net0_…), and the datacenter's rules do not let the token do so. CAPMOX then says "unable to add IP tag to VirtualMachine" or fails to attach the cloud-init ISO; Proxmox VE asks for Sys.Modify on / instead.`,
					evidence: [first, ...rest],
					remedy: [step, ...more],
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
