import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { modelOf } from "../src/knowledge/nic-drivers.ts";
import { type Cluster, clustersOf, inCluster, ofCluster, partOf } from "./clusters.ts";
import {
	findings,
	type Interfaces,
	type Known,
	type Networks,
	type NicFinding,
	type Node,
} from "./nic-order/findings.ts";
import { judgePairs, judgeStrays, pairsOf } from "./nic-order/members.ts";
import { judgeModels } from "./nic-order/models.ts";
import { bySlot, judgeNode, mixedModels, sentence } from "./nic-order/node.ts";
import { judgePools, judgeRoutes } from "./nic-order/routes.ts";

export default defineCheck({
	id: "nic-order",
	title: "Each node uses the address that CAPMOX gave it",
	group: "workload",
	documented: "troubleshooting#nodes-fail-to-deployhave-wrong-node-ip-with-mixed-interface-models",
	needs: [],
	uses: [
		"node.kubelet",
		"node.interfaces",
		"node.routes",
		"environment.networks",
		"management.networks",
		"workload.clusters",
		"workload.nodes",
		"workload.reach",
	],
	findings,
	diagnose(facts) {
		const { "node.kubelet": kubelet, "node.interfaces": interfaces, "node.routes": routes } = facts;
		const { "management.networks": management, "environment.networks": manifest } = facts;
		const matched = management === undefined ? [] : matchAll(facts, management);
		const scene = kubelet && routes && { kubelet, routes, interfaces };
		const found: readonly NicFinding[] = [
			...matched.flatMap(({ cluster, networks, pairs, strays }) =>
				[...judgePairs(networks, pairs), ...(cluster.owner === undefined ? [] : judgeStrays(strays, cluster))].map(
					(finding) => inCluster(finding, cluster),
				),
			),
			...(scene ? judgeNode(scene) : []),
			...[management, manifest].flatMap((networks) => (networks ? judgePlans(networks) : [])),
		];
		return problems(found, () => {
			const seen = [
				...matched.map(tellMatched),
				...(scene ? [sentence(scene)] : []),
				...[management, manifest].flatMap((networks) => (networks ? [planned(networks)] : [])),
			].filter((part) => part !== "");
			if (seen.length > 0) {
				return healthy(seen.join(" "));
			}

			const order =
				interfaces === undefined ? [] : bySlot(interfaces).toSorted((one, other) => one.index - other.index);
			return notApplicable(
				`this host is no node of a cluster, and there is neither a management cluster nor --manifest to look at${order.length > 1 ? `; the interfaces here came up as ${order.map(({ name, driver = "?" }) => `${name} (${driver})`).join(", ")}` : ""}`,
				interfaces === undefined ? undefined : mixedModels(onlyVirtual(interfaces))[0],
			);
		});
	},
});

/** What QEMU makes; a workstation may well have a cable and a radio. */
const onlyVirtual = (found: Interfaces): Interfaces => ({
	...found,
	interfaces: found.interfaces.filter(({ driver }) => driver !== undefined && modelOf(driver) !== undefined),
});

const judgePlans = ({ plans, source }: Networks): readonly NicFinding[] =>
	plans.flatMap((plan) => [...judgeRoutes(plan, source), ...judgePools(plan, source), ...judgeModels(plan, source)]);

interface Matched {
	readonly cluster: Cluster;
	/** Of this cluster alone, where it is known which one it is. */
	readonly networks: Networks;
	readonly pairs: ReturnType<typeof pairsOf>;
	/** Nodes of no machine. */
	readonly strays: readonly Node[];
}

const matchAll = (facts: Known, management: Networks): readonly Matched[] =>
	clustersOf(facts).flatMap((cluster) => {
		const nodes = partOf(facts["workload.nodes"], cluster)?.nodes;
		const isOwn = (one: { readonly namespace?: string | undefined; readonly cluster?: string | undefined }) =>
			cluster.owner === undefined || cluster.owner === `${one.namespace ?? ""}/${one.cluster ?? ""}`;
		const networks = { ...management, members: management.members.filter(isOwn) };
		if (nodes === undefined) {
			return [];
		}

		const pairs = pairsOf(networks, nodes, cluster.owner !== undefined);
		const strays = nodes.filter((node) => !pairs.some((pair) => pair.node === node));
		return [{ cluster, networks, pairs: pairs.filter(({ member }) => member.deleting !== true), strays }];
	});

function tellMatched({ cluster, pairs, strays }: Matched): string {
	const compared = pairs.filter(({ member }) => !member.told).length;
	const rest = pairs.length - compared;
	return [
		compared === 0
			? ""
			: `${compared} ${compared === 1 ? "node" : "nodes"}${ofCluster(cluster)} ${compared === 1 ? "goes" : "go"} by the address of the default device.`,
		rest === 0
			? ""
			: `${rest} more${compared === 0 ? ofCluster(cluster) : ""} could not be compared: their kubelet is told an address.`,
		strays.length === 0
			? ""
			: `${strays.length} more${compared + rest === 0 ? ofCluster(cluster) : ""} could not be compared: they are none of the management cluster's machines.`,
	]
		.filter((part) => part !== "")
		.join(" ");
}

function planned({ source, plans }: Networks): string {
	const count =
		plans.length === 1 ? "the one machine template leads its" : `all ${plans.length} machine templates lead their`;
	return plans.length === 0
		? ""
		: `In ${source} ${count} first default route over the default device, and none mixes interface models.`;
}
