import * as z from "zod";
import { newMachinePath, type Release, skippable, type TargetKind, targetKinds } from "../knowledge/privileges.ts";
import { isPlainBridge } from "./bridges.ts";
import type { MachinePlan } from "./machines.ts";
import { existing, gap, isUnseen, nodesOf, type Seen, templatesOf, type Unseen } from "./seen.ts";
import { devicesIn, drivesIn, hasPhysicalDrive, mappingsIn, storagesIn } from "./template-config.ts";

/** Something in Proxmox VE that CAPMOX touches for a set-up, and the ACL path on which privileges on it are judged. */
export const target = z.object({
	kind: z.enum(targetKinds),
	path: z.string(),
	/** "node pve1", "bridge vmbr0 with VLAN 10". */
	what: z.string(),
	/** Nothing names what is meant, so that the root of its kind stands for it. */
	unnamed: z.literal(true).optional(),
	/** Everything below is meant, so that the privilege must reach it. */
	below: z.literal(true).optional(),
	/** A machine is made in this pool. */
	pool: z.string().optional(),
	skips: z.array(z.enum(skippable)).optional(),
	/** Asked for by a variable that only some flavors read. */
	onlySome: z.literal(true).optional(),
});
export type Target = z.infer<typeof target>;

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

interface Part {
	readonly targets: readonly Target[];
	readonly unseen: readonly Unseen[];
}

function resolveTemplate(plan: MachinePlan, vmid: number, seen: Seen, release: Release): Part {
	const name = seen.guests?.find((guest) => guest.vmid === vmid)?.name;
	const what = `template ${vmid}${name === undefined ? "" : ` (${name})`}`;
	const own: Target = { kind: "template", path: `/vms/${vmid}`, what };
	const config = seen.configs?.get(vmid) ?? gap(what, "not-found", "its disks and bridges were not looked at");
	if (isUnseen(config)) {
		return { targets: [own], unseen: [config] };
	}

	const storages = storagesIn(config);
	const devices = devicesIn(config).flatMap(({ bridge, tag, trunks }) => {
		const tags = tag === undefined ? trunks : [tag, ...trunks];
		return tags.length === 0 || tags.length > mostTags
			? [bridgeTarget(bridge, undefined, seen, tags.length === 0 ? {} : { below: true }, vmid)]
			: tags.map((each) => bridgeTarget(bridge, each, seen, {}, vmid));
	});
	return {
		targets: [
			own,
			...(plan.storage === undefined ? storages.map(diskTarget) : []),
			...(hasPhysicalDrive(config)
				? [{ kind: "physical-drive", path: "/", what: `the physical CD-ROM drive of template ${vmid}` } as const]
				: []),
			...(release >= 8 ? [...devices.flatMap((part) => part.targets), ...mappingTargets(config, vmid)] : []),
		],
		unseen: [
			...hiddenDrives(plan, vmid, config, seen),
			...(release >= 8 ? devices.flatMap((part) => part.unseen) : []),
		],
	};
}

/**
 * A clone to another node needs every drive on a shared storage, also those that need no privilege. Which of the hidden ones
 * are shared nobody can tell; `local` never is. What needs AllocateSpace is said where that is missing.
 */
function hiddenDrives(plan: MachinePlan, vmid: number, config: Readonly<Record<string, string>>, seen: Seen): Unseen[] {
	const { storages } = seen;
	const own = templatesOf(plan, seen).find((each) => each.vmid === vmid)?.node ?? plan.sourceNode;
	if (storages === undefined || nodesOf(plan, seen).every((node) => node === own)) {
		return [];
	}

	const judged = ["local", ...(plan.storage === undefined ? storagesIn(config) : [])];
	return drivesIn(config)
		.filter((name) => !judged.includes(name) && !storages.some(({ storage }) => storage === name))
		.map((name) =>
			gap(
				`storage ${name}`,
				"forbidden",
				`a drive of template ${vmid} is on it, and the token does not see whether all nodes share it; otherwise clones to another node fail. If it is a CD-ROM drive, take it out of the template`,
			),
		);
}

/** Of more VLANs not each is asked for, but the bridge, whose privileges must then reach below. */
const mostTags = 8;

const diskTarget = (storage: string): Target => ({
	kind: "disk-storage",
	path: `/storage/${storage}`,
	what: `storage ${storage}`,
});

const mappingTargets = (config: Readonly<Record<string, string>>, vmid: number): Target[] =>
	mappingsIn(config).map(({ name, type }) => ({
		kind: "mapping",
		path: `/mapping/${type}/${name}`,
		what: `mapped device ${name} of template ${vmid}`,
	}));

/** SDN.Use is looked for on the VLAN where there is one, otherwise on the bridge (pve-guest-common, check_vnet_access). */
function bridgeTarget(
	bridge: string,
	vlan: number | undefined,
	{ bridges }: Seen,
	extra: Pick<Target, "onlySome" | "below">,
	template?: number,
): Part {
	const known = bridges?.get(bridge);
	if (known !== undefined && typeof known !== "string") {
		return { targets: [], unseen: [known] };
	}

	const path = known ?? `/sdn/zones/localnetwork/${bridge}`;
	const whose = template === undefined ? " of new machines" : ` of template ${template}`;
	const vlans = vlan === undefined ? (extra.below === true ? " with its VLANs" : "") : ` with VLAN ${vlan}`;
	const what = `bridge ${bridge}${vlans}${whose}`;
	return {
		targets: [{ kind: "bridge", path: vlan === undefined ? path : `${path}/${vlan}`, what, ...extra }],
		unseen:
			known === undefined && !isPlainBridge(bridge)
				? [gap(`bridge ${bridge}`, "not-found", "whether it is a bridge or a VNet was not looked at")]
				: [],
	};
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
