import { parseAllDocuments } from "yaml";
import * as z from "zod";
import type { World } from "../access/world.ts";
import { contains, networkOf, parseAddress, parseSpan, type Span } from "../addresses.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { kubeletArguments, rawKubeadmConfig, readKubeletArguments } from "./kubelet-arguments.ts";
import { type MachineNetwork, rawNetwork, readNetwork } from "./machine-network.ts";
import { globalPools, type ManagementPool, pools } from "./management-addresses.ts";
import {
	clusters,
	type ManagementCluster,
	type ManagementProxmoxCluster,
	proxmoxClusters,
} from "./management-clusters.ts";
import { type Kind, readList } from "./management-list.ts";
import type { ManagementMachine, ManagementProxmoxMachine } from "./management-machines.ts";
import { type ManagementObject, rawMetadata, readObject } from "./management-object.ts";
import {
	controlPlanes,
	type ManagementControlPlane,
	type ManagementMachineDeployment,
	machineDeployments,
} from "./management-replicas.ts";
import type { Know } from "./probe.ts";

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
	cluster: z.string().optional(),
	/** A ClusterClass made it. */
	topology: z.boolean(),
	/** By slot. */
	devices: z.array(device),
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

interface Template extends ManagementObject {
	readonly network: MachineNetwork | undefined;
}

const rawTemplate = z.object({
	metadata: rawMetadata,
	spec: z.object({ template: z.object({ spec: z.object({ network: rawNetwork }) }) }),
});

const templates: Kind<z.infer<typeof rawTemplate>, Template> = {
	group: "infrastructure.cluster.x-k8s.io",
	plural: "proxmoxmachinetemplates",
	versions: ["v1alpha2", "v1alpha1"],
	foreignVersions: ["v1beta1"],
	raw: rawTemplate,
	read: ({ metadata, spec }) => ({
		...readObject({ metadata }),
		network: readNetwork(spec.template.spec.network),
	}),
};

interface Bootstrap extends ManagementObject {
	readonly kubelet: z.infer<typeof kubeletArguments>;
}

const rawBootstrap = z.object({
	metadata: rawMetadata,
	spec: z.object({ template: z.object({ spec: rawKubeadmConfig }) }),
});

const bootstraps: Kind<z.infer<typeof rawBootstrap>, Bootstrap> = {
	group: "bootstrap.cluster.x-k8s.io",
	plural: "kubeadmconfigtemplates",
	versions: ["v1beta2", "v1beta1"],
	raw: rawBootstrap,
	read: ({ metadata, spec }) => ({ ...readObject({ metadata }), kubelet: readKubeletArguments(spec.template.spec) }),
};

interface Parts {
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

export async function readManagementNetworks(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<Networks> {
	const asking = { world, know, signal, note };
	const { installed, items: proxmox } = await know("management.proxmoxClusters");
	if (!installed) {
		throw new ProbeError("not-set-up", "the management cluster has no CAPMOX");
	}

	const [found, own, controls, deployments, all, machines, proxmoxMachines] = await Promise.all([
		readList(templates, asking),
		know("management.pools"),
		know("management.controlPlanes"),
		know("management.machineDeployments"),
		know("management.clusters"),
		know("management.machines"),
		know("management.proxmoxMachines"),
	]);
	// Two more lists are worth a request only where something depends on them.
	const networked = [...found.items, ...proxmoxMachines.items].flatMap(({ network }) => network?.devices ?? []);
	const wantsGlobal = networked.some((each) => each.pools.some(({ kind }) => kind === "GlobalInClusterIPPool"));
	const hasGlobal = own.items.some(({ kind }) => kind === "GlobalInClusterIPPool");
	const hasSeveral = found.items.some(({ network }) => (network?.devices.length ?? 0) > 1);
	const [global, kubeadm] = await Promise.all([
		wantsGlobal && !hasGlobal ? readList(globalPools, asking) : undefined,
		hasSeveral ? readList(bootstraps, asking) : undefined,
	]);
	return compose("the management cluster", {
		templates: found.items,
		bootstraps: kubeadm?.items ?? [],
		pools: [...own.items, ...(global?.items ?? [])],
		clusters: all.items,
		proxmoxClusters: proxmox,
		controlPlanes: controls,
		machineDeployments: deployments,
		machines: machines.items,
		proxmoxMachines: proxmoxMachines.items,
	});
}

/** What `--manifest` describes, before there is anything. */
export async function readManifestNetworks(world: World): Promise<Networks> {
	const manifest = await world.manifest();
	if (manifest === undefined) {
		throw new ProbeError("not-set-up", "no --manifest is given");
	}

	return parseManifestNetworks(manifest.name, manifest.text);
}

/** @throws UsageError where it is no YAML. */
export function parseManifestNetworks(name: string, text: string): Networks {
	const objects = parseAllDocuments(text).flatMap((document) => {
		const [broken] = document.errors;
		if (broken !== undefined) {
			throw new UsageError(`--manifest: ${name} is not valid YAML: ${broken.message.split("\n")[0] ?? ""}`);
		}

		return unfold(document.toJS());
	});
	const read = <Raw, T>(kindName: string, kind: Kind<Raw, T>): { version: string | undefined; items: T[] } => {
		const mine = objects.filter((object) => object.kind === kindName);
		return {
			version: mine[0]?.apiVersion.split("/").at(-1),
			items: mine.map((object) => readOne(name, kindName, kind, object)),
		};
	};
	return compose(name, {
		templates: read("ProxmoxMachineTemplate", templates).items,
		bootstraps: read("KubeadmConfigTemplate", bootstraps).items,
		pools: [...read("InClusterIPPool", pools).items, ...read("GlobalInClusterIPPool", globalPools).items],
		clusters: read("Cluster", clusters).items,
		proxmoxClusters: read("ProxmoxCluster", proxmoxClusters).items,
		controlPlanes: read("KubeadmControlPlane", controlPlanes),
		machineDeployments: read("MachineDeployment", machineDeployments),
		machines: [],
		proxmoxMachines: [],
	});
}

const anyObject = z.looseObject({ apiVersion: z.string(), kind: z.string() });
const anyList = z.object({ kind: z.string().endsWith("List"), items: z.array(z.unknown()) });

function unfold(value: unknown): z.infer<typeof anyObject>[] {
	const list = anyList.safeParse(value);
	return (list.success ? list.data.items : [value]).flatMap((item) => anyObject.safeParse(item).data ?? []);
}

function readOne<Raw, T>(name: string, kindName: string, { raw, read }: Kind<Raw, T>, object: unknown): T {
	const parsed = raw.safeParse(object);
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new UsageError(
			`--manifest: ${name}: a ${kindName} is not in the form of its API: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
		);
	}

	return read(parsed.data);
}

const isTogether = (
	one: { readonly namespace?: string | undefined },
	other: { readonly namespace?: string | undefined },
): boolean => one.namespace === other.namespace;

function compose(source: string, parts: Parts): Networks {
	const ofTemplates = parts.templates.flatMap((template) =>
		template.network === undefined ? [] : [planOf("ProxmoxMachineTemplate", template, template.network, parts)],
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
	const name = machine.annotations["cluster.x-k8s.io/cloned-from-name"];
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
	if (machine.infrastructure?.kind !== "ProxmoxMachine" || machine.deleting !== undefined) {
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
			networks: own?.networks ?? [],
			told: own !== undefined && argumentsOf(makersOf(own, parts), parts, own).nodeIp !== undefined,
			defaults: defaults.length === 0 ? ["net0"] : defaults,
		},
	];
}
