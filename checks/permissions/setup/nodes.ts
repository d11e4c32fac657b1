import { mapNonEmpty, type NonEmpty, type Step } from "../../../src/check.ts";
import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { listed } from "../words.ts";
import { allowedNodes, assign, type Machine, namedNodes, placeOf, sourceNode, target } from "./naming.ts";

/** Names in one place that no node has. */
interface Wrong {
	readonly place: string;
	readonly nodes: NonEmpty<string>;
	readonly step: Step;
}

/** GET /nodes names every node to everyone, so what is not on it does not exist. */
export function unknownNodes({ machines, listed: { nodes } }: Permissions): PermissionFinding[] {
	if (nodes === undefined || nodes.length === 0) {
		return [];
	}

	const names = nodes.map(({ node }) => node);
	const wrong = machines.flatMap((machine) => [
		...wrongSource(machine, names),
		...wrongTarget(machine, names),
		...wrongAllowed(machine, names),
	]);
	const [first, ...rest] = unique(wrong);
	if (first === undefined) {
		return [];
	}

	const all: NonEmpty<Wrong> = [first, ...rest];
	return [
		{
			code: "unknown-node",
			summary: `No node of this Proxmox VE cluster is called ${all.flatMap(({ nodes: wrongNames }) => wrongNames).join(" or ")}; its nodes are ${listed(names)}. CAPMOX then says "cannot find node with name ${first.nodes[0]}: 500 hostname lookup '${first.nodes[0]}' failed", and makes no machine at all.`,
			evidence: mapNonEmpty(all, (each) => ({
				from: each.place,
				saw: listed(each.nodes),
				expected: `of GET /nodes: ${listed(names)}`,
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
			nodes: [node],
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

function wrongTarget(machine: Machine, names: readonly string[]): Wrong[] {
	const { target: node } = machine;
	if (node === undefined || names.includes(node)) {
		return [];
	}

	const right = alike(node, names);
	const place = placeOf(machine, target);
	const step: Step =
		right === undefined
			? { advice: `Name a node that exists in ${place}, or leave it out.`, where: "here", risk: "changes" }
			: assign(machine, target, right, `Name ${right}, which is probably meant.`);
	return [{ place, nodes: [node], step }];
}

function wrongAllowed(machine: Machine, names: readonly string[]): Wrong[] {
	const [first, ...rest] = machine.allowedNodes.filter((node) => !names.includes(node));
	if (first === undefined) {
		return [];
	}

	const kept = [
		...new Set(machine.allowedNodes.flatMap((node) => (names.includes(node) ? node : (alike(node, names) ?? [])))),
	];
	const place = placeOf(machine, allowedNodes(machine));
	const step = assign(
		machine,
		allowedNodes(machine),
		namedNodes(kept.length > 0 ? kept : names),
		kept.length > 0 ? "Name only nodes that exist." : "Name nodes that exist, all of these or some.",
	);
	return [{ place, nodes: [first, ...rest], step }];
}

/** The node that is meant by another case, or by a full domain name. */
const alike = (name: string, names: readonly string[]): string | undefined =>
	names.find((each) => each.toLowerCase() === name.toLowerCase().split(".")[0]);

function unique(wrong: readonly Wrong[]): Wrong[] {
	const seen = new Set<string>();
	return wrong.filter(({ place, nodes }) => {
		const key = [place, ...nodes].join(" ");
		return seen.has(key) ? false : seen.add(key);
	});
}
