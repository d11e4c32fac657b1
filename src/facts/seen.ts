import * as z from "zod";
import { causes, ProbeError } from "../errors.ts";
import type { MachinePlan } from "./machines.ts";
import { devicesIn } from "./template-config.ts";

/** Something that could not be seen, so that nothing can be said about it. */
export const unseen = z.object({ what: z.string(), cause: z.enum(causes), because: z.string() });
export type Unseen = z.infer<typeof unseen>;

export const gap = (what: string, cause: Unseen["cause"], because: string): Unseen => ({ what, cause, because });

/** What a ProbeError says of `what`; every other error is a bug and goes on. */
export function asUnseen(what: string, error: unknown): Unseen {
	if (error instanceof ProbeError) {
		// Proxmox VE says by a 500 that there is no such VM on the node.
		const isAbsent = error.reason === "server-error" && /Configuration file .* does not exist/.test(error.message);
		return gap(what, isAbsent ? "not-found" : error.reason, error.message);
	}

	throw error;
}

/** Of `GET /cluster/resources?type=vm`. */
export interface Guest {
	readonly vmid: number;
	readonly node: string;
	readonly name?: string | undefined;
	/** Absent where the node that tells it is silent (pve-manager, API2Tools.pm, extract_vm_stats). */
	readonly isTemplate?: boolean;
	readonly tags: readonly string[];
}

/** Of `GET /nodes`, which names every node to everyone. */
export const nodeSeen = z.object({
	node: z.string(),
	online: z.boolean(),
	/** Linux and OVS bridges there that the token may see; absent where nobody asked, or no answer came. */
	bridges: z.array(z.string()).optional(),
	/** The same of VNets. */
	vnets: z.array(z.string()).optional(),
});
export type NodeSeen = z.infer<typeof nodeSeen>;

/** Of `GET /storage`, which leaves out what the token has no Datastore privilege on. */
export const storageSeen = z.object({
	storage: z.string(),
	content: z.array(z.string()),
	/** Absent: every node has it. */
	nodes: z.array(z.string()).optional(),
	enabled: z.boolean(),
	shared: z.boolean(),
});
export type StorageSeen = z.infer<typeof storageSeen>;

/** A template's `/config`, or why it could not be read. */
export type TemplateConfig = Readonly<Record<string, string>> | Unseen;

/** What Proxmox VE showed; absent where it was not asked, or did not answer. */
export interface Seen {
	readonly guests?: readonly Guest[] | undefined;
	readonly nodes?: readonly NodeSeen[] | undefined;
	readonly storages?: readonly StorageSeen[] | undefined;
	readonly configs?: ReadonlyMap<number, TemplateConfig> | undefined;
	/** Whether a pool exists; `undefined` where that cannot be told. */
	readonly pools?: ReadonlyMap<string, boolean | undefined> | undefined;
	/** Path of a bridge or VNet, or why it is not known. */
	readonly bridges?: ReadonlyMap<string, string | Unseen> | undefined;
}

/** A VM that a plan means; without what the token does not see of it. */
export interface Meant {
	readonly vmid: number;
	readonly node?: string | undefined;
	readonly name?: string | undefined;
	readonly isTemplate?: boolean | undefined;
}

/** The VMs that a plan means: by ID, or all visible templates with its tags. */
export function templatesOf(plan: MachinePlan, { guests = [] }: Seen): readonly Meant[] {
	if (plan.templateId !== undefined) {
		return [guests.find(({ vmid }) => vmid === plan.templateId) ?? { vmid: plan.templateId, node: plan.sourceNode }];
	}

	return plan.templateTags.length === 0
		? []
		: guests.filter((guest) => guest.isTemplate === true && hasTags(guest, plan));
}

/** CAPMOX divides tags at `;` only, and unless told otherwise wants these and no other (api_client.go, v0.7.7 and v0.9.0). */
export const hasTags = ({ tags }: Guest, { templateTags, tagMatch }: MachinePlan): boolean => {
	const wanted = new Set(templateTags.map((tag) => tag.toLowerCase()));
	return [...wanted].every((tag) => tags.includes(tag)) && (tagMatch !== undefined || tags.length === wanted.size);
};

/**
 * It is certain that no VM is there that the plan could be made from, as with an old ProxmoxMachineTemplate that nobody
 * deleted. By tags that is only so where no VM can be hidden.
 */
export function isWithoutTemplate(plan: MachinePlan, seen: Seen, seesAll: boolean): boolean {
	const meant = templatesOf(plan, seen);
	if (meant.length === 0) {
		return plan.templateTags.length > 0 && seen.guests !== undefined && seesAll;
	}

	return meant.every(({ vmid, node }) => {
		const config = seen.configs?.get(vmid);
		return node !== undefined && config !== undefined && isUnseen(config) && config.cause === "not-found";
	});
}

/** Every bridge that a plan or its templates name. */
export function bridgesOf(plans: readonly MachinePlan[], seen: Seen): readonly string[] {
	const named = plans.flatMap((plan) => [
		...plan.devices.map(({ bridge }) => bridge),
		...templatesOf(plan, seen).flatMap(({ vmid }) => {
			const config = seen.configs?.get(vmid);
			return config === undefined || isUnseen(config) ? [] : devicesIn(config).map(({ bridge }) => bridge);
		}),
	]);
	return [...new Set(named)];
}

export const isUnseen = (config: TemplateConfig): config is Unseen => "because" in config && "cause" in config;

/** Each once, and as far as is known only those that Proxmox VE has. */
export const existing = (names: readonly string[], { nodes }: Seen): string[] =>
	[...new Set(names)].filter((name) => nodes?.some(({ node }) => node === name) !== false);

/** Nodes on which CAPMOX would make machines of a plan. */
export function nodesOf(plan: MachinePlan, seen: Seen): readonly string[] {
	const own = templatesOf(plan, seen).flatMap(({ node }) => node ?? plan.sourceNode ?? []);
	const chosen = plan.allowedNodes.length > 0 ? plan.allowedNodes : own;
	return existing(plan.target === undefined ? chosen : [plan.target], seen);
}
