import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { limit } from "../in-turn.ts";
import { type Release, releases } from "../knowledge/privileges.ts";
import type { MachinePlan } from "./machines.ts";
import { ownCredentials, readManagedMachines } from "./managed-machines.ts";
import { placedMachine, placeMachine } from "./placed.ts";
import { readPlacement } from "./placement.ts";
import type { Know } from "./probe.ts";
import type { ProxmoxAccess } from "./proxmox.ts";
import { causeOf, describeExchange, openProxmox, readData } from "./proxmox-session.ts";
import { gap, isWithoutTemplate, nodeSeen, type Seen, storageSeen, type Unseen, unseen } from "./seen.ts";
import { type Target, target } from "./target.ts";
import { resolveTargets } from "./targets.ts";

/** Privilege → 1: also on paths below, 0: held here only, but held. */
const held = z.record(z.string(), z.union([z.literal(0), z.literal(1)]));
export type Held = z.infer<typeof held>;

/** Fact `proxmox.permissions`: what CAPMOX touches for this set-up, and what the token may do there. */
export const proxmoxPermissions = z.object({
	/** By whose privileges is judged. */
	release: z.union([z.literal(7), z.literal(8), z.literal(9)]),
	/** "the variables", "cluster.yaml", "the management cluster". */
	considered: z.array(z.string()),
	/** What could have told more of the set-up, and why it did not; sentences without a full stop. */
	notConsidered: z.array(z.string()),
	targets: z.array(target),
	machines: z.array(placedMachine),
	/** Each absent where it could not be listed. */
	listed: z.object({
		nodes: z.array(nodeSeen).optional(),
		storages: z.array(storageSeen).optional(),
		templates: z
			.array(
				z.object({ vmid: z.number().int(), node: z.string(), name: z.string().optional(), tags: z.array(z.string()) }),
			)
			.optional(),
	}),
	/** "node pve1": on these the token sees no storage that takes ISO images. */
	withoutIso: z.array(z.string()),
	/** Tags that CAPMOX sets beside its own. */
	tags: z.array(z.string()),
	/** The datacenter's rules for tags; absent where the token may not see them. */
	tagPolicy: z.object({ allow: z.string(), registered: z.array(z.string()) }).optional(),
	/** The path of every target, and those that the overview lists besides; an empty record is "no privilege", not "not asked". */
	paths: z.record(z.string(), held),
	unseen: z.array(unseen),
});
export type ProxmoxPermissions = z.infer<typeof proxmoxPermissions>;

/** Fact `proxmox.setup`: everything that the set-up names was found in Proxmox VE; unavailable with what was not. */
export const proxmoxSetup = z.object({
	considered: z.array(z.string()),
	notConsidered: z.array(z.string()),
	/** What was judged, in words. */
	targets: z.array(z.string()),
});

export async function readProxmoxSetup(know: Know): Promise<z.infer<typeof proxmoxSetup>> {
	const { considered, notConsidered, targets, unseen: gaps } = await know("proxmox.permissions");
	const [first, ...others] = gaps;
	if (first !== undefined) {
		throw new ProbeError(
			first.cause,
			[first, ...others].map(({ what, because }) => `${what}: ${because}`).join("; and ") +
				(notConsidered.length === 0 ? "" : `. Not considered: ${notConsidered.join("; ")}`),
		);
	}

	return { considered, notConsidered, targets: targets.map(({ what }) => what) };
}

export async function readProxmoxPermissions(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<ProxmoxPermissions> {
	// First, because what is wrong with a manifest is the user's to mend, wherever Proxmox VE is.
	const given = await know("environment.machines");
	const access = await know("proxmox.access");
	requireAccepted(access);
	const { release, gaps } = releaseOf(access.version?.version ?? "");
	const session = await openProxmox(world, know);
	const inTurn = limit(4);
	const data = <T>(path: string, schema: z.ZodType<T>): Promise<T> =>
		inTurn(() => {
			note(`GET /${path}`);
			return readData(session, path, schema, signal);
		});
	try {
		const [overview, running] = await Promise.all([
			data("access/permissions", overviewAnswer),
			readManagedMachines(given, { world, know, signal, note }),
		]);
		const all = [...given.machines, ...running.machines];
		const placement = await readPlacement(all, overview, data);
		const seesAll = overview["/vms"]?.["VM.Audit"] === 1;
		const stale = running.machines.filter((plan) => isWithoutTemplate(plan, placement.seen, seesAll));
		const plans = stale.length === all.length ? all : all.filter((plan) => !stale.includes(plan));
		const { targets, unseen: missing, withoutIso } = resolveTargets(plans, placement.seen, release);
		return {
			release,
			considered: [...(given.machines.length > 0 ? [given.source] : []), ...running.considered],
			notConsidered: [
				...ownCredentials(given.otherCredentials),
				...running.notConsidered,
				...(plans === all ? [] : stale.map(sayStale)),
				...poolsUntold(placement.seen),
			],
			targets: [...targets],
			machines: plans.map((plan) => placeMachine(plan, placement.seen)),
			listed: list(placement.seen),
			withoutIso: [...withoutIso],
			tags: [...new Set(plans.flatMap(({ tags }) => tags))],
			...(placement.tagPolicy === undefined ? {} : { tagPolicy: placement.tagPolicy }),
			paths: await readPaths(targets, withoutIso.length > 0 ? ["/", "/storage"] : ["/"], overview, data),
			unseen: [...gaps, ...given.blanks.map(unresolved), ...running.unseen, ...placement.unseen, ...missing],
		};
	} finally {
		session.api.close();
	}
}

const unresolved = (name: string): Unseen =>
	gap(
		`ProxmoxMachineTemplate ${name}`,
		"unreadable",
		"a ClusterClass fills it in from the variables of a Cluster, which is not done here; once the Cluster is applied, its own templates are read",
	);

const poolsUntold = ({ pools = new Map<string, boolean | undefined>() }: Seen): string[] =>
	[...pools]
		.filter(([, exists]) => exists === undefined)
		.map(([name]) => `whether pool ${name} exists, which this release tells only with Pool.Audit on it`);

const list = ({ nodes, storages, guests }: Seen): ProxmoxPermissions["listed"] => ({
	...(nodes === undefined ? {} : { nodes: [...nodes].sort((one, other) => one.node.localeCompare(other.node)) }),
	...(storages === undefined
		? {}
		: { storages: [...storages].sort((one, other) => one.storage.localeCompare(other.storage)) }),
	...(guests === undefined
		? {}
		: {
				templates: guests
					.filter(({ isTemplate }) => isTemplate === true)
					.map(({ vmid, node, name, tags }) => ({
						vmid,
						node,
						...(name === undefined ? {} : { name }),
						tags: [...tags],
					})),
			}),
});

/** What answered otherwise than Proxmox VE answers to a good token does not see the token again. */
export function requireAccepted({ open, authenticated, version }: ProxmoxAccess): void {
	const cause = causeOf(authenticated);
	if (cause === undefined && version !== undefined) {
		return;
	}

	if (authenticated.kind === "not-sent" && open.kind !== "answered") {
		throw new ProbeError(
			causeOf(open) ?? "unreachable",
			`GET /access/domains → ${describeExchange(open)}; see the check token`,
		);
	}

	const shown = `the token was not accepted: GET /version → ${describeExchange(authenticated)}; see the check token`;
	throw new ProbeError(cause === undefined ? "unreadable" : cause === "forbidden" ? "unauthorized" : cause, shown);
}

function releaseOf(version: string): { release: Release; gaps: ProxmoxPermissions["unseen"] } {
	const major = Number(/^\d+/.exec(version)?.[0]);
	const release = releases.find((known) => known === major);
	return release === undefined
		? {
				release: major < 7 ? 7 : 9,
				gaps: [
					{
						what: `Proxmox VE ${version}`,
						cause: "not-found",
						because: `the privileges of ${releases.join(", ")} are known, and those of ${major < 7 ? 7 : 9} were looked for`,
					},
				],
			}
		: { release, gaps: [] };
}

const flag = z
	.union([z.literal([0, 1]), z.literal(["0", "1"]), z.boolean()])
	.transform((value): 0 | 1 => (Number(value) === 1 ? 1 : 0));
const overviewAnswer = z.record(z.string().startsWith("/"), z.record(z.string(), flag));
export type Overview = z.infer<typeof overviewAnswer>;
export type ReadData = <T>(path: string, schema: z.ZodType<T>) => Promise<T>;

/**
 * The overview leaves empty paths out and lists only those that have an ACL, so every other one is asked for by itself.
 * What it does list is the same answer.
 */
async function readPaths(
	targets: readonly Target[],
	roots: readonly string[],
	overview: Overview,
	data: ReadData,
): Promise<ProxmoxPermissions["paths"]> {
	const wanted = new Set([
		...roots,
		...targets.flatMap(({ path, pool }) => (pool === undefined ? [path] : [path, `/pool/${pool}`])),
	]);
	const asked = await Promise.all(
		[...wanted].map(async (path) => [path, overview[path] ?? (await readPath(path, data))] as const),
	);
	const unnamed = targets.filter(({ unnamed }) => unnamed === true).map(({ path }) => path);
	const listed = Object.entries(overview).filter(
		([path]) => path.startsWith("/pool/") || unnamed.some((root) => path.startsWith(`${root}/`)),
	);
	return Object.fromEntries([...listed, ...asked]);
}

async function readPath(path: string, data: ReadData): Promise<Held> {
	const answer = await data(`access/permissions?path=${encodeURIComponent(path)}`, overviewAnswer);
	const found = answer[path];
	if (found === undefined) {
		throw new ProbeError("unreadable", `GET /access/permissions?path=${path} → 200, but it does not speak of ${path}`);
	}

	return found;
}

const sayStale = ({ from, templateId, templateTags }: MachinePlan): string =>
	`${from} (no VM ${templateId ?? `with the tags ${templateTags.join(";")}`} is seen)`;
