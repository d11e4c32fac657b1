import { createHmac } from "node:crypto";
import { type Address, type Family, parseAddress, renderAddress } from "../addresses.ts";
import { isFree, type Rule } from "./networks.ts";

/** The bits that name a network; what follows names a host in it, and stays. */
export type NetworkBits = Readonly<Record<Family, number>>;

const widths = { 4: 32, 6: 128 } as const;
const mapped = 0xffffn;

/** MAC prefixes of virtual network cards: Proxmox VE, QEMU, Docker, Hyper-V, VMware, VirtualBox, Xen. */
const virtualCards = ["bc2411", "525400", "0242", "00155d", "000c29", "005056", "080027", "00163e"];

export interface Addresses {
	/** What is no address stays. `prefix` where a slash and a length follow. */
	readonly address: (text: string, prefix?: number) => string;
	/** Six pairs of hexadecimal digits. */
	readonly mac: (text: string) => string;
	/** Hexadecimal digits among other characters, which stay; the version and variant of a UUID stay, too. */
	readonly hex: (text: string) => string;
}

/**
 * Stand-ins that keep prefixes: two addresses share as many leading bits as before, so that subnets, what lies in them
 * and their routers fit together as they did. After Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address
 * Anonymization, 2002), with bits that the rules keep.
 */
export function createAddresses(key: Uint8Array, rules: readonly Rule[], bits: NetworkBits): Addresses {
	const digest = (text: string): Buffer => createHmac("sha256", key).update(text).digest();
	const flips = new Map<string, bigint>();

	/** What to change in the bit behind the first `depth` bits, which are those of `start`. */
	function flip(family: Family, value: bigint, depth: number): bigint {
		const shift = BigInt(widths[family] - depth);
		const start = (value >> shift) << shift;
		const name = `${family}/${depth}/${start}`;
		const found =
			flips.get(name) ?? (isFree(rules, family, start, depth) ? BigInt((digest(`bit ${name}`)[0] ?? 0) & 1) : 0n);
		flips.set(name, found);
		return found;
	}

	function map({ family, value }: Address): Address {
		if (family === 6 && value >> 32n === mapped) {
			return { family, value: (mapped << 32n) | map({ family: 4, value: value & 0xffff_ffffn }).value };
		}

		let changed = value;
		for (let depth = 0; depth < bits[family]; depth++) {
			changed ^= flip(family, value, depth) << BigInt(widths[family] - depth - 1);
		}

		return { family, value: family === 6 ? withoutCard(changed) : changed };
	}

	/** The second half of an address may be made of the card's MAC (RFC 4291, appendix A). */
	function withoutCard(value: bigint): bigint {
		if (((value >> 24n) & 0xffffn) !== 0xfffen) {
			return value;
		}

		const id = (value & 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, "0");
		const universal = 0x02_00_00_00_00_00n;
		const card = (BigInt(`0x${id.slice(0, 6)}${id.slice(10)}`) ^ universal).toString(16).padStart(12, "0");
		const other = (BigInt(`0x${mac(card)}`) ^ universal).toString(16).padStart(12, "0");
		return ((value >> 64n) << 64n) | BigInt(`0x${other.slice(0, 6)}fffe${other.slice(6)}`);
	}

	function mac(text: string): string {
		const plain = text.replace(/[^0-9a-f]/gi, "").toLowerCase();
		const kept = virtualCards.find((prefix) => plain.startsWith(prefix)) ?? "";
		const other = digest(`mac ${plain}`).toString("hex").slice(0, 12);
		// Whether it is a group's, and whether it is locally administered, stays.
		const first = ((parseInt(other.slice(0, 2), 16) & 0xfc) | (parseInt(plain.slice(0, 2), 16) & 3))
			.toString(16)
			.padStart(2, "0");
		return fill(text, kept + `${first}${other.slice(2)}`.slice(kept.length));
	}

	function hex(text: string): string {
		const plain = text.replace(/[^0-9a-f]/gi, "").toLowerCase();
		const other = Array.from({ length: Math.ceil(plain.length / 64) }, (_, index) =>
			digest(`hex ${index} ${plain}`).toString("hex"),
		).join("");
		const isUuid = /^[0-9a-f]{8}([-_])(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}$/i.test(text);
		return fill(
			text,
			isUuid
				? other.slice(0, 12) + plain.slice(12, 13) + other.slice(13, 16) + plain.slice(16, 17) + other.slice(17)
				: other,
		);
	}

	return {
		mac,
		hex,
		address: (text, prefix) => {
			const found = parseAddress(text);
			if (found === undefined) {
				return text;
			}

			const to = map(found);
			const rest = prefix === undefined || prefix > widths[found.family] ? 0n : BigInt(widths[found.family] - prefix);
			const isNetwork = (found.value >> rest) << rest === found.value;
			return renderAddress(isNetwork ? { family: to.family, value: (to.value >> rest) << rest } : to);
		},
	};
}

/** The digits one after the other in place of those in the text, in its own case. */
function fill(text: string, digits: string): string {
	const upper = /[A-F]/.test(text);
	let next = 0;
	return text.replace(/[0-9a-f]/gi, () => {
		const digit = digits[next++] ?? "0";
		return upper ? digit.toUpperCase() : digit;
	});
}
