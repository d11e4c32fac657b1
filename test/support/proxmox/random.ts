export type Random = () => number;

/** Repeatable randomness in [0, 1): mulberry32. */
export function createRandom(seed: number): Random {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Perl's hash order, which is what Proxmox VE lists storages in (pve-common, RESTHandler.pm hash_to_array). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
	return items
		.map((item) => ({ item, key: random() }))
		.sort((a, b) => a.key - b.key)
		.map(({ item }) => item);
}
