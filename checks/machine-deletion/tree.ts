import { ageOf, type Estate, keyOf, nameOf, spell, type Thing } from "./estate.ts";
import type { State } from "./fault.ts";

/** Who waits for whom. */
export interface Waiting {
	readonly states: ReadonlyMap<string, State>;
	readonly things: ReadonlyMap<string, Thing>;
	/** Those that wait for an object, by its key. */
	readonly waiters: ReadonlyMap<string, readonly Thing[]>;
}

export function connect(states: readonly (readonly [Thing, State])[]): Waiting {
	const waiters = new Map<string, Thing[]>();
	for (const [thing, state] of states) {
		for (const other of state.kind === "waits" ? state.for : []) {
			const key = keyOf(other);
			const before = waiters.get(key);
			if (before === undefined) {
				waiters.set(key, [thing]);
			} else {
				before.push(thing);
			}
		}
	}

	return {
		states: new Map(states.map(([thing, state]) => [keyOf(thing), state])),
		things: new Map(states.map(([thing]) => [keyOf(thing), thing])),
		waiters,
	};
}

/**
 * From those that nobody waits for down to the objects that cannot go on, as lines. Where several wait for one, the way is
 * told once, by the one nearest to it; the others are named behind it.
 */
export function renderTree(waiting: Waiting, leaves: readonly Thing[], estate: Estate): readonly string[] {
	const children = new Map<string, Thing[]>();
	const roots: Thing[] = [];
	const placed = new Set<string>();
	const place = (thing: Thing): void => {
		if (placed.has(keyOf(thing))) {
			return;
		}

		placed.add(keyOf(thing));
		const above = parentOf(waiting, thing);
		if (above === undefined || keyOf(above) === keyOf(thing)) {
			roots.push(thing);
			return;
		}

		place(above);
		const siblings = children.get(keyOf(above)) ?? [];
		siblings.push(thing);
		children.set(keyOf(above), siblings);
	};
	for (const leaf of leaves) {
		place(leaf);
	}

	const blockedKeys = new Set(leaves.map(keyOf));
	const describe = (thing: Thing): string =>
		`${nameOf(thing)} (${spell(ageOf(thing.object, estate.now))})${blockedKeys.has(keyOf(thing)) ? " ← cannot go on" : ""}`;
	const draw = (thing: Thing, depth: number): readonly string[] => [
		`${depth === 0 ? "" : `${"   ".repeat(depth - 1)}└─ `}${describe(thing)}`,
		...(children.get(keyOf(thing)) ?? []).flatMap((child) => draw(child, depth + 1)),
	];
	return roots.flatMap((root) => draw(root, 0));
}

const order: readonly Thing["kind"][] = [
	"Machine",
	"ProxmoxMachine",
	"IPAddressClaim",
	"IPAddress",
	"KubeadmControlPlane",
	"ProxmoxCluster",
	"Cluster",
	"InClusterIPPool",
	"GlobalInClusterIPPool",
	"Secret",
];

/** The nearest of those that wait for it. */
const parentOf = ({ waiters }: Waiting, thing: Thing): Thing | undefined =>
	[...(waiters.get(keyOf(thing)) ?? [])].sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind))[0];
