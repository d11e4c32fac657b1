import * as z from "zod";
import { contains, networkOf, parseAddress, parseSpan, type Span } from "../addresses.ts";
import { kubeletArguments } from "./kubelet-arguments.ts";
import type { MachineNetwork } from "./machine-network.ts";
import type { ManagementPool } from "./management-addresses.ts";
import type { ManagementCluster, ManagementProxmoxCluster } from "./management-clusters.ts";
import type { ManagementMachine, ManagementProxmoxMachine } from "./management-machines.ts";
import type { ManagementObject } from "./management-object.ts";
import type { ManagementControlPlane, ManagementMachineDeployment } from "./management-replicas.ts";

const clonedFrom = "cluster.x-k8s.io/cloned-from-name";

const family = z.union([z.literal(4), z.literal(6)]);

const device = z.object({
	/** `net0` */
	name: z.string(),
	model: z.string(),
	/** Families of which its address is the one that CAPMOX gave to the machine. */
	defaultFor: z.array(family),
	vrf: z.string().optional(),
	/** Default routes that it brings. */
	routes: z.array(
		z.object({
			family,
			/** Absent: none is written, so that the guest takes its own. */
			metric: z.number().optional(),
			/** "GlobalInClusterIPPool shared", "ProxmoxCluster prod", "its own routes". */
			from: z.string(),
			/** The gateway lies outside of the network, so that the guest refuses the route. */
			unreachable: z.boolean(),
		}),
	),
	/** Pools that were named and not found. */
	unknownPools: z.array(z.string()),
});
export type PlannedDevice = z.infer<typeof device>;

const plan = z.object({
	kind: z.enum(["ProxmoxMachineTemplate", "ProxmoxMachine"]),
	namespace: z.string().optional(),
	name: z.string(),
	/** Where it begins in a manifest. */
	line: z.number().optional(),
	cluster: z.string().optional(),
	/** A ClusterClass made it. */
	topology: z.boolean(),
	/** By slot. */
	devices: z.array(device),
	/** Of workers only where it decides something: devices of several models, or a default route over another than the first. */
	kubelet: kubeletArguments,
	/** What makes machines from it. */
	users: z.array(
		z.object({
			kind: z.enum(["KubeadmControlPlane", "MachineDeployment"]),
			name: z.string(),
			/** Of the API that it was read by; a KubeadmControlPlane names its template elsewhere in each. */
			version: z.string(),
		}),
	),
});
export type Plan = z.infer<typeof plan>;

const member = z.object({
	/** Of the Machine and, mostly, of its ProxmoxMachine. */
	machine: z.string(),
	namespace: z.string().optional(),
	cluster: z.string().optional(),
	controlPlane: z.boolean(),
	node: z.string().optional(),
	providerId: z.string().optional(),
	/** It is on its way out, and its Node with it. */
	deleting: z.boolean().optional(),
	/** By device, in any textual form. */
	networks: z.array(z.object({ net: z.string(), addresses: z.array(z.string()) })),
	/** Its KubeadmControlPlane or KubeadmConfigTemplate writes --node-ip, and so knows better than any default. */
	told: z.boolean(),
	/** Devices whose addresses are the machine's own. */
	defaults: z.array(z.string()),
});
export type Member = z.infer<typeof member>;

/** Facts `management.networks` and `environment.networks`: which devices, routes and addresses CAPMOX gives to machines. */
export const networks = z.object({
	/** "the management cluster", or the name of the manifest. */
	source: z.string(),
	plans: z.array(plan),
	/** Machines that exist; none in a manifest. */
	members: z.array(member),
	/** Hosts of the control planes' endpoints. */
	endpoints: z.array(z.object({ cluster: z.string().optional(), namespace: z.string().optional(), host: z.string() })),
});
export type Networks = z.infer<typeof networks>;

/** A ProxmoxMachineTemplate. */
export interface Template extends ManagementObject {
	readonly network: MachineNetwork | undefined;
}

/** A KubeadmConfigTemplate. */
export interface Bootstrap extends ManagementObject {
	readonly kubelet: z.infer<typeof kubeletArguments>;
}

/** What a cluster is described by, wherever that stands. */
export interface Parts {
	/** Nothing of it exists yet, so that every template counts. */
	readonly isPlanned: boolean;
	readonly templates: readonly Template[];
	readonly bootstraps: readonly Bootstrap[];
	readonly pools: readonly ManagementPool[];
	readonly clusters: readonly ManagementCluster[];
	readonly proxmoxClusters: readonly ManagementProxmoxCluster[];
	readonly controlPlanes: { readonly version?: string | undefined; readonly items: readonly ManagementControlPlane[] };
	readonly machineDeployments: {
		readonly version?: string | undefined;
		readonly items: readonly ManagementMachineDeployment[];
	};
	readonly machines: readonly ManagementMachine[];
	readonly proxmoxMachines: readonly ManagementProxmoxMachine[];
}

const isTogether = (
	one: { readonly namespace?: string | undefined },
	other: { readonly namespace?: string | undefined },
): boolean => one.namespace === other.namespace;

/** Leads from references to what they name. */
export function compose(source: string, parts: Parts): Networks {
	const ofTemplates = parts.templates.flatMap((template) =>
		template.network === undefined || !isUsed(template, parts)
			? []
			: [planOf("ProxmoxMachineTemplate", template, template.network, parts)],
	);
	// A machine that is as its template says adds nothing; others keep what an older template said.
	const ofMachines = parts.proxmoxMachines
		.flatMap((machine) =>
			machine.network === undefined ? [] : [planOf("ProxmoxMachine", machine, machine.network, parts)],
		)
		.filter(
			({ namespace, devices }) =>
				!ofTemplates.some((one) => one.namespace === namespace && isSame(one.devices, devices)),
		);
	return {
		source,
		plans: [...ofTemplates, ...ofMachines],
		members: parts.machines.flatMap((machine) => memberOf(machine, parts)),
		endpoints: parts.clusters.flatMap(({ name, namespace, endpoint }) =>
			endpoint === undefined ? [] : [{ cluster: name, namespace, host: endpoint.host }],
		),
	};
}

/** One that was replaced stays behind and makes no machine any more; so does that which a ClusterClass copies from. */
const isUsed = (template: Template, parts: Parts): boolean =>
	parts.isPlanned ||
	usersOf(template, parts).length > 0 ||
	parts.proxmoxMachines.some(
		(machine) => isTogether(machine, template) && machine.annotations[clonedFrom] === template.name,
	) ||
	// Whatever else makes control planes names its template in a way of its own.
	parts.clusters.some(
		(cluster) =>
			isTogether(cluster, template) &&
			cluster.controlPlane !== undefined &&
			cluster.controlPlane.kind !== "KubeadmControlPlane",
	);

const isSame = (one: Plan["devices"], other: Plan["devices"]): boolean => JSON.stringify(one) === JSON.stringify(other);

const indexOf = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 0);

function planOf(kind: Plan["kind"], object: ManagementObject, network: MachineNetwork, parts: Parts): Plan {
	const users = kind === "ProxmoxMachineTemplate" ? usersOf(object, parts) : [];
	const cluster = object.cluster ?? users[0]?.cluster;
	// Without a label or a user the only ProxmoxCluster of the namespace is meant.
	const near = parts.proxmoxClusters.filter((one) => isTogether(one, object));
	const own = near.find((one) => (one.cluster ?? one.name) === cluster) ?? (near.length === 1 ? near[0] : undefined);
	return {
		kind,
		namespace: object.namespace,
		name: object.name,
		cluster: cluster ?? own?.cluster ?? own?.name,
		topology: parts.clusters.some(
			(one) => isTogether(one, object) && one.name === cluster && one.topology !== undefined,
		),
		devices: network.devices
			.toSorted((one, other) => indexOf(one.name) - indexOf(other.name))
			.map((each) => deviceOf(each, object, own, network.zone, parts.pools)),
		kubelet: argumentsOf(kind === "ProxmoxMachineTemplate" ? users : makersOf(object, parts), parts, object),
		users: users.map(({ kind: userKind, name, version }) => ({ kind: userKind, name, version })),
	};
}

interface User {
	readonly kind: "KubeadmControlPlane" | "MachineDeployment";
	readonly name: string;
	readonly version: string;
	readonly cluster: string | undefined;
}

function usersOf(
	template: ManagementObject,
	{ controlPlanes: controls, machineDeployments: deployments }: Parts,
): User[] {
	const uses = (user: ManagementObject & { readonly template?: string | undefined }) =>
		isTogether(user, template) && user.template === template.name;
	return [
		...controls.items.filter(uses).map(({ name, cluster }) => ({
			kind: "KubeadmControlPlane" as const,
			name,
			version: controls.version ?? "v1beta1",
			cluster,
		})),
		...deployments.items.filter(uses).map(({ name, cluster }) => ({
			kind: "MachineDeployment" as const,
			name,
			version: deployments.version ?? "v1beta1",
			cluster,
		})),
	];
}

/** By the template that a ProxmoxMachine was copied from. */
function makersOf(machine: ManagementObject, parts: Parts): User[] {
	const name = machine.annotations[clonedFrom];
	const template = parts.templates.find((one) => isTogether(one, machine) && one.name === name);
	return template === undefined ? [] : usersOf(template, parts);
}

/** Those that hold for every machine made from the template. */
function argumentsOf(users: readonly User[], parts: Parts, near: ManagementObject): Plan["kubelet"] {
	const found = users.map(({ kind, name }) => {
		if (kind === "KubeadmControlPlane") {
			return parts.controlPlanes.items.find((one) => isTogether(one, near) && one.name === name)?.kubelet;
		}

		const deployment = parts.machineDeployments.items.find((one) => isTogether(one, near) && one.name === name);
		return parts.bootstraps.find((one) => isTogether(one, near) && one.name === deployment?.bootstrap)?.kubelet;
	});
	const [first] = found;
	return {
		...(first?.nodeIp !== undefined && found.every((one) => one?.nodeIp !== undefined) ? { nodeIp: first.nodeIp } : {}),
		...(first?.cloudProvider !== undefined && found.every((one) => one?.cloudProvider !== undefined)
			? { cloudProvider: first.cloudProvider }
			: {}),
	};
}

function deviceOf(
	raw: MachineNetwork["devices"][number],
	near: ManagementObject,
	cluster: ManagementProxmoxCluster | undefined,
	zone: string | undefined,
	known: readonly ManagementPool[],
): PlannedDevice {
	const ranges = (cluster?.ranges ?? []).filter(
		(range) => range.zone === zone && (range.family === 4 ? raw.default4 : raw.default6),
	);
	const found = raw.pools.map((reference) => ({
		reference,
		pool: known.find(
			({ kind, name, namespace }) =>
				kind === reference.kind &&
				name === reference.name &&
				(kind === "GlobalInClusterIPPool" || namespace === near.namespace),
		),
	}));
	return {
		name: raw.name,
		model: raw.model,
		defaultFor: [...(raw.default4 ? [4 as const] : []), ...(raw.default6 ? [6 as const] : [])],
		...(raw.vrf === undefined ? {} : { vrf: raw.vrf }),
		routes: [
			...ranges.flatMap((range) => routeOf(range, `ProxmoxCluster ${cluster?.name ?? ""}`, 100)),
			...found.flatMap(({ pool, reference }) => (pool ? routeOf(pool, `${reference.kind} ${reference.name}`) : [])),
			...raw.routes.map((route) => ({ ...route, from: "its own routes", unreachable: false })),
		],
		unknownPools: found.flatMap(({ pool, reference }) =>
			pool === undefined ? [`${reference.kind} ${reference.name}`] : [],
		),
	};
}

interface Range {
	readonly addresses: readonly string[];
	readonly prefix?: number | undefined;
	readonly gateway?: string | undefined;
	readonly metric?: number | undefined;
}

/** `usual`: what the API server fills in where a ProxmoxCluster says nothing. */
function routeOf({ addresses, prefix, gateway, metric }: Range, from: string, usual?: number): PlannedDevice["routes"] {
	const via = parseAddress(gateway ?? "");
	if (via === undefined) {
		return [];
	}

	const chosen = metric ?? usual;
	return [
		{
			family: via.family,
			...(chosen === undefined ? {} : { metric: chosen }),
			from,
			unreachable: !isOnLink(via, addresses, prefix),
		},
	];
}

function isOnLink(
	via: NonNullable<ReturnType<typeof parseAddress>>,
	addresses: readonly string[],
	prefix = 0,
): boolean {
	const spans = addresses.map(parseSpan).filter((span): span is Span => typeof span !== "string");
	return (
		// A link-local gateway of IPv6 is on every link.
		(via.family === 6 && via.value >> 118n === 0x3fan) ||
		spans.some(
			(span) =>
				span.family === via.family && contains(networkOf({ family: span.family, value: span.first }, prefix), via),
		)
	);
}

function memberOf(machine: ManagementMachine, parts: Parts): Member[] {
	if (machine.infrastructure?.kind !== "ProxmoxMachine") {
		return [];
	}

	const { name } = machine.infrastructure;
	const own = parts.proxmoxMachines.find((one) => isTogether(one, machine) && one.name === name);
	const devices = own?.network?.devices ?? [];
	const defaults = devices.filter(({ default4, default6 }) => default4 || default6).map((each) => each.name);
	return [
		{
			machine: machine.name,
			namespace: machine.namespace,
			cluster: machine.cluster,
			controlPlane: machine.controlPlane,
			node: machine.node,
			providerId: own?.providerId ?? machine.providerId,
			...(machine.deleting === undefined ? {} : { deleting: true }),
			networks: own?.networks ?? [],
			told: own !== undefined && argumentsOf(makersOf(own, parts), parts, own).nodeIp !== undefined,
			defaults: defaults.length === 0 ? ["net0"] : defaults,
		},
	];
}
