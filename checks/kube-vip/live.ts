import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { inCluster } from "../clusters.ts";
import type { Container, ControlPlane, Live, Nodes, Pod, Scene, VipFinding } from "./findings.ts";
import { advise, inNamespace, rollOut } from "./steps.ts";

/** One that serves Services alone brings up no address of a control plane, and may stand beside another. */
export const isKubeVip = ({ kubeVip }: Pod): boolean =>
	kubeVip !== undefined && (kubeVip.controlPlane || !kubeVip.services);

const kubectl = (scene: Scene): readonly [string, ...string[]] => ["kubectl", ...scene.cluster.kubectl];
const nameOf = ({ namespace, name }: Pod): string => `pod ${namespace}/${name}`;

/** A container that starts is no fault yet. */
const isStarting = ({ waiting, restarts }: Pod): boolean =>
	restarts === 0 && (waiting === undefined || ["ContainerCreating", "PodInitializing"].includes(waiting));

/** What goes wrong now. */
export const judgeLive = (scene: Scene): readonly VipFinding[] =>
	[...judgePods(scene), ...judgeLease(scene)].map((finding) => inCluster(finding, scene.cluster));

function judgePods(scene: Scene): readonly VipFinding[] {
	const { up, broken } = sortPods(scene);
	const [first] = broken;
	if (first === undefined) {
		return [];
	}

	const others = broken.length === 1 ? "" : `, and ${broken.length - 1} more`;
	return [
		{
			code: "not-running",
			severity: up.length === 0 ? "error" : "warning",
			summary: `kube-vip on node ${first.node ?? "?"}${others} does not run${first.waiting === undefined ? "" : ` (${first.waiting})`}. ${up.length === 0 ? "No other one does, so that nobody holds the control plane's address." : `${up.length === 1 ? "One other runs" : `${up.length} others run`}, so that the address is up, but this node cannot take it over.`}`,
			evidence: [evidenceOf(first), ...broken.slice(1).map(evidenceOf)],
			remedy: [
				{
					...advise("Read why it ended. It may well end with exit code 0: newer releases do so after an error, too."),
					command: [...kubectl(scene), "logs", "--namespace", first.namespace, first.name, "--previous"],
				},
				advise(
					'"unable to detect default interface" and "detecting interface": no default route was found, so name the interface in vip_interface. "plndr-cp-lock is forbidden": admin.conf has no rights yet. "lookup kubernetes … no such host": the node has no hosts entry for kubernetes. "dadfailed": another machine has this IPv6 address.',
				),
			],
		},
	];
}

const evidenceOf = (pod: Pod): Evidence => ({
	from: nameOf(pod),
	saw: [
		pod.waiting ?? "not ready",
		`${pod.restarts} restarts`,
		...(pod.ended === undefined ? [] : [`ended last with ${pod.ended}`]),
	].join(", "),
	expected: "ready",
});

/** Nodes whose machine was made with kube-vip, and on which none was ever seen. */
export function judgeAbsence(control: ControlPlane, path: string, scene: Scene): readonly VipFinding[] {
	const { cluster, pods, nodes } = scene;
	const [first, ...rest] = control.machines.flatMap(({ node, manifest }) => {
		const own = nodes?.find(({ name, ready }) => name === node && ready);
		const hasPod = pods.some((pod) => isKubeVip(pod) && pod.node === node);
		return own === undefined || hasPod || manifest.state === "none" ? [] : [own.name];
	});
	if (first === undefined) {
		return [];
	}

	const evidence = (name: string): Evidence => ({
		from: "pods in kube-system",
		saw: `none of kube-vip on node ${name}`,
		expected: `kube-vip-${name}`,
	});
	return [
		inCluster(
			{
				code: "pod-absent",
				confidence: "likely",
				summary: `Node ${first}${rest.length === 0 ? "" : ` and ${rest.length} more`} of the control plane ${rest.length === 0 ? "runs" : "run"} no kube-vip, though the KubeadmControlPlane brings one. ${pods.some(isKubeVip) ? "Others do, but this one cannot take the address over." : "Nobody else does, either."}`,
				evidence: [evidence(first), ...rest.map(evidence)],
				remedy: [
					{
						...advise("See whether the file is there. The kubelet runs what lies in this folder."),
						command: ["ls", "-l", path],
						where: "cluster-node",
					},
					{
						...advise("Where it is there, the kubelet says why it does not run it."),
						command: ["journalctl", "--unit=kubelet", "--since=-1h", "--grep=kube-vip", "--no-pager"],
						where: "cluster-node",
					},
				],
			},
			cluster,
		),
	];
}

/** Of a node that is gone nobody says what its pods do; that is another matter. */
const isOnLostNode = ({ node }: Pod, nodes: Nodes | undefined): boolean =>
	nodes?.some(({ name, ready }) => name === node && !ready) ?? false;

/** What a node that is gone said last counts for nothing. */
export function sortPods({ pods, nodes }: Scene): { readonly up: readonly Pod[]; readonly broken: readonly Pod[] } {
	const own = pods.filter((pod) => isKubeVip(pod) && !isOnLostNode(pod, nodes));
	return {
		up: own.filter(({ ready }) => ready),
		broken: own.filter((pod) => !pod.ready && !isStarting(pod)),
	};
}

/** A leader renews its lease every few seconds; this long after that it does not exist any more. */
const patience = 60;

function judgeLease(scene: Scene): readonly VipFinding[] {
	const { live } = scene;
	const own = scene.pods.filter(({ kubeVip }) => kubeVip?.controlPlane === true && kubeVip.leaderElection);
	const { up, broken } = sortPods(scene);
	// Where none runs, that is what is to be mended.
	if (live === undefined || own.length === 0 || (up.length === 0 && broken.length > 0)) {
		return [];
	}

	const namespace = own[0]?.kubeVip?.namespace ?? "kube-system";
	const name = live.missingLease ?? live.lease?.name ?? "";
	const saw = live.missingLease === undefined ? leaderless(live) : "it does not exist";
	if (saw === undefined) {
		return [];
	}

	return [
		{
			code: "no-leader",
			confidence: "likely",
			summary: `No kube-vip holds the lease ${name}, and only its holder brings the control plane's address up. Whoever is still connected goes on; nobody new gets in.`,
			evidence: [
				{ from: `lease ${namespace}/${name}`, saw, expected: "a holder that renewed it within seconds" },
				{
					from: "pods of kube-vip",
					saw: own.map(({ node = "?", ready }) => `${node} (${ready ? "ready" : "not ready"})`).join(", "),
				},
			],
			remedy: [
				{
					...advise("See who tries to take it, and what keeps them from it."),
					command: [...kubectl(scene), "logs", "--namespace", "kube-system", own[0]?.name ?? "", "--tail=50"],
				},
				advise(
					"Most often the API server answers too slowly to renew a lease within ten seconds: look at etcd's disk, and whether a majority of control-plane nodes is up. Clocks that differ between the nodes do it, too.",
				),
			],
		},
	];
}

function leaderless({ lease }: Live): string | undefined {
	if (lease === undefined || lease.holder === "") {
		return lease === undefined ? undefined : "it has no holder";
	}

	if (lease.renewed === undefined || lease.now === undefined) {
		return undefined;
	}

	const age = Math.round((Date.parse(lease.now) - Date.parse(lease.renewed)) / 1_000);
	return age > Math.max(patience, 4 * lease.duration)
		? `held by ${lease.holder}, renewed ${age} s ago, good for ${lease.duration} s`
		: undefined;
}

/** What makes two settings of kube-vip different ones. */
const settings = ["image", "interface", "address", "cidr", "subnet", "controlPlane", "services", "server"] as const;

const differences = (wanted: Container, has: Container): readonly string[] =>
	settings
		.filter((key) => wanted[key] !== has[key])
		.map((key) => `${key === "controlPlane" ? "cp_enable" : key} ${shown(has[key])}, not ${shown(wanted[key])}`);

const shown = (value: string | boolean | undefined): string =>
	value === undefined || value === "" ? "unset" : String(value);

interface Machine {
	readonly name: string;
	readonly from: string;
	readonly has: Container;
}

/** What each machine really has: its pod where that was seen, otherwise what it was made with. */
function machinesOf(
	control: ControlPlane,
	scene: Scene | undefined,
	secret: (name: ControlPlane["manifest"]) => Container | undefined,
): readonly Machine[] {
	return control.machines.flatMap(({ machine, node, manifest }) => {
		const pod = scene?.pods.find((one) => isKubeVip(one) && node !== undefined && one.node === node);
		if (pod?.kubeVip !== undefined) {
			return [{ name: machine, from: `${scene?.cluster.title ?? ""}: ${nameOf(pod)}`, has: pod.kubeVip }];
		}

		const has = manifest.state === "found" ? manifest : secret(manifest);
		return has === undefined ? [] : [{ name: machine, from: `KubeadmConfig of machine ${machine}`, has }];
	});
}

export function judgeRollOut(
	control: ControlPlane,
	wanted: Container,
	scene: Scene | undefined,
	secret: (name: ControlPlane["manifest"]) => Container | undefined,
	isBroken: boolean,
): readonly VipFinding[] {
	const machines = machinesOf(control, scene, secret);
	const behind = machines.flatMap(({ from, has }) => {
		const found = differences(wanted, has);
		return found.length === 0 ? [] : [{ from, saw: found.join("; ") }];
	});
	const [first, ...rest] = behind;
	if (first === undefined) {
		return [];
	}

	const under = control.paused
		? "It is paused, so that it replaces nothing."
		: control.rolling === undefined
			? "It is not replacing machines. Where somebody mended the file on a node by hand, the next machine will not have that."
			: "It is replacing machines now. Wait, and look again.";
	return [
		{
			code: "not-rolled-out",
			summary: `${behind.length} of ${machines.length} control-plane machines run another kube-vip than KubeadmControlPlane ${control.name} says. ${under}`,
			evidence: [
				first,
				...rest,
				...(control.rolling === undefined
					? []
					: [{ from: `KubeadmControlPlane ${control.name}`, saw: control.rolling }]),
			],
			remedy: howToAlign(control, isBroken),
		},
	];
}

function howToAlign(control: ControlPlane, isBroken: boolean): NonEmpty<Step> {
	if (isBroken) {
		return [mendFirst];
	}

	if (control.paused) {
		return [unpause];
	}

	return control.rolling === undefined ? [decide, rollOut(control)] : [waitFor(control)];
}

/** Whoever rolls out now spreads the fault. */
const mendFirst = advise(
	"Mend the KubeadmControlPlane first, as it says above, and replace no control-plane machine until then: a new one would have the fault.",
);
const unpause = advise("Take the pause away: spec.paused of the Cluster, or the annotation cluster.x-k8s.io/paused.");
const decide = advise(
	"Decide which one is right. Where it is that of the machines, write it into the KubeadmControlPlane.",
);
const waitFor = ({ namespace, cluster = "" }: ControlPlane): Step => ({
	...advise("Where it stands still for long, one of these machines says why."),
	command: [
		"kubectl",
		"get",
		"machines",
		...inNamespace(namespace),
		`--selector=cluster.x-k8s.io/cluster-name=${cluster},cluster.x-k8s.io/control-plane`,
	],
});
