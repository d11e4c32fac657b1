import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import {
	contains,
	count,
	includes,
	intersection,
	networkOf,
	parseAddress,
	parseCidr,
	parseSpan,
	renderAddress,
	renderSpan,
	type Span,
	union,
} from "../src/addresses.ts";

const v4 = fc.ipV4();
const v6 = fc.ipV6();

describe("reads as Go's netip does", () => {
	test.each([
		"10.0.0",
		"10.0.0.256",
		"010.0.0.1",
		"0x0a.0.0.1",
		"167772161",
		"10.0.0.1 ",
		"fe80::1%eth0",
		"1::2::3",
		"",
		"pve1",
	])("%j is no address", (text) => {
		expect(parseAddress(text)).toBeUndefined();
	});

	test.each([
		["10.0.0.5", "10.0.0.5"],
		["10.0.0.5-10.0.0.9", "10.0.0.5-10.0.0.9"],
		["10.0.0.5/24", "10.0.0.0-10.0.0.255"],
		["10.0.0.0/32", "10.0.0.0"],
		["2001:db8::/126", "2001:db8::-2001:db8::3"],
		["2001:DB8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff"],
		["::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
		["10.0.0.9-10.0.0.5", "reversed"],
		["10.0.0.9-2001:db8::1", "two-families"],
		["10.0.0.5-50", "unreadable"],
		["10.0.0.5 - 10.0.0.9", "unreadable"],
		["10.0.0.0/33", "unreadable"],
		["10.0.0.0/024", "unreadable"],
		["10.0.0.0/24/8", "unreadable"],
		["10.0.0.1-10.0.0.2-10.0.0.3", "unreadable"],
	])("%s → %s", (text, expected) => {
		const span = parseSpan(text);
		expect(typeof span === "string" ? span : renderSpan(span)).toBe(expected);
	});
});

test("an address survives being read and written", () => {
	fc.assert(
		fc.property(fc.oneof(v4, v6), (text) => {
			const address = parseAddress(text);
			return address !== undefined && ipaddr.parse(renderAddress(address)).toString() === ipaddr.parse(text).toString();
		}),
	);
});

test("lies in a CIDR exactly where ipaddr.js says so", () => {
	const pair = fc.oneof(
		fc.tuple(v4, v4, fc.integer({ min: 0, max: 32 })),
		fc.tuple(v6, v6, fc.integer({ min: 0, max: 128 })),
	);
	fc.assert(
		fc.property(pair, fc.boolean(), ([one, other, bits], near) => {
			const address = near ? one : other;
			const parsed = parseAddress(address);
			const network = parseCidr(`${one}/${bits}`);
			return (
				parsed !== undefined &&
				network !== undefined &&
				contains(network, parsed) === ipaddr.parse(address).match(ipaddr.parse(one), bits)
			);
		}),
	);
});

test("a network begins and ends where ipaddr.js puts network and broadcast address", () => {
	fc.assert(
		fc.property(v4, fc.integer({ min: 0, max: 32 }), (text, bits) => {
			const address = parseAddress(text);
			const { first, last } = address === undefined ? { first: -1n, last: -1n } : networkOf(address, bits);
			expect([renderAddress({ family: 4, value: first }), renderAddress({ family: 4, value: last })]).toEqual([
				ipaddr.IPv4.networkAddressFromCIDR(`${text}/${bits}`).toString(),
				ipaddr.IPv4.broadcastAddressFromCIDR(`${text}/${bits}`).toString(),
			]);
		}),
	);
});

describe("agrees with a set of single addresses on a small network", () => {
	const size = 40;
	const spans = fc.array(
		fc.tuple(fc.nat(size - 1), fc.nat(size - 1)).map(
			([a, b]): Span => ({
				family: 4,
				first: BigInt(Math.min(a, b)),
				last: BigInt(Math.max(a, b)),
			}),
		),
		{ maxLength: 6 },
	);
	const members = (list: readonly Span[]) =>
		new Set(
			Array.from({ length: size }, (_, n) => BigInt(n)).filter((n) => list.some((s) => s.first <= n && n <= s.last)),
		);

	test("union and count", () => {
		fc.assert(
			fc.property(spans, fc.array(fc.nat(size - 1), { maxLength: 4 }), (list, without) => {
				const expected = members(list);
				expect(members(union(list))).toEqual(expected);
				expect(
					union(list).every(({ first }, index, all) => index === 0 || first > (all[index - 1]?.last ?? 0n) + 1n),
				).toBe(true);
				for (const value of without) {
					expected.delete(BigInt(value));
				}

				expect(
					count(
						list,
						without.map((value) => ({ family: 4, value: BigInt(value) })),
					),
				).toBe(BigInt(expected.size));
			}),
		);
	});

	test("intersection and includes", () => {
		fc.assert(
			fc.property(spans, (list) => {
				for (const one of list) {
					for (const other of list) {
						const both = intersection(one, other);
						const expected = [...members([one])].filter((value) => members([other]).has(value));
						expect([...members(both === undefined ? [] : [both])]).toEqual(expected);
						expect(includes(one, other)).toBe(expected.length === members([other]).size);
					}
				}
			}),
			{ numRuns: 30 },
		);
	});

	test("families never meet", () => {
		const four: Span = { family: 4, first: 0n, last: 9n };
		const six: Span = { family: 6, first: 0n, last: 9n };
		expect([intersection(four, six), includes(four, six), contains(four, { family: 6, value: 1n })]).toEqual([
			undefined,
			false,
			false,
		]);
	});
});
