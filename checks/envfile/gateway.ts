import { contains, parseCidr, renderAddress, renderSpan } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { EnvfileFinding } from "./findings.ts";
import type { Pool } from "./plan.ts";
import { example } from "./reading.ts";
import { isSame, leaveOut, reservedIn } from "./subnet.ts";

/** fe80::/10 is valid on every link, so such a gateway belongs to no subnet. */
const linkLocal = parseCidr("fe80::/10");

export function judgeGateway(pool: Pool): EnvfileFinding[] {
	const { gateway, subnet, given, spans, plan } = pool;
	if (gateway === undefined) {
		return [];
	}

	const saw = { from: gateway.given.from, saw: gateway.given.value };
	const results: EnvfileFinding[] = [];
	const isLinkLocal = linkLocal !== undefined && contains(linkLocal, gateway.address);
	if (subnet !== undefined && !contains(subnet, gateway.address) && !isLinkLocal) {
		results.push(
			found(
				"gateway-outside-prefix",
				`${gateway.given.name} ${gateway.given.value} is not in the subnet of ${given.name}, so the machines cannot reach it.`,
				{ ...saw, expected: `an address in ${renderSpan(subnet)} (/${pool.prefix ?? ""})` },
				example(
					"Name the router of that subnet.",
					gateway.given,
					renderAddress({ family: subnet.family, value: subnet.first + 1n }),
				),
				advise(`Or correct ${plan.prefix}, where the subnet is larger than that.`),
			),
		);
	}

	const reserved = reservedIn(pool).find(({ address }) => isSame(address, gateway.address));
	if (reserved !== undefined) {
		results.push(
			found(
				"gateway-reserved",
				`${gateway.given.name} ${gateway.given.value} is the ${reserved.what} address of its subnet, which no router can have.`,
				saw,
				example(
					"Name the router of that subnet.",
					gateway.given,
					renderAddress({ family: pool.family, value: (subnet?.first ?? 0n) + 1n }),
				),
			),
		);
	}

	const within = spans.find((span) => contains(span, gateway.address));
	if (within !== undefined) {
		results.push(
			found(
				"gateway-in-range",
				`${gateway.given.name} ${gateway.given.value} lies inside ${given.name}. The IPAM provider leaves it out by itself; should another router take over that address later, or another pool use the range, nothing would.`,
				{ ...saw, expected: `an address outside ${renderSpan(within)}` },
				leaveOut("Leave the gateway out of the range.", pool, gateway.address),
			),
		);
	}

	return results;
}
