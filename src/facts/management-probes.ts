import { addresses, claims, readManagementPools } from "./management-addresses.ts";
import { clusters, proxmoxClusters } from "./management-clusters.ts";
import {
	readManagementControllers,
	readManagementInventory,
	readManagementOperator,
} from "./management-controllers.ts";
import { readManagementCredentials } from "./management-credentials.ts";
import { readManagementDefinitions, readManagementGroups } from "./management-definitions.ts";
import { reading } from "./management-list.ts";
import { machines, proxmoxMachines } from "./management-machines.ts";
import { controlPlanes, machineDeployments } from "./management-replicas.ts";
import { readManagementServer } from "./management-server.ts";
import { readManagementEndpoints, readManagementWebhooks } from "./management-webhooks.ts";

/** Each list waits for the definitions, and for its turn among the others; a page has 15 s and there may be many. */
const listDeadline = 50_000;

/** Probes of the management cluster. Each list is asked for once; what two facts need, one of them knows from the other. */
export const managementProbes = {
	"management.server": { deadline: 20_000, read: readManagementServer },
	"management.groups": { deadline: 20_000, read: readManagementGroups },
	"management.definitions": { deadline: 30_000, read: readManagementDefinitions },
	"management.controllers": { deadline: 30_000, read: readManagementControllers },
	"management.inventory": { deadline: 30_000, read: readManagementInventory },
	"management.operator": { deadline: 40_000, read: readManagementOperator },
	"management.webhooks": { deadline: 30_000, read: readManagementWebhooks },
	"management.endpoints": { deadline: 40_000, read: readManagementEndpoints },
	"management.clusters": { deadline: listDeadline, read: reading(clusters) },
	"management.proxmoxClusters": { deadline: listDeadline, read: reading(proxmoxClusters) },
	"management.machines": { deadline: listDeadline, read: reading(machines) },
	"management.proxmoxMachines": { deadline: listDeadline, read: reading(proxmoxMachines) },
	"management.machineDeployments": { deadline: listDeadline, read: reading(machineDeployments) },
	"management.controlPlanes": { deadline: listDeadline, read: reading(controlPlanes) },
	"management.pools": { deadline: listDeadline, read: readManagementPools },
	"management.claims": { deadline: listDeadline, read: reading(claims) },
	"management.addresses": { deadline: listDeadline, read: reading(addresses) },
	"management.credentials": { deadline: listDeadline, read: readManagementCredentials },
} as const;
