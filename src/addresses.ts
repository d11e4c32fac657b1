import ipaddr from "ipaddr.js";

export type Family = 4 | 6;

export interface Address {
	readonly family: Family;
	readonly value: bigint;
}

/** All addresses from `first` to `last`, both included. */
export interface Span {
	readonly family: Family;
	readonly first: bigint;
	readonly last: bigint;
}

const width = { 4: 32, 6: 128 } as const;
export const bitsOf = (family: Family): 32 | 128 => width[family];

/** As Go's netip.ParseAddr, which CAPMOX and the IPAM provider use: four decimal parts without leading zeros, or IPv6 without zone. */
export function parseAddress(text: string): Address | undefined {
	if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
		return { family: 4, value: valueOf(ipaddr.IPv4.parse(text).toByteArray()) };
	}

	return ipaddr.IPv6.isValid(text) && text.includes(":") && !text.includes("%")
		? { family: 6, value: valueOf(ipaddr.IPv6.parse(text).toByteArray()) }
		: undefined;
}

const valueOf = (bytes: readonly number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

export function renderAddress({ family, value }: Address): string {
	const bytes = Array.from({ length: width[family] / 8 }, (_, index) =>
		Number((value >> BigInt(width[family] - 8 * (index + 1))) & 0xffn),
	);
	return ipaddr.fromByteArray(bytes).toString();
}

export type UnreadableSpan = "unreadable" | "two-families" | "reversed";

/** One item of a pool's `addresses`: an address, `FIRST-LAST` or a CIDR, whose host bits do not count. */
export function parseSpan(text: string): Span | UnreadableSpan {
	const [from = "", to] = text.split(/-(.*)/s);
	if (to !== undefined) {
		return between(parseAddress(from), parseAddress(to));
	}

	const cidr = parseCidr(text);
	if (cidr !== undefined) {
		return cidr;
	}

	const address = parseAddress(text);
	return address === undefined ? "unreadable" : { family: address.family, first: address.value, last: address.value };
}

function between(first: Address | undefined, last: Address | undefined): Span | UnreadableSpan {
	if (first === undefined || last === undefined) {
		return "unreadable";
	}

	if (first.family !== last.family) {
		return "two-families";
	}

	return first.value > last.value ? "reversed" : { family: first.family, first: first.value, last: last.value };
}

export function parseCidr(text: string): Span | undefined {
	const [, from = "", bits = ""] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
	const address = parseAddress(from);
	return address !== undefined && Number(bits) <= width[address.family] ? networkOf(address, Number(bits)) : undefined;
}

/** The network of `prefix` bits that an address lies in. */
export function networkOf({ family, value }: Address, prefix: number): Span {
	const hosts = (1n << BigInt(width[family] - prefix)) - 1n;
	const first = value & ~hosts;
	return { family, first, last: first | hosts };
}

export const contains = (span: Span, { family, value }: Address): boolean =>
	span.family === family && span.first <= value && value <= span.last;

export const includes = (outer: Span, inner: Span): boolean =>
	outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;

/** What two spans have in common. */
export function intersection(one: Span, other: Span): Span | undefined {
	const first = one.first > other.first ? one.first : other.first;
	const last = one.last < other.last ? one.last : other.last;
	return one.family === other.family && first <= last ? { family: one.family, first, last } : undefined;
}

/** The same addresses as spans that neither overlap nor touch, in order. All of one family. */
export function union(spans: readonly Span[]): readonly Span[] {
	const merged: Span[] = [];
	for (const span of [...spans].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
		const before = merged.at(-1);
		if (before !== undefined && span.first <= before.last + 1n) {
			merged[merged.length - 1] = { ...before, last: span.last > before.last ? span.last : before.last };
		} else {
			merged.push(span);
		}
	}

	return merged;
}

/** How many different addresses there are, without those to leave out. */
export function count(spans: readonly Span[], without: readonly Address[] = []): bigint {
	const merged = union(spans);
	const total = merged.reduce((sum, { first, last }) => sum + (last - first + 1n), 0n);
	const left = new Set(without.filter((address) => merged.some((span) => contains(span, address))).map(keyOf));
	return total - BigInt(left.size);
}

const keyOf = ({ family, value }: Address): string => `${family}/${value}`;

export const renderSpan = ({ family, first, last }: Span): string =>
	first === last
		? renderAddress({ family, value: first })
		: `${renderAddress({ family, value: first })}-${renderAddress({ family, value: last })}`;
