import type { Family } from "../../src/addresses.ts";
import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { type Chosen, chosenOn, givenTo, internalOf, isIpvs, isSame, methodOf, rightOnes } from "./chosen.ts";
import type { CalicoFinding, Code, Node, Scene, Services } from "./findings.ts";
import { advise, look, takeInternal } from "./steps.ts";

export interface Fault {
	readonly code: Code;
	readonly chosen: Chosen;
	/** What is wrong with it, behind "whose address is X,". */
	readonly why: string;
	/** It is a real address of the node, or all nodes have it so. */
	readonly mild?: boolean;
}

/** What is wrong with addresses that Calico goes by now; of each at most one thing, the worst. */
export function faultsIn(scene: Scene): readonly Fault[] {
	const all = chosenOn(scene);
	return all.flatMap((chosen) => faultOf(scene, chosen, all) ?? []);
}

export function reportAll(scene: Scene, faults: readonly Fault[]): readonly CalicoFinding[] {
	const codes = [...new Set(faults.map(({ code }) => code))];
	return codes.flatMap((code) =>
		report(
			scene,
			code,
			faults.filter((fault) => fault.code === code),
		),
	);
}

function faultOf(scene: Scene, chosen: Chosen, all: readonly Chosen[]): Fault | undefined {
	const { address, family, node } = chosen;
	const isOwn = owns(chosen);
	const service = ownerOf(scene.services, address);
	// A Service may have been given a node's own address, as externalIPs often are; only IPVS binds it elsewhere, too.
	if (service !== undefined && (!isOwn || isIpvs(scene))) {
		return { code: "service-address", chosen, why: `that of Service ${service}` };
	}

	if (scene.endpoints.some((host) => isSame(host, address))) {
		return { code: "endpoint-address", chosen, why: "that of the control plane's endpoint" };
	}

	const twin = all.find((one) => one.node !== node && one.address === address);
	if (twin !== undefined && (!isOwn || owns(twin))) {
		return { code: "same-address", chosen, why: `the same as that of node ${twin.node.name}` };
	}

	if (chosen.isHost) {
		const peers = all.filter((one) => one.family === family);
		const isUsual = peers.length > 1 && peers.every(({ isHost }) => isHost);
		return { code: "host-mask", chosen, why: "an address with no network around it", mild: isOwn || isUsual };
	}

	const right = rightOnes(scene, node, family);
	if (right.length === 0 || right.some((one) => isSame(one, address)) || isMeant(scene, chosen)) {
		return undefined;
	}

	const whose = internalOf(node, family).length > 0 ? "the Node's InternalIP is" : "CAPMOX gave the machine";
	return { code: "not-node-address", chosen, why: `while ${whose} ${right.join(" and ")}` };
}

/** Of two with one address the owner is not the one to blame. */
const owns = ({ node, family, address }: Chosen): boolean =>
	internalOf(node, family).some((one) => isSame(one, address));

export const ownerOf = (services: Services, address: string): string | undefined => {
	const owner = services.find(({ clusterIps, externalIps, loadBalancerIps }) =>
		[...clusterIps, ...externalIps, ...loadBalancerIps].some((one) => isSame(one, address)),
	);
	return owner === undefined ? undefined : `${owner.namespace}/${owner.name}`;
};

/** Somebody named the interface, and CAPMOX gave its address to this very machine. */
const isMeant = (scene: Scene, { node, family, address }: Chosen): boolean =>
	methodOf(scene, family).method.startsWith("interface=") && givenTo(scene, node).some((one) => isSame(one, address));

const consequences: Partial<Record<Code, string>> = {
	"service-address":
		"Every node has it on kube-ipvs0 or answers for it, so that traffic for this node goes astray. Pods on different nodes do not reach each other.",
	"endpoint-address":
		"It moves between nodes with kube-vip, so that traffic for this node ends up elsewhere as soon as it does.",
	"same-address":
		"Traffic for one of them goes to the other, and Calico refuses to start where it finds the address taken.",
	"host-mask":
		"Calico reads from the mask which nodes are neighbours, and an address from kube-ipvs0 or a virtual one comes with such a mask.",
	"not-node-address":
		"Traffic between pods takes another network than the rest of the cluster. That is fine where it is meant and every node does so.",
};

function report(scene: Scene, code: Code, faults: readonly Fault[]): readonly CalicoFinding[] {
	const [first, ...rest] = faults;
	if (first === undefined) {
		return [];
	}

	const evidence: NonEmpty<Evidence> = [evidenceOf(scene, first), ...rest.map((fault) => evidenceOf(scene, fault))];
	const families: readonly Family[] = [...new Set(faults.map(({ chosen }) => chosen.family))];
	const nodes: readonly Node[] = faults.map(({ chosen }) => chosen.node);
	const others = rest.length === 0 ? "" : ` So it is on ${rest.length} more.`;
	const isMild = faults.every(({ mild }) => mild === true);
	const isServicesFault = code === "service-address" && faults.every(({ chosen }) => owns(chosen));
	const mine = scene.calico.pods.find(({ node }) => node === first.chosen.node.name);
	return [
		{
			code,
			...(code === "host-mask" && isMild ? { severity: "warning", confidence: "likely" } : {}),
			...(isServicesFault ? { confidence: "likely" } : {}),
			summary: `Calico goes by ${first.chosen.text} for node ${first.chosen.node.name}, ${first.why}.${others} ${consequences[code] ?? ""}`,
			evidence: [...evidence, methodEvidence(scene, families)],
			remedy: [
				...(isServicesFault ? anotherForService(scene) : takeInternal(scene, families, nodes)),
				...(code === "not-node-address"
					? [
							advise(
								"Where the second network is meant, say so: interface=NAME as the method. This check is content then, if CAPMOX gave the machine that address.",
							),
						]
					: []),
				...(mine?.ready === false
					? [
							look(
								`calico-node on ${first.chosen.node.name} is not ready. Its log says what it tried to take.`,
								scene,
								"get",
								"pods",
								"--namespace",
								scene.calico.namespace,
								"--selector=k8s-app=calico-node",
								"--output",
								"wide",
							),
						]
					: []),
			],
		},
	];
}

const anotherForService = (scene: Scene): NonEmpty<Step> => [
	look(
		"Calico has the right address, and the Service has one that belongs to a node. Give the Service another: externalIPs in its spec, or the range of the load balancer that gives it one.",
		scene,
		"get",
		"services",
		"--all-namespaces",
	),
];

const evidenceOf = (scene: Scene, { code, chosen, why }: Fault): Evidence => {
	const { node, family, text } = chosen;
	const internal = internalOf(node, family).join(", ");
	const pod = scene.calico.pods.find((one) => one.node === node.name);
	const note = pod?.ready === false ? " (chosen before: calico-node is not ready there)" : "";
	return {
		from: `Node ${node.name}, projectcalico.org/IPv${family}Address`,
		saw: `${text}, ${why}${note}`,
		...(owns(chosen) && (code === "host-mask" || code === "service-address")
			? { expected: code === "host-mask" ? "the mask of its network" : "an address that no Service has" }
			: internal === "" || code === "not-node-address"
				? {}
				: { expected: `its InternalIP, ${internal}` }),
	};
};

export function methodEvidence({ calico, proxy }: Scene, families: readonly Family[]): Evidence {
	const from = calico.byOperator ? "the Installation, by its DaemonSet" : "the DaemonSet";
	return {
		from: `Calico ${calico.version ?? ""}, ${from} ${calico.namespace}/${calico.name}`,
		saw: [
			...families.map((family) => `IPv${family}: ${(family === 4 ? calico.ipv4 : calico.ipv6).method}`),
			...(proxy === undefined ? [] : [`kube-proxy: ${proxy.mode}`]),
		].join(", "),
	};
}
