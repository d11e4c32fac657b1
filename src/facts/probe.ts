import type { World } from "../access/world.ts";
import { parseEnvironmentCluster, parseEnvironmentImagebuilder } from "./cluster-variables.ts";
import { parseEnvironmentProxmox } from "./environment.ts";
import { readHostCgroups } from "./host-cgroups.ts";
import { readHostEngines } from "./host-engines.ts";
import { readHostNetworks, readHostProxies, readHostProxmoxAddresses } from "./host-networks.ts";
import { readHostPodman, readHostPodmanLimits } from "./host-podman.ts";
import { readHostHierarchies, readHostProvider } from "./host-provider.ts";
import { readHostClock, readHostInotify, readHostKernel, readHostMemory, readHostStorage } from "./host-resources.ts";
import { readHostSystem } from "./host-system.ts";
import { readHostTools } from "./host-tools.ts";
import { readKnowledgeCompatibility } from "./knowledge.ts";
import { type EnvironmentMachines, parseMachineVariables, parseManifest } from "./machines.ts";
import { managementProbes } from "./management-probes.ts";
import { readProxmoxPermissions, readProxmoxSetup } from "./permissions.ts";
import { readProxmoxAccess } from "./proxmox.ts";
import type { FactName, Facts } from "./sheet.ts";

/** Another fact, read once and shared. Rejects with the ProbeError of that fact. */
export type Know = <Name extends FactName>(name: Name) => Promise<Facts[Name]>;

export interface Probe<T> {
	/** Milliseconds after which the fact is unavailable, whatever the probe still does. */
	readonly deadline: number;
	/** Throws ProbeError for all that the world can do to it; `note` records what was last seen, for the timeout's message. */
	read(world: World, know: Know, signal: AbortSignal, note: (seen: string) => void): Promise<T>;
}

export const probes: { readonly [Name in FactName]: Probe<Facts[Name]> } = {
	"environment.proxmox": {
		deadline: 2_000,
		read: async (world) => parseEnvironmentProxmox(await world.environment()),
	},
	"environment.cluster": {
		deadline: 2_000,
		read: async (world) => parseEnvironmentCluster(await world.environment(), world.options),
	},
	"environment.imagebuilder": {
		deadline: 2_000,
		read: async (world) => parseEnvironmentImagebuilder(await world.environment()),
	},
	"host.cgroups": { deadline: 2_000, read: readHostCgroups },
	"host.system": { deadline: 3_000, read: (world, _, signal) => readHostSystem(world, signal) },
	// Each command has 2 s, all run at once; the rest is for ending them.
	"host.engines": { deadline: 6_000, read: readHostEngines },
	"host.tools": { deadline: 3_000, read: (world, _, signal) => readHostTools(world, signal) },
	"host.provider": { deadline: 8_000, read: readHostProvider },
	"host.hierarchies": { deadline: 9_000, read: (_, know) => readHostHierarchies(know) },
	"environment.machines": { deadline: 10_000, read: readMachines },
	"host.podman": { deadline: 8_000, read: readHostPodman },
	"host.podman-limits": { deadline: 9_000, read: readHostPodmanLimits },
	"host.inotify": { deadline: 9_000, read: readHostInotify },
	"host.memory": { deadline: 9_000, read: readHostMemory },
	// A network file system whose server is gone never answers statfs(2).
	"host.storage": { deadline: 10_000, read: readHostStorage },
	"host.kernel": { deadline: 9_000, read: readHostKernel },
	"host.clock": { deadline: 9_000, read: readHostClock },
	"host.networks": { deadline: 11_000, read: readHostNetworks },
	"host.proxmoxAddresses": { deadline: 11_000, read: readHostProxmoxAddresses },
	"host.proxies": { deadline: 9_000, read: readHostProxies },
	...managementProbes,
	"knowledge.compatibility": { deadline: 2_000, read: (world) => readKnowledgeCompatibility(world) },
	// 5 s to connect, 10 s for each of two answers; PVE withholds a 401 for 3 s.
	"proxmox.access": { deadline: 26_000, read: readProxmoxAccess },
	// It waits for proxmox.access, then asks three times over, each time all at once.
	"proxmox.permissions": { deadline: 50_000, read: readProxmoxPermissions },
	"proxmox.setup": { deadline: 51_000, read: (_, know) => readProxmoxSetup(know) },
};

async function readMachines(world: World): Promise<EnvironmentMachines> {
	const manifest = await world.manifest();
	return manifest === undefined
		? parseMachineVariables(await world.environment(), world.options.flavor)
		: parseManifest(manifest);
}
