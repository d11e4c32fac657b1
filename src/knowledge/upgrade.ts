import {
	type Compatibility,
	compareVersions,
	contractOf,
	isEndOfLife,
	listingOf,
	minorOf,
	minorsBetween,
	patchFault,
	rangeFault,
	takesContract,
} from "./compatibility.ts";

/** One version for each provider; core, bootstrap and control plane of Cluster API share theirs. */
export interface Pins {
	readonly core: string;
	readonly capmox: string;
	readonly ipam: string;
}

/** Where an upgrade starts, and what it has to serve. What is absent is not installed, or not known. */
export interface Start {
	/** The newest of core, bootstrap and control plane: none may go back. */
	readonly core?: string | undefined;
	readonly capmox?: string | undefined;
	readonly ipam?: string | undefined;
	/** Of the management cluster. */
	readonly kubernetes?: string | undefined;
	readonly workloads: readonly string[];
}

const higher = (latest: string, current: string | undefined): string =>
	current !== undefined && minorOf(current) === minorOf(latest) && compareVersions(current, latest) > 0
		? current
		: latest;

/**
 * Every approved set that is nowhere older than what runs, the nearest CAPMOX first; of its cores one that is still
 * maintained first, then the minor that runs already, then the newest.
 */
export function findPins(table: Compatibility, start: Start, today: string): readonly Pins[] {
	const candidates = table.capmox.flatMap((capmox) =>
		table.capi
			.filter((capi) => listingOf(table, capmox.latest, capi.latest) === "approved")
			.flatMap((capi) => {
				const ipam = ipamFor(table, capmox.contract, capmox.leastIpam, start.ipam);
				return ipam === undefined
					? []
					: [
							{
								core: higher(capi.latest, start.core),
								capmox: higher(capmox.latest, start.capmox),
								ipam,
								isOver: isEndOfLife(capi, today),
							},
						];
			}),
	);
	return candidates
		.filter((pins) => isForward(start, pins) && serves(table, start, pins))
		.sort(
			(a, b) =>
				nearness(start, a) - nearness(start, b) ||
				Number(a.isOver) - Number(b.isOver) ||
				Number(isCoreMinor(start, b)) - Number(isCoreMinor(start, a)) ||
				compareVersions(b.core, a.core),
		)
		.map(({ core, capmox, ipam }) => ({ core, capmox, ipam }));
}

const isCoreMinor = ({ core }: Start, pins: Pins): boolean =>
	core !== undefined && minorOf(core) === minorOf(pins.core);

/** Where nothing is installed yet, the newest is the nearest. */
const nearness = ({ capmox }: Start, pins: Pins): number =>
	capmox === undefined ? -minorsBetween("0.0", pins.capmox) : minorsBetween(capmox, pins.capmox);

const isForward = ({ core, capmox, ipam }: Pick<Start, "core" | "capmox" | "ipam">, pins: Pins): boolean =>
	(
		[
			[core, pins.core],
			[capmox, pins.capmox],
			[ipam, pins.ipam],
		] as const
	).every(([from, to]) => from === undefined || compareVersions(to, from) >= 0);

const serves = (table: Compatibility, { kubernetes, workloads }: Start, { core, ipam }: Pins): boolean =>
	takesContract(table, core, contractOf(table.ipam, ipam)) &&
	(kubernetes === undefined || rangeFault(table, core, kubernetes, "management") === undefined) &&
	workloads.every(
		(version) =>
			rangeFault(table, core, version, "workload") === undefined && patchFault(table, core, version) === undefined,
	);

function ipamFor(
	{ ipam }: Compatibility,
	contract: string,
	least: string | undefined,
	current: string | undefined,
): string | undefined {
	const row = ipam.find(
		(each) => each.contract === contract && (least === undefined || compareVersions(each.latest, least) >= 0),
	);
	if (row === undefined || current === undefined || compareVersions(current, row.latest) <= 0) {
		return row?.latest;
	}

	// Newer than CAPMOX asks for, and no way back: whether that goes, the core decides.
	return current;
}

/**
 * The upgrades that lead to the nearest approved set, one after the other: CAPMOX goes minor by minor where its
 * documents ask for that, Cluster API jumps only so far at once. Empty where no approved set lies ahead.
 */
export function planUpgrade(
	table: Compatibility,
	start: Start,
	today: string,
	{ maintained = false } = {},
): readonly Pins[] {
	const isOver = ({ core }: Pins) => table.capi.some((row) => row.minor === minorOf(core) && isEndOfLife(row, today));
	for (const goal of findPins(table, start, today).filter((pins) => !maintained || !isOver(pins))) {
		const path = pathTo(table, start, goal);
		if (path !== undefined) {
			return path;
		}
	}

	return [];
}

function pathTo(table: Compatibility, start: Start, goal: Pins): readonly Pins[] | undefined {
	if (isStep(table, start, goal)) {
		return [goal];
	}

	for (const house of halfwayHouses(table, start, goal)) {
		const rest = pathTo(table, { ...start, ...house }, goal);
		if (rest !== undefined) {
			return [house, ...rest];
		}
	}

	return undefined;
}

/** Sets that one step leads to on the way, the approved ones first, then the newest. */
function halfwayHouses(table: Compatibility, start: Start, goal: Pins): readonly Pins[] {
	const all = table.capmox.flatMap((capmox) => {
		const ipam = ipamFor(table, capmox.contract, capmox.leastIpam, start.ipam);
		return ipam === undefined
			? []
			: table.capi.map((capi) => ({
					core: higher(capi.latest, start.core),
					capmox: higher(capmox.latest, start.capmox),
					ipam,
				}));
	});
	const isApproved = ({ core, capmox }: Pins) => listingOf(table, capmox, core) === "approved";
	const between = all.filter(
		(house) =>
			isForward(start, house) &&
			isForward(house, goal) &&
			!isSameMinors(house, start) &&
			!isSameMinors(house, goal) &&
			isSound(table, start, house) &&
			isStep(table, start, house),
	);
	return [...between.filter(isApproved), ...between.filter((house) => !isApproved(house))];
}

const isSameMinors = (a: Pick<Start, "core" | "capmox">, b: Pick<Start, "core" | "capmox">): boolean =>
	minorOf(a.capmox ?? "") === minorOf(b.capmox ?? "") && minorOf(a.core ?? "") === minorOf(b.core ?? "");

/** Nothing in it is known to fail. It is passed through, so it need not be approved. */
const isSound = (table: Compatibility, start: Start, pins: Pins): boolean =>
	listingOf(table, pins.capmox, pins.core) !== "refused" &&
	takesContract(table, pins.core, contractFor(table, pins.capmox)) &&
	serves(table, start, pins);

const contractFor = ({ capmox }: Compatibility, version: string): string =>
	capmox.find((row) => row.minor === minorOf(version))?.contract ?? "";

function isStep(table: Compatibility, { core, capmox }: Start, to: Pins): boolean {
	const row = table.capmox.find(({ minor }) => minor === minorOf(to.capmox));
	const capmoxGoes =
		capmox === undefined || minorOf(capmox) === minorOf(to.capmox) || row?.after.includes(minorOf(capmox)) === true;
	return capmoxGoes && (core === undefined || minorsBetween(core, to.core) <= table.upgrade.mostMinors);
}

/** Which providers there are to pin; other bootstrap and control-plane providers than kubeadm's go their own way. */
export interface Pinned {
	readonly kubeadm: boolean;
	readonly ipam: boolean;
}

const flags = (pins: Pins, { kubeadm, ipam }: Pinned): string[] => [
	"--core",
	`cluster-api:${pins.core}`,
	...(kubeadm ? ["--bootstrap", `kubeadm:${pins.core}`, "--control-plane", `kubeadm:${pins.core}`] : []),
	"--infrastructure",
	`proxmox:${pins.capmox}`,
	...(ipam ? ["--ipam", `in-cluster:${pins.ipam}`] : []),
];

/** For a cluster without Cluster API. */
export const initCommand = (pins: Pins): readonly [string, ...string[]] => [
	"clusterctl",
	"init",
	...flags(pins, { kubeadm: true, ipam: true }),
];

/** clusterctl upgrades only what its inventory names, and refuses a line with anything else. */
export const upgradeCommand = (pins: Pins, pinned: Pinned): readonly [string, ...string[]] => [
	"clusterctl",
	"upgrade",
	"apply",
	...flags(pins, pinned),
];
