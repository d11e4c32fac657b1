import type { Evidence, Step } from "../../src/check.ts";
import { cloudInitTag } from "../../src/knowledge/privileges.ts";
import type { PermissionFinding } from "./findings.ts";
import type { Permissions } from "./grants.ts";
import { listed } from "./words.ts";

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
