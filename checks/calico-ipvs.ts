import { type Diagnosis, defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { chosenOn, families, methodOf, rightOnes } from "./calico-ipvs/chosen.ts";
import { type CalicoFinding, type Code, findings, type Known, type Scene } from "./calico-ipvs/findings.ts";
import { judgeAgents, judgeMethods, judgeMode } from "./calico-ipvs/latent.ts";
import { faultsIn, reportAll } from "./calico-ipvs/visible.ts";
import { type Cluster, clustersOf, inCluster, ofCluster, partOf, together } from "./clusters.ts";

export default defineCheck({
	id: "calico-ipvs",
	title: "Calico chose a real node address",
	group: "workload",
	documented: "troubleshooting#calico-fails-in-ipvs-mode-with-loadbalancers-to-expose-services",
	needs: [],
	uses: [
		"workload.clusters",
		"workload.calico",
		"workload.nodes",
		"workload.services",
		"workload.kubeProxy",
		"workload.pods",
		"workload.reach",
		"management.networks",
	],
	findings,
	diagnose(facts) {
		return together(
			clustersOf(facts).flatMap((cluster) => judge(facts, cluster) ?? []),
			"no workload cluster is named by --workload or --workload-kubeconfig",
		);
	},
});

/** Nothing where it was not seen whether Calico runs there, or on which nodes. */
function judge(facts: Known, cluster: Cluster): Diagnosis<Code> | undefined {
	const found = partOf(facts["workload.calico"], cluster);
	const nodes = partOf(facts["workload.nodes"], cluster)?.nodes;
	if (found === undefined || nodes === undefined) {
		return undefined;
	}

	const where = cluster.title === "" ? "the workload cluster" : `cluster ${cluster.title}`;
	if (found.calico === undefined) {
		return notApplicable(`${where} does not run Calico`);
	}

	if (found.calico.elsewhere !== undefined) {
		return notApplicable(`in ${where} Calico chooses no address of a node: ${found.calico.elsewhere}`);
	}

	const { "management.networks": networks } = facts;
	const isOwn = (one: { readonly namespace?: string | undefined; readonly cluster?: string | undefined }) =>
		cluster.owner === `${one.namespace ?? ""}/${one.cluster ?? ""}`;
	const scene: Scene = {
		calico: found.calico,
		cluster,
		nodes,
		services: partOf(facts["workload.services"], cluster)?.services ?? [],
		proxy: partOf(facts["workload.kubeProxy"], cluster),
		// Without a management cluster kube-vip's own pods tell the endpoint.
		endpoints: [
			...(networks?.endpoints ?? []).filter(isOwn).map(({ host }) => host),
			...(partOf(facts["workload.pods"], cluster)?.pods ?? []).flatMap(({ kubeVip }) => kubeVip?.address ?? []),
		],
		members: (networks?.members ?? []).filter(isOwn),
	};
	const faults = faultsIn(scene);
	// The same remedy twice would not help.
	const sound = families.filter((family) => !faults.some(({ chosen }) => chosen.family === family));
	const all: readonly CalicoFinding[] = [
		...reportAll(scene, faults),
		...judgeAgents(scene),
		...judgeMethods(scene, sound),
		...judgeMode(scene),
	];
	return problems(
		all.map((finding) => inCluster(finding, cluster)),
		() =>
			chosenOn(scene).length === 0
				? notApplicable(`in ${where} Calico is told to choose no address (IP and IP6), or there are no nodes yet`)
				: healthy(tell(scene)),
	);
}

function tell(scene: Scene): string {
	const { calico, cluster, proxy, nodes } = scene;
	const methods = families
		.filter((family) => methodOf(scene, family).wanted)
		.map((family) => `IPv${family}: ${methodOf(scene, family).method}`);
	const mode = proxy === undefined ? "" : ` kube-proxy: ${proxy.mode}.`;
	const outlook =
		proxy?.mode === "ipvs" ? " Kubernetes deprecates mode ipvs from 1.35 on; nftables takes its place." : "";
	const chosen = chosenOn(scene);
	const seen = new Set(chosen.map(({ node }) => node));
	const rest = nodes.length - seen.size;
	const bare = new Set(
		chosen.flatMap(({ node, family }) => (rightOnes(scene, node, family).length === 0 ? [`IPv${family}`] : [])),
	);
	return [
		`Calico ${calico.version ?? ""} goes by an address of its own for each of ${seen.size} nodes${ofCluster(cluster)} (${methods.join(", ")}).`,
		bare.size === 0
			? ""
			: ` Not every Node lists an InternalIP of ${[...bare].join(" and ")}; there only Services, the endpoint and the other nodes were compared.`,
		rest === 0 ? "" : ` It does not run on ${rest} more.`,
		mode,
		outlook,
	].join("");
}
