import * as z from "zod";
import { ProbeError } from "../errors.ts";
import type { Release } from "../knowledge/privileges.ts";
import type { MachinePlan } from "./machines.ts";
import type { Overview, ProxmoxPermissions, ReadData } from "./permissions.ts";
import {
	bridgesOf,
	type Guest,
	isPlainBridge,
	type Seen,
	type StorageConfig,
	type TemplateConfig,
	templatesOf,
	type Unseen,
} from "./targets.ts";

export interface Placement {
	readonly seen: Seen;
	readonly tagPolicy?: ProxmoxPermissions["tagPolicy"];
	readonly unseen: readonly Unseen[];
}

const flag = z
	.union([z.number(), z.string(), z.boolean()])
	.optional()
	.transform((value) => Number(value ?? 0) === 1);
const list = (separator: string) =>
	z
		.string()
		.default("")
		.transform((text) => text.split(separator).filter((part) => part !== ""));
const guestsAnswer = z.array(
	z.object({
		vmid: z.coerce.number().int(),
		node: z.string(),
		name: z.string().optional(),
		template: flag,
		tags: list(";"),
	}),
);
const storagesAnswer = z.array(
	z.object({ storage: z.string(), content: list(","), nodes: z.string().optional(), disable: flag }),
);
const configAnswer = z.record(z.string(), z.union([z.string(), z.number()]).transform(String).catch(""));
const vnetsAnswer = z.array(z.object({ vnet: z.string(), zone: z.string() }));
const networksAnswer = z.array(z.object({ iface: z.string(), type: z.string() }));
const optionsAnswer = z.object({
	"user-tag-access": z.union([z.string(), z.object({ "user-allow": z.string().default("free") })]).optional(),
	"registered-tags": z.union([z.array(z.string()), list(";")]).default([]),
});

/** Where the templates are and what they are made of. What cannot be read is told, and does not spoil the rest. */
export async function readPlacement(
	plans: readonly MachinePlan[],
	release: Release,
	overview: Overview,
	data: ReadData,
): Promise<Placement> {
	const unseen: Unseen[] = [];
	const tolerate = async <T>(what: string, reading: Promise<T>): Promise<T | undefined> => {
		try {
			return await reading;
		} catch (error) {
			unseen.push(asUnseen(what, error));
			return undefined;
		}
	};
	const maySeePolicy = overview["/"]?.["Sys.Audit"] !== undefined;
	const [guests, storages, options] = await Promise.all([
		tolerate("the VMs", data("cluster/resources?type=vm", guestsAnswer)),
		tolerate("the storages", data("storage", storagesAnswer)),
		maySeePolicy ? tolerate("the rules for tags", data("cluster/options", optionsAnswer)) : undefined,
	]);
	const listed: Seen = { guests: guests?.map(toGuest), storages: storages?.map(toStorage) };
	const configs = await readConfigs(plans, listed, data);
	const seen = { ...listed, configs };
	return {
		seen: release < 8 ? seen : { ...seen, bridges: await readBridges(plans, seen, overview, data) },
		...(options === undefined ? {} : { tagPolicy: toPolicy(options) }),
		unseen,
	};
}

function asUnseen(what: string, error: unknown): Unseen {
	if (error instanceof ProbeError) {
		// Proxmox VE says by a 500 that there is no such VM on the node.
		const isAbsent = error.reason === "server-error" && /Configuration file .* does not exist/.test(error.message);
		return { what, cause: isAbsent ? "not-found" : error.reason, because: error.message };
	}

	throw error;
}

const toGuest = ({ template, ...guest }: z.infer<typeof guestsAnswer>[number]): Guest => ({
	...guest,
	isTemplate: template,
});

const toStorage = ({ storage, content, nodes, disable }: z.infer<typeof storagesAnswer>[number]): StorageConfig => ({
	storage,
	content,
	enabled: !disable,
	...(nodes === undefined ? {} : { nodes: nodes.split(",") }),
});

/** Without an entry every user may set every tag. */
function toPolicy(options: z.infer<typeof optionsAnswer>): NonNullable<ProxmoxPermissions["tagPolicy"]> {
	const given = options["user-tag-access"];
	const allow = typeof given === "string" ? /user-allow=([^,]+)/.exec(given)?.[1] : given?.["user-allow"];
	return { allow: allow ?? "free", registered: options["registered-tags"] };
}

async function readConfigs(
	plans: readonly MachinePlan[],
	listed: Seen,
	data: ReadData,
): Promise<Map<number, TemplateConfig>> {
	const templates = new Map(plans.flatMap((plan) => templatesOf(plan, listed)).map(({ vmid, node }) => [vmid, node]));
	const read = async (vmid: number, node: string | undefined): Promise<TemplateConfig> => {
		const what = `template ${vmid}`;
		if (node === undefined) {
			const because =
				"the token does not see it, and nothing says on which node it is, so its disks and bridges are not known";
			return { what, cause: "not-found", because };
		}

		try {
			return await data(`nodes/${encodeURIComponent(node)}/qemu/${vmid}/config`, configAnswer);
		} catch (error) {
			return asUnseen(what, error);
		}
	};
	return new Map(
		await Promise.all([...templates].map(async ([vmid, node]) => [vmid, await read(vmid, node)] as const)),
	);
}

/** Zone by zone: only a name that no plain bridge has can be a VNet's, and only then is asked. */
async function readBridges(
	plans: readonly MachinePlan[],
	seen: Seen,
	overview: Overview,
	data: ReadData,
): Promise<Map<string, string | Unseen>> {
	const names = bridgesOf(plans, seen);
	const local = (name: string) => `/sdn/zones/localnetwork/${name}`;
	const found = new Map<string, string | Unseen>(names.filter(isPlainBridge).map((name) => [name, local(name)]));
	const doubtful = names.filter((name) => !isPlainBridge(name));
	if (doubtful.length === 0) {
		return found;
	}

	const [node] = plans.flatMap((plan) => [
		...templatesOf(plan, seen).flatMap((each) => each.node ?? []),
		...plan.allowedNodes,
	]);
	try {
		const vnets = await data("cluster/sdn/vnets", vnetsAnswer);
		const zones = new Map(vnets.map(({ vnet, zone }) => [vnet, `/sdn/zones/${zone}/${vnet}`]));
		const isListed = doubtful.every((name) => zones.has(name));
		const networks =
			isListed || node === undefined ? [] : await data(`nodes/${encodeURIComponent(node)}/network`, networksAnswer);
		const bridges = new Set(networks.filter(({ type }) => /bridge/i.test(type)).map(({ iface }) => iface));
		for (const name of doubtful) {
			const because = "the token sees neither a bridge nor a VNet of this name; with SDN.Audit on /sdn/zones it would";
			found.set(
				name,
				zones.get(name) ??
					(bridges.has(name) ? local(name) : undefined) ??
					Object.keys(overview).find((path) => path.startsWith("/sdn/zones/") && path.endsWith(`/${name}`)) ?? {
						what: `bridge ${name}`,
						cause: "not-found",
						because,
					},
			);
		}
	} catch (error) {
		for (const name of doubtful) {
			found.set(name, asUnseen(`bridge ${name}`, error));
		}
	}

	return found;
}
