import { ApiError, parameterError } from "../answer.ts";
import type { Call, Route } from "../route.ts";
import { nodeStatistics, vmStatistics } from "./statistics.ts";

export const clusterRoutes: readonly Route[] = [
	{
		method: "GET",
		path: "/cluster/status",
		permission: { perm: "/", all: ["Sys.Audit"] },
		byDaemon: true,
		answer: status,
	},
	{ method: "GET", path: "/cluster/resources", permission: "all", parameters: ["type"], answer: resources },
	{ method: "GET", path: "/cluster/nextid", permission: "all", parameters: ["vmid"], answer: nextId },
	{ method: "GET", path: "/cluster/options", permission: "all", answer: options },
	{
		method: "GET",
		path: "/cluster/sdn/zones",
		permission: "all",
		parameters: ["type", "pending", "running"],
		answer: (call) => call.world.state.zones.filter(({ zone }) => maySee(call, `/sdn/zones/${zone}`)),
	},
	{
		method: "GET",
		path: "/cluster/sdn/vnets",
		permission: "all",
		parameters: ["pending", "running"],
		answer: (call) =>
			call.world.state.vnets
				.filter(({ vnet, zone }) => maySee(call, `/sdn/zones/${zone}/${vnet}`))
				.map((vnet) => ({ type: "vnet", ...vnet })),
	},
	{
		// One of the endpoints for which Proxmox VE declares no permission.
		method: "GET",
		path: "/cluster/acme/account/{name}",
		permission: "root",
		byDaemon: true,
		answer: () => ({}),
	},
	{ method: "GET", path: "/pools", permission: "all", parameters: ["poolid", "type"], answer: pools },
	{
		method: "GET",
		path: "/pools/{poolid}",
		permission: { perm: "/pool/{poolid}", all: ["Pool.Audit"] },
		parameters: ["type"],
		answer: (call) => poolContent(call, call.parameter("poolid")),
	},
];

function maySee(call: Call, path: string): boolean {
	return call.may(path, "SDN.Audit", "SDN.Allocate");
}

/** pve-manager, API2/Cluster.pm: a node that is in no cluster lists only itself. */
function status({ world }: Call): unknown {
	const { nodes, clusterName } = world.state;
	const online = nodes.filter((node) => node.online !== false).length;
	const cluster = {
		type: "cluster",
		id: "cluster",
		name: clusterName,
		nodes: nodes.length,
		quorate: online > nodes.length / 2 ? 1 : 0,
		version: nodes.length,
	};
	const members = nodes.map((node, index) => ({
		type: "node",
		id: `node/${node.node}`,
		name: node.node,
		nodeid: clusterName === undefined ? 0 : index + 1,
		ip: node.ip,
		online: node.online === false ? 0 : 1,
		local: index === 0 ? 1 : 0,
		level: "",
	}));
	return clusterName === undefined ? members : [cluster, ...members];
}

/** API2/Cluster.pm resources: silently filtered, and stricter than the lists of a node. */
function resources(call: Call): unknown {
	const type = call.parameters["type"];
	const { state } = call.world;
	const everything = [
		...poolResources(call),
		...guestResources(call),
		...state.nodes.map((node) => nodeStatistics(node, call.may(`/nodes/${node.node}`, "Sys.Audit"))),
		...storageResources(call),
		...zoneResources(call),
	];
	const wanted = type === "vm" ? ["qemu", "lxc"] : [type];
	return type === undefined ? everything : everything.filter((resource) => wanted.includes(String(resource["type"])));
}

function poolResources(call: Call): Record<string, unknown>[] {
	return visiblePools(call).map((pool) => ({ id: `/pool/${pool}`, type: "pool", pool }));
}

function guestResources(call: Call): Record<string, unknown>[] {
	const { vms, nodes, pools: all } = call.world.state;
	return vms
		.filter(({ vmid }) => call.may(`/vms/${vmid}`, "VM.Audit"))
		.map((vm) => {
			const pool = Object.keys(all).find((name) => all[name]?.vms?.includes(vm.vmid));
			const isOnline = nodes.some(({ node, online }) => node === vm.node && online !== false);
			const isVisible = pool !== undefined && call.may(`/pool/${pool}`, "Pool.Audit");
			return { ...vmStatistics(vm, isOnline), ...(isVisible ? { pool } : {}) };
		});
}

function storageResources(call: Call): Record<string, unknown>[] {
	const { storages, nodes } = call.world.state;
	return storages
		.filter(({ storage }) => call.may(`/storage/${storage}`, "Datastore.Audit"))
		.flatMap(({ storage, type, content, shared, nodes: only, total = 0, used = 0 }) =>
			nodes
				.filter(({ node }) => only === undefined || only.includes(node))
				.map(({ node, online }) => ({
					id: `storage/${node}/${storage}`,
					type: "storage",
					storage,
					node,
					plugintype: type,
					content,
					shared: shared === true ? 1 : 0,
					...(online === false ? { status: "unknown" } : { status: "available", maxdisk: total, disk: used }),
				})),
		);
}

function zoneResources(call: Call): Record<string, unknown>[] {
	const { zones, nodes } = call.world.state;
	return [...zones.map(({ zone }) => zone), ...(call.world.generation.major >= 8 ? ["localnetwork"] : [])]
		.filter((zone) => call.may(`/sdn/zones/${zone}`, "SDN.Audit"))
		.flatMap((zone) =>
			nodes.map(({ node }) => ({ id: `sdn/${node}/${zone}`, type: "sdn", sdn: zone, node, status: "ok" })),
		);
}

/** API2/Cluster.pm nextid: unfiltered, and a string. */
function nextId({ world, parameters: { vmid } }: Call): string {
	const taken = new Set(world.state.vms.map((vm) => vm.vmid));
	if (vmid !== undefined) {
		if (taken.has(Number(vmid))) {
			throw parameterError({ vmid: `VM ${vmid} already exists` });
		}

		return vmid;
	}

	let free = 100;
	while (taken.has(free)) {
		free += 1;
	}

	return String(free);
}

function options(call: Call): unknown {
	const { datacenter } = call.world.state;
	const open = ["console", "tag-style", "allowed-tags"];
	const mayAudit = call.may("/", "Sys.Audit");
	return Object.fromEntries(
		Object.entries({ "allowed-tags": [], ...datacenter }).filter(([name]) => mayAudit || open.includes(name)),
	);
}

function pools(call: Call): unknown {
	const { poolid } = call.parameters;
	if (poolid === undefined) {
		return visiblePools(call).map((pool) => {
			const comment = call.world.state.pools[pool]?.comment;
			return { poolid: pool, ...(comment === undefined ? {} : { comment }) };
		});
	}

	if (!call.world.generation.listsOnePool) {
		throw parameterError({
			poolid: "property is not defined in schema and the schema does not allow additional properties",
		});
	}

	// The check for Pool.Audit is made with its result thrown away (API2/Pool.pm:96).
	return [{ poolid, ...poolContent(call, poolid) }];
}

function visiblePools(call: Call): string[] {
	return Object.keys(call.world.state.pools)
		.sort()
		.filter((pool) => call.may(`/pool/${pool}`, "Pool.Audit"));
}

function poolContent({ world }: Call, poolid: string): { members: unknown[]; comment?: string } {
	const { pools: all, vms, storages, nodes } = world.state;
	const pool = all[poolid];
	if (pool === undefined) {
		throw new ApiError(500, `pool '${poolid}' does not exist\n`);
	}

	const members = [
		...vms.filter(({ vmid }) => pool.vms?.includes(vmid)).map((vm) => vmStatistics(vm, true)),
		...storages
			.filter(({ storage }) => pool.storages?.includes(storage))
			.map(({ storage }) => {
				const node = nodes[0]?.node ?? "";
				return { id: `storage/${node}/${storage}`, type: "storage", storage, node, status: "available" };
			}),
	];
	return { members, ...(pool.comment === undefined ? {} : { comment: pool.comment }) };
}
