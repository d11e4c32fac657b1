import { bitsOf, type Family, parseAddress, renderAddress } from "../../src/addresses.ts";
import type { Node, Scene } from "./findings.ts";

/** What Calico noted on a Node, for one family. */
export interface Chosen {
	readonly node: Node;
	readonly family: Family;
	/** As it stands there: `10.10.10.200/32`. */
	readonly text: string;
	/** Without its mask, in the shortest form. */
	readonly address: string;
	readonly isHost: boolean;
}

export const families: readonly Family[] = [4, 6];
const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);

const normal = (text: string): string => {
	const parsed = parseAddress(text);
	return parsed === undefined ? text : renderAddress(parsed);
};
export const isSame = (one: string, other: string): boolean => normal(one) === normal(other);

export const internalOf = ({ internal }: Node, family: Family): readonly string[] =>
	internal.filter((address) => familyOf(address) === family);

/** Addresses that CAPMOX gave to the machine behind a Node, on whatever device. */
export const givenTo = ({ members }: Scene, { name }: Node): readonly string[] => [
	...new Set(
		members
			.filter(({ node, machine }) => (node ?? machine) === name)
			.flatMap(({ networks }) => networks.flatMap(({ addresses }) => addresses.map(normal))),
	),
];

/** What an address that Calico chose is to be among: a Node may list no InternalIP of a family. */
export function rightOnes(scene: Scene, node: Node, family: Family): readonly string[] {
	const internal = internalOf(node, family);
	return internal.length > 0 ? internal : givenTo(scene, node).filter((address) => familyOf(address) === family);
}

export const isIpvs = ({ proxy }: Scene): boolean => proxy?.mode === "ipvs";

export const methodOf = ({ calico }: Scene, family: Family) => (family === 4 ? calico.ipv4 : calico.ipv6);

/** Nodes that are not ready come first. */
export function chosenOn({ nodes }: Scene): readonly Chosen[] {
	return nodes
		.toSorted((one, other) => Number(one.ready) - Number(other.ready))
		.flatMap((node) => families.flatMap((family) => readChosen(node, family) ?? []));
}

export function readChosen(node: Node, family: Family): Chosen | undefined {
	const text = family === 4 ? node.calico?.ipv4 : node.calico?.ipv6;
	const [address = "", mask] = (text ?? "").split("/");
	const parsed = parseAddress(address);
	return text === undefined || parsed === undefined
		? undefined
		: { node, family, text, address: renderAddress(parsed), isHost: Number(mask) === bitsOf(family) };
}
