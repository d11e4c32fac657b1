import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { rawKubeadmConfig, readKubeletArguments } from "./kubelet-arguments.ts";
import { machineTemplates } from "./machine-templates.ts";
import { globalPools, pools } from "./management-addresses.ts";
import { clusters, proxmoxClusters } from "./management-clusters.ts";
import { type Kind, readList } from "./management-list.ts";
import { rawMetadata, readObject } from "./management-object.ts";
import { controlPlanes, machineDeployments } from "./management-replicas.ts";
import { lineOf, notRendered, objectsAmong, readPlaced } from "./manifest-objects.ts";
import { type Bootstrap, compose, type Networks, type Parts, type Plan } from "./networks.ts";
import type { Know } from "./probe.ts";

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
		readList(machineTemplates, asking),
		know("management.pools"),
		know("management.controlPlanes"),
		know("management.machineDeployments"),
		know("management.clusters"),
		know("management.machines"),
		know("management.proxmoxMachines"),
	]);
	// A pool outside of namespaces is worth a request only where something depends on it.
	const networked = [...found.items, ...proxmoxMachines.items].flatMap(({ network }) => network?.devices ?? []);
	const wantsGlobal = networked.some((each) => each.pools.some(({ kind }) => kind === "GlobalInClusterIPPool"));
	const hasGlobal = own.items.some(({ kind }) => kind === "GlobalInClusterIPPool");
	const global = wantsGlobal && !hasGlobal ? await readList(globalPools, asking) : undefined;
	const parts: Parts = {
		isPlanned: false,
		templates: found.items,
		bootstraps: [],
		pools: [...own.items, ...(global?.items ?? [])],
		clusters: all.items,
		proxmoxClusters: proxmox,
		controlPlanes: controls,
		machineDeployments: deployments,
		machines: machines.items,
		proxmoxMachines: proxmoxMachines.items,
	};
	const source = "the management cluster";
	const untold = compose(source, parts);
	const isWorkloadSeen = world.workload !== undefined || world.options.workload !== undefined;
	if (deployments.items.length === 0 || !untold.plans.some((plan) => matters(plan, isWorkloadSeen))) {
		return untold;
	}

	return compose(source, { ...parts, bootstraps: (await readList(bootstraps, asking)).items });
}

/** What a kubelet is told decides only where its machine's order of interfaces or routes leaves it open, or where its Node is seen. */
const matters = ({ devices }: Plan, isNodeSeen: boolean): boolean =>
	devices.length > 1 &&
	(isNodeSeen ||
		new Set(devices.map(({ model }) => model)).size > 1 ||
		devices.some(({ routes, defaultFor }) => routes.some(({ family }) => !defaultFor.includes(family))));

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
	const placed = readPlaced({ name, text });
	const objects = objectsAmong(placed);
	const read = <Raw, T>(kindName: string, kind: Kind<Raw, T>): { version: string | undefined; items: T[] } => {
		const mine = objects.filter((object) => object.kind === kindName);
		return {
			version: mine[0]?.apiVersion.split("/").at(-1),
			items: mine.map((object) => readOne(name, kindName, kind, object)),
		};
	};
	const found = compose(name, {
		isPlanned: true,
		templates: read("ProxmoxMachineTemplate", machineTemplates).items,
		bootstraps: read("KubeadmConfigTemplate", bootstraps).items,
		pools: [...read("InClusterIPPool", pools).items, ...read("GlobalInClusterIPPool", globalPools).items],
		clusters: read("Cluster", clusters).items,
		proxmoxClusters: read("ProxmoxCluster", proxmoxClusters).items,
		controlPlanes: read("KubeadmControlPlane", controlPlanes),
		machineDeployments: read("MachineDeployment", machineDeployments),
		machines: [],
		proxmoxMachines: [],
	});
	return { ...found, plans: found.plans.map((plan) => ({ ...plan, line: lineOf(placed, plan) })) };
}

const hintFor = (object: unknown): string => (/\$\{[^}]*\}/.test(JSON.stringify(object)) ? notRendered : "");

function readOne<Raw, T>(name: string, kindName: string, { raw, read }: Kind<Raw, T>, object: unknown): T {
	const parsed = raw.safeParse(object);
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new UsageError(
			`--manifest: ${name}: a ${kindName} is not in the form of its API: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}${hintFor(object)}`,
		);
	}

	return read(parsed.data);
}
