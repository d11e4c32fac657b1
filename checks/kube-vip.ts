import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { superAdminSince } from "../src/knowledge/kube-vip.ts";
import { clustersOf, inCluster, ofCluster, partOf } from "./clusters.ts";
import {
	type Container,
	type ControlPlane,
	findings,
	type KubeVip,
	type Manifest,
	type Scene,
	type Secrets,
	type VipFinding,
} from "./kube-vip/findings.ts";
import { judgeContainer, judgeSuperAdmin, lacksSuperAdmin } from "./kube-vip/judge.ts";
import { isKubeVip, judgeAbsence, judgeLive, judgeRollOut, sortPods } from "./kube-vip/live.ts";
import { advise } from "./kube-vip/steps.ts";

export default defineCheck({
	id: "kube-vip",
	title: "kube-vip can bring up the control-plane address",
	group: "workload",
	documented: "troubleshooting#ipv6-only-cluster-kube-vip-fails-with-unable-to-detect-default-interface",
	needs: [],
	uses: [
		"environment.kubeVip",
		"management.kubeVip",
		"management.kubeVipSecrets",
		"workload.clusters",
		"workload.nodes",
		"workload.pods",
		"workload.kubeVip",
		"workload.reach",
	],
	findings,
	diagnose(facts) {
		const { "management.kubeVip": management, "environment.kubeVip": manifest } = facts;
		const { "management.kubeVipSecrets": secrets } = facts;
		const sources = [management, manifest].filter((source) => source !== undefined);
		const scenes = clustersOf(facts).flatMap((cluster): readonly Scene[] => {
			const pods = partOf(facts["workload.pods"], cluster)?.pods;
			const nodes = partOf(facts["workload.nodes"], cluster)?.nodes;
			return pods === undefined ? [] : [{ cluster, pods, nodes, live: partOf(facts["workload.kubeVip"], cluster) }];
		});
		const found: readonly VipFinding[] = [
			...sources.flatMap((source) =>
				source.controlPlanes.flatMap((control) =>
					judgeControlPlane(
						source,
						control,
						secrets,
						scenes.find((scene) => isOf(control, scene)),
					),
				),
			),
			...scenes.flatMap((scene) => [...judgeLive(scene), ...judgeStrangers(scene, sources, secrets)]),
		];
		return problems(found, () => {
			const seen = [...sources.flatMap(tellPlanned(secrets)), ...scenes.flatMap(tellLive)];
			return seen.length > 0 ? healthy(seen.join(" ")) : notApplicable(whyNothing(sources));
		});
	},
});

const isOf = ({ namespace, cluster: name }: ControlPlane, { cluster }: Scene): boolean =>
	cluster.owner === `${namespace ?? ""}/${name ?? ""}`;

/** What stands in the object, or in the Secret that it names. */
const resolve =
	(control: ControlPlane, secrets: Secrets | undefined) =>
	(manifest: Manifest): Manifest =>
		manifest.state === "in-secret"
			? (secrets?.manifests.find(
					({ namespace, secret, key }) =>
						namespace === control.namespace && secret === manifest.secret && key === manifest.key,
				)?.manifest ?? manifest)
			: manifest;

const titleOf = ({ kind, namespace, name }: ControlPlane): string =>
	`${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;

/** With the line where it stands, in a manifest. */
const placeOf = (control: ControlPlane, { source }: KubeVip): string =>
	control.line === undefined ? titleOf(control) : `${titleOf(control)} (${source}, line ${control.line})`;

function judgeControlPlane(
	source: KubeVip,
	control: ControlPlane,
	secrets: Secrets | undefined,
	scene: Scene | undefined,
): readonly VipFinding[] {
	const resolved = resolve(control, secrets);
	const manifest = resolved(control.manifest);
	if (manifest.state === "unreadable") {
		return [unreadable(control, manifest, source)];
	}

	if (manifest.state !== "found") {
		return [];
	}

	const subject = {
		container: manifest,
		name: placeOf(control, source),
		source: source.source,
		control,
		path: manifest.path,
	};
	const containerOf = (one: Manifest): Container | undefined => {
		const own = resolved(one);
		return own.state === "found" ? own : undefined;
	};
	const own = [...judgeContainer(subject, control), ...judgeSuperAdmin({ ...control, manifest }, subject)];
	const isBroken = own.some(({ code, severity }) => (severity ?? findings[code].severity) === "error");
	return [
		...own,
		...(scene === undefined ? [] : judgeAbsence(control, manifest.path, scene)),
		...judgeRollOut(control, manifest, scene, containerOf, isBroken),
	];
}

const unreadable = (
	control: ControlPlane,
	manifest: Extract<Manifest, { state: "unreadable" }>,
	source: KubeVip,
): VipFinding => ({
	code: "manifest-unreadable",
	summary: `The manifest of kube-vip in ${titleOf(control)} cannot become a pod: ${manifest.why}. The kubelet passes over it, and nobody brings up the control plane's address.`,
	evidence: [{ from: `${placeOf(control, source)}, files[${manifest.index}], ${manifest.path}`, saw: manifest.why }],
	remedy: [
		advise(
			"Compare it with the manifest in CAPMOX's template: valid YAML of kind Pod, with one container that runs kube-vip; what encoding says must be what content holds.",
		),
	],
});

/** Pods of which no control plane that was looked at says anything: judged by themselves, once for each form. */
function judgeStrangers(
	scene: Scene,
	sources: readonly KubeVip[],
	secrets: Secrets | undefined,
): readonly VipFinding[] {
	const own = sources.flatMap(({ controlPlanes }) => controlPlanes.filter((control) => isOf(control, scene)));
	const explained = new Set(
		own
			.filter((control) => resolve(control, secrets)(control.manifest).state === "found")
			.flatMap(({ machines }) => machines.flatMap(({ node }) => node ?? [])),
	);
	const strange = scene.pods.filter((pod) => isKubeVip(pod) && !explained.has(pod.node ?? ""));
	const forms = new Map(strange.map((pod) => [JSON.stringify(pod.kubeVip), pod]));
	const internal = scene.nodes?.flatMap((node) => node.internal) ?? [];
	return [...forms.values()].flatMap(({ kubeVip, namespace, name, ready }) =>
		kubeVip === undefined
			? []
			: judgeContainer(
					{
						container: kubeVip,
						name: `pod ${namespace}/${name}`,
						source: "the workload cluster",
						path: "/etc/kubernetes/manifests/kube-vip.yaml",
					},
					{
						endpoint: own[0]?.endpoint,
						// One that runs has found its interface.
						ipv4Route: ready || internal.length === 0 || internal.some((address) => !address.includes(":")),
						initialized: true,
						ignition: false,
					},
				).map((finding) => inCluster(finding, scene.cluster)),
	);
}

const tellPlanned =
	(secrets: Secrets | undefined) =>
	({ source, controlPlanes }: KubeVip): readonly string[] =>
		controlPlanes.flatMap((control) => {
			const manifest = resolve(control, secrets)(control.manifest);
			if (manifest.state !== "found") {
				return [];
			}

			const what = `In ${source}, ${titleOf(control)} brings kube-vip ${manifest.version ?? ""} for ${manifest.address ?? "an address"}, on ${manifest.interface === "" ? "the interface with the default route" : manifest.interface}.`;
			return [what, ...(lacksSuperAdmin({ ...control, manifest }) ? [laterOn] : [])];
		});

const laterOn = `A new cluster made the same way would hang: nothing there mentions super-admin.conf, which kubeadm init needs from Kubernetes ${superAdminSince.replace(/\.0$/, "")} on.`;

function tellLive(scene: Scene): readonly string[] {
	const { pods, cluster } = scene;
	const own = pods.filter(isKubeVip);
	const rest = own.length - sortPods(scene).up.length;
	const [one, several] = rest === 0 ? ["runs", "run"] : ["is", "are"];
	const verb = own.length === 1 ? one : several;
	const versions = [...new Set(own.map(({ kubeVip }) => kubeVip?.version ?? "?"))].join(", ");
	return own.length === 0
		? []
		: [
				`${own.length === 1 ? "One pod" : `${own.length} pods`} of kube-vip ${versions} ${verb} on the nodes${ofCluster(cluster)}${rest === 0 ? "" : `; ${rest} not ready yet, or on a node that is not`}.`,
			];
}

function whyNothing(sources: readonly KubeVip[]): string {
	const others = sources.flatMap((source) => source.others);
	const controls = sources.flatMap(({ controlPlanes }) => controlPlanes);
	const [other] = others;
	const byCommand = controls.find(({ manifest }) => manifest.state === "by-command");
	if (byCommand !== undefined) {
		return `${titleOf(byCommand)} lets a command write the manifest of kube-vip, which only shows on its nodes`;
	}

	if (controls.length > 0) {
		return "no control plane brings kube-vip: something else provides the endpoint";
	}

	return other === undefined
		? "there is neither a cluster of CAPMOX nor --manifest to look at"
		: `cluster ${other.cluster}: ${other.why}`;
}
