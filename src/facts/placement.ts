import * as z from "zod";
import { readBridges, readNodeBridges } from "./bridges.ts";
import type { MachinePlan } from "./machines.ts";
import type { Overview, ProxmoxPermissions, ReadData } from "./permissions.ts";
import { readPools } from "./pools.ts";
import {
	asUnseen,
	type Guest,
	gap,
	type NodeSeen,
	nodesOf,
	type Seen,
	type StorageSeen,
	type TemplateConfig,
	templatesOf,
	type Unseen,
} from "./seen.ts";

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
		type: z.string().default("qemu"),
		name: z.string().optional(),
		status: z.string().optional(),
		template: flag,
		tags: list(";"),
	}),
);
const storagesAnswer = z.array(
	z.object({ storage: z.string(), content: list(","), nodes: z.string().optional(), disable: flag, shared: flag }),
);
const nodesAnswer = z.array(z.object({ node: z.string(), status: z.string().optional() }));
const configAnswer = z.record(z.string(), z.union([z.string(), z.number()]).transform(String).catch(""));
const optionsAnswer = z.object({
	"user-tag-access": z.union([z.string(), z.object({ "user-allow": z.string().default("free") })]).optional(),
	"registered-tags": z.union([z.array(z.string()), list(";")]).default([]),
});

/** Where the templates are and what they are made of. What cannot be read is told, and does not spoil the rest. */
export async function readPlacement(
	plans: readonly MachinePlan[],
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
	const named = [...new Set(plans.flatMap(({ pool }) => pool ?? []))];
	const [guests, nodes, storages, pools, options] = await Promise.all([
		tolerate("the VMs", data("cluster/resources?type=vm", guestsAnswer)),
		tolerate("the nodes", data("nodes", nodesAnswer)),
		tolerate("the storages", data("storage", storagesAnswer)),
		tolerate(`pool ${named.join(", ")}`, readPools(named, data)),
		maySeePolicy ? tolerate("the rules for tags", data("cluster/options", optionsAnswer)) : undefined,
	]);
	const listed: Seen = {
		guests: guests?.filter(({ type }) => type === "qemu").map(toGuest),
		nodes: nodes?.map(toNode),
		storages: storages?.map(toStorage),
	};
	const configs = await readConfigs(plans, listed, data);
	const withBridges = { ...listed, configs, pools, nodes: await readNodes(plans, listed, data, unseen) };
	return {
		seen: { ...withBridges, bridges: await readBridges(plans, withBridges, overview, data) },
		...(options === undefined ? {} : { tagPolicy: toPolicy(options) }),
		unseen,
	};
}

/** The nodes, with the bridges of those on which machines are to be connected to some. */
async function readNodes(
	plans: readonly MachinePlan[],
	listed: Seen,
	data: ReadData,
	unseen: Unseen[],
): Promise<readonly NodeSeen[] | undefined> {
	const wanted = new Set(plans.filter(({ devices }) => devices.length > 0).flatMap((plan) => nodesOf(plan, listed)));
	const used = new Set(plans.flatMap((plan) => nodesOf(plan, listed)));
	return (
		listed.nodes &&
		Promise.all(
			listed.nodes.map(async (each) => {
				if (!each.online) {
					if (used.has(each.node)) {
						unseen.push(gap(`node ${each.node}`, "unreachable", "GET /nodes shows it as offline"));
					}

					return each;
				}

				if (!wanted.has(each.node)) {
					return each;
				}

				try {
					return { ...each, ...(await readNodeBridges(each.node, data)) };
				} catch (error) {
					unseen.push(asUnseen(`the bridges of node ${each.node}`, error));
					return each;
				}
			}),
		)
	);
}

const toGuest = ({ vmid, node, name, tags, status, template }: z.infer<typeof guestsAnswer>[number]): Guest => ({
	vmid,
	node,
	name,
	tags,
	...(status === "unknown" ? {} : { isTemplate: template }),
});

const toNode = ({ node, status }: z.infer<typeof nodesAnswer>[number]): NodeSeen => ({
	node,
	online: status !== "offline",
});

const toStorage = ({
	storage,
	content,
	nodes,
	disable,
	shared,
}: z.infer<typeof storagesAnswer>[number]): StorageSeen => ({
	storage,
	content,
	enabled: !disable,
	shared,
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
			return gap(what, "not-found", because);
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
