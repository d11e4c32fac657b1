import type { Kind } from "./management-list.ts";

/** Each list waits for the definitions, and for its turn among the others; a page has 15 s and there may be many. */
const listDeadline = 50_000;

/** What reads a fact that is the list of one kind. */
const readerOf = async <Raw, Item>(kind: Kind<Raw, Item>) => (await import("./management-list.ts")).reading(kind);

/** Probes of the management cluster. Each list is asked for once; what two facts need, one of them knows from the other. */
export const managementProbes = {
	"management.server": {
		deadline: 20_000,
		load: async () => {
			const { managementServer: schema, readManagementServer: read } = await import("./management-server.ts");
			return { schema, read };
		},
	},
	"management.groups": {
		deadline: 20_000,
		load: async () => {
			const { managementGroups: schema, readManagementGroups: read } = await import("./management-definitions.ts");
			return { schema, read };
		},
	},
	"management.definitions": {
		deadline: 30_000,
		load: async () => {
			const { managementDefinitions: schema, readManagementDefinitions: read } = await import(
				"./management-definitions.ts"
			);
			return { schema, read };
		},
	},
	"management.controllers": {
		deadline: 30_000,
		load: async () => {
			const { managementControllers: schema, readManagementControllers: read } = await import(
				"./management-controllers.ts"
			);
			return { schema, read };
		},
	},
	"management.inventory": {
		deadline: 30_000,
		load: async () => {
			const { managementInventory: schema, readManagementInventory: read } = await import(
				"./management-controllers.ts"
			);
			return { schema, read };
		},
	},
	"management.operator": {
		deadline: 40_000,
		load: async () => {
			const { managementOperator: schema, readManagementOperator: read } = await import("./management-controllers.ts");
			return { schema, read };
		},
	},
	"management.webhooks": {
		deadline: 30_000,
		load: async () => {
			const { managementWebhooks: schema, readManagementWebhooks: read } = await import("./management-webhooks.ts");
			return { schema, read };
		},
	},
	"management.endpoints": {
		deadline: 40_000,
		load: async () => {
			const { managementEndpoints: schema, readManagementEndpoints: read } = await import("./management-webhooks.ts");
			return { schema, read };
		},
	},
	"management.clusters": {
		deadline: listDeadline,
		load: async () => {
			const { managementClusters: schema, clusters: kind } = await import("./management-clusters.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.proxmoxClusters": {
		deadline: listDeadline,
		load: async () => {
			const { managementProxmoxClusters: schema, proxmoxClusters: kind } = await import("./management-clusters.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.machines": {
		deadline: listDeadline,
		load: async () => {
			const { managementMachines: schema, machines: kind } = await import("./management-machines.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.proxmoxMachines": {
		deadline: listDeadline,
		load: async () => {
			const { managementProxmoxMachines: schema, proxmoxMachines: kind } = await import("./management-machines.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.machineDeployments": {
		deadline: listDeadline,
		load: async () => {
			const { managementMachineDeployments: schema, machineDeployments: kind } = await import(
				"./management-replicas.ts"
			);
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.controlPlanes": {
		deadline: listDeadline,
		load: async () => {
			const { managementControlPlanes: schema, controlPlanes: kind } = await import("./management-replicas.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.pools": {
		deadline: listDeadline,
		load: async () => {
			const { managementPools: schema, readManagementPools: read } = await import("./management-addresses.ts");
			return { schema, read };
		},
	},
	"management.claims": {
		deadline: listDeadline,
		load: async () => {
			const { managementClaims: schema, claims: kind } = await import("./management-addresses.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.addresses": {
		deadline: listDeadline,
		load: async () => {
			const { managementAddresses: schema, addresses: kind } = await import("./management-addresses.ts");
			return { schema, read: await readerOf(kind) };
		},
	},
	"management.credentials": {
		deadline: listDeadline,
		load: async () => {
			const { managementCredentials: schema, readManagementCredentials: read } = await import(
				"./management-credentials.ts"
			);
			return { schema, read };
		},
	},
} as const;
