import { type Address, contains, renderSpan, type Span } from "../../src/addresses.ts";
import type { Pool } from "./plan.ts";
import { example, renderList, rewrite } from "./reading.ts";

/** IPv6 has no broadcast address, and its lowest address may well be the router (RFC 4291, 2.6.1). /31 and /32 have none to spare. */
export const reservedIn = ({
	family,
	subnet,
	prefix = 0,
}: Pool): readonly { readonly address: Address; readonly what: string }[] =>
	subnet === undefined || family === 6 || prefix > 30
		? []
		: [
				{ address: { family, value: subnet.first }, what: "network" },
				{ address: { family, value: subnet.last }, what: "broadcast" },
			];

export const isSame = (one: Address, other: Address): boolean =>
	one.family === other.family && one.value === other.value;

/** The pool's ranges again, with a hole where an address must not be. */
export function leaveOut(advice: string, { given, spans }: Pick<Pool, "given" | "spans">, address: Address) {
	const left = spans.flatMap((span) => (contains(span, address) ? around(span, address) : [span]));
	return left.length === 0 ? example(advice, given) : rewrite(advice, given, renderList(left.map(renderSpan)));
}

const around = (span: Span, { value }: Address): readonly Span[] =>
	[
		{ ...span, last: value - 1n },
		{ ...span, first: value + 1n },
	].filter(({ first, last }) => first <= last);
