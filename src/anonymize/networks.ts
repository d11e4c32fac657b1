import { type Address, type Family, networkOf, parseCidr, type Span } from "../addresses.ts";
import { clusterNetworks, flavors } from "../knowledge/templates.ts";

/** A part of the address space in which some bits must stay as they are. */
export interface Rule {
	readonly network: Span;
	/** Length of the network's prefix. */
	readonly prefix: number;
	/** Bits from the prefix up to this one stay inside the network. */
	readonly until: number;
	/** The network itself may get another prefix. */
	readonly moves?: true;
}

const rule = (cidr: string, until?: number): Rule[] => {
	const network = parseCidr(cidr);
	const prefix = Number(cidr.split("/")[1]);
	return network === undefined ? [] : [{ network, prefix, until: until ?? prefix }];
};

/** IANA's special-purpose registries: what is private, documentation or link-local stays so; what is no host's stays the same. */
const special: readonly Rule[] = [
	...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"].flatMap((cidr) => rule(cidr, 32)),
	...["10.0.0.0/8", "100.64.0.0/10", "198.18.0.0/15"].flatMap((cidr) => rule(cidr)),
	...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"].flatMap((cidr) => rule(cidr)),
	...["::/8", "ff00::/8", "fe80::/10"].flatMap((cidr) => rule(cidr, 128)),
	...["fc00::/8", "fd00::/8", "2000::/3", "2001:db8::/32"].flatMap((cidr) => rule(cidr)),
];

/**
 * Networks that programs bring along, so that their defaults are still known by their numbers: kind and kubeadm
 * (pkg/internal/apis/config/default.go), Moby's ipamutils, netavark, nerdctl, and the templates of CAPMOX.
 */
const defaults: readonly Rule[] = [
	...["10.244.0.0/16", "10.96.0.0/16", "10.89.0.0/16", "10.4.0.0/16"].flatMap((cidr) => rule(cidr)),
	...rule("172.16.0.0/12", 16),
	...rule("192.168.0.0/16", 20),
	...flavors.flatMap((flavor) => clusterNetworks(flavor).flatMap(({ cidr }) => rule(cidr))),
];

/** Name servers that anyone may ask, as their operators publish them: Cloudflare, Google, Quad9, OpenDNS. */
const nameServers: readonly Rule[] = [
	...["1.1.1.1/32", "1.0.0.1/32", "8.8.8.8/32", "8.8.4.4/32", "9.9.9.9/32", "149.112.112.112/32"],
	...[
		"208.67.222.222/32",
		"208.67.220.220/32",
		"2606:4700:4700::1111/128",
		"2001:4860:4860::8888/128",
		"2620:fe::fe/128",
	],
].flatMap((cidr) => rule(cidr));

/** The rules that hold for every set-up. */
export const commonRules: readonly Rule[] = [...special, ...defaults, ...nameServers];

/** A pool that is cut into networks of `size` in order: the order stays. */
export const poolRule = (base: string, size: number): Rule[] =>
	rule(base, size).map((each) => ({ ...each, moves: true }));

/** A range keeps its length and order: below the bits that both ends share, nothing changes. */
export function rangeRule(first: Address, last: Address): Rule[] {
	if (first.family !== last.family) {
		return [];
	}

	const width = first.family === 4 ? 32 : 128;
	let shared = width;
	while (first.value >> BigInt(width - shared) !== last.value >> BigInt(width - shared)) {
		shared--;
	}

	return [{ network: networkOf(first, shared), prefix: shared, until: width, moves: true }];
}

/** Whether the bit behind `depth` bits of an address that begin so may change. */
export function isFree(rules: readonly Rule[], family: Family, start: bigint, depth: number): boolean {
	return !rules.some(({ network, prefix, until, moves = false }) => {
		if (network.family !== family || depth >= until || (moves && depth < prefix)) {
			return false;
		}

		// On the way to the network, or inside of it.
		const shift = BigInt((family === 4 ? 32 : 128) - Math.min(depth, prefix));
		return start >> shift === network.first >> shift;
	});
}
