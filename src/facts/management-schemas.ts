import type { managementAddresses, managementClaims, managementPools } from "./management-addresses.ts";
import type { managementClusters, managementProxmoxClusters } from "./management-clusters.ts";
import type { managementControllers, managementInventory, managementOperator } from "./management-controllers.ts";
import type { managementCredentials } from "./management-credentials.ts";
import type { managementDefinitions, managementGroups } from "./management-definitions.ts";
import type { managementMachines, managementProxmoxMachines } from "./management-machines.ts";
import type { managementControlPlanes, managementMachineDeployments } from "./management-replicas.ts";
import type { managementServer } from "./management-server.ts";
import type { managementEndpoints, managementWebhooks } from "./management-webhooks.ts";

/** Facts of the management cluster, by name. */
export interface ManagementSchemas {
	readonly "management.server": typeof managementServer;
	readonly "management.groups": typeof managementGroups;
	readonly "management.definitions": typeof managementDefinitions;
	readonly "management.controllers": typeof managementControllers;
	readonly "management.inventory": typeof managementInventory;
	readonly "management.operator": typeof managementOperator;
	readonly "management.webhooks": typeof managementWebhooks;
	readonly "management.endpoints": typeof managementEndpoints;
	readonly "management.clusters": typeof managementClusters;
	readonly "management.proxmoxClusters": typeof managementProxmoxClusters;
	readonly "management.machines": typeof managementMachines;
	readonly "management.proxmoxMachines": typeof managementProxmoxMachines;
	readonly "management.machineDeployments": typeof managementMachineDeployments;
	readonly "management.controlPlanes": typeof managementControlPlanes;
	readonly "management.pools": typeof managementPools;
	readonly "management.claims": typeof managementClaims;
	readonly "management.addresses": typeof managementAddresses;
	readonly "management.credentials": typeof managementCredentials;
}
