import { coerce, compare } from "semver";
import { contains, type Family, parseAddress, parseCidr } from "../../src/addresses.ts";
import { kubernetesSince } from "../../src/knowledge/calico.ts";
import { families, internalOf, isIpvs, isSame, methodOf, readChosen } from "./chosen.ts";
import type { CalicoFinding, Node, Scene } from "./findings.ts";
import { advise, look, takeInternal } from "./steps.ts";
import { methodEvidence, ownerOf } from "./visible.ts";

const shorten = (all: readonly string[]): string =>
	all.length > 4 ? `${all.slice(0, 4).join(", ")} and ${all.length - 4} more` : all.join(", ");
/** Calico looks every minute (AUTODETECT_POLL_INTERVAL). */
const again = "Calico looks again every minute, so that this can happen at any time.";

/** What has not happened yet, for families of which nothing is broken. */
export const judgeMethods = (scene: Scene, sound: readonly Family[]): readonly CalicoFinding[] =>
	sound
		.filter((family) => methodOf(scene, family).wanted)
		.flatMap((family) => [
			...judgeNetworks(scene, family),
			...judgeTarget(scene, family),
			...judgeFirstFound(scene, family),
		]);

/** cidr= looks at kube-ipvs0, too: the list of interfaces to pass over only counts for first-found and skip-interface=. */
function judgeNetworks(scene: Scene, family: Family): readonly CalicoFinding[] {
	const { method } = methodOf(scene, family);
	if (!isIpvs(scene) || !method.startsWith("cidr=")) {
		return [];
	}

	const networks = method
		.slice("cidr=".length)
		.split(",")
		.flatMap((text) => parseCidr(text.trim()) ?? []);
	const inside = scene.services.flatMap(({ namespace, name, clusterIps, externalIps, loadBalancerIps }) =>
		[...clusterIps, ...externalIps, ...loadBalancerIps]
			.filter((text) => {
				const address = parseAddress(text);
				return address !== undefined && networks.some((network) => contains(network, address));
			})
			.map((address) => `${address} (${namespace}/${name})`),
	);
	if (inside.length === 0) {
		return [];
	}

	return [
		{
			code: "cidr-holds-services",
			confidence: "likely",
			summary: `Calico takes the first address in ${method.slice("cidr=".length)}, on whatever interface. kube-proxy in mode ipvs binds Services to kube-ipvs0 on every node, and ${inside.length === 1 ? "one of them lies" : `${inside.length} of them lie`} in there. ${again}`,
			evidence: [
				methodEvidence(scene, [family]),
				{ from: "Services", saw: shorten(inside), expected: `none in ${method.slice("cidr=".length)}` },
			],
			remedy: takeInternal(scene, [family], scene.nodes),
		},
	];
}

function judgeTarget(scene: Scene, family: Family): readonly CalicoFinding[] {
	const { method } = methodOf(scene, family);
	const target = method.startsWith("can-reach=") ? method.slice("can-reach=".length) : undefined;
	if (target === undefined) {
		return [];
	}

	const isEndpoint = scene.endpoints.some((host) => isSame(host, target));
	const service = isIpvs(scene) ? ownerOf(scene.services, target) : undefined;
	if (!isEndpoint && service === undefined) {
		return [];
	}

	return [
		{
			code: "target-is-local",
			confidence: "likely",
			summary: `Calico takes the address by which a node reaches ${target}. That is ${isEndpoint ? "the control plane's endpoint, which kube-vip puts on one of the nodes: there" : `the address of Service ${service ?? ""}, which kube-proxy in mode ipvs binds on every node: there`} the way leads over the address itself, and Calico takes it. ${again}`,
			evidence: [
				methodEvidence(scene, [family]),
				{ from: isEndpoint ? "Cluster, spec.controlPlaneEndpoint" : `Service ${service ?? ""}`, saw: target },
			],
			remedy: takeInternal(scene, [family], scene.nodes),
		},
	];
}

/** It goes through the interfaces from the last to the first (autodetection/interfaces.go). */
function judgeFirstFound(scene: Scene, family: Family): readonly CalicoFinding[] {
	const { method } = methodOf(scene, family);
	const several = scene.members.flatMap(({ machine, node, networks }) => {
		const devices = networks.filter(
			({ net, addresses }) =>
				net !== "default" && addresses.some((address) => address.includes(":") === (family === 6)),
		);
		const own = scene.nodes.find(({ name }) => name === (node ?? machine));
		return devices.length > 1 && own !== undefined && internalOf(own, family).length > 0
			? [`${own.name} (${devices.map(({ net }) => net).join(", ")})`]
			: [];
	});
	if (method !== "first-found" || several.length === 0) {
		return [];
	}

	return [
		{
			code: "last-interface",
			confidence: "likely",
			summary: `Calico chooses by first-found, which goes through the interfaces from the last one that came up to the first. It has the right one today. With another order of interfaces, such as another model or kernel brings, it takes that of another network.`,
			evidence: [
				methodEvidence(scene, [family]),
				{ from: "machines with addresses on several devices", saw: shorten(several) },
			],
			remedy: takeInternal(scene, [family], scene.nodes),
		},
	];
}

const podOn = ({ calico }: Scene, { name }: Node) => calico.pods.find((pod) => pod.node === name);

const notedOn = ({ calico }: Node, family: Family): string | undefined => (family === 4 ? calico?.ipv4 : calico?.ipv6);

/** A family that the Node has no InternalIP of is none that Calico could find an address of. */
function lacksAddress(scene: Scene, node: Node): boolean {
	const wanted = families.filter((family) => methodOf(scene, family).wanted);
	const has = wanted.filter((family) => readChosen(node, family) !== undefined);
	return has.length === 0
		? wanted.length > 0
		: wanted.some((family) => !has.includes(family) && internalOf(node, family).length > 0);
}

export function judgeAgents(scene: Scene): readonly CalicoFinding[] {
	const { calico, nodes } = scene;
	const without = nodes.filter(
		(node) => lacksAddress(scene, node) && (calico.pods.length === 0 || podOn(scene, node) !== undefined),
	);
	const stopped = nodes.filter(
		(node) => node.ready && !without.includes(node) && node.calico !== undefined && podOn(scene, node)?.ready !== true,
	);
	const log = (node: Node) => {
		const pod = podOn(scene, node);
		const from = ["--namespace", calico.namespace, ...(pod === undefined ? [`daemonset/${calico.name}`] : [pod.name])];
		return look(
			'See what it says. "Couldn\'t autodetect" and "is already using the IPv4 address" name the address that it tried.',
			scene,
			"logs",
			...from,
			"--container=calico-node",
			"--tail=100",
		);
	};
	const describe = ([first, ...rest]: readonly Node[]): string =>
		`${first?.name ?? ""}${rest.length === 0 ? "" : ` and ${rest.length} more`}`;
	const evidence = (all: readonly Node[]) =>
		all.map((node) => {
			const pod = podOn(scene, node);
			const state = pod === undefined ? "has no pod" : pod.ready ? "is ready" : (pod.waiting ?? "is not ready");
			const restarts = pod === undefined ? "" : ` after ${pod.restarts} restarts`;
			const noted = [notedOn(node, 4), notedOn(node, 6)].filter((text) => text !== undefined).join(", ");
			return {
				from: `node ${node.name}`,
				saw: `calico-node ${state}${restarts}; address: ${noted === "" ? "none" : noted}`,
			};
		});
	return [
		...agents(
			"no-address",
			without,
			`Calico has chosen no address for node ${describe(without)}. Pods there have no network to other nodes.`,
		),
		...agents(
			"agent-not-ready",
			stopped,
			`calico-node ${stopped.some((node) => podOn(scene, node) !== undefined) ? `on ${describe(stopped)} is not ready` : `does not run on ${describe(stopped)}`}. The address on the Node is the one that it chose before, so that this says nothing of what it would choose now.`,
		),
	];

	function agents(
		code: "no-address" | "agent-not-ready",
		all: readonly Node[],
		summary: string,
	): readonly CalicoFinding[] {
		const [node] = all;
		const [first, ...rest] = evidence(all);
		return node === undefined || first === undefined
			? []
			: [{ code, summary, evidence: [first, ...rest], remedy: [log(node)] }];
	}
}

export function judgeMode(scene: Scene): readonly CalicoFinding[] {
	const versions = scene.nodes.flatMap(({ kubelet }) => coerce(kubelet) ?? []);
	const newest = versions.toSorted(compare).at(-1);
	if (!isIpvs(scene) || newest === undefined || compare(newest, kubernetesSince.ipvsDeprecated) < 0) {
		return [];
	}

	return [
		{
			code: "ipvs-deprecated",
			summary: `kube-proxy runs in mode ipvs, which Kubernetes has deprecated since 1.35 and is going to remove. Mode nftables takes its place, and puts no address of a Service on an interface.`,
			evidence: [
				{ from: scene.proxy?.from ?? "kube-proxy", saw: "mode ipvs", expected: "nftables or iptables" },
				{ from: "nodes", saw: `Kubernetes ${newest.version}` },
			],
			remedy: [
				{
					advice:
						"Write mode: nftables in config.conf of the ConfigMap, and take ipvs and strictARP out. Its nodes need kernel 5.13 or newer. MetalLB and the like need strictARP with ipvs only.",
					command: ["kubectl", ...scene.cluster.kubectl, "edit", "--namespace", "kube-system", "configmap/kube-proxy"],
					where: "here",
					risk: "changes",
					undo: "write mode: ipvs there again, and restart kube-proxy.",
				},
				{
					advice: "Restart kube-proxy. Connections to Services break off for a moment.",
					command: [
						"kubectl",
						...scene.cluster.kubectl,
						"rollout",
						"restart",
						"--namespace",
						"kube-system",
						"daemonset/kube-proxy",
					],
					where: "here",
					risk: "changes",
				},
				advise(
					"For new clusters: CAPMOX's ClusterClasses write the mode by their variable kubeProxy.mode, and the flavor cilium-load-balancer by a file /tmp/kube-proxy.sh in the KubeadmControlPlane.",
				),
			],
		},
	];
}
