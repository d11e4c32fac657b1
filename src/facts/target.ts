import * as z from "zod";
import { skippable, targetKinds } from "../knowledge/privileges.ts";
import { isPlainBridge } from "./bridges.ts";
import { gap, type Seen, type Unseen } from "./seen.ts";

/** Something in Proxmox VE that CAPMOX touches for a set-up, and the ACL path on which privileges on it are judged. */
export const target = z.object({
	kind: z.enum(targetKinds),
	path: z.string(),
	/** "node pve1", "bridge vmbr0 with VLAN 10". */
	what: z.string(),
	/** Nothing names what is meant, so that the root of its kind stands for it. */
	unnamed: z.literal(true).optional(),
	/** Everything below is meant, so that the privilege must reach it. */
	below: z.literal(true).optional(),
	/** A machine is made in this pool. */
	pool: z.string().optional(),
	skips: z.array(z.enum(skippable)).optional(),
	/** Asked for by a variable that only some flavors read. */
	onlySome: z.literal(true).optional(),
});
export type Target = z.infer<typeof target>;

/** Of a set-up: what CAPMOX touches, and what of it could not be seen. */
export interface Part {
	readonly targets: readonly Target[];
	readonly unseen: readonly Unseen[];
}

export const diskTarget = (storage: string): Target => ({
	kind: "disk-storage",
	path: `/storage/${storage}`,
	what: `storage ${storage}`,
});

/** SDN.Use is looked for on the VLAN where there is one, otherwise on the bridge (pve-guest-common, check_vnet_access). */
export function bridgeTarget(
	bridge: string,
	vlan: number | undefined,
	{ bridges }: Seen,
	extra: Pick<Target, "onlySome" | "below">,
	template?: number,
): Part {
	const known = bridges?.get(bridge);
	if (known !== undefined && typeof known !== "string") {
		return { targets: [], unseen: [known] };
	}

	const path = known ?? `/sdn/zones/localnetwork/${bridge}`;
	const whose = template === undefined ? " of new machines" : ` of template ${template}`;
	const vlans = vlan === undefined ? (extra.below === true ? " with its VLANs" : "") : ` with VLAN ${vlan}`;
	const what = `bridge ${bridge}${vlans}${whose}`;
	return {
		targets: [{ kind: "bridge", path: vlan === undefined ? path : `${path}/${vlan}`, what, ...extra }],
		unseen:
			known === undefined && !isPlainBridge(bridge)
				? [gap(`bridge ${bridge}`, "not-found", "whether it is a bridge or a VNet was not looked at")]
				: [],
	};
}
