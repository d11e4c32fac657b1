import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { onNode } from "../steps.ts";
import { listed } from "../words.ts";
import { type Machine, namedIn } from "./naming.ts";

interface Missing {
	readonly bridge: string;
	readonly onlySome: boolean;
	readonly from: string;
	readonly node: string;
	readonly there: readonly string[];
}

/** A bridge that the token may use or audit is on the list of each node that has it. */
export function unknownBridges(permissions: Permissions): PermissionFinding[] {
	const missing = permissions.machines.flatMap((machine) => missingOf(machine, permissions));
	const names = [...new Set(missing.map(({ bridge }) => bridge))];
	return names.flatMap((name) => {
		const own = missing.filter(({ bridge }) => bridge === name);
		const [first] = own;
		return first === undefined ? [] : [report(first, own, permissions)];
	});
}

function missingOf({ from, nodes, bridges }: Machine, permissions: Permissions): Missing[] {
	return bridges
		.filter(({ path }) => path !== undefined && isVisible(path, permissions))
		.flatMap(({ bridge, onlySome }) =>
			(permissions.listed.nodes ?? [])
				.filter(({ node }) => nodes.includes(node))
				.flatMap(({ node, bridges: local, vnets = [] }) => {
					const there = local === undefined ? undefined : [...local, ...vnets];
					return there === undefined || there.includes(bridge) ? [] : [{ bridge, onlySome, from, node, there }];
				}),
		);
}

/** Up to release 7 every bridge is shown to everyone; later SDN.Audit or SDN.Use on it, or on a VLAN of it, is needed. */
const isVisible = (bridge: string, { release, paths }: Permissions): boolean =>
	release < 8 ||
	Object.entries(paths).some(
		([path, held]) => (path === bridge || path.startsWith(`${bridge}/`)) && ("SDN.Use" in held || "SDN.Audit" in held),
	);

function report(
	{ bridge, from, onlySome }: Missing,
	missing: readonly Missing[],
	{ release }: Permissions,
): PermissionFinding {
	const nodes = [...new Set(missing.map(({ node }) => node))];
	const [node = ""] = nodes;
	const there = [...new Set(missing.flatMap((each) => each.there))].sort();
	const shown = there.length === 0 ? "none" : listed(there);
	return {
		code: "unknown-bridge",
		// What only a file in interfaces.d defines is not on the list.
		confidence: "likely",
		...(onlySome ? { severity: "warning" as const } : {}),
		summary: `There is no bridge ${bridge} on ${listed(nodes)}, and ${from} ${from.startsWith("the ") ? "name" : "names"} it. Proxmox VE clones and configures the VM, but cannot start it: CAPMOX shows "qmstart: start failed: QEMU exited with code 1", and the task's log on the node "bridge '${bridge}' does not exist".`,
		evidence: [
			{
				from: `GET /nodes/${node}/network?type=any_bridge`,
				saw: release < 8 ? shown : `${shown}, as far as the token may see`,
				expected: bridge,
			},
			...namedIn(from, "network", bridge),
		],
		remedy: [
			onNode(
				`See whether ${node} has it after all: the list leaves out what only a file in /etc/network/interfaces.d defines.`,
				...["ip", "-brief", "link", "show", bridge],
			),
			{
				advice: `Name a bridge that every one of these nodes has, or add ${bridge} there: Node, System, Network in the web interface; then Apply Configuration.`,
				where: "here",
				risk: "changes",
			},
		],
	};
}
