import { orderOf } from "../../src/knowledge/nic-drivers.ts";
import { type Choice, chooseAddress, familyOf, globalOn, isLone, isSame, type Taken } from "./choice.ts";
import type { Interface, Interfaces, Kubelet, NicFinding, Routes } from "./findings.ts";
import { foretold } from "./models.ts";
import { advise, pinHere, restartKubelet } from "./steps.ts";

/** This very host, where it is a node. */
export interface Scene {
	readonly kubelet: Kubelet;
	readonly routes: Routes;
	readonly interfaces?: Interfaces | undefined;
}

/** Real devices, in the order of Proxmox VE's netN, which is that of their slots. */
export const bySlot = ({ interfaces }: Interfaces): readonly Interface[] =>
	interfaces
		.filter(({ virtual, slot }) => !virtual && slot !== undefined)
		.toSorted((one, other) => (one.bus ?? 0) - (other.bus ?? 0) || (one.slot ?? 0) - (other.slot ?? 0));

const chosen = ({ kubelet, routes, interfaces }: Scene): Choice =>
	chooseAddress({ kubelet, routes, interfaces: interfaces?.interfaces });

export function judgeNode(scene: Scene): readonly NicFinding[] {
	const choice = chosen(scene);
	switch (choice.kind) {
		case "absent":
			return [absent(scene, choice.address)];
		case "none":
			return [noAddress(scene, choice.because)];
		case "cloud":
			return [];
		case "pinned":
			return endpointTaken(scene, choice);
		case "named":
		case "route": {
			const taken = endpointTaken(scene, choice);
			return [
				...(taken.length > 0 ? taken : wrongInterface(scene, choice)),
				...(scene.interfaces === undefined ? [] : mixedModels(scene.interfaces)),
			];
		}
	}
}

/** In words, for a verdict. */
export function sentence(scene: Scene): string {
	const choice = chosen(scene);
	switch (choice.kind) {
		case "cloud":
			return "The kubelet takes the address that a cloud controller tells it.";
		case "absent":
		case "none":
			return "The kubelet finds no address.";
		default:
			return `The kubelet ${scene.kubelet.running ? "takes" : "will take"} ${choice.address} on ${choice.interface}: ${choice.because}.`;
	}
}

const shownDefaults = ({ defaults }: Routes): string =>
	defaults.length === 0
		? "no default route"
		: defaults
				.map(
					({ family, interface: name, gateway, metric }) =>
						`IPv${family} ${name}${gateway === undefined ? "" : ` via ${gateway}`} metric ${metric}`,
				)
				.join(", ");

const routesSeen = ({ routes }: Scene) => ({
	from: "/proc/net/route, /proc/net/ipv6_route",
	saw: shownDefaults(routes),
});

const flagsSeen = ({ kubelet: { flags, from } }: Scene) => ({
	from,
	saw: flags.nodeIp === undefined ? "no --node-ip" : `--node-ip=${flags.nodeIp}`,
});

function absent(scene: Scene, address: string): NicFinding {
	const { kubelet, routes, interfaces } = scene;
	const first = interfaces === undefined ? undefined : bySlot(interfaces)[0];
	const better = first === undefined ? undefined : globalOn(routes, first.name, familyOf(address));
	return {
		code: "node-ip-absent",
		summary: `The kubelet is told to use ${address}, and no interface of this node has that address.`,
		evidence: [
			{ ...flagsSeen(scene), expected: "an address of this node" },
			{
				from: "addresses of this node",
				saw: routes.addresses.map(({ interface: name, address: own }) => `${own} (${name})`).join(", "),
			},
			{ from: "the kubelet says", saw: `node IP: "${address}" not found in the host's network interfaces` },
		],
		remedy:
			better === undefined
				? [advise("Write an address of this node into --node-ip, or take the flag away."), restartKubelet]
				: [advise(`The first interface, ${first?.name ?? ""}, has ${better}.`), ...pinHere(kubelet, better)],
	};
}

const noAddress = (scene: Scene, because: string): NicFinding => ({
	code: "no-node-address",
	summary: `The kubelet finds no address for node ${scene.kubelet.nodeName}: ${because}.`,
	evidence: [
		flagsSeen(scene),
		{ ...routesSeen(scene), expected: "a default route over an interface that is up and has a global address" },
		{ from: "the kubelet says", saw: "unable to select an IP from default routes." },
	],
	remedy: [
		advise("Look at what the network configuration was to be, and what became of it.", "networkctl", "status", "--all"),
		advise("Give the pool of the default device a gateway that lies in its network, and replace the Machine."),
	],
});

/** kube-vip's address, or one that a load balancer added: it is gone when the leader changes. */
function endpointTaken(scene: Scene, choice: Taken): readonly NicFinding[] {
	const { kubelet, routes } = scene;
	const isEndpoint = kubelet.endpoint !== undefined && isSame(kubelet.endpoint, choice.address);
	const own = routes.addresses.find(({ address }) => isSame(address, choice.address));
	const other = routes.addresses.find(
		(one) => one.interface === choice.interface && familyOf(one.address) === familyOf(choice.address) && !isLone(one),
	);
	const isMoving = own !== undefined && isLone(own) && other !== undefined && choice.kind !== "pinned";
	if (!isEndpoint && !isMoving) {
		return [];
	}

	return [
		{
			code: "endpoint-as-address",
			confidence: isEndpoint ? "certain" : "likely",
			summary: isEndpoint
				? `The kubelet takes ${choice.address} for this node's address, and that is the endpoint of the control plane, which moves from node to node.`
				: `The kubelet takes ${choice.address} for this node's address. It has no network around it, as addresses have that kube-vip or a load balancer adds, and such a one moves from node to node.`,
			evidence: [
				{
					from: `addresses of ${choice.interface}`,
					saw: routes.addresses
						.filter((one) => one.interface === choice.interface)
						.map(({ address, prefix }) => `${address}/${prefix}`)
						.join(", "),
					...(other === undefined ? {} : { expected: `the kubelet goes by ${other.address}` }),
				},
				...(isEndpoint
					? [{ from: "/etc/kubernetes/kubelet.conf", saw: `the server is ${kubelet.endpoint ?? ""}` }]
					: []),
				flagsSeen(scene),
			],
			remedy:
				other === undefined
					? [advise("Tell the kubelet an address of this node by --node-ip, and restart it.")]
					: asSteps(pinHere(kubelet, other.address)),
		},
	];
}

const asSteps = ([first, ...rest]: ReturnType<typeof pinHere>): NicFinding["remedy"] => [
	first ?? restartKubelet,
	...rest,
];

function wrongInterface(scene: Scene, choice: Taken): readonly NicFinding[] {
	const { kubelet, routes, interfaces } = scene;
	const real = interfaces === undefined ? [] : bySlot(interfaces);
	const [expected] = real;
	const isOther = real.slice(1).some(({ name, master }) => name === choice.interface || master === choice.interface);
	// A VLAN or a bond that is made of the first one is none of the others.
	if (expected === undefined || !isOther || expected.master === choice.interface) {
		return [];
	}

	const address = globalOn(routes, expected.name, familyOf(choice.address));
	const pending = kubelet.pending.find(({ flags }) => address !== undefined && isSame(flags.nodeIp ?? "", address));
	return [
		{
			code: "wrong-interface",
			confidence: "likely",
			summary: `The kubelet takes ${choice.address} on ${choice.interface}, because ${choice.because}. The first device, net0, is ${expected.name}${address === undefined ? "" : ` with ${address}`}.`,
			evidence: [
				{
					from: "network devices by slot",
					saw: real.map(({ name, driver }) => `${name}${driver === undefined ? "" : ` (${driver})`}`).join(", "),
					expected: `the kubelet goes by ${expected.name}`,
				},
				routesSeen(scene),
				flagsSeen(scene),
				...(pending === undefined
					? []
					: [
							{
								from: pending.file,
								saw: `--node-ip=${pending.flags.nodeIp ?? ""}, which the running kubelet does not have yet`,
							},
						]),
			],
			remedy:
				pending !== undefined
					? [restartKubelet]
					: address === undefined
						? [
								advise(
									`${expected.name} has no address of this family. Give its pool addresses and a gateway, and replace the Machine.`,
								),
							]
						: [
								...asSteps(pinHere(kubelet, address)),
								choice.kind === "named"
									? advise(
											`Or take that name away from ${choice.address} in /etc/hosts or DNS, and restart the kubelet.`,
										)
									: advise(
											"For the machines to come: give the pool of the other device a higher metric, or no gateway. From the management cluster, capmox-doctor check nic-order names it.",
										),
							],
		},
	];
}

/** Interfaces of several drivers: the order in which they came, and why it may be another one elsewhere. */
export function mixedModels(interfaces: Interfaces): readonly NicFinding[] {
	const real = bySlot(interfaces).flatMap(({ driver, ...one }) => (driver === undefined ? [] : [{ ...one, driver }]));
	const drivers = [...new Set(real.map(({ driver }) => driver))];
	if (drivers.length < 2) {
		return [];
	}

	const seen = real.toSorted((one, other) => one.index - other.index);
	const named = (list: readonly { name: string; driver: string }[]) =>
		list.map(({ name, driver }) => `${name} (${driver})`).join(", ");
	const { builtIn, log } = interfaces;
	return [
		{
			code: "mixed-models",
			summary: `The network devices of this machine need ${drivers.length} different drivers, so that the order of its interfaces depends on which driver the kernel loads first.`,
			evidence: [
				{ from: "by slot, as Proxmox VE counts them", saw: named(real) },
				{ from: "as this kernel made them", saw: named(seen), expected: "the order of the slots, whatever the kernel" },
				...(builtIn === undefined
					? []
					: [
							{
								from: "drivers that are part of this kernel",
								saw: drivers.filter((driver) => builtIn.includes(driver)).join(", ") || "none; all are modules",
							},
						]),
				...(log === undefined
					? []
					: [
							{
								from: "the kernel's log",
								saw: log.map(({ driver, name, was }) => `${driver} ${name}: renamed from ${was}`).join(", "),
							},
						]),
				...foretold(drivers.includes("virtio_net"), (loading) => named(orderOf(real, loading).devices)),
			],
			remedy: [
				advise(
					"Give all devices the model virtio, in a new ProxmoxMachineTemplate: a template cannot be changed. Name it in the KubeadmControlPlane or MachineDeployment, and the machines are replaced one by one.",
				),
				advise(
					"Where the models must stay: let only the default device bring a default route, or tell the kubelet its address by --node-ip. The kubelet follows the first default route and not the order of interfaces.",
				),
			],
		},
	];
}
