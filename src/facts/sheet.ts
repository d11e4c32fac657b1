import type * as z from "zod";
import type { Cause } from "../errors.ts";
import { knowledgeCompatibility } from "../knowledge/compatibility.ts";
import { environmentCluster, environmentImagebuilder } from "./cluster-variables.ts";
import { environmentProxmox } from "./environment.ts";
import { hostCgroups } from "./host-cgroups.ts";
import { hostEngines } from "./host-engines.ts";
import { hostNetworks, hostProxies, hostProxmoxAddresses } from "./host-networks.ts";
import { hostPodman, hostPodmanLimits } from "./host-podman.ts";
import { hostHierarchies, hostProvider } from "./host-provider.ts";
import { hostClock, hostInotify, hostKernel, hostMemory, hostStorage } from "./host-resources.ts";
import { hostSystem } from "./host-system.ts";
import { hostTools } from "./host-tools.ts";
import { environmentMachines } from "./machines.ts";
import { managementSchemas } from "./management-schemas.ts";
import { proxmoxPermissions, proxmoxSetup } from "./permissions.ts";
import { proxmoxAccess } from "./proxmox.ts";

/** Every fact that can be known, by name, with the shape it has in memory, in a snapshot and in a test situation. */
export const schemas = {
	"environment.proxmox": environmentProxmox,
	"environment.cluster": environmentCluster,
	"environment.imagebuilder": environmentImagebuilder,
	"host.cgroups": hostCgroups,
	"host.system": hostSystem,
	"host.engines": hostEngines,
	"host.tools": hostTools,
	"host.provider": hostProvider,
	"host.hierarchies": hostHierarchies,
	"environment.machines": environmentMachines,
	"host.podman": hostPodman,
	"host.podman-limits": hostPodmanLimits,
	"host.inotify": hostInotify,
	"host.memory": hostMemory,
	"host.storage": hostStorage,
	"host.kernel": hostKernel,
	"host.clock": hostClock,
	"host.networks": hostNetworks,
	"host.proxmoxAddresses": hostProxmoxAddresses,
	"host.proxies": hostProxies,
	...managementSchemas,
	"knowledge.compatibility": knowledgeCompatibility,
	"proxmox.access": proxmoxAccess,
	"proxmox.permissions": proxmoxPermissions,
	"proxmox.setup": proxmoxSetup,
} as const;

export type FactName = keyof typeof schemas;
export type Facts = { readonly [Name in FactName]: z.infer<(typeof schemas)[Name]> };

/** A fact as gathered: its value, or why there is none and what was last seen. */
export type FactState<T> =
	| { readonly state: "known"; readonly value: T }
	| { readonly state: "unavailable"; readonly cause: Cause; readonly lastSeen: string };

/** What was gathered in one run. A fact that nobody asked for is absent. */
export type FactSheet = { readonly [Name in FactName]?: FactState<Facts[Name]> };
