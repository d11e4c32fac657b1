import { newMachinePath, type Release, type TargetKind } from "../knowledge/privileges.ts";
import type { MachinePlan } from "./machines.ts";
import { existing, gap, nodesOf, type Seen, templatesOf, type Unseen } from "./seen.ts";
import { bridgeTarget, diskTarget, type Target } from "./target.ts";
import { resolveTemplate } from "./template-targets.ts";

export interface Resolved {
	readonly targets: readonly Target[];
	readonly unseen: readonly Unseen[];
	/** "node pve1": on these the token sees no storage that takes ISO images. */
	readonly withoutIso: readonly string[];
}

/** Where the plans lead in Proxmox VE, as far as it was seen. */
export function resolveTargets(plans: readonly MachinePlan[], seen: Seen, release: Release): Resolved {
	const parts = plans.map((plan) => resolvePlan(plan, seen, release));
	const found = [
		{ kind: "cluster", path: "/", what: "the cluster" } as const,
		...parts.flatMap(({ targets }) => targets),
	];
	const iso = isoStorages([...new Set(plans.flatMap((plan) => nodesOf(plan, seen)))], seen);
	const targets = unique([...found, ...iso.targets]);
	const has = (kind: TargetKind) => targets.some((each) => each.kind === kind);
	return {
		targets: [
			...targets,
			...roots.filter(({ kind }) => !has(kind) && (kind !== "iso-storage" || iso.withoutIso.length === 0)),
		],
		unseen: unique([
			...noPlan(plans),
			...parts.flatMap((part) => part.unseen),
			...(seen.storages === undefined ? [gap("the storages", "not-found", "they were not listed")] : []),
		]),
		withoutIso: iso.withoutIso,
	};
}

/** For each kind that every set-up has, all of it. */
export const roots: readonly Target[] = [
	{ kind: "node", path: "/nodes", what: "all nodes, because none is named", unnamed: true },
	{ kind: "template", path: "/vms", what: "all VMs, because no template is known", unnamed: true },
	{ kind: "machine", path: newMachinePath, what: "new machines" },
	{ kind: "disk-storage", path: "/storage", what: "all storages, because the template's is not known", unnamed: true },
	{ kind: "iso-storage", path: "/storage", what: "all storages, because none was listed", unnamed: true },
	{ kind: "bridge", path: "/sdn/zones", what: "all bridges, because none is named", unnamed: true },
];

const noPlan = (plans: readonly MachinePlan[]): Unseen[] =>
	plans.length > 0
		? []
		: [
				{
					what: "the machines",
					cause: "misconfigured",
					because:
						"nothing names a template, a node or a bridge, so only the roots /nodes, /vms, /storage and /sdn/zones were judged; set TEMPLATE_VMID and BRIDGE, or give --manifest FILE",
				},
			];

function resolvePlan(plan: MachinePlan, seen: Seen, release: Release): Omit<Resolved, "withoutIso"> {
	const templates = templatesOf(plan, seen);
	const ownNodes = templates.flatMap(({ node }) => node ?? plan.sourceNode ?? []);
	// One that does not exist has an ACL path all the same, and inherits on it.
	const nodes = existing(
		[...ownNodes, ...plan.allowedNodes, ...(plan.target === undefined ? [] : [plan.target])],
		seen,
	);
	const inside = templates.map(({ vmid }) => resolveTemplate(plan, vmid, seen, release));
	const skips = plan.skips.length === 0 ? {} : { skips: plan.skips };
	const devices = plan.devices.map(({ bridge, vlan, onlySome }) =>
		bridgeTarget(bridge, vlan, seen, onlySome ? { onlySome: true as const } : {}),
	);
	const targets: Target[] = [
		...nodes.map((node): Target => ({ kind: "node", path: `/nodes/${node}`, what: `node ${node}` })),
		...(plan.allowedNodes.length === 0 || plan.target !== undefined || plan.ignoresMemory === true
			? []
			: [{ kind: "guests", path: "/vms", what: "all guests", below: true } as const]),
		plan.pool === undefined
			? { kind: "machine", path: newMachinePath, what: "new machines", ...skips }
			: { kind: "machine", path: newMachinePath, what: `new machines in pool ${plan.pool}`, pool: plan.pool, ...skips },
		...(plan.storage === undefined ? [] : [diskTarget(plan.storage)]),
		...inside.flatMap((part) => part.targets),
		...(release >= 8 ? devices.flatMap((each) => each.targets) : []),
	];
	return {
		targets,
		unseen: [
			...missingTemplate(plan, templates.length, seen),
			...inside.flatMap((part) => part.unseen),
			...devices.flatMap((each) => each.unseen),
			...(release >= 8 && plan.devices.length === 0
				? [
						gap(
							`the bridge of ${plan.from}`,
							"misconfigured",
							"no bridge is named: set BRIDGE, or give --manifest FILE",
						),
					]
				: []),
		],
	};
}

function missingTemplate(plan: MachinePlan, found: number, { guests }: Seen): Unseen[] {
	if (found > 0) {
		return [];
	}

	const rest = "so its disks, bridges and node are not known";
	if (plan.templateTags.length > 0) {
		const tags = plan.templateTags.join(";");
		const why = guests === undefined ? "the VMs were not listed" : `the token sees no template with the tags ${tags}`;
		return [gap(`the template of ${plan.from}`, "not-found", `${why}, ${rest}`)];
	}

	return [
		gap(
			`the template of ${plan.from}`,
			"misconfigured",
			`neither TEMPLATE_VMID nor TEMPLATE_TAGS nor a manifest names it, ${rest}`,
		),
	];
}

/** CAPMOX takes the first enabled storage with ISO images that the token sees, in an order that changes from call to call. */
function isoStorages(nodes: readonly string[], { storages }: Seen): { targets: Target[]; withoutIso: string[] } {
	if (storages === undefined) {
		return { targets: [], withoutIso: [] };
	}

	const iso = storages.filter(({ content, enabled }) => enabled && content.includes("iso"));
	const isOn = (node: string) => iso.filter(({ nodes: only }) => only === undefined || only.includes(node));
	const used = nodes.length === 0 ? iso : [...new Set(nodes.flatMap(isOn))];
	return {
		targets: used.map(({ storage }) => ({
			kind: "iso-storage",
			path: `/storage/${storage}`,
			what: `storage ${storage}`,
		})),
		withoutIso:
			nodes.length === 0 && iso.length === 0
				? ["any node"]
				: nodes.filter((node) => isOn(node).length === 0).map((node) => `node ${node}`),
	};
}

function unique<T>(items: readonly T[]): T[] {
	const seen = new Set<string>();
	return items.filter((item) => {
		const key = JSON.stringify(item);
		return seen.has(key) ? false : seen.add(key);
	});
}
