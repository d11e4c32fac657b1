import type { Permission } from "../access-check.ts";
import { ApiError } from "../answer.ts";
import type { Call, Route } from "../route.ts";
import type { Vm } from "../state.ts";
import { taskId } from "./nodes.ts";

const auditor = { perm: "/vms/{vmid}", all: ["VM.Audit"] } as const;

export const guestRoutes: readonly Route[] = [
	...(["qemu", "lxc"] as const).map(
		(type): Route => ({
			method: "GET",
			path: `/nodes/{node}/${type}`,
			permission: "all",
			parameters: type === "qemu" ? ["full"] : [],
			onNode: true,
			byDaemon: true,
			answer: (call) => listGuests(call, type),
		}),
	),
	{
		method: "GET",
		path: "/nodes/{node}/qemu/{vmid}/config",
		permission: auditor,
		parameters: ["current", "snapshot"],
		onNode: true,
		answer: (call) => ({ digest: "4ac8d5ba4f3a1a02f2b9b2c97c7a1e70b0a0a7c7", ...guestOf(call).config }),
	},
	{
		method: "GET",
		path: "/nodes/{node}/qemu/{vmid}/status/current",
		permission: auditor,
		onNode: true,
		byDaemon: true,
		answer: (call) => summary(guestOf(call)),
	},
	...["get-osinfo", "network-get-interfaces"].map(
		(command): Route => ({
			method: "GET",
			path: `/nodes/{node}/qemu/{vmid}/agent/${command}`,
			permission: agentPermission,
			onNode: true,
			byDaemon: true,
			answer: (call) => ({ result: askAgent(guestOf(call), command) }),
		}),
	),
	{
		method: "POST",
		path: "/nodes/{node}/qemu/{vmid}/clone",
		permission: {
			and: [
				{ perm: "/vms/{vmid}", all: ["VM.Clone"] },
				{
					or: [
						{ perm: "/vms/{newid}", all: ["VM.Allocate"] },
						{ perm: "/pool/{pool}", all: ["VM.Allocate"], needs: "pool" },
					],
				},
			],
		},
		parameters: ["newid", "pool", "name", "full", "target", "storage", "description", "format", "snapname"],
		onNode: true,
		byDaemon: true,
		answer: (call) => taskId(call, "qmclone", call.parameter("vmid")),
	},
];

/** Release 9 split VM.Monitor up (libpve-access-control 9.0.2). */
function agentPermission(major: number): Permission {
	return {
		perm: "/vms/{vmid}",
		any: major >= 9 ? ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"] : ["VM.Monitor"],
	};
}

/** qemu-server, API2/Qemu.pm and pve-container, API2/LXC.pm: only guests the caller may audit. */
function listGuests(call: Call, type: "qemu" | "lxc"): unknown {
	return call.world.state.vms
		.filter((vm) => vm.node === call.parameters["node"] && (vm.type ?? "qemu") === type)
		.filter(({ vmid }) => call.may(`/vms/${vmid}`, "VM.Audit"))
		.map(summary);
}

function summary({ vmid, type, name, status = "stopped", template, tags, lock, cpus = 1, memory }: Vm): unknown {
	return {
		// Containers come with their ID as a string.
		vmid: type === "lxc" ? String(vmid) : vmid,
		name,
		status,
		cpus,
		maxmem: memory?.total ?? 0,
		mem: memory?.used ?? 0,
		uptime: status === "running" ? 3600 : 0,
		...(template === true ? { template: 1 } : {}),
		...(tags === undefined ? {} : { tags }),
		...(lock === undefined ? {} : { lock }),
	};
}

function guestOf({ world, parameters: { node = "", vmid = "" } }: Call): Vm {
	const guest = world.state.vms.find((vm) => String(vm.vmid) === vmid && vm.node === node && vm.type !== "lxc");
	if (guest === undefined) {
		throw new ApiError(500, `Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist\n`);
	}

	return guest;
}

/** qemu-server, API2/Qemu/Agent.pm and QemuServer/Agent.pm */
function askAgent({ vmid, status, config, agent }: Vm, command: string): unknown {
	if (!/^(?:1|.*enabled=1)/.test(String(config?.["agent"] ?? ""))) {
		throw new ApiError(500, "No QEMU guest agent configured\n");
	}

	if (status !== "running") {
		throw new ApiError(500, `VM ${vmid} is not running\n`);
	}

	if (agent === undefined) {
		throw new ApiError(500, "QEMU guest agent is not running\n");
	}

	return agent[command];
}
