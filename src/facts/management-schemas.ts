import { managementAddresses, managementClaims, managementPools } from "./management-addresses.ts";
import { managementClusters, managementProxmoxClusters } from "./management-clusters.ts";
import { managementControllers, managementInventory, managementOperator } from "./management-controllers.ts";
import { managementCredentials } from "./management-credentials.ts";
import { managementDefinitions, managementGroups } from "./management-definitions.ts";
import { managementMachines, managementProxmoxMachines } from "./management-machines.ts";
import { managementControlPlanes, managementMachineDeployments } from "./management-replicas.ts";
import { managementServer } from "./management-server.ts";
import { managementEndpoints, managementWebhooks } from "./management-webhooks.ts";

/** Facts of the management cluster, by name. */
export const managementSchemas = {
	"management.server": managementServer,
	"management.groups": managementGroups,
	"management.definitions": managementDefinitions,
	"management.controllers": managementControllers,
	"management.inventory": managementInventory,
	"management.operator": managementOperator,
	"management.webhooks": managementWebhooks,
	"management.endpoints": managementEndpoints,
	"management.clusters": managementClusters,
	"management.proxmoxClusters": managementProxmoxClusters,
	"management.machines": managementMachines,
	"management.proxmoxMachines": managementProxmoxMachines,
	"management.machineDeployments": managementMachineDeployments,
	"management.controlPlanes": managementControlPlanes,
	"management.pools": managementPools,
	"management.claims": managementClaims,
	"management.addresses": managementAddresses,
	"management.credentials": managementCredentials,
} as const;

export type ManagementSchemas = typeof managementSchemas;
