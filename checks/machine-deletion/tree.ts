import { ageOf, type Estate, keyOf, nameOf, spell, type Thing } from "./estate.ts";
import type { State } from "./fault.ts";

/** Those that wait for an object, by its key. */
export type Waiting = ReadonlyMap<string, readonly Thing[]>;

/** A Machine that is held by itself stands above its ProxmoxMachine all the same. */
export function connect(states: readonly (readonly [Thing, State])[], estate: Estate): Waiting {
	const waiters = new Map<string, Thing[]>();
	for (const [thing, state] of states) {
		for (const other of state.kind === "waits" ? state.for : partOf(thing, estate)) {
			const key = keyOf(other);
			const before = waiters.get(key);
			if (before === undefined) {
				waiters.set(key, [thing]);
			} else {
				before.push(thing);
			}
		}
	}

	return waiters;
}

function partOf(thing: Thing, estate: Estate): readonly Thing[] {
	if (thing.kind !== "Machine") {
		return [];
	}

	const part = estate.find("ProxmoxMachine", thing.object.namespace, thing.object.infrastructure?.name);
	return part?.object.deleting === undefined ? [] : [part];
}

/**
 * From those that nobody waits for down to the objects that cannot go on, as lines. Where several wait for one, the way
 * leads over the one nearest to it, and the others are named behind it.
 */
export function renderTree(waiting: Waiting, leaves: readonly Thing[], estate: Estate): readonly string[] {
	const { roots, children } = grow(waiting, leaves);
	const ends = new Set(leaves.map(keyOf));
	const draw = (thing: Thing, above: readonly Thing[]): readonly string[] => {
		const others = waitersOf(waiting, thing).filter((each) => !above.some((higher) => keyOf(higher) === keyOf(each)));
		const line = [
			`${above.length === 0 ? "" : `${"   ".repeat(above.length - 1)}└─ `}${nameOf(thing)} (${spell(ageOf(thing.object, estate.now))})`,
			ends.has(keyOf(thing)) ? " ← cannot go on" : "",
			others.length === 0 ? "" : ` ← awaited by ${others.map(nameOf).join(", ")}, too`,
		].join("");
		return [line, ...(children.get(keyOf(thing)) ?? []).flatMap((child) => draw(child, [...above, thing]))];
	};
	return roots.flatMap((root) => draw(root, []));
}

function grow(waiting: Waiting, leaves: readonly Thing[]) {
	const children = new Map<string, Thing[]>();
	const roots: Thing[] = [];
	const placed = new Set<string>();
	const place = (thing: Thing): void => {
		if (placed.has(keyOf(thing))) {
			return;
		}

		placed.add(keyOf(thing));
		const [above] = waitersOf(waiting, thing);
		if (above === undefined) {
			roots.push(thing);
			return;
		}

		place(above);
		const siblings = children.get(keyOf(above)) ?? [];
		siblings.push(thing);
		children.set(keyOf(above), siblings);
	};
	leaves.forEach(place);
	return { roots, children };
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

/** Those that wait for it, the nearest first. */
const waitersOf = (waiters: Waiting, thing: Thing): readonly Thing[] =>
	[...(waiters.get(keyOf(thing)) ?? [])].sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
