import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { chosenOn, families, methodOf } from "./calico-ipvs/chosen.ts";
import { type CalicoFinding, findings, type Scene } from "./calico-ipvs/findings.ts";
import { judgeAgents, judgeMethods, judgeMode } from "./calico-ipvs/latent.ts";
import { judgeChosen } from "./calico-ipvs/visible.ts";
import { withKubeconfig } from "./steps.ts";

export default defineCheck({
	id: "calico-ipvs",
	title: "Calico chose a real node address",
	group: "workload",
	documented: "troubleshooting#calico-fails-in-ipvs-mode-with-loadbalancers-to-expose-services",
	needs: [],
	uses: [
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
		const { "workload.calico": found, "workload.nodes": nodes, "workload.reach": reach } = facts;
		const { "workload.services": services, "workload.kubeProxy": proxy } = facts;
		const { "management.networks": networks, "workload.pods": pods } = facts;
		if (found === undefined || nodes === undefined) {
			return notApplicable("no workload cluster is named by --workload or --workload-kubeconfig");
		}

		if (found.calico === undefined) {
			return notApplicable("the workload cluster does not run Calico");
		}

		if (found.calico.elsewhere !== undefined) {
			return notApplicable(`Calico chooses no address of a node here: ${found.calico.elsewhere}`);
		}

		const scene: Scene = {
			calico: found.calico,
			kubectl: found.kubectl,
			fetch: found.fetch,
			nodes: nodes.nodes,
			services: services?.services ?? [],
			proxy,
			// Without a management cluster kube-vip's own pods tell the endpoint.
			endpoints: [
				...(networks?.endpoints ?? []).map(({ host }) => host),
				...(pods?.pods ?? []).flatMap(({ kubeVip }) => kubeVip?.address ?? []),
			],
			members: networks?.members ?? [],
		};
		const visible = judgeChosen(scene);
		const all: readonly CalicoFinding[] = [
			...visible,
			...judgeAgents(scene),
			// The same remedy twice would not help.
			...(visible.length === 0 ? judgeMethods(scene) : []),
			...judgeMode(scene),
		];
		return problems(
			all.map((finding) => withKubeconfig(finding, scene.fetch)),
			() =>
				chosenOn(scene).length === 0
					? notApplicable("Calico is told to choose no address here (IP and IP6), or there are no nodes yet")
					: healthy(tell(scene, reach?.clusters ?? [])),
		);
	},
});

function tell(scene: Scene, clusters: readonly string[]): string {
	const { calico, proxy, nodes } = scene;
	const methods = families
		.filter((family) => methodOf(scene, family).wanted)
		.map((family) => `IPv${family}: ${methodOf(scene, family).method}`);
	const where = clusters.length === 0 ? "" : ` of ${clusters.join(", ")}`;
	const mode = proxy === undefined ? "" : ` kube-proxy: ${proxy.mode}.`;
	const outlook =
		proxy?.mode === "ipvs" ? " Kubernetes deprecates mode ipvs from 1.35 on; nftables takes its place." : "";
	const seen = new Set(chosenOn(scene).map(({ node }) => node));
	const rest = nodes.length - seen.size;
	return [
		`Calico ${calico.version ?? ""} goes by an address of its own for each of ${seen.size} nodes${where} (${methods.join(", ")}).`,
		rest === 0 ? "" : ` It does not run on ${rest} more.`,
		mode,
		outlook,
	].join("");
}
