import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { listed } from "../words.ts";
import { allowedNodes, assign, type Machine, namedNodes, templateOf } from "./naming.ts";

type Storage = NonNullable<Permissions["listed"]["storages"]>[number];

/** A clone to another node is only made from shared storages to a shared storage (qemu-server, API2/Qemu.pm, clone_vm). */
export function notShared(machine: Machine, storages: readonly Storage[]): PermissionFinding[] {
	const template = templateOf(machine);
	const others = machine.nodes.filter((node) => node !== template?.node);
	const drives = [...(template?.storages ?? []), ...(machine.storage === undefined ? [] : [machine.storage])];
	const isHidden = (name: string) => !storages.some(({ storage }) => storage === name);
	const local = [...new Set(drives)].filter(
		(name) =>
			storages.some(({ storage, shared }) => storage === name && !shared) || (name === "local" && isHidden(name)),
	);
	const [first] = local;
	if (template === undefined || others.length === 0 || first === undefined) {
		return [];
	}

	const says =
		first === machine.storage
			? `can't clone to non-shared storage '${first}'`
			: `can't clone VM to node '${others[0] ?? ""}' (VM uses local storage)`;
	return [
		{
			code: "template-not-shared",
			...(local.every(isHidden) ? { confidence: "likely" as const } : {}),
			summary: `Template ${template.vmid} is on node ${template.node}, machines are to be made on ${listed(others)}, too, and storage ${listed(local)} is not shared. Proxmox VE clones to another node only by shared storages, also for a CD-ROM drive. CAPMOX then says "unable to create new vm: 500 ${says}" whenever it chooses such a node.`,
			evidence: [
				{
					from: `GET /nodes/${template.node}/qemu/${template.vmid}/config, and GET /storage`,
					saw: `${listed(local)} without shared`,
					expected: "shared storages only",
				},
			],
			remedy: [
				assign(machine, allowedNodes(machine), namedNodes([template.node]), `Allow only ${template.node}.`),
				{
					advice: "Or move the template's drives to a storage that all these nodes share, and take CD-ROMs out of it.",
					where: "here",
					risk: "changes",
				},
			],
		},
	];
}
