import * as z from "zod";
import type { World } from "../access/world.ts";
import { parseAddress } from "../addresses.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { type KubeVipPlan, kubeVipManifest, kubeVipPlan, rawKubeVip, readKubeVip, readManifest } from "./kube-vip.ts";
import {
	clusters,
	type ManagementCluster,
	type ManagementProxmoxCluster,
	proxmoxClusters,
} from "./management-clusters.ts";
import { type Kind, readList } from "./management-list.ts";
import type { ManagementMachine } from "./management-machines.ts";
import { type ManagementObject, rawMetadata, readObject } from "./management-object.ts";
import { controlPlanes, type ManagementControlPlane } from "./management-replicas.ts";
import { lineOf, notRendered, objectsAmong, readPlaced } from "./manifest-objects.ts";
import type { Networks } from "./networks.ts";
import type { Know } from "./probe.ts";

const machine = z.object({
	machine: z.string(),
	/** Name of its Node; absent until it joined. */
	node: z.string().optional(),
	providerId: z.string().optional(),
	...kubeVipPlan.shape,
});

const controlPlane = z.object({
	kind: z.enum(["KubeadmControlPlane", "KubeadmControlPlaneTemplate"]),
	namespace: z.string().optional(),
	name: z.string(),
	/** Where it begins in a manifest. */
	line: z.number().optional(),
	/** With `generation`, for patches that must not hit a changed object; both absent in a manifest. */
	uid: z.string().optional(),
	generation: z.number().optional(),
	cluster: z.string().optional(),
	/** Of Kubernetes, as it is wanted. */
	kubernetes: z.string().optional(),
	/** `kubeadm init` is done, and somebody reached the API server. */
	initialized: z.boolean(),
	paused: z.boolean(),
	/** The control plane is replacing machines, in its own words. */
	rolling: z.string().optional(),
	endpoint: z.object({ host: z.string(), port: z.number() }).optional(),
	/** A ClusterClass writes it. */
	topology: z
		.object({
			className: z.string().optional(),
			/** Where the Cluster names its class. */
			field: z.enum(["class", "classRef"]),
			/** Position of the variable cloneSpec, which holds the interface's name in CAPMOX's own classes. */
			cloneSpec: z.number().optional(),
		})
		.optional(),
	/** Its machines will have a default route of IPv4; absent where nobody needs to know, because the endpoint has one. */
	ipv4Route: z.boolean().optional(),
	/** How many network devices its machines will have; absent where nobody needs to know, because no interface is named or found long ago. */
	devices: z.number().optional(),
	...kubeVipPlan.shape,
	/** Its machines, with what each was made with. */
	machines: z.array(machine),
});
export type KubeVipControlPlane = z.infer<typeof controlPlane>;

/** Facts `management.kubeVip` and `environment.kubeVip`: what the control planes of CAPMOX's clusters say of kube-vip. */
export const kubeVip = z.object({
	/** "the management cluster", or the name of the manifest. */
	source: z.string(),
	controlPlanes: z.array(controlPlane),
	/** Clusters whose control plane is not kubeadm's, or whose endpoint somebody else provides. */
	others: z.array(z.object({ cluster: z.string(), why: z.string() })),
});
export type KubeVip = z.infer<typeof kubeVip>;

/** Fact `management.kubeVipSecrets`: manifests of kube-vip that KubeadmConfigs take from Secrets. */
export const kubeVipSecrets = z.object({
	manifests: z.array(
		z.object({ namespace: z.string().optional(), secret: z.string(), key: z.string(), manifest: kubeVipManifest }),
	),
});
export type KubeVipSecrets = z.infer<typeof kubeVipSecrets>;

interface Config extends ManagementObject {
	readonly plan: KubeVipPlan;
}

const rawConfig = z.object({ metadata: rawMetadata, spec: rawKubeVip });

/** Of control-plane machines alone, as KubeadmControlPlane labels them. */
const configs: Kind<z.infer<typeof rawConfig>, Config> = {
	group: "bootstrap.cluster.x-k8s.io",
	plural: "kubeadmconfigs",
	versions: ["v1beta2", "v1beta1"],
	label: "cluster.x-k8s.io/control-plane",
	raw: rawConfig,
	read: ({ metadata, spec }) => ({ ...readObject({ metadata }), plan: withoutText(readKubeVip(spec)) }),
};

/** Only the control plane is ever patched. */
const withoutText = (plan: KubeVipPlan): KubeVipPlan => ({
	...plan,
	manifest: plan.manifest.state === "found" ? { ...plan.manifest, text: undefined } : plan.manifest,
});

interface Parts {
	readonly clusters: readonly ManagementCluster[];
	/** `v1beta2` */
	readonly version: string | undefined;
	readonly proxmoxClusters: readonly ManagementProxmoxCluster[];
	readonly controlPlanes: readonly ManagementControlPlane[];
	readonly machines: readonly ManagementMachine[];
	/** Of the machines, by their names; absent where each was made as its control plane says now. */
	readonly configs: readonly Config[] | undefined;
}

export async function readManagementKubeVip(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<KubeVip> {
	const proxmox = await know("management.proxmoxClusters");
	if (!proxmox.installed) {
		throw new ProbeError("not-set-up", "the management cluster has no CAPMOX");
	}

	const [all, controls, machines] = await Promise.all([
		know("management.clusters"),
		know("management.controlPlanes"),
		know("management.machines"),
	]);
	const isSettled = controls.items.every(({ upToDate }) => upToDate === true);
	const bootstrap = isSettled ? undefined : await readList(configs, { world, know, signal, note });
	return compose(
		"the management cluster",
		{
			clusters: all.items,
			version: all.version,
			proxmoxClusters: proxmox.items,
			controlPlanes: controls.items,
			machines: machines.items,
			configs: bootstrap?.items,
		},
		() => know("management.networks"),
	);
}

/** What `--manifest` describes, before there is anything. */
export async function readManifestKubeVip(world: World, know: Know): Promise<KubeVip> {
	const manifest = await world.manifest();
	if (manifest === undefined) {
		throw new ProbeError("not-set-up", "no --manifest is given");
	}

	return parseManifestKubeVip(manifest.name, manifest.text, () => know("environment.networks"));
}

/** @throws UsageError where it is no YAML, or is not rendered yet. */
export async function parseManifestKubeVip(
	name: string,
	text: string,
	networks: () => Promise<Networks>,
): Promise<KubeVip> {
	const placed = readPlaced({ name, text });
	const objects = objectsAmong(placed);
	const all = <Raw, T>(kindName: string, kind: Kind<Raw, T>): readonly T[] =>
		objects
			.filter((object) => object.kind === kindName)
			.map((object) => {
				const parsed = kind.raw.safeParse(object);
				if (!parsed.success) {
					const [issue] = parsed.error.issues;
					throw new UsageError(
						`--manifest: ${name}: a ${kindName} is not in the form of its API: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
					);
				}

				return kind.read(parsed.data);
			});
	const found = await compose(
		name,
		{
			clusters: all("Cluster", clusters),
			version: objects
				.find(({ kind }) => kind === "Cluster")
				?.apiVersion.split("/")
				.at(-1),
			proxmoxClusters: all("ProxmoxCluster", proxmoxClusters),
			controlPlanes: all("KubeadmControlPlane", controlPlanes),
			machines: [],
			configs: [],
		},
		networks,
	);
	const templates = all("KubeadmControlPlaneTemplate", controlPlaneTemplates);
	const isByClass = objects.some(({ kind }) => kind === "ClusterClass") && found.controlPlanes.length === 0;
	if (isByClass || found.others.some(({ why }) => why === notMadeYet)) {
		throw new ProbeError(
			"unreadable",
			`in ${name} a ClusterClass writes the control plane, and what it writes is not worked out here; once a Cluster of it is applied, its KubeadmControlPlane is read`,
		);
	}

	const placeholder = found.controlPlanes
		.flatMap(({ endpoint, manifest }) => [
			endpoint?.host ?? "",
			...(manifest.state === "found" ? [manifest.image, manifest.address ?? ""] : []),
		])
		.find((word) => word.includes("${"));
	if (placeholder !== undefined) {
		throw new UsageError(`--manifest: ${name} still holds ${placeholder}${notRendered}`);
	}

	// A ClusterClass may well add to a template what it lacks.
	const telling = templates.filter(({ manifest }) => manifest.state !== "none");
	const told = [...found.controlPlanes, ...telling].map((one) => ({ ...one, line: lineOf(placed, one) }));
	return { ...found, controlPlanes: told };
}

const rawTemplate = z.object({
	metadata: rawMetadata,
	spec: z.object({ template: z.object({ spec: z.object({ kubeadmConfigSpec: rawKubeVip }) }) }),
});

/** A template says nothing of endpoints and versions; what it says of kube-vip itself can be judged. */
const controlPlaneTemplates: Kind<z.infer<typeof rawTemplate>, KubeVipControlPlane> = {
	group: "controlplane.cluster.x-k8s.io",
	plural: "kubeadmcontrolplanetemplates",
	versions: ["v1beta2", "v1beta1"],
	raw: rawTemplate,
	read: ({ metadata, spec }) => ({
		kind: "KubeadmControlPlaneTemplate",
		namespace: metadata.namespace,
		name: metadata.name,
		initialized: false,
		paused: false,
		...readKubeVip(spec.template.spec.kubeadmConfigSpec),
		machines: [],
	}),
};

const isTogether = (
	one: { readonly namespace?: string | undefined },
	other: { readonly namespace?: string | undefined },
): boolean => one.namespace === other.namespace;

async function compose(source: string, parts: Parts, networks: () => Promise<Networks>): Promise<KubeVip> {
	const ours = parts.clusters.filter(
		({ infrastructure, topology }) => infrastructure?.kind === "ProxmoxCluster" || topology !== undefined,
	);
	const judged = ours.map(async (cluster): Promise<KubeVipControlPlane | { cluster: string; why: string }> => {
		const control = parts.controlPlanes.find(
			(one) => isTogether(one, cluster) && (one.cluster === cluster.name || one.name === cluster.controlPlane?.name),
		);
		const own = parts.proxmoxClusters.find(
			(one) => isTogether(one, cluster) && (one.cluster === cluster.name || one.name === cluster.infrastructure?.name),
		);
		const isKubeadm = (cluster.controlPlane?.kind ?? "KubeadmControlPlane") === "KubeadmControlPlane";
		if (!isKubeadm || control?.kubeVip === undefined) {
			return { cluster: cluster.name, why: whyNone(cluster) };
		}

		if (own?.externalControlPlane === true) {
			return { cluster: cluster.name, why: "something else than CAPMOX provides its endpoint" };
		}

		return controlPlaneOf(cluster, control, control.kubeVip, own, parts, networks);
	});
	const all = await Promise.all(judged);
	return {
		source,
		controlPlanes: all.flatMap((one) => ("why" in one ? [] : [one])),
		others: all.flatMap((one) => ("why" in one ? [one] : [])),
	};
}

const whyNone = ({ controlPlane: found, topology }: ManagementCluster): string =>
	found !== undefined && found.kind !== "KubeadmControlPlane"
		? `its control plane is a ${found.kind}`
		: topology === undefined
			? "it has no KubeadmControlPlane yet"
			: notMadeYet;

const notMadeYet = "its ClusterClass has made no KubeadmControlPlane yet";

async function controlPlaneOf(
	cluster: ManagementCluster,
	control: ManagementControlPlane,
	plan: KubeVipPlan,
	own: ManagementProxmoxCluster | undefined,
	parts: Parts,
	networks: () => Promise<Networks>,
): Promise<KubeVipControlPlane> {
	const endpoint = cluster.endpoint ?? own?.endpoint;
	const variable = cluster.topology?.variables?.indexOf("cloneSpec") ?? -1;
	const { address, interface: name = "" } = plan.manifest.state === "found" ? plan.manifest : {};
	const isIpv6 = [endpoint?.host, address].some((one) => parseAddress(one ?? "")?.family === 6);
	return {
		kind: "KubeadmControlPlane",
		namespace: control.namespace,
		name: control.name,
		...(control.generation === undefined ? {} : { uid: control.uid, generation: control.generation }),
		cluster: cluster.name,
		kubernetes: control.version,
		initialized: control.initialized,
		paused: control.paused || cluster.paused,
		rolling: rollingOf(control),
		endpoint,
		topology:
			cluster.topology === undefined
				? undefined
				: {
						className: cluster.topology.className,
						field: parts.version === "v1beta1" ? "class" : "classRef",
						...(variable < 0 ? {} : { cloneSpec: variable }),
					},
		ipv4Route: isIpv6 ? await hasIpv4Route(control, own, networks) : undefined,
		devices: name === "" || control.initialized ? undefined : (await devicesOf(control, networks))[0]?.length,
		...plan,
		machines: parts.machines
			.filter((one) => one.controlPlane && isTogether(one, cluster) && one.cluster === cluster.name)
			.flatMap((one) => machineOf(one, parts.configs, plan)),
	};
}

/** v1beta2 says RollingOut; v1beta1 says that machines are not up to date. */
function rollingOf({ conditions }: ManagementControlPlane): string | undefined {
	const found = conditions.find(
		({ type, status }) =>
			(type === "RollingOut" && status === "True") || (type === "MachinesSpecUpToDate" && status === "False"),
	);
	return found === undefined ? undefined : (found.message ?? found.reason ?? found.type);
}

/** The cluster's own range brings one to every machine; otherwise some pool of the machines' template may. */
async function hasIpv4Route(
	control: ManagementControlPlane,
	own: ManagementProxmoxCluster | undefined,
	networks: () => Promise<Networks>,
): Promise<boolean> {
	if (own?.ranges.some(({ family, gateway }) => family === 4 && gateway !== undefined) === true) {
		return true;
	}

	return (await devicesOf(control, networks))
		.flat()
		.some(({ vrf, routes }) => vrf === undefined && routes.some((one) => one.family === 4 && !one.unreachable));
}

/** Of the template that its machines are made from. */
async function devicesOf(control: ManagementControlPlane, networks: () => Promise<Networks>) {
	const isThis = ({ kind, name }: { readonly kind: string; readonly name: string }) =>
		kind === "KubeadmControlPlane" && name === control.name;
	const { plans } = await networks();
	return plans.filter((plan) => isTogether(plan, control) && plan.users.some(isThis)).map(({ devices }) => devices);
}

const untold: KubeVipPlan = { manifest: { state: "none" }, superAdmin: false, ignition: false };

function machineOf(
	found: ManagementMachine,
	all: readonly Config[] | undefined,
	wanted: KubeVipPlan,
): KubeVipControlPlane["machines"] {
	const config = all?.find((one) => isTogether(one, found) && one.name === found.bootstrap?.name);
	const plan = all === undefined ? withoutText(wanted) : (config?.plan ?? untold);
	return found.deleting !== undefined
		? []
		: [{ machine: found.name, node: found.node, providerId: found.providerId, ...plan }];
}

/** One request for each Secret that a manifest comes from; what else the Secret holds is dropped at once. */
export async function readKubeVipSecrets({ kubectl }: World, know: Know, signal: AbortSignal): Promise<KubeVipSecrets> {
	const { controlPlanes: all } = await know("management.kubeVip");
	const named = all.flatMap(({ namespace, manifest, machines }) =>
		[manifest, ...machines.map((one) => one.manifest)].flatMap((one) =>
			one.state === "in-secret" ? [{ namespace, ...one }] : [],
		),
	);
	const distinct = new Map(named.map((one) => [`${one.namespace ?? ""}/${one.secret}/${one.key}`, one]));
	const manifests = [...distinct.values()].map(async ({ namespace, secret, key, encoding, path, index }) => {
		const from = `/api/v1/namespaces/${namespace ?? "default"}/secrets/${secret}`;
		const parsed = z
			.object({ data: z.record(z.string(), z.string()).nullish() })
			.safeParse(await kubectl.get(from, { signal }));
		const value = parsed.data?.data?.[key];
		const at = { path, index };
		if (value === undefined) {
			return {
				namespace,
				secret,
				key,
				manifest: { state: "unreadable" as const, ...at, why: `Secret ${secret} has no key ${key}` },
			};
		}

		// latin1 keeps the bytes of what is packed; YAML of kube-vip is ASCII.
		const content = Buffer.from(value, "base64").toString("latin1");
		const manifest = readManifest(content, encoding, at) ?? { state: "none" as const };
		return {
			namespace,
			secret,
			key,
			manifest: manifest.state === "found" ? { ...manifest, text: undefined } : manifest,
		};
	});
	return { manifests: await Promise.all(manifests) };
}
