import type * as z from "zod";
import type { World } from "../access/world.ts";
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

/** Facts of the management cluster: milliseconds for each. A list waits for its turn among the others, and may have many pages. */
const managementDeadlines = {
	"management.server": 20_000,
	"management.groups": 20_000,
	"management.definitions": 30_000,
	"management.controllers": 30_000,
	"management.inventory": 30_000,
	"management.operator": 40_000,
	"management.webhooks": 30_000,
	"management.endpoints": 40_000,
	"management.clusters": 50_000,
	"management.proxmoxClusters": 50_000,
	"management.machines": 50_000,
	"management.proxmoxMachines": 50_000,
	"management.machineDeployments": 50_000,
	"management.controlPlanes": 50_000,
	"management.pools": 50_000,
	"management.claims": 50_000,
	"management.addresses": 50_000,
	"management.credentials": 50_000,
} as const;
type ManagementName = keyof typeof managementDeadlines;

const managementProbe = (name: ManagementName, deadline: number): Probe<unknown> =>
	probe(deadline, async () => {
		const [{ managementSchemas }, { managementProbes }] = await Promise.all([
			import("./management-schemas.ts"),
			import("./management-probes.ts"),
		]);
		return { schema: managementSchemas[name] as z.ZodType, read: managementProbes[name].read };
	});
const ofManagement = Object.fromEntries(
	Object.entries(managementDeadlines).map(([name, deadline]) => [
		name,
		managementProbe(name as ManagementName, deadline),
	]),
) as unknown as Pick<Probes, ManagementName>;

export const probes: Probes = {
	...ofManagement,
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
		const { hostProxies: schema, readHostProxies: read } = await import("./host-networks.ts");
		return { schema, read };
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
	"workload.nodes": probe(55_000, async () => {
		const { workloadNodes: schema, readWorkloadNodes: read } = await import("./workload-nodes.ts");
		return { schema, read };
	}),
	"workload.reach": probe(56_000, async () => {
		const { workloadReach: schema, readWorkloadReach: read } = await import("./workload-nodes.ts");
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
};

/** The shape of every fact. */
export async function loadSchemas(): Promise<{ readonly [Name in FactName]: z.ZodType<Facts[Name]> }> {
	const loaded = await Promise.all(
		Object.entries(probes).map(async ([name, { load }]) => [name, (await load()).schema] as const),
	);
	return Object.fromEntries(loaded) as Awaited<ReturnType<typeof loadSchemas>>;
}
