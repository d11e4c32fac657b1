import type * as z from "zod";
import type { Cause } from "../errors.ts";
import type { knowledgeCompatibility } from "../knowledge/compatibility.ts";
import type { environmentCluster, environmentImagebuilder } from "./cluster-variables.ts";
import type { environmentProxmox } from "./environment.ts";
import type { hostCgroups } from "./host-cgroups.ts";
import type { hostDaemon } from "./host-daemon.ts";
import type { hostEngine } from "./host-engine.ts";
import type { hostEngines } from "./host-engines.ts";
import type { hostKernel } from "./host-kernel.ts";
import type { hostNetworks, hostProxmoxAddresses } from "./host-networks.ts";
import type { hostPodman } from "./host-podman.ts";
import type { hostPodmanLimits } from "./host-podman-limits.ts";
import type { hostHierarchies, hostProvider } from "./host-provider.ts";
import type { hostProxies } from "./host-proxies.ts";
import type { hostClock, hostInotify, hostMemory, hostStorage } from "./host-resources.ts";
import type { hostSystem } from "./host-system.ts";
import type { hostTools } from "./host-tools.ts";
import type { environmentMachines } from "./machines.ts";
import type { kubeVip, kubeVipSecrets } from "./management-kube-vip.ts";
import type { ManagementSchemas } from "./management-schemas.ts";
import type { networks } from "./networks.ts";
import type { nodeRoutes } from "./node-addresses.ts";
import type { nodeInterfaces } from "./node-interfaces.ts";
import type { nodeKubelet } from "./node-kubelet.ts";
import type { proxmoxPermissions, proxmoxSetup } from "./permissions.ts";
import type { proxmoxAccess } from "./proxmox.ts";
import type { proxmoxLeftovers, proxmoxMachines } from "./proxmox-machines.ts";
import type { workloadClusters } from "./workload-access.ts";
import type { workloadCalico, workloadKubeProxy } from "./workload-calico.ts";
import type { workloadKubeVip } from "./workload-kube-vip.ts";
import type { workloadNodes } from "./workload-nodes.ts";
import type { workloadPods } from "./workload-pods.ts";
import type { workloadReach } from "./workload-reach.ts";
import type { workloadServices } from "./workload-services.ts";

/** Every fact that can be known, by name, with the shape it has in memory, in a snapshot and in a test situation. */
interface Schemas extends ManagementSchemas {
	readonly "environment.proxmox": typeof environmentProxmox;
	readonly "environment.cluster": typeof environmentCluster;
	readonly "environment.imagebuilder": typeof environmentImagebuilder;
	readonly "host.cgroups": typeof hostCgroups;
	readonly "host.system": typeof hostSystem;
	readonly "host.engines": typeof hostEngines;
	readonly "host.tools": typeof hostTools;
	readonly "host.engine": typeof hostEngine;
	readonly "host.provider": typeof hostProvider;
	readonly "host.hierarchies": typeof hostHierarchies;
	readonly "environment.machines": typeof environmentMachines;
	readonly "host.podman": typeof hostPodman;
	readonly "host.podman-limits": typeof hostPodmanLimits;
	readonly "host.inotify": typeof hostInotify;
	readonly "host.memory": typeof hostMemory;
	readonly "host.storage": typeof hostStorage;
	readonly "host.kernel": typeof hostKernel;
	readonly "host.daemon": typeof hostDaemon;
	readonly "host.clock": typeof hostClock;
	readonly "host.networks": typeof hostNetworks;
	readonly "host.proxmoxAddresses": typeof hostProxmoxAddresses;
	readonly "host.proxies": typeof hostProxies;
	readonly "knowledge.compatibility": typeof knowledgeCompatibility;
	readonly "node.kubelet": typeof nodeKubelet;
	readonly "node.interfaces": typeof nodeInterfaces;
	readonly "node.routes": typeof nodeRoutes;
	readonly "environment.networks": typeof networks;
	readonly "management.networks": typeof networks;
	readonly "environment.kubeVip": typeof kubeVip;
	readonly "management.kubeVip": typeof kubeVip;
	readonly "management.kubeVipSecrets": typeof kubeVipSecrets;
	readonly "workload.clusters": typeof workloadClusters;
	readonly "workload.nodes": typeof workloadNodes;
	readonly "workload.reach": typeof workloadReach;
	readonly "workload.pods": typeof workloadPods;
	readonly "workload.services": typeof workloadServices;
	readonly "workload.kubeProxy": typeof workloadKubeProxy;
	readonly "workload.calico": typeof workloadCalico;
	readonly "workload.kubeVip": typeof workloadKubeVip;
	readonly "proxmox.access": typeof proxmoxAccess;
	readonly "proxmox.permissions": typeof proxmoxPermissions;
	readonly "proxmox.setup": typeof proxmoxSetup;
	readonly "proxmox.machines": typeof proxmoxMachines;
	readonly "proxmox.leftovers": typeof proxmoxLeftovers;
}

export type FactName = keyof Schemas;
export type Facts = { readonly [Name in FactName]: z.infer<Schemas[Name]> };

/** A fact as gathered: its value, or why there is none and what was last seen. */
export type FactState<T> =
	| { readonly state: "known"; readonly value: T }
	| { readonly state: "unavailable"; readonly cause: Cause; readonly lastSeen: string };

/** What was gathered in one run. A fact that nobody asked for is absent. */
export type FactSheet = { readonly [Name in FactName]?: FactState<Facts[Name]> };
