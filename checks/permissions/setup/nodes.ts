import { mapNonEmpty, type NonEmpty, type Step } from "../../../src/check.ts";
import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { listed } from "../words.ts";
import { assign, type Machine, type Name, namedNodes, placeOf } from "./naming.ts";

const sourceNode: Name = { variable: "PROXMOX_SOURCENODE", field: "sourceNode" };
const allowedNodes: Name = { variable: "ALLOWED_NODES", field: "allowedNodes", of: "the ProxmoxCluster" };

interface Wrong {
	readonly place: string;
	readonly node: string;
	readonly step: Step;
}

/** GET /nodes names every node to everyone, so what is not on it does not exist. */
export function unknownNodes({ machines, listed: { nodes } }: Permissions): PermissionFinding[] {
	if (nodes === undefined || nodes.length === 0) {
		return [];
	}

	const names = nodes.map(({ node }) => node);
	const wrong = machines.flatMap((machine) => [...wrongSource(machine, names), ...wrongAllowed(machine, names)]);
	const [first, ...rest] = unique(wrong);
	if (first === undefined) {
		return [];
	}

	const all: NonEmpty<Wrong> = [first, ...rest];
	return [
		{
			code: "unknown-node",
			summary: `There is no node ${listed(all.map(({ node }) => node))} in this Proxmox VE cluster; its nodes are ${listed(names)}. CAPMOX then says "cannot find node with name ${first.node}: 500 hostname lookup '${first.node}' failed", and makes no machine at all.`,
			evidence: mapNonEmpty(all, ({ place, node }) => ({
				from: `${place}, and GET /nodes`,
				saw: `${node}, which is not among ${listed(names)}`,
				expected: "short names as in GET /nodes, in the same case",
			})),
			remedy: mapNonEmpty(all, ({ step }) => step),
		},
	];
}

function wrongSource(machine: Machine, names: readonly string[]): Wrong[] {
	const { sourceNode: node, candidates = [] } = machine;
	if (node === undefined || names.includes(node)) {
		return [];
	}

	const right = candidates[0]?.node ?? alike(node, names);
	const place = placeOf(machine, sourceNode);
	return [
		{
			place,
			node,
			step:
				right === undefined
					? { advice: `Name the node where the template is in ${place}.`, where: "here", risk: "changes" }
					: assign(
							machine,
							sourceNode,
							right,
							`Name ${right}${candidates.length > 0 ? ", where the template is" : ", which is probably meant"}.`,
						),
		},
	];
}

function wrongAllowed(machine: Machine, names: readonly string[]): Wrong[] {
	const unknown = machine.allowedNodes.filter((node) => !names.includes(node));
	const kept = [
		...new Set(machine.allowedNodes.flatMap((node) => (names.includes(node) ? node : (alike(node, names) ?? [])))),
	];
	const place = placeOf(machine, allowedNodes);
	const step = assign(
		machine,
		allowedNodes,
		namedNodes(kept.length > 0 ? kept : names),
		kept.length > 0 ? "Name only nodes that exist." : "Name nodes that exist, all of these or some.",
	);
	return unknown.map((node) => ({ place, node, step }));
}

/** The node that is meant by another case, or by a full domain name. */
const alike = (name: string, names: readonly string[]): string | undefined =>
	names.find((each) => each.toLowerCase() === name.toLowerCase().split(".")[0]);

function unique(wrong: readonly Wrong[]): Wrong[] {
	const steps = new Set<string>();
	return wrong.filter(({ place, node }) => {
		const key = `${place} ${node}`;
		return steps.has(key) ? false : steps.add(key);
	});
}
