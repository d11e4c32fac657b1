import * as z from "zod";
import { type MachinePlan, tagMatches } from "./machines.ts";
import { hasTags, isUnseen, nodesOf, type Seen } from "./seen.ts";
import { drivesIn } from "./template-config.ts";

/** A machine as it is meant, with what Proxmox VE shows of its template. */
export const placedMachine = z.object({
	/** As in MachinePlan. */
	from: z.string(),
	templateId: z.number().int().optional(),
	templateTags: z.array(z.string()),
	sourceNode: z.string().optional(),
	allowedNodes: z.array(z.string()),
	/** Its ProxmoxMachineTemplate names the allowed nodes, not the ProxmoxCluster. */
	ownNodes: z.literal(true).optional(),
	target: z.string().optional(),
	/** On these it is to be made. */
	nodes: z.array(z.string()),
	storage: z.string().optional(),
	pool: z.string().optional(),
	/** Absent where that cannot be told. */
	poolExists: z.boolean().optional(),
	bridges: z.array(
		z.object({
			bridge: z.string(),
			/** Where it is in the SDN; absent where that is not known. */
			path: z.string().optional(),
			onlySome: z.boolean(),
		}),
	),
	/** The VMs with this ID or these tags that the token sees; one that is no template, too. Absent where they were not listed. */
	candidates: z
		.array(
			z.object({
				vmid: z.number().int(),
				node: z.string(),
				name: z.string().optional(),
				/** Absent where neither its configuration nor its node tells. */
				isTemplate: z.boolean().optional(),
				/** Storages of its drives, CD-ROMs among them; absent where its configuration was not read. */
				storages: z.array(z.string()).optional(),
			}),
		)
		.optional(),
	tagMatch: z.enum(tagMatches).optional(),
	origins: z.record(z.string(), z.string()).optional(),
});
export type PlacedMachine = z.infer<typeof placedMachine>;

export function placeMachine(plan: MachinePlan, seen: Seen): PlacedMachine {
	const { from, templateId, templateTags, tagMatch, sourceNode, allowedNodes, storage, pool, devices, origins } = plan;
	const { ownNodes, target } = plan;
	const candidates = seen.guests?.filter((guest) =>
		templateId === undefined ? templateTags.length > 0 && hasTags(guest, plan) : guest.vmid === templateId,
	);
	return {
		from,
		...(templateId === undefined ? {} : { templateId }),
		templateTags,
		...(sourceNode === undefined ? {} : { sourceNode }),
		allowedNodes,
		...(ownNodes === undefined ? {} : { ownNodes }),
		...(target === undefined ? {} : { target }),
		nodes: [...nodesOf(plan, seen)],
		...(storage === undefined ? {} : { storage }),
		...(pool === undefined ? {} : { pool, ...poolOf(pool, seen) }),
		bridges: devices.map(({ bridge, onlySome }) => {
			const path = seen.bridges?.get(bridge);
			return { bridge, onlySome, ...(typeof path === "string" ? { path } : {}) };
		}),
		...(candidates === undefined
			? {}
			: {
					candidates: candidates.map(({ vmid, node, name, isTemplate }) => ({
						vmid,
						node,
						...(name === undefined ? {} : { name }),
						...(isTemplate === undefined ? {} : { isTemplate }),
						...configured(vmid, seen),
					})),
				}),
		...(tagMatch === undefined ? {} : { tagMatch }),
		...(origins === undefined ? {} : { origins }),
	};
}

function poolOf(name: string, { pools }: Seen): { poolExists?: boolean } {
	const poolExists = pools?.get(name);
	return poolExists === undefined ? {} : { poolExists };
}

function configured(vmid: number, { configs }: Seen): { storages?: string[]; isTemplate?: boolean } {
	const config = configs?.get(vmid);
	return config === undefined || isUnseen(config)
		? {}
		: { storages: drivesIn(config), isTemplate: config["template"] === "1" };
}
