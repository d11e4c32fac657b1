import type { Node, Vm } from "../state.ts";

/** pve-manager, API2Tools.pm extract_node_stats */
export function nodeStatistics({ node, online, cpus = 4, memory }: Node, mayAudit: boolean): Record<string, unknown> {
	const isOnline = online !== false;
	const limits = { maxcpu: cpus, maxmem: memory?.total ?? 0, maxdisk: 100_861_726_720 };
	const load = { cpu: 0.0034, mem: memory?.used ?? 0, disk: 2_310_930_432, uptime: 2_236_708 };
	return {
		id: `node/${node}`,
		node,
		type: "node",
		status: isOnline ? "online" : "offline",
		level: "",
		...(mayAudit ? limits : {}),
		...(mayAudit && isOnline ? load : {}),
	};
}

/** API2Tools.pm extract_vm_stats: all but the ID comes from what the guest's node broadcasts, so it is lost with that node. */
export function vmStatistics(vm: Vm, nodeIsOnline: boolean): Record<string, unknown> {
	const { vmid, node, type = "qemu", name, template, tags, lock, ha, status = "stopped", cpus = 1, memory } = vm;
	const identity = { id: `${type}/${vmid}`, vmid, node, type };
	const settings = {
		...(tags === undefined ? {} : { tags }),
		...(lock === undefined ? {} : { lock }),
		...(ha === undefined ? {} : { hastate: ha }),
	};
	if (!nodeIsOnline) {
		return { ...identity, ...settings, status: "unknown" };
	}

	return {
		...identity,
		...settings,
		name,
		status,
		template: template === true ? 1 : 0,
		maxcpu: cpus,
		cpu: status === "running" ? 0.02 : 0,
		maxmem: memory?.total ?? 0,
		mem: memory?.used ?? 0,
		maxdisk: 21_474_836_480,
		disk: 0,
		uptime: status === "running" ? 3600 : 0,
		netin: 0,
		netout: 0,
		diskread: 0,
		diskwrite: 0,
	};
}
