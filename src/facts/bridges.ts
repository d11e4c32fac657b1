import * as z from "zod";
import type { MachinePlan } from "./machines.ts";
import type { Overview, ReadData } from "./permissions.ts";
import { asUnseen, bridgesOf, gap, type NodeSeen, type Seen, type Unseen } from "./seen.ts";

const vnetsAnswer = z.array(z.object({ vnet: z.string(), zone: z.string() }));
const networksAnswer = z.array(z.object({ iface: z.string(), type: z.string() }));

/** Other names may be a VNet's. */
export const isPlainBridge = (name: string): boolean => /^vmbr\d+$/.test(name);

/** Since release 8 without those on which the token has neither SDN.Audit nor SDN.Use. */
export async function readNodeBridges(
	node: string,
	data: ReadData,
): Promise<Required<Pick<NodeSeen, "bridges" | "vnets">>> {
	const networks = await data(`nodes/${encodeURIComponent(node)}/network?type=any_bridge`, networksAnswer);
	const names = (isVnet: boolean) =>
		networks
			.filter(({ type }) => (type === "vnet") === isVnet)
			.map(({ iface }) => iface)
			.sort();
	return { bridges: names(false), vnets: names(true) };
}

const local = (name: string) => `/sdn/zones/localnetwork/${name}`;

/** Zone by zone: only a name that no plain bridge has can be a VNet's, and only then is asked. */
export async function readBridges(
	plans: readonly MachinePlan[],
	seen: Seen,
	overview: Overview,
	data: ReadData,
): Promise<Map<string, string | Unseen>> {
	const names = bridgesOf(plans, seen);
	const found = new Map<string, string | Unseen>(names.filter(isPlainBridge).map((name) => [name, local(name)]));
	const doubtful = names.filter((name) => !isPlainBridge(name));
	if (doubtful.length === 0) {
		return found;
	}

	try {
		const vnets = await data("cluster/sdn/vnets", vnetsAnswer);
		const zones = new Map(vnets.map(({ vnet, zone }) => [vnet, `/sdn/zones/${zone}/${vnet}`]));
		const seenAs = (kind: "bridges" | "vnets", name: string) =>
			(seen.nodes ?? []).some((node) => node[kind]?.includes(name) === true);
		for (const name of doubtful) {
			found.set(
				name,
				zones.get(name) ??
					(seenAs("bridges", name) ? local(name) : undefined) ??
					Object.keys(overview).find((path) => path.startsWith("/sdn/zones/") && path.endsWith(`/${name}`)) ??
					// To whom no zone is hidden, a name that is nowhere is no VNet's.
					(overview["/sdn"]?.["SDN.Audit"] === 1 && !seenAs("vnets", name) ? local(name) : undefined) ??
					hidden(name, seenAs("vnets", name)),
			);
		}
	} catch (error) {
		for (const name of doubtful) {
			found.set(name, asUnseen(`bridge ${name}`, error));
		}
	}

	return found;
}

const hidden = (name: string, isVnet: boolean): Unseen =>
	gap(
		`bridge ${name}`,
		"not-found",
		isVnet
			? "it is a VNet, but the token does not see of which zone; with SDN.Audit on /sdn/zones it would"
			: "the token sees neither a bridge nor a VNet of this name; with SDN.Audit on /sdn/zones it would",
	);
