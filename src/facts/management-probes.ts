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
import { type ManagementSchemas, managementSchemas as schemas } from "./management-schemas.ts";
import { readManagementServer } from "./management-server.ts";
import { readManagementEndpoints, readManagementWebhooks } from "./management-webhooks.ts";
import type { Reading } from "./probe.ts";
import type { Facts } from "./sheet.ts";

/** How the facts of the management cluster are read. Each list is asked for once; what two need, one knows from the other. */
export const managementReadings: { readonly [Name in keyof ManagementSchemas]: Reading<Facts[Name]> } = {
	"management.server": { schema: schemas["management.server"], read: readManagementServer },
	"management.groups": { schema: schemas["management.groups"], read: readManagementGroups },
	"management.definitions": { schema: schemas["management.definitions"], read: readManagementDefinitions },
	"management.controllers": { schema: schemas["management.controllers"], read: readManagementControllers },
	"management.inventory": { schema: schemas["management.inventory"], read: readManagementInventory },
	"management.operator": { schema: schemas["management.operator"], read: readManagementOperator },
	"management.webhooks": { schema: schemas["management.webhooks"], read: readManagementWebhooks },
	"management.endpoints": { schema: schemas["management.endpoints"], read: readManagementEndpoints },
	"management.clusters": { schema: schemas["management.clusters"], read: reading(clusters) },
	"management.proxmoxClusters": { schema: schemas["management.proxmoxClusters"], read: reading(proxmoxClusters) },
	"management.machines": { schema: schemas["management.machines"], read: reading(machines) },
	"management.proxmoxMachines": { schema: schemas["management.proxmoxMachines"], read: reading(proxmoxMachines) },
	"management.machineDeployments": {
		schema: schemas["management.machineDeployments"],
		read: reading(machineDeployments),
	},
	"management.controlPlanes": { schema: schemas["management.controlPlanes"], read: reading(controlPlanes) },
	"management.pools": { schema: schemas["management.pools"], read: readManagementPools },
	"management.claims": { schema: schemas["management.claims"], read: reading(claims) },
	"management.addresses": { schema: schemas["management.addresses"], read: reading(addresses) },
	"management.credentials": { schema: schemas["management.credentials"], read: readManagementCredentials },
};
