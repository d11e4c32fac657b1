import type * as z from "zod";
import type { World } from "../access/world.ts";
import type { ManagementSchemas } from "./management-schemas.ts";
import type { FactName, Facts } from "./sheet.ts";

/** Another fact, read once and shared. Rejects with the ProbeError of that fact. */
export type Know = <Name extends FactName>(name: Name) => Promise<Facts[Name]>;

export interface Reading<T> {
	readonly schema: z.ZodType<T>;
	/** Throws ProbeError for all that the world can do to it; `note` records what was last seen, for the timeout's message. */
	readonly read: (world: World, know: Know, signal: AbortSignal, note: (seen: string) => void) => Promise<T>;
}

/** How a fact is read, loaded when somebody asks for it. */
export interface Probe<T> {
	/** Milliseconds after which the fact is unavailable, whatever the probe still does. */
	readonly deadline: number;
	readonly load: () => Promise<Reading<T>>;
}

export type Probes = { readonly [Name in FactName]: Probe<Facts[Name]> };

const probe = <T>(deadline: number, load: () => Promise<Reading<T>>): Probe<T> => ({ deadline, load });

/** Each list waits for the definitions, and for its turn among the others; a page has 15 s and there may be many. */
const listDeadline = 50_000;

const managed = <Name extends keyof ManagementSchemas>(deadline: number, name: Name): Probe<Facts[Name]> =>
	probe<Facts[Name]>(deadline, async () => {
		const { managementReadings } = await import("./management-probes.ts");
		return managementReadings[name];
	});

export const probes: Probes = {
	"environment.proxmox": probe(2_000, async () => {
		const { environmentProxmox: schema, readEnvironmentProxmox: read } = await import("./environment.ts");
		return { schema, read };
	}),
	"environment.cluster": probe(2_000, async () => {
		const { environmentCluster: schema, readEnvironmentCluster: read } = await import("./cluster-variables.ts");
		return { schema, read };
	}),
	"environment.imagebuilder": probe(2_000, async () => {
		const { environmentImagebuilder: schema, readEnvironmentImagebuilder: read } = await import(
			"./cluster-variables.ts"
		);
		return { schema, read };
	}),
	"host.cgroups": probe(2_000, async () => {
		const { hostCgroups: schema, readHostCgroups: read } = await import("./host-cgroups.ts");
		return { schema, read };
	}),
	"host.system": probe(3_000, async () => {
		const { hostSystem: schema, readHostSystem } = await import("./host-system.ts");
		return { schema, read: (world, _, signal) => readHostSystem(world, signal) };
	}),
	// Each command has 2 s, all run at once; the rest is for ending them.
	"host.engines": probe(6_000, async () => {
		const { hostEngines: schema, readHostEngines: read } = await import("./host-engines.ts");
		return { schema, read };
	}),
	"host.tools": probe(3_000, async () => {
		const { hostTools: schema, readHostTools } = await import("./host-tools.ts");
		return { schema, read: (world, _, signal) => readHostTools(world, signal) };
	}),
	"host.engine": probe(7_000, async () => {
		const { hostEngine: schema, readHostEngine: read } = await import("./host-engine.ts");
		return { schema, read };
	}),
	"host.provider": probe(8_000, async () => {
		const { hostProvider: schema, readHostProvider: read } = await import("./host-provider.ts");
		return { schema, read };
	}),
	"host.hierarchies": probe(9_000, async () => {
		const { hostHierarchies: schema, readHostHierarchies } = await import("./host-provider.ts");
		return { schema, read: (_, know) => readHostHierarchies(know) };
	}),
	"environment.machines": probe(10_000, async () => {
		const { environmentMachines: schema, readMachines: read } = await import("./machines.ts");
		return { schema, read };
	}),
	"host.podman": probe(8_000, async () => {
		const { hostPodman: schema, readHostPodman: read } = await import("./host-podman.ts");
		return { schema, read };
	}),
	"host.podman-limits": probe(9_000, async () => {
		const { hostPodmanLimits: schema, readHostPodmanLimits: read } = await import("./host-podman-limits.ts");
		return { schema, read };
	}),
	"host.inotify": probe(9_000, async () => {
		const { hostInotify: schema, readHostInotify: read } = await import("./host-resources.ts");
		return { schema, read };
	}),
	"host.memory": probe(9_000, async () => {
		const { hostMemory: schema, readHostMemory: read } = await import("./host-resources.ts");
		return { schema, read };
	}),
	// A network file system whose server is gone never answers statfs(2).
	"host.storage": probe(10_000, async () => {
		const { hostStorage: schema, readHostStorage: read } = await import("./host-resources.ts");
		return { schema, read };
	}),
	"host.kernel": probe(9_000, async () => {
		const { hostKernel: schema, readHostKernel: read } = await import("./host-kernel.ts");
		return { schema, read };
	}),
	"host.daemon": probe(10_000, async () => {
		const { hostDaemon: schema, readHostDaemon: read } = await import("./host-daemon.ts");
		return { schema, read };
	}),
	"host.clock": probe(9_000, async () => {
		const { hostClock: schema, readHostClock: read } = await import("./host-resources.ts");
		return { schema, read };
	}),
	"host.networks": probe(11_000, async () => {
		const { hostNetworks: schema, readHostNetworks: read } = await import("./host-networks.ts");
		return { schema, read };
	}),
	"host.proxmoxAddresses": probe(11_000, async () => {
		const { hostProxmoxAddresses: schema, readHostProxmoxAddresses: read } = await import("./host-networks.ts");
		return { schema, read };
	}),
	"host.proxies": probe(9_000, async () => {
		const { hostProxies: schema, readHostProxies: read } = await import("./host-proxies.ts");
		return { schema, read };
	}),
	"management.server": managed(20_000, "management.server"),
	"management.groups": managed(20_000, "management.groups"),
	"management.definitions": managed(30_000, "management.definitions"),
	"management.controllers": managed(30_000, "management.controllers"),
	"management.inventory": managed(30_000, "management.inventory"),
	"management.operator": managed(40_000, "management.operator"),
	"management.webhooks": managed(30_000, "management.webhooks"),
	"management.endpoints": managed(40_000, "management.endpoints"),
	"management.clusters": managed(listDeadline, "management.clusters"),
	"management.proxmoxClusters": managed(listDeadline, "management.proxmoxClusters"),
	"management.machines": managed(listDeadline, "management.machines"),
	"management.proxmoxMachines": managed(listDeadline, "management.proxmoxMachines"),
	"management.machineDeployments": managed(listDeadline, "management.machineDeployments"),
	"management.controlPlanes": managed(listDeadline, "management.controlPlanes"),
	"management.pools": managed(listDeadline, "management.pools"),
	"management.claims": managed(listDeadline, "management.claims"),
	"management.addresses": managed(listDeadline, "management.addresses"),
	"management.credentials": managed(listDeadline, "management.credentials"),
	"knowledge.compatibility": probe(2_000, async () => {
		const { readKnowledgeCompatibility } = await import("./knowledge.ts");
		const { knowledgeCompatibility: schema } = await import("../knowledge/compatibility.ts");
		return { schema, read: (world) => readKnowledgeCompatibility(world) };
	}),
	"node.kubelet": probe(4_000, async () => {
		const { nodeKubelet: schema, readNodeKubelet: read } = await import("./node-kubelet.ts");
		return { schema, read };
	}),
	"node.interfaces": probe(5_000, async () => {
		const { nodeInterfaces: schema, readNodeInterfaces: read } = await import("./node-interfaces.ts");
		return { schema, read };
	}),
	"node.routes": probe(7_000, async () => {
		const { nodeRoutes: schema, readNodeRoutes: read } = await import("./node-addresses.ts");
		return { schema, read };
	}),
	"environment.networks": probe(10_000, async () => {
		const [{ networks: schema }, { readManifestNetworks: read }] = await Promise.all([
			import("./networks.ts"),
			import("./network-sources.ts"),
		]);
		return { schema, read };
	}),
	"management.networks": probe(55_000, async () => {
		const [{ networks: schema }, { readManagementNetworks: read }] = await Promise.all([
			import("./networks.ts"),
			import("./network-sources.ts"),
		]);
		return { schema, read };
	}),
	"workload.clusters": probe(55_000, async () => {
		const { workloadClusters: schema, readWorkloadClusters: read } = await import("./workload-access.ts");
		return { schema, read };
	}),
	"workload.nodes": probe(55_000, async () => {
		const { workloadNodes: schema, readWorkloadNodes: read } = await import("./workload-nodes.ts");
		return { schema, read };
	}),
	"workload.reach": probe(56_000, async () => {
		const { workloadReach: schema, readWorkloadReach: read } = await import("./workload-reach.ts");
		return { schema, read };
	}),
	"environment.kubeVip": probe(15_000, async () => {
		const { kubeVip: schema, readManifestKubeVip: read } = await import("./management-kube-vip.ts");
		return { schema, read };
	}),
	"management.kubeVip": probe(56_000, async () => {
		const { kubeVip: schema, readManagementKubeVip: read } = await import("./management-kube-vip.ts");
		return { schema, read };
	}),
	"management.kubeVipSecrets": probe(57_000, async () => {
		const { kubeVipSecrets: schema, readKubeVipSecrets: read } = await import("./management-kube-vip.ts");
		return { schema, read };
	}),
	"workload.pods": probe(55_000, async () => {
		const { workloadPods: schema, readWorkloadPods: read } = await import("./workload-pods.ts");
		return { schema, read };
	}),
	"workload.services": probe(55_000, async () => {
		const { workloadServices: schema, readWorkloadServices: read } = await import("./workload-services.ts");
		return { schema, read };
	}),
	"workload.kubeProxy": probe(55_000, async () => {
		const { workloadKubeProxy: schema, readWorkloadKubeProxy: read } = await import("./workload-calico.ts");
		return { schema, read };
	}),
	"workload.calico": probe(56_000, async () => {
		const { workloadCalico: schema, readWorkloadCalico: read } = await import("./workload-calico.ts");
		return { schema, read };
	}),
	"workload.kubeVip": probe(57_000, async () => {
		const { workloadKubeVip: schema, readWorkloadKubeVip: read } = await import("./workload-kube-vip.ts");
		return { schema, read };
	}),
	// 5 s to connect, 10 s for each of two answers; PVE withholds a 401 for 3 s.
	"proxmox.access": probe(26_000, async () => {
		const { proxmoxAccess: schema, readProxmoxAccess: read } = await import("./proxmox.ts");
		return { schema, read };
	}),
	// It waits for proxmox.access, then asks three times over, each time all at once.
	"proxmox.permissions": probe(50_000, async () => {
		const { proxmoxPermissions: schema, readProxmoxPermissions: read } = await import("./permissions.ts");
		return { schema, read };
	}),
	"proxmox.setup": probe(51_000, async () => {
		const { proxmoxSetup: schema, readProxmoxSetup } = await import("./permissions.ts");
		return { schema, read: (_, know) => readProxmoxSetup(know) };
	}),
	// They wait for proxmox.access and the lists of the management cluster, and ask about each VM in deletion.
	"proxmox.machines": probe(60_000, async () => {
		const { proxmoxMachines: schema, readProxmoxMachines: read } = await import("./proxmox-machines.ts");
		return { schema, read };
	}),
	"proxmox.leftovers": probe(60_000, async () => {
		const { proxmoxLeftovers: schema, readProxmoxLeftovers: read } = await import("./proxmox-machines.ts");
		return { schema, read };
	}),
};

export const isFactName = (name: string): name is FactName => Object.hasOwn(probes, name);

/** The names of all facts, in the order of the probes. */
const factNames: readonly FactName[] = Object.keys(probes).filter(isFactName);

/** The shapes of these facts, or of all. */
export async function loadSchemas<Name extends FactName = FactName>(
	names: readonly Name[] = factNames as readonly Name[],
): Promise<{ readonly [Each in Name]: z.ZodType<Facts[Each]> }> {
	const loaded = await Promise.all(names.map(async (name) => [name, (await probes[name].load()).schema] as const));
	return Object.fromEntries(loaded) as { readonly [Each in Name]: z.ZodType<Facts[Each]> };
}
