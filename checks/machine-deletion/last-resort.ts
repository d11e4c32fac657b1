import type { NonEmpty, Step } from "../../src/check.ts";
import type { Estate, Machine, ProxmoxMachine, Thing } from "./estate.ts";
import { advise, changeOnNode, destroy, destroyOnNode, look, lookOnNode } from "./findings.ts";
import { takeOff } from "./patch.ts";
import { inNamespace, meantFor, resources } from "./resources.ts";
import { describeVm, lookAt, nodeOf, type Seen } from "./vm.ts";

interface Pair {
	readonly machine: Machine | undefined;
	readonly proxmox: ProxmoxMachine | undefined;
}

/** Both sides of one machine. */
function pairOf(estate: Estate, thing: Thing): Pair {
	switch (thing.kind) {
		case "Machine": {
			const { namespace, infrastructure } = thing.object;
			return { machine: thing.object, proxmox: estate.find("ProxmoxMachine", namespace, infrastructure?.name)?.object };
		}
		case "ProxmoxMachine": {
			const { namespace, owners } = thing.object;
			const owner = owners.find(({ kind }) => kind === "Machine");
			return { machine: estate.find("Machine", namespace, owner?.name)?.object, proxmox: thing.object };
		}
		default:
			return { machine: undefined, proxmox: undefined };
	}
}

const preface =
	"Last resort, where the cause cannot be removed: the next steps, one after the other, for this one machine. The troubleshooting document removes addresses first; here they come after the VM, because the address of a VM that still runs is given to the next one. It is the claim that is removed, because an address cannot go before its claim.";

/**
 * In the order that works. ProxmoxMachine before Machine, because CAPMOX never finishes one whose Machine is gone; claims
 * after the VM is off, because a freed address is given away at once.
 */
function lastResort(estate: Estate, thing: Thing): readonly Step[] {
	const { machine, proxmox } = pairOf(estate, thing);
	const { kind = "ProxmoxMachine" } = machine?.infrastructure ?? {};
	if ((machine === undefined && proxmox === undefined) || kind !== "ProxmoxMachine") {
		return [];
	}

	const seen: Seen =
		proxmox === undefined ? { kind: "not-looked", because: "it has no ProxmoxMachine" } : lookAt(estate, proxmox);
	return [
		advise(preface),
		...(machine === undefined ? [] : etcdFirst(estate, machine)),
		...(proxmox === undefined ? [] : [...stopVm(estate, proxmox, seen), releaseProxmoxMachine(proxmox, seen)]),
		...(proxmox === undefined ? [] : removeClaims(estate, proxmox)),
		...(machine?.deleting === undefined ? [] : [releaseMachine(machine)]),
		...(proxmox === undefined ? [] : removeVm(proxmox, seen)),
		...(machine?.node === undefined ? [] : removeNode(machine)),
	];
}

/** Its own steps, then the last resort. */
export const withLastResort = (estate: Estate, thing: Thing, ...[first, ...more]: NonEmpty<Step>): NonEmpty<Step> => [
	first,
	...more,
	...lastResort(estate, thing).filter(({ advice }) => ![first, ...more].some((before) => before.advice === advice)),
];

function stopVm(estate: Estate, machine: ProxmoxMachine, seen: Seen): readonly Step[] {
	const { vmid, name, providerId } = machine;
	if (vmid === undefined || seen.kind === "gone") {
		return [];
	}

	if (seen.kind === "other") {
		return [advise(`Do NOT touch VM ${vmid}: it is ${describeVm(seen.vm)}, and not the VM of ${name}.`)];
	}

	if (seen.kind === "same" && seen.certain) {
		const { node, ha, status } = seen.vm;
		const advice = `Name and UUID of VM ${vmid} on ${node} are those of ${name}.`;
		if (status === "stopped") {
			return [];
		}

		return ha === undefined
			? [changeOnNode(`qm start ${vmid}`, `${advice} Stop it.`, "qm", "stop", String(vmid), ...despiteLock(seen))]
			: [
					changeOnNode(
						`ha-manager set vm:${vmid} --state started`,
						`${advice} Have high availability stop it.`,
						"ha-manager",
						"set",
						`vm:${vmid}`,
						"--state",
						"stopped",
					),
				];
	}

	const uuid = providerId?.replace(/^proxmox:\/\//, "");
	const where = nodeOf(estate, machine);
	return [
		lookOnNode(
			`Make sure that VM ${vmid}${where === undefined ? "" : `, by CAPMOX's account on ${where},`} is this machine: its name must be ${name}${uuid === undefined ? "" : ` and its smbios1 must hold uuid=${uuid}`}. Otherwise it is somebody else's; leave it alone.`,
			"qm",
			"config",
			String(vmid),
		),
		changeOnNode(`qm start ${vmid}`, "Only then stop it.", "qm", "stop", String(vmid)),
	];
}

/** Only root on a node may do so. */
const despiteLock = (seen: Seen): readonly string[] =>
	seen.kind === "same" && seen.vm.lock !== undefined ? ["--skiplock", "1"] : [];

function releaseProxmoxMachine(machine: ProxmoxMachine, { kind }: Seen): Step {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	return machine.deleting === undefined
		? meantFor(
				[thing],
				destroy(
					"Delete the ProxmoxMachine. Where CAPMOX works it removes the VM itself, and that is all that is needed.",
					"kubectl",
					"delete",
					resources.ProxmoxMachine,
					machine.name,
					...inNamespace(thing),
					"--wait=false",
				),
			)
		: takeOff(thing, kind === "gone" ? "It goes at once." : "It goes at once; its VM stays until you remove it.");
}

function removeClaims(estate: Estate, machine: ProxmoxMachine): readonly Step[] {
	const [first, ...others] = estate.claimsOf(machine);
	if (first === undefined) {
		return [];
	}

	const things = [first, ...others].map((object) => ({ kind: "IPAddressClaim", object }) as const);
	return [
		meantFor(
			things,
			destroy(
				"Its claims go by themselves within a minute or two; delete those that are left. Never delete an IPAddress.",
				"kubectl",
				"delete",
				resources.IPAddressClaim,
				...things.map(({ object }) => object.name),
				...inNamespace({ kind: "IPAddressClaim", object: first }),
				"--ignore-not-found",
				"--wait=false",
			),
		),
	];
}

const releaseMachine = (machine: Machine): Step =>
	takeOff(
		{ kind: "Machine", object: machine },
		machine.controlPlane
			? "Only now, and only when its etcd member is gone. Where it goes by itself, leave it."
			: "Only now, and only where it does not go by itself.",
	);

/** A member that is left counts for the quorum; one too many of these, and the workload cluster is lost. */
function etcdFirst(estate: Estate, machine: Machine): readonly Step[] {
	if (!machine.controlPlane) {
		return [];
	}

	const other = estate.facts["management.machines"].items.find(
		({ controlPlane, cluster, namespace, name, node, deleting }) =>
			controlPlane &&
			cluster === machine.cluster &&
			namespace === machine.namespace &&
			name !== machine.name &&
			node !== undefined &&
			deleting === undefined,
	);
	if (other?.node === undefined) {
		return [
			advise(
				"This is a control-plane machine, and no other one of its cluster is in use: with it the workload cluster and all its data go.",
			),
		];
	}

	const etcdctl = [
		"kubectl",
		"--kubeconfig",
		kubeconfigOf(machine),
		"-n",
		"kube-system",
		"exec",
		`etcd-${other.node}`,
		"--",
		"etcdctl",
		"--endpoints=https://127.0.0.1:2379",
		"--cacert=/etc/kubernetes/pki/etcd/ca.crt",
		"--cert=/etc/kubernetes/pki/etcd/server.crt",
		"--key=/etc/kubernetes/pki/etcd/server.key",
		"member",
	] as const;
	return [
		saveKubeconfig(machine),
		look(
			`This is a control-plane machine: etcd comes first. See whether ${machine.node ?? machine.name} is still a member, and whether a majority is left without it.`,
			...etcdctl,
			"list",
		),
		destroy("Remove that member; put in its ID.", ...etcdctl, "remove", "MEMBER_ID"),
	];
}

const kubeconfigOf = ({ cluster }: Machine): string => `${cluster ?? "workload"}.kubeconfig`;

export const saveKubeconfig = (machine: Machine): Step =>
	look(
		`Keep what this prints, the workload cluster's kubeconfig, as ${kubeconfigOf(machine)}.`,
		"clusterctl",
		"get",
		"kubeconfig",
		machine.cluster ?? "workload",
		...inNamespace({ kind: "Machine", object: machine }),
	);

function removeVm({ vmid, name }: ProxmoxMachine, seen: Seen): readonly Step[] {
	if (vmid === undefined || seen.kind === "gone" || seen.kind === "other") {
		return [];
	}

	const isCertain = seen.kind === "same" && seen.certain;
	const isProtected = seen.kind === "same" && seen.vm.config?.protection === true;
	return [
		destroyOnNode(
			`At last remove the VM${isCertain ? ", whose name and UUID are those of the machine" : `, if it is ${name}`}: its disks go with it. Not where clusterctl moved its cluster: then another management cluster goes on with it.${isProtected ? " As long as it is protected, Proxmox VE refuses." : ""}`,
			"qm",
			"destroy",
			String(vmid),
			"--purge",
			"1",
			...despiteLock(seen),
		),
	];
}

const removeNode = (machine: Machine): readonly Step[] => [
	...(machine.controlPlane ? [] : [saveKubeconfig(machine)]),
	destroy(
		"Where its Node is left in the workload cluster, remove it.",
		"kubectl",
		"--kubeconfig",
		kubeconfigOf(machine),
		"delete",
		"node",
		machine.node ?? machine.name,
		"--ignore-not-found",
	),
];
