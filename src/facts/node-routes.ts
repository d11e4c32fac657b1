import { contains, networkOf, parseAddress, renderAddress } from "../addresses.ts";

/** A default route as the kernel lists it. */
export interface DefaultRoute {
	readonly family: 4 | 6;
	readonly interface: string;
	/** Absent where the route leads straight onto the link. */
	readonly gateway?: string | undefined;
	readonly metric: number;
}

export interface AddressOn {
	readonly interface: string;
	readonly address: string;
	readonly prefix: number;
}

const bytesOf = (hexadecimal: string): readonly number[] => [...Buffer.from(hexadecimal, "hex")].reverse();
const prefixOf = (mask: string): number =>
	bytesOf(mask).reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);

interface Route4 {
	readonly interface: string;
	readonly destination: string;
	readonly prefix: number;
	readonly gateway: string;
	readonly metric: number;
}

/** /proc/net/route: the main table, each destination's routes by metric. Numbers are little-endian. */
function routes4(text: string): Route4[] {
	return text.split("\n").flatMap((line) => {
		const [name = "", destination = "", gateway = "", , , , metric = "", mask = ""] = line.trim().split(/\s+/);
		return [destination, gateway, mask].every((word) => /^[\dA-F]{8}$/.test(word))
			? [
					{
						interface: name,
						destination: bytesOf(destination).join("."),
						prefix: prefixOf(mask),
						gateway: bytesOf(gateway).join("."),
						metric: Number(metric),
					},
				]
			: [];
	});
}

/** What kubelet takes for default routes: destination 0.0.0.0, whatever the mask (apimachinery, util/net/interface.go). */
export const parseDefaultRoutes4 = (text: string): DefaultRoute[] =>
	routes4(text)
		.filter(({ destination }) => destination === "0.0.0.0")
		.map(({ interface: name, gateway, metric }) => ({
			family: 4,
			interface: name,
			...(gateway === "0.0.0.0" ? {} : { gateway }),
			metric,
		}));

const nowhere = "0".repeat(32);

/** /proc/net/ipv6_route: all tables, that of a VRF among them, in the order of their hashes. kubelet wants a gateway. */
export function parseDefaultRoutes6(text: string): DefaultRoute[] {
	return text.split("\n").flatMap((line) => {
		const [destination, , , , gateway = "", metric = "", , , , name = ""] = line.trim().split(/\s+/);
		return destination === nowhere && gateway !== nowhere && name !== ""
			? [{ family: 6, interface: name, gateway: address6(gateway), metric: Number.parseInt(metric, 16) }]
			: [];
	});
}

function address6(hexadecimal: string): string {
	const text = hexadecimal.match(/.{4}/g)?.join(":") ?? "";
	const address = parseAddress(text);
	return address === undefined ? text : renderAddress(address);
}

/** /proc/net/if_inet6: address, ifindex, prefix, scope, flags, name; in the order of a hash. */
export function parseAddresses6(text: string): AddressOn[] {
	return text.split("\n").flatMap((line) => {
		const [address = "", , prefix = "", , , name = ""] = line.trim().split(/\s+/);
		return /^[\da-f]{32}$/.test(address) && name !== ""
			? [{ interface: name, address: address6(address), prefix: Number.parseInt(prefix, 16) }]
			: [];
	});
}

/** /proc/net/fib_trie names the local addresses, /proc/net/route the interface of the network around each. */
export function parseAddresses4(fibTrie: string, route: string): AddressOn[] {
	const local = [...fibTrie.matchAll(/\|-- (\d+(?:\.\d+){3})\n\s+\/32 host LOCAL/g)].map(([, address = ""]) => address);
	const links = routes4(route)
		.filter(({ gateway, destination }) => gateway === "0.0.0.0" && destination !== "0.0.0.0")
		.sort((one, other) => other.prefix - one.prefix);
	return [...new Set(local)].flatMap((text) => {
		const address = parseAddress(text);
		const link = links.find(({ destination, prefix }) => {
			const network = parseAddress(destination);
			return network !== undefined && address !== undefined && contains(networkOf(network, prefix), address);
		});
		return link === undefined ? [] : [{ interface: link.interface, address: text, prefix: link.prefix }];
	});
}
