import type { NonEmpty, Step } from "../../src/check.ts";
import type { Kubelet, Plan } from "./findings.ts";

export const advise = (advice: string, ...command: readonly string[]): Step => {
	const [first, ...rest] = command;
	return { advice, where: "here", risk: "safe", ...(first === undefined ? {} : { command: [first, ...rest] }) };
};

const onNode = (advice: string, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "cluster-node",
	risk: "changes",
});

/** Tells this node's kubelet its address. What stands in the file must stay, so that a person writes the line. */
export const pinHere = ({ extraArgsFile, flags }: Kubelet, address: string): readonly Step[] => [
	{
		advice:
			flags.nodeIp === undefined
				? "Tell the kubelet its address. Where the file has a line KUBELET_EXTRA_ARGS already, add the flag to that line: of two lines only the last counts."
				: "Write the right address where --node-ip stands now.",
		put: { line: `KUBELET_EXTRA_ARGS=--node-ip=${address}`, into: extraArgsFile },
		where: "cluster-node",
		risk: "changes",
		undo: "take --node-ip away again and restart the kubelet.",
	},
	restartKubelet,
	advise(
		"On a control-plane node etcd and the certificates hold the old address, too. Replace its Machine instead: delete it, and KubeadmControlPlane makes another.",
	),
];

export const restartKubelet = onNode("Restart the kubelet.", "systemctl", "restart", "kubelet");

const inNamespace = (namespace: string | undefined): readonly string[] =>
	namespace === undefined ? [] : ["--namespace", namespace];

const change = (advice: string, undo: string | undefined, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "here",
	risk: "changes",
	...(undo === undefined ? {} : { undo }),
});

/** A new template in the place of one that cannot be changed, and everything that names it. */
export function replaceTemplate(plan: Plan, what: string): readonly Step[] {
	const { kind, name, namespace, topology, users } = plan;
	if (kind === "ProxmoxMachine") {
		return [
			advise(
				`ProxmoxMachine ${name} keeps what its template said when it was made. Delete its Machine once the template is right, and a new one takes its place.`,
			),
		];
	}

	if (topology) {
		return [
			advise(
				`A ClusterClass made this template, and would make it again. Change the template that the ClusterClass names: copy it under a new name ${what}, and name the copy in the ClusterClass. Its clusters then roll their machines.`,
			),
		];
	}

	const fresh = `${name}-virtio`;
	return [
		advise(
			`A ProxmoxMachineTemplate cannot be changed. Write it to a file, give it the name ${fresh} ${what}, and take metadata.uid and metadata.resourceVersion out.`,
			"kubectl",
			"get",
			`proxmoxmachinetemplate/${name}`,
			...inNamespace(namespace),
			"--output",
			"yaml",
		),
		change(
			"Create the copy from that file.",
			undefined,
			"kubectl",
			"create",
			...inNamespace(namespace),
			"--filename",
			`${fresh}.yaml`,
		),
		...(users.length === 0
			? [advise("Nothing names the template yet. Name the copy in the KubeadmControlPlane or MachineDeployment.")]
			: users.map((user) => switchTo(user, plan, fresh))),
	];
}

function switchTo({ kind, name, version }: Plan["users"][number], { namespace, name: old }: Plan, fresh: string): Step {
	const reference = { infrastructureRef: { name: fresh } };
	const spec =
		kind === "MachineDeployment"
			? { template: { spec: reference } }
			: { machineTemplate: version === "v1beta1" ? reference : { spec: reference } };
	return change(
		`Let ${kind} ${name} use it. It replaces its machines one by one.`,
		`name ${old} there again.`,
		"kubectl",
		"patch",
		`${kind.toLowerCase()}/${name}`,
		...inNamespace(namespace),
		"--type=merge",
		`--patch=${JSON.stringify({ spec })}`,
	);
}

const annotation = "ipam.capmox.cluster.x-k8s.io/gateway-metric";

/** Moves a pool's default route behind the others. It reaches machines when they are made. */
export function moveBehind(
	plan: Plan,
	{ from, family }: { from: string; family: 4 | 6 },
	metric: number,
): readonly Step[] {
	const [kind = "", name = ""] = from.split(" ");
	if (kind === "ProxmoxCluster") {
		return [
			change(
				`Put the default route of ProxmoxCluster ${name}'s own range behind the other one.`,
				undefined,
				"kubectl",
				"patch",
				`proxmoxcluster/${name}`,
				...inNamespace(plan.namespace),
				"--type=merge",
				`--patch=${JSON.stringify({ spec: { [`ipv${family}Config`]: { metric } } })}`,
			),
			...rollOut(plan),
		];
	}

	if (!kind.endsWith("Pool")) {
		return [
			advise(
				"Give the route in the device's own routes a higher metric, in a copy of the template under a new name: a template cannot be changed.",
			),
		];
	}

	return [
		change(
			`Put the default route of ${kind} ${name} behind the other one. Where nothing needs it, take the gateway out of the pool instead.`,
			`kubectl annotate ${kind.toLowerCase()}/${name} ${annotation}-`,
			"kubectl",
			"annotate",
			`${kind.toLowerCase()}/${name}`,
			...(kind === "GlobalInClusterIPPool" ? [] : inNamespace(plan.namespace)),
			"--overwrite",
			`${annotation}=${metric}`,
		),
		...rollOut(plan),
	];
}

/** CAPMOX writes a machine's routes once, when it is made. */
function rollOut({ users, namespace }: Plan): readonly Step[] {
	return users.map(({ kind, name }) =>
		change(
			`Machines that exist keep their routes. Replace those of ${kind} ${name}, one by one.`,
			undefined,
			"clusterctl",
			"alpha",
			"rollout",
			"restart",
			`${kind.toLowerCase()}/${name}`,
			...inNamespace(namespace),
		),
	);
}

/** For every new machine: there is no address in CAPMOX's metadata, so that a command has to find it. */
export const pinEverywhere = (interfaceName: string): Step =>
	advise(
		`Or tell every kubelet its address: a preKubeadmCommand in the KubeadmControlPlane and the KubeadmConfigTemplate reads it from ${interfaceName} and writes KUBELET_EXTRA_ARGS=--node-ip=… into /etc/default/kubelet (/etc/sysconfig/kubelet on RHEL and its kin). "capmox-doctor explain nic-order" shows the line.`,
	);
