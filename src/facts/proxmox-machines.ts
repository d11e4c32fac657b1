import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { limit } from "../in-turn.ts";
import { isOwnTag } from "../knowledge/marks.ts";
import { attempt } from "./attempt.ts";
import type { ManagementProxmoxMachine } from "./management-machines.ts";
import { requireAccepted } from "./permissions.ts";
import type { Know } from "./probe.ts";
import { ask, describeExchange, openProxmox, type ProxmoxSession, readData } from "./proxmox-session.ts";

const vm = z.object({
	vmid: z.number().int(),
	/** Absent while its node is offline. */
	name: z.string().optional(),
	node: z.string(),
	/** `running`, `stopped`; `unknown` while its node is offline. */
	status: z.string(),
	/** `clone`, `backup`, `migrate` … */
	lock: z.string().optional(),
	/** State of the HA resource that it is; absent where it is none. */
	ha: z.string().optional(),
	tags: z.array(z.string()),
	/** Read where a deletion concerns it, where its name is not the one that was expected, or where no ProxmoxMachine knows it. */
	config: z
		.object({
			name: z.string().optional(),
			uuid: z.string().optional(),
			protection: z.boolean(),
			/** By the clock of its node; Proxmox VE notes it since 7.2. */
			created: z.string().optional(),
			/** Its drive ide0 holds cloud-init data as CAPMOX names it, for this VMID; absent where it does not. */
			bootstrapIso: z.boolean().optional(),
		})
		.optional(),
	/** Why the configuration could not be read. */
	unseen: z.string().optional(),
});
export type ProxmoxVm = z.infer<typeof vm>;

/** Fact `proxmox.machines`: the VMs of ProxmoxMachines, and those that look like one. */
export const proxmoxMachines = z.object({
	nodes: z.array(z.object({ node: z.string(), online: z.boolean() })),
	/** Of all that the token sees: those that a ProxmoxMachine names, and those with CAPMOX's tags or a cluster's name. */
	vms: z.array(vm),
	/** VMIDs of ProxmoxMachines in deletion that nobody has, by `/cluster/nextid`, which hides nothing. */
	free: z.array(z.number().int()),
	/** Every ProxmoxMachine was seen, so that a VM without one has none. */
	complete: z.boolean(),
});
export type ProxmoxMachines = z.infer<typeof proxmoxMachines>;

/** Fact `proxmox.leftovers`: ISO images with cloud-init data whose VM does not exist any more. */
export const proxmoxLeftovers = z.object({
	isos: z.array(z.object({ volume: z.string(), node: z.string(), vmid: z.number().int() })),
	/** Storages whose ISO images were looked through. */
	storages: z.array(z.string()),
});

const flag = z.union([z.number(), z.string(), z.boolean()]).optional();
const isSet = (value: z.infer<typeof flag>): boolean => Number(value ?? 0) === 1;
const words = (separator: string) =>
	z
		.string()
		.default("")
		.transform((text) => text.split(separator).filter((part) => part !== ""));

const nodesAnswer = z.array(z.object({ node: z.string(), status: z.string().default("unknown") }));
const guestsAnswer = z.array(
	z.object({
		type: z.string().default("qemu"),
		vmid: z.coerce.number().int(),
		name: z.string().optional(),
		node: z.string(),
		status: z.string().default("unknown"),
		lock: z.string().optional(),
		hastate: z.string().optional(),
		tags: words(";"),
		template: flag,
	}),
);
const configAnswer = z.object({
	name: z.string().optional(),
	smbios1: z.string().optional(),
	protection: flag,
	meta: z.string().optional(),
	/** Where CAPMOX attaches its ISO. */
	ide0: z.string().optional(),
});
const storagesAnswer = z.array(
	z.object({
		storage: z.string(),
		content: words(","),
		shared: flag,
		disable: flag,
		nodes: z.string().optional(),
	}),
);
const volumesAnswer = z.array(z.object({ volid: z.string() }));

interface Asking {
	readonly session: ProxmoxSession;
	readonly data: <T>(path: string, schema: z.ZodType<T>) => Promise<T>;
	/** Nobody has this VMID. */
	readonly isFree: (vmid: number) => Promise<boolean>;
}

async function withProxmox<T>(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
	use: (asking: Asking) => Promise<T>,
): Promise<T> {
	requireAccepted(await know("proxmox.access"));
	const session = await openProxmox(world, know);
	const inTurn = limit(4);
	const turn = <R>(path: string, start: () => Promise<R>): Promise<R> =>
		inTurn(() => {
			note(`GET /${path}`);
			return start();
		});
	try {
		return await use({
			session,
			data: (path, schema) => turn(path, () => readData(session, path, schema, signal)),
			isFree: (vmid) => turn(`cluster/nextid?vmid=${vmid}`, () => askFree(session, vmid, signal)),
		});
	} finally {
		session.api.close();
	}
}

/** As CAPMOX asks it: 200 for a VMID that is free, 400 for one that is not, whatever the caller may see. */
async function askFree({ api, credentials }: ProxmoxSession, vmid: number, signal: AbortSignal): Promise<boolean> {
	const path = `cluster/nextid?vmid=${vmid}`;
	const authorization = typeof credentials === "string" ? `PVEAPIToken=${credentials}` : undefined;
	const { exchange } = await ask(api, path, signal, authorization);
	if (exchange.kind === "answered" && (exchange.status === 200 || exchange.status === 400)) {
		return exchange.status === 200;
	}

	throw new ProbeError("unreadable", `GET /${path} → ${describeExchange(exchange)}`);
}

export async function readProxmoxMachines(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<ProxmoxMachines> {
	if (!(await know("management.proxmoxMachines")).installed) {
		return { nodes: [], vms: [], free: [], complete: false };
	}

	return await withProxmox(world, know, signal, note, async ({ data, isFree }) => {
		const [guests, nodes, expected, clusters, machines] = await Promise.all([
			data("cluster/resources?type=vm", guestsAnswer),
			data("nodes", nodesAnswer),
			know("management.proxmoxMachines"),
			know("management.clusters"),
			know("management.machines"),
		]);
		const going = new Set(
			machines.items.flatMap(({ deleting, namespace, infrastructure }) =>
				deleting === undefined ? [] : [`${namespace ?? ""}/${infrastructure?.name ?? ""}`],
			),
		);
		const isConcerned = (item: ManagementProxmoxMachine) =>
			item.deleting !== undefined || going.has(`${item.namespace ?? ""}/${item.name}`);
		const byId = new Map(expected.items.flatMap((item) => (item.vmid === undefined ? [] : [[item.vmid, item]])));
		const names = new Set(expected.items.map(({ name }) => name));
		const beginnings = clusters.items.map(({ name }) => `${name}-`);
		const isLikeOurs = ({ vmid, name = "", tags }: (typeof guests)[number]) =>
			byId.has(vmid) ||
			names.has(name) ||
			beginnings.some((beginning) => name.startsWith(beginning)) ||
			tags.some(isOwnTag);
		const isOrphan = ({ name = "" }: (typeof guests)[number]) =>
			!names.has(name) && beginnings.some((beginning) => name.startsWith(beginning));
		const mine = guests.filter((guest) => guest.type === "qemu" && !isSet(guest.template) && isLikeOurs(guest));
		const missing = expected.items.flatMap((item) =>
			isConcerned(item) && item.vmid !== undefined && !guests.some(({ vmid }) => vmid === item.vmid) ? [item.vmid] : [],
		);
		const [vms, free] = await Promise.all([
			Promise.all(
				mine.map(async (guest) => {
					const item = byId.get(guest.vmid);
					const isDoubtful = item === undefined ? isOrphan(guest) : isConcerned(item) || guest.name !== item.name;
					return { ...toVm(guest), ...(isDoubtful ? await readConfig(data, guest) : {}) };
				}),
			),
			Promise.all(missing.map(async (vmid) => ((await isFree(vmid)) ? [vmid] : []))),
		]);
		return {
			nodes: nodes.map(({ node, status }) => ({ node, online: status === "online" })),
			vms,
			free: free.flat(),
			complete: world.options.namespace === undefined,
		};
	});
}

const toVm = ({ vmid, name, node, status, lock, hastate, tags }: z.infer<typeof guestsAnswer>[number]): ProxmoxVm => ({
	vmid,
	name,
	node,
	status,
	lock,
	ha: hastate,
	tags,
});

async function readConfig(
	data: Asking["data"],
	{ node, vmid }: { readonly node: string; readonly vmid: number },
): Promise<Pick<ProxmoxVm, "config" | "unseen">> {
	const answer = await attempt(data(`nodes/${encodeURIComponent(node)}/qemu/${vmid}/config`, configAnswer));
	if (answer instanceof ProbeError) {
		return { unseen: answer.message };
	}

	const uuid = /(?:^|,)uuid=([0-9a-f-]+)/i.exec(answer.smbios1 ?? "")?.[1]?.toLowerCase();
	const seconds = /(?:^|,)ctime=(\d+)/.exec(answer.meta ?? "")?.[1];
	const created = seconds === undefined ? undefined : new Date(Number(seconds) * 1_000).toISOString();
	const withIso = answer.ide0?.split(",").some((part) => isoOf(part) === vmid) === true ? { bootstrapIso: true } : {};
	return { config: { name: answer.name, uuid, protection: isSet(answer.protection), created, ...withIso } };
}

/** `nfs:iso/user-data-105.iso`: internal/inject/inject.go by go-proxmox. */
const isoOf = (volume: string): number | undefined => {
	const [, vmid] = /:iso\/user-data-(\d+)\.iso$/.exec(volume) ?? [];
	return vmid === undefined ? undefined : Number(vmid);
};

export async function readProxmoxLeftovers(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<z.infer<typeof proxmoxLeftovers>> {
	if (!(await know("management.proxmoxMachines")).installed) {
		return { isos: [], storages: [] };
	}

	return await withProxmox(world, know, signal, note, async ({ data, isFree }) => {
		const [storages, nodes] = await Promise.all([data("storage", storagesAnswer), data("nodes", nodesAnswer)]);
		const online = nodes.filter(({ status }) => status === "online").map(({ node }) => node);
		const withIso = storages.filter(({ content, disable }) => content.includes("iso") && !isSet(disable));
		const places = withIso.flatMap(({ storage, shared, nodes: only }) => {
			const there = online.filter((node) => only === undefined || only.split(",").includes(node));
			return (isSet(shared) ? there.slice(0, 1) : there).map((node) => ({ storage, node }));
		});
		const found = await Promise.all(
			places.map(async ({ storage, node }) => {
				const path = `nodes/${encodeURIComponent(node)}/storage/${encodeURIComponent(storage)}/content?content=iso`;
				return (await data(path, volumesAnswer)).flatMap(({ volid }) => {
					const vmid = isoOf(volid);
					return vmid === undefined ? [] : [{ volume: volid, node, vmid }];
				});
			}),
		);
		const isos = await Promise.all(found.flat().map(async (iso) => ((await isFree(iso.vmid)) ? [iso] : [])));
		return { isos: isos.flat(), storages: withIso.map(({ storage }) => storage) };
	});
}
