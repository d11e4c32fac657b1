import type { PermissionFinding } from "./findings.ts";
import type { Holder, Permissions, Target } from "./grants.ts";
import type { Reporter } from "./report.ts";
import { onNode } from "./steps.ts";
import { listed } from "./words.ts";

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
