import type { Cluster } from "../clusters.ts";
import { familyOf, isSame, normal } from "./choice.ts";
import type { Member, Networks, NicFinding, Node } from "./findings.ts";
import { advise } from "./steps.ts";

interface Pair {
	readonly member: Member;
	readonly node: Node;
}

/** Machines with their Nodes, all of one cluster, those that are not ready first. `isKnown`: it is the machines' own. */
export function pairsOf({ members }: Networks, nodes: readonly Node[], isKnown: boolean): readonly Pair[] {
	const lower = (id: string | undefined) => (id === undefined ? [] : [id.toLowerCase()]);
	const nameOf = ({ node, machine }: Member) => node ?? machine;
	const nodesBy = {
		id: group(nodes, ({ providerId }) => lower(providerId)),
		name: group(nodes, ({ name }) => [name]),
		// A host name of its own, and an ID that somebody else wrote: the address is left.
		address: group(isKnown ? nodes : [], ({ internal }) => internal.map(normal)),
	};
	const membersBy = {
		id: group(members, ({ providerId }) => (providerId === undefined ? [] : [providerId])),
		name: group(members, (member) => [nameOf(member)]),
	};
	return members
		.flatMap((member) => {
			const [byId] = lower(member.providerId).flatMap((id) => nodesBy.id.get(id) ?? []);
			const [byName] = [nameOf(member)].flatMap((name) => nodesBy.name.get(name) ?? []);
			const [byAddress] = addressesOf(member, () => true).flatMap(({ address }) => nodesBy.address.get(address) ?? []);
			const near = byName ?? byAddress;
			// Names repeat between clusters, and it may not be known which one this is.
			const isOther = [
				...(membersBy.name.get(near?.name ?? "") ?? []),
				...(membersBy.id.get(near?.providerId ?? "") ?? []),
			].some((other) => other !== member);
			const node = byId ?? (isOther ? undefined : near);
			return node === undefined ? [] : [{ member, node }];
		})
		.toSorted((one, other) => Number(one.node.ready) - Number(other.node.ready));
}

/** By each of their keys: there may be thousands. */
function group<T>(all: readonly T[], keysOf: (one: T) => readonly string[]): ReadonlyMap<string, readonly T[]> {
	const groups = new Map<string, T[]>();
	for (const one of all) {
		for (const key of keysOf(one)) {
			const alike = groups.get(key);
			if (alike === undefined) {
				groups.set(key, [one]);
			} else {
				alike.push(one);
			}
		}
	}

	return groups;
}

interface Fault {
	readonly node: Node;
	readonly finding: NicFinding;
}

/** Of many nodes with one fault the first are told in full, and of the others who they are. */
export const judgePairs = (networks: Networks, pairs: readonly Pair[]): readonly NicFinding[] => {
	const faults = pairs.flatMap((pair) =>
		[...judgeAddress(networks, pair), ...judgeProvider(pair)].map((finding) => ({ node: pair.node, finding })),
	);
	return [...group(faults, ({ finding }) => [finding.code]).values()].flatMap((alike) => {
		const told = alike.length <= toldInFull + 1 ? alike : alike.slice(0, toldInFull);
		return [...told.map(({ finding }) => finding), ...tellOthers(alike.slice(told.length))];
	});
};

const toldInFull = 3;
const namedOthers = 10;

function tellOthers(others: readonly Fault[]): readonly NicFinding[] {
	const [first, ...rest] = others.slice(0, namedOthers);
	if (first === undefined) {
		return [];
	}

	const names = [first, ...rest].map(({ node }) => node.name);
	const unnamed = others.length - names.length;
	return [
		{
			code: first.finding.code,
			summary: `${others.length} more nodes are like that: ${names.join(", ")}${unnamed === 0 ? "" : ` and ${unnamed} others`}.`,
			evidence: [first.finding.evidence[0], ...rest.map(({ finding }) => finding.evidence[0])],
			remedy: [
				advise(
					"What is said of the nodes before holds for each of these, with its own name and addresses. Where all have one cause, such as the metrics of a pool, mend that first.",
				),
			],
		},
	];
}

/** Nodes that no machine has: there is nothing that their addresses could be held against. */
export function judgeStrays(strays: readonly Node[], { kubectl }: Cluster): readonly NicFinding[] {
	const [first, ...rest] = strays.toSorted((one, other) => Number(one.ready) - Number(other.ready));
	if (first === undefined) {
		return [];
	}

	const shown = [first, ...rest.slice(0, 3)].map((node) => ({
		...nodeSeen(node),
		expected: "a Machine that it is of",
	}));
	const [evidence = nodeSeen(first), ...more] = shown;
	return [
		{
			code: "address-untold",
			summary: `${titleOf(first)}${rest.length === 0 ? " belongs" : ` and ${rest.length} more belong`} to no Machine that the management cluster has. Whether ${rest.length === 0 ? "it goes by the right address" : "they go by the right addresses"} cannot be said.`,
			evidence: [evidence, ...more],
			remedy: [
				{
					...advise(
						"Look at these nodes. One whose Machine is gone stays behind as a Node until somebody deletes it; one that joined by hand is nobody's machine, and may well be right.",
					),
					command: ["kubectl", ...kubectl, "get", "nodes", "--output", "wide"],
				},
			],
		},
	];
}

const titleOf = ({ name, ready }: Node): string => `Node ${name}${ready ? "" : ", which is not ready,"}`;

function judgeAddress(networks: Networks, { member, node }: Pair): readonly NicFinding[] {
	const endpoint = networks.endpoints.find(
		({ cluster, namespace, host }) =>
			cluster === member.cluster && namespace === member.namespace && node.internal.some((one) => isSame(one, host)),
	);
	if (endpoint !== undefined) {
		return [endpointTaken(member, node, endpoint.host)];
	}

	if (node.internal.length === 0) {
		return [noAddress(node)];
	}

	const own = addressesOf(member, (net) => net === "default" || member.defaults.includes(net));
	const others = addressesOf(member, (net) => net !== "default" && !member.defaults.includes(net));
	if (member.told) {
		return [];
	}

	if (own.length === 0) {
		return [untold(member, node)];
	}

	// Of each family the first one counts; a cloud controller may list those of all devices behind it.
	const used = ([4, 6] as const).flatMap((family) => node.internal.find((one) => familyOf(one) === family) ?? []);
	const [wrong] = used.flatMap((address) => {
		const device = others.find((one) => isSame(one.address, address));
		return device !== undefined && !own.some((one) => isSame(one.address, address)) ? [{ address, device }] : [];
	});
	if (wrong !== undefined) {
		return isPinned(node, wrong.address) ? [] : [wrongAddress(member, node, wrong.address, wrong.device.net, own)];
	}

	const foreign = used.filter((address) => !own.some((one) => isSame(one.address, address)));
	return foreign.length > 0 && !foreign.every((address) => isPinned(node, address))
		? [foreignAddress(member, node, foreign)]
		: [];
}

const isPinned = ({ providedNodeIp = "" }: Node, address: string): boolean =>
	providedNodeIp.split(",").some((one) => isSame(one.trim(), address));

const addressesOf = ({ networks }: Member, wanted: (net: string) => boolean) =>
	networks
		.filter(({ net }) => wanted(net))
		.flatMap(({ net, addresses }) => addresses.map((address) => ({ net, address: normal(address) })));

const allOf = ({ networks }: Member): string =>
	networks
		.filter(({ net, addresses }) => net !== "default" && addresses.length > 0)
		.map(({ net, addresses }) => `${net} ${addresses.map(normal).join(", ")}`)
		.join("; ");

const nodeSeen = ({ name, internal, ready }: Node) => ({
	from: `Node ${name}`,
	saw: `InternalIP ${internal.map(normal).join(", ")}${ready ? "" : ", not ready"}`,
});

const lookAtRoutes = advise(
	"Look at the order of default routes on that node; the kubelet goes by the first. Run there: capmox-doctor check nic-order.",
);

const replaceMachine = ({ machine, namespace }: Member, why: string): NicFinding["remedy"][number] => ({
	advice: `${why} In the management cluster, machines of a MachineDeployment or KubeadmControlPlane are made anew when they are deleted. Do it one by one.`,
	command: [
		"kubectl",
		"delete",
		`machine.cluster.x-k8s.io/${machine}`,
		...(namespace === undefined ? [] : ["--namespace", namespace]),
	],
	where: "here",
	risk: "destroys",
});

const pinned = (member: Member, address: string): NicFinding["remedy"][number] => ({
	advice: `On that node, tell the kubelet its address, and restart it with systemctl restart kubelet.${member.controlPlane ? " etcd and the certificates of a control-plane node hold the old address, too, so that replacing the Machine is the way." : ""} Keep what the line holds already.`,
	put: { line: `KUBELET_EXTRA_ARGS=--node-ip=${address}`, into: "/etc/default/kubelet" },
	where: "cluster-node",
	risk: "changes",
	undo: "take --node-ip away again and restart the kubelet.",
});

function wrongAddress(
	member: Member,
	node: Node,
	address: string,
	device: string,
	own: readonly { readonly net: string; readonly address: string }[],
): NicFinding {
	const better = own.find((one) => familyOf(one.address) === familyOf(address)) ?? own[0];
	// Of two families both have to be told, or the other one is gone.
	const families = [...new Set(node.internal.map(familyOf))];
	const right = families.flatMap((family) => own.find((one) => familyOf(one.address) === family)?.address ?? []);
	return {
		code: "wrong-address",
		summary: `${titleOf(node)} goes by ${normal(address)}, the address of its device ${device}. CAPMOX gave ${better?.address ?? ""} on ${better?.net === "default" ? (member.defaults[0] ?? "net0") : (better?.net ?? "net0")} to the machine.`,
		evidence: [
			{ ...nodeSeen(node), expected: `InternalIP ${better?.address ?? ""}` },
			{ from: `ProxmoxMachine of Machine ${member.machine}`, saw: allOf(member) },
		],
		remedy: [
			lookAtRoutes,
			pinned(member, right.length === 0 ? (better?.address ?? "") : right.join(",")),
			replaceMachine(member, "Once the pools' metrics are right, replace the Machine instead."),
		],
	};
}

const endpointTaken = (member: Member, node: Node, host: string): NicFinding => ({
	code: "endpoint-as-address",
	summary: `${titleOf(node)} goes by ${normal(host)}, and that is the endpoint of the control plane, which moves from node to node.`,
	evidence: [
		nodeSeen(node),
		{ from: `Cluster ${member.cluster ?? ""}`, saw: `the endpoint is ${normal(host)}` },
		{ from: `ProxmoxMachine of Machine ${member.machine}`, saw: allOf(member) },
	],
	remedy: [
		lookAtRoutes,
		replaceMachine(
			member,
			"Let the KubeadmControlPlane tell every kubelet its address by --node-ip (capmox-doctor explain nic-order shows how), then replace the Machine.",
		),
	],
});

const noAddress = (node: Node): NicFinding => ({
	code: "no-address",
	summary: `${titleOf(node)} has no InternalIP${node.uninitialized ? ": it waits for a cloud controller, which has not initialised it" : ""}.`,
	evidence: [
		{ from: `Node ${node.name}`, saw: "no InternalIP", expected: "the address that CAPMOX gave to its machine" },
		...(node.uninitialized
			? [{ from: `Node ${node.name}`, saw: "taint node.cloudprovider.kubernetes.io/uninitialized" }]
			: []),
	],
	remedy: node.uninitialized
		? [
				advise(
					"The kubelet runs with --cloud-provider=external. Since Kubernetes 1.29 it then sets no address unless --node-ip is given. Install a cloud controller, or take the flag away.",
				),
			]
		: [lookAtRoutes],
});

const foreignAddress = (member: Member, node: Node, foreign: readonly string[]): NicFinding => ({
	code: "foreign-address",
	summary: `${titleOf(node)} goes by ${foreign.map(normal).join(", ")}, and CAPMOX gave none of that to its machine. It may come from DHCP, a load balancer or a cloud controller.`,
	evidence: [
		{ ...nodeSeen(node), expected: "an address of the default device" },
		{ from: `ProxmoxMachine of Machine ${member.machine}`, saw: allOf(member) },
	],
	remedy: [lookAtRoutes],
});

const untold = (member: Member, node: Node): NicFinding => ({
	code: "address-untold",
	summary: `${titleOf(node)} goes by ${node.internal.map(normal).join(", ")}, and whether that is right cannot be said: CAPMOX names no address of the default device of its machine.`,
	evidence: [
		nodeSeen(node),
		{
			from: `ProxmoxMachine of Machine ${member.machine}, status.ipAddresses`,
			saw: allOf(member) === "" ? "none, or there is no such ProxmoxMachine" : allOf(member),
			expected: "an address of the default device",
		},
	],
	remedy: [
		{
			...advise(
				"See whether the ProxmoxMachine is there, and what its conditions say. Where somebody deleted it and the VM goes on, replace the Machine.",
			),
			command: [
				"kubectl",
				"get",
				"proxmoxmachines",
				...(member.namespace === undefined ? [] : ["--namespace", member.namespace]),
				"--output",
				"wide",
			],
		},
	],
});

function judgeProvider({ member, node }: Pair): readonly NicFinding[] {
	const { providerId: wanted } = member;
	const has = node.providerId;
	if (wanted === undefined || has === wanted || (has === undefined && !node.ready)) {
		return [];
	}

	// proxmox-cloud-controller-manager writes region and VMID.
	const isForeign = has !== undefined && /^proxmox:\/\/[^/]+\/\d+$/.test(has);
	return [
		{
			code: "provider-id-mismatch",
			summary: `${titleOf(node)} has ${has === undefined ? "no provider ID" : `the provider ID ${has}`}, and its machine ${wanted}. Cluster API cannot match them.`,
			evidence: [
				{ from: `Node ${node.name}`, saw: has ?? "no spec.providerID", expected: wanted },
				{ from: `Machine ${member.machine}`, saw: wanted },
			],
			remedy: isForeign
				? [
						advise(
							"That form, region and VMID, is the Proxmox cloud controller's own. Set provider: capmox below features in its configuration, so that it takes the machines' UUID as CAPMOX does.",
						),
						replaceMachine(member, "A provider ID cannot be changed once it is set, so replace the Machine."),
					]
				: [
						advise(
							"CAPMOX's templates pass it by kubeletExtraArgs: provider-id with proxmox://'{{ ds.meta_data.instance_id }}'. Put that into the KubeadmControlPlane and the KubeadmConfigTemplate.",
						),
						replaceMachine(member, "A provider ID cannot be changed once it is set, so replace the Machine."),
					],
		},
	];
}
