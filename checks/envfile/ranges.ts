import { type Family, parseSpan, renderSpan, type Span } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { EnvfileFinding } from "./findings.ts";
import { formOf } from "./forms.ts";
import { example, type Given, mend } from "./reading.ts";

const unreadableMeanings = {
	unreadable:
		"is neither an address nor FIRST-LAST nor a CIDR. Both ends of a range must be written out, without blanks around the hyphen.",
	reversed: "ends before it begins.",
	"two-families": "begins with one IP family and ends with the other.",
} as const;

const unreadableCodes = {
	unreadable: "invalid-range",
	reversed: "reversed-range",
	"two-families": "mixed-families",
} as const;

/** An entry that is no range. */
export function unreadableRange(given: Given, item: string, problem: keyof typeof unreadableMeanings): EnvfileFinding {
	return found(
		unreadableCodes[problem],
		`${item} in ${given.name} ${unreadableMeanings[problem]}`,
		{ from: given.from, saw: given.value, expected: formOf(given.name) },
		mend("Write it like this.", given, repaired(given, item, problem)),
	);
}

/** `10.0.0.5-50` and blanks around the hyphen are written out, a reversed range is turned round. */
function repaired(given: Given, item: string, problem: keyof typeof unreadableMeanings): string | undefined {
	const [from = "", to = ""] = item.replace(/\s/g, "").split("-");
	const full = /^\d{1,3}$/.test(to) ? `${from.replace(/\d+$/, "")}${to}` : to;
	const better = problem === "reversed" ? `${to}-${from}` : `${from}-${full}`;
	return typeof parseSpan(better) === "string" ? undefined : given.value.replace(item, better);
}

export const mixedFamilies = (given: Given, gateway: Given | undefined): EnvfileFinding =>
	found(
		"mixed-families",
		`${given.name}${gateway === undefined ? "" : ` and ${gateway.name}`} hold IPv4 and IPv6 addresses. A pool has one family only, and its gateway has the same.`,
		{
			from: given.from,
			saw: `${given.value}${gateway === undefined ? "" : `, with the gateway ${gateway.value}`}`,
			expected: "one family",
		},
		example("Keep the addresses of one family. For the other, flavor dual-stack has variables of its own.", given),
	);

export const wrongFamily = (given: Given, family: Family): EnvfileFinding => ({
	...found(
		"wrong-family",
		`${given.name} holds IPv${family} addresses. The template hands them to the machines as their IPv${family === 4 ? 6 : 4} configuration.`,
		{ from: given.from, saw: given.value, expected: `IPv${family === 4 ? 6 : 4} addresses` },
		example("Write addresses of the right family.", given),
	),
	confidence: "likely",
});

export function outsidePrefix(given: Given, item: string, subnet: Span, prefix: number, name: string): EnvfileFinding {
	return found(
		"range-outside-prefix",
		`${item} in ${given.name} is not in the same /${prefix} as the pool's first address. The IPAM provider refuses such a pool: "provided address belongs to a different subnet than others".`,
		{
			from: given.from,
			saw: `${given.value} with ${name}=${prefix}`,
			expected: `all inside ${renderSpan(subnet)}`,
		},
		advise(`Keep to addresses of one subnet. Or, where the subnet is larger than that, correct ${name}.`),
	);
}
