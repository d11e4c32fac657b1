import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, parseAddress, parseCidr, renderAddress } from "../../src/addresses.ts";
import { createAddresses } from "../../src/anonymize/addresses.ts";
import { commonRules, rangeRule } from "../../src/anonymize/networks.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const width = { 4: 32, 6: 128 } as const;
const four = fc.bigInt(0n, 2n ** 32n - 1n).map((value) => ({ family: 4 as const, value }));
const six = fc.bigInt(0n, 2n ** 128n - 1n).map((value) => ({ family: 6 as const, value }));
const usual = { 4: 24, 6: 64 } as const;
const stand = (by: Uint8Array) => createAddresses(by, commonRules, usual);
/** Its second half is made of a MAC, which gets a stand-in of its own. */
const isOfCard = (value: bigint): boolean => ((value >> 24n) & 0xffffn) === 0xfffen;
const numberOf = (text: string): bigint => parseAddress(text)?.value ?? -1n;

function shared(family: 4 | 6, one: bigint, other: bigint): number {
	let bits = 0;
	while (
		bits < width[family] &&
		one >> BigInt(width[family] - bits - 1) === other >> BigInt(width[family] - bits - 1)
	) {
		bits++;
	}

	return bits;
}

describe("IP addresses", () => {
	test.each([
		["IPv4", four],
		["IPv6", six.filter(({ value }) => !isOfCard(value))],
	] as const)("%s: two share as many leading bits as before", (_, addresses) => {
		fc.assert(
			fc.property(key, addresses, addresses, fc.nat(128), (by, one, other, keep) => {
				const { family } = one;
				const bits = BigInt(width[family] - Math.min(keep, width[family]));
				const near = { family, value: ((one.value >> bits) << bits) | (other.value & ((1n << bits) - 1n)) };
				fc.pre(!isOfCard(near.value));
				const { address } = stand(by);
				const [a, b] = [address(renderAddress(one)), address(renderAddress(near))];
				expect(shared(family, numberOf(a), numberOf(b))).toBe(shared(family, one.value, near.value));
			}),
			{ numRuns: 300 },
		);
	});

	test("each stays in the special network that it is in, and enters no other", () => {
		const networks = [
			...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
			...["224.0.0.0/3", "192.0.2.0/24", "172.17.0.0/16", "10.244.0.0/16", "10.96.0.0/12", "fd00::/8", "fe80::/10"],
			...["ff00::/8", "2000::/3", "2001:db8::/32"],
		].flatMap((cidr) => parseCidr(cidr) ?? []);
		const inside = fc
			.constantFrom(...networks)
			.chain(({ family, first, last }) => fc.bigInt(first, last).map((value) => ({ family, value })));
		fc.assert(
			fc.property(key, fc.oneof(four, six, inside), (by, one) => {
				const other = parseAddress(stand(by).address(renderAddress(one)));
				expect(networks.map((network) => other && contains(network, other))).toEqual(
					networks.map((network) => contains(network, one)),
				);
			}),
			{ numRuns: 500 },
		);
	});

	test.each([
		"127.0.0.1",
		"0.0.0.0",
		"255.255.255.0",
		"169.254.169.254",
		"::1",
		"::",
		"9.9.9.9",
		"1.1.1.1",
		"224.0.0.1",
	])("%s is nobody's, and stays", (text) => {
		expect(stand(new Uint8Array([7])).address(text)).toBe(text);
	});

	test("a range keeps its length and order, wherever it begins", () => {
		fc.assert(
			fc.property(key, four, fc.nat(200_000), (by, from, length) => {
				const last = { family: 4 as const, value: from.value + BigInt(length) };
				fc.pre(last.value < 2n ** 32n);
				const { address } = createAddresses(by, [...commonRules, ...rangeRule(from, last)], usual);
				const [a, b] = [address(renderAddress(from)), address(renderAddress(last))];
				expect(numberOf(b) - numberOf(a)).toBe(BigInt(length));
			}),
			{ numRuns: 300 },
		);
	});

	test("private ones do move, and a network stays one", () => {
		const moved = Array.from({ length: 40 }, (_, seed) => stand(new Uint8Array([seed])).address("10.20.30.4"));
		expect(new Set(moved).size).toBeGreaterThan(20);
		for (let seed = 0; seed < 40; seed++) {
			const text = stand(new Uint8Array([seed])).address("10.20.16.0", 20);
			expect(numberOf(text) & 0xfffn).toBe(0n);
		}
	});

	test("an address made of a MAC gives it away no more", () => {
		const { address, mac } = stand(new Uint8Array([3]));
		const other = address("2001:db8:1:2:9a3b:cfff:fe12:3456");
		expect(other).toMatch(/^2001:db8:.*ff:fe/);
		expect(other).not.toContain("fe12:3456");
		// Of the card 98:3b:cf:12:34:56, with the bit of local administration turned round.
		const bytes = mac("98:3b:cf:12:34:56").split(":");
		expect(other.endsWith(`fe${bytes[3] ?? ""}:${`${bytes[4] ?? ""}${bytes[5] ?? ""}`.replace(/^0+/, "")}`)).toBe(true);
	});

	test("one that holds an IPv4 address holds its stand-in", () => {
		const { address } = stand(new Uint8Array([9]));
		expect(numberOf(address("::ffff:10.20.30.4")) & 0xffff_ffffn).toBe(numberOf(address("10.20.30.4")));
	});
});

test("MACs: whether it is a group's or a local one stays, and so does the maker of a virtual card", () => {
	fc.assert(
		fc.property(key, fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }), (by, bytes) => {
			const text = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
			const other = stand(by).mac(text);
			expect(other).toMatch(/^(?:[\da-f]{2}:){5}[\da-f]{2}$/);
			expect(Number.parseInt(other.slice(0, 2), 16) & 3).toBe((bytes[0] ?? 0) & 3);
		}),
	);
	const { mac } = stand(new Uint8Array([5]));
	expect(mac("BC:24:11:01:02:03")).toMatch(/^BC:24:11:/);
	expect(mac("52:54:00:01:02:03")).toMatch(/^52:54:00:/);
	expect(mac("98-3b-cf-12-34-56")).toMatch(/^[\da-f]{2}(?:-[\da-f]{2}){5}$/);
	expect(mac("98:3b:cf:12:34:56").slice(0, 8)).not.toBe("98:3b:cf");
});

test("UUIDs keep their version and variant, and stay as different as they were", () => {
	const { hex } = stand(new Uint8Array([5]));
	const one = hex("5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37");
	expect(one).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-9[\da-f]{3}-[\da-f]{12}$/);
	expect(hex("5F0C3B1E-7D42-4A55-9C1A-2F6BE8D01A37").toLowerCase()).toBe(one);
	expect(hex("5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a38")).not.toBe(one);
});
