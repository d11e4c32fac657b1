import {
	type Address,
	bitsOf,
	type Family,
	includes,
	networkOf,
	parseAddress,
	parseSpan,
	renderSpan,
	type Span,
} from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { EnvfileFinding } from "./findings.ts";
import { formOf } from "./forms.ts";
import { emptyList, judgeAddress, notAList } from "./lists.ts";
import { example, type Given, itemsOf, mend, type Read } from "./reading.ts";

/** A pool of addresses as a template describes it. */
interface PoolPlan {
	readonly ranges: string;
	readonly prefix: string;
	readonly gateway?: string;
	readonly family: Family;
	/** Who takes an address from it. */
	readonly users: "nodes" | "load-balancers";
	/** The nodes' own network, where the control plane endpoint lives. */
	readonly isPrimary?: true;
}

const plans: readonly PoolPlan[] = [
	{ ranges: "NODE_IP_RANGES", prefix: "IP_PREFIX", gateway: "GATEWAY", family: 4, users: "nodes", isPrimary: true },
	{
		ranges: "NODE_IPV6_RANGES",
		prefix: "IPV6_PREFIX",
		gateway: "IPV6_GATEWAY",
		family: 6,
		users: "nodes",
		isPrimary: true,
	},
	{
		ranges: "SECONDARY_IP_RANGES",
		prefix: "SECONDARY_IP_PREFIX",
		gateway: "SECONDARY_GATEWAY",
		family: 4,
		users: "nodes",
	},
	{
		ranges: "NODE_SECONDARY_IP_RANGES",
		prefix: "SECONDARY_IP_PREFIX",
		gateway: "SECONDARY_GATEWAY",
		family: 4,
		users: "nodes",
	},
	{ ranges: "LB_BGP_IPV4_RANGES", prefix: "LB_BGP_IPV4_PREFIX", family: 4, users: "load-balancers" },
	{ ranges: "LB_BGP_IPV6_RANGE", prefix: "LB_BGP_IPV6_PREFIX", family: 6, users: "load-balancers" },
];

/** A pool whose ranges could be read. */
export interface Pool {
	readonly plan: PoolPlan;
	readonly given: Given;
	readonly spans: readonly [Span, ...Span[]];
	readonly family: Family;
	/** Known where the prefix is right and all ranges lie in one subnet. */
	readonly subnet?: Span;
	readonly prefix?: number;
	readonly gateway?: { readonly given: Given; readonly address: Address };
}

export interface Planned {
	readonly pools: readonly Pool[];
	readonly findings: readonly EnvfileFinding[];
}

/** Reads the pools of the chosen template, and says what cannot be read or does not fit together inside one. */
export function planPools(read: Read): Planned {
	const results = plans.map((plan) => planPool(plan, read));
	return {
		pools: results.flatMap(({ pools }) => pools),
		findings: results.flatMap(({ findings }) => findings),
	};
}

function planPool(plan: PoolPlan, read: Read): Planned {
	const given = read(plan.ranges);
	if (given === undefined || given.value === "") {
		return { pools: [], findings: [] };
	}

	const items = itemsOf(given.value);
	const spans = (items ?? []).map((item) => ({ item, span: parseSpan(item) }));
	const readable = spans.flatMap(({ span }) => (typeof span === "string" ? [] : [span]));
	const unreadable = [
		...(items === undefined ? [notAList(given)] : items.length === 0 ? [emptyList(given)] : []),
		...spans.flatMap(({ item, span }) => (typeof span === "string" ? [unreadableRange(given, item, span)] : [])),
	];
	const [first, ...rest] = readable;
	const gatewayGiven = plan.gateway === undefined ? undefined : read(plan.gateway);
	const notAGateway = judgeAddress(gatewayGiven);
	if (unreadable.length > 0 || first === undefined) {
		return { pools: [], findings: [...unreadable, ...notAGateway] };
	}

	const gatewayAddress = gatewayGiven === undefined ? undefined : parseAddress(gatewayGiven.value);
	const gateway =
		gatewayGiven === undefined || gatewayAddress === undefined
			? undefined
			: { given: gatewayGiven, address: gatewayAddress };
	const families = new Set([
		...readable.map(({ family }) => family),
		...(gateway === undefined ? [] : [gateway.address.family]),
	]);
	if (families.size > 1) {
		return { pools: [], findings: [mixedFamilies(given, gateway?.given)] };
	}

	const { family } = first;
	const { prefix, findings: wrongPrefix } = prefixOf(read(plan.prefix), family);
	const lowest = readable.reduce((low, span) => (span.first < low ? span.first : low), first.first);
	const subnet = prefix === undefined ? undefined : networkOf({ family, value: lowest }, prefix);
	const outside =
		subnet === undefined ? undefined : spans.find(({ span }) => typeof span !== "string" && !includes(subnet, span));
	return {
		pools: [
			{
				plan,
				given,
				spans: [first, ...rest],
				family,
				...(prefix === undefined ? {} : { prefix }),
				...(subnet === undefined || outside !== undefined ? {} : { subnet }),
				...(gateway === undefined ? {} : { gateway }),
			},
		],
		findings: [
			...notAGateway,
			...(family === plan.family ? [] : [wrongFamily(given, family)]),
			...wrongPrefix,
			...(outside === undefined || subnet === undefined
				? []
				: [outsidePrefix(given, outside.item, subnet, prefix ?? 0, plan)]),
		],
	};
}

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

function unreadableRange(given: Given, item: string, problem: keyof typeof unreadableMeanings): EnvfileFinding {
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

const mixedFamilies = (given: Given, gateway: Given | undefined): EnvfileFinding =>
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

const wrongFamily = (given: Given, family: Family): EnvfileFinding => ({
	...found(
		"wrong-family",
		`${given.name} holds IPv${family} addresses. The template hands them to the machines as their IPv${family === 4 ? 6 : 4} configuration.`,
		{ from: given.from, saw: given.value, expected: `IPv${family === 4 ? 6 : 4} addresses` },
		example("Write addresses of the right family.", given),
	),
	confidence: "likely",
});

function prefixOf(
	given: Given | undefined,
	family: Family,
): { readonly prefix?: number; readonly findings: readonly EnvfileFinding[] } {
	if (given === undefined || given.value === "") {
		return { findings: [] };
	}

	const bits = bitsOf(family);
	if (/^[1-9]\d{0,2}$/.test(given.value) && Number(given.value) <= bits) {
		return { prefix: Number(given.value), findings: [] };
	}

	return {
		findings: [
			found(
				"invalid-prefix",
				`${given.name} must be the length of the subnet's prefix, for IPv${family} a number from 1 to ${bits}.`,
				{ from: given.from, saw: given.value, expected: `1 to ${bits}` },
				mend(
					"Write the number of bits: a netmask of 255.255.255.0 is 24.",
					given,
					bitsIn(given.value),
					family === 4 ? "24" : "64",
				),
			),
		],
	};
}

/** `/24` and `255.255.255.0` both mean 24. */
function bitsIn(text: string): string | undefined {
	const mask = parseAddress(text);
	const bits = mask?.family === 4 ? mask.value.toString(2).padStart(32, "0") : "";
	return (
		/^\/([1-9]\d*)$/.exec(text)?.[1] ?? (/^1+0*$/.test(bits) ? String(bits.replaceAll("0", "").length) : undefined)
	);
}

function outsidePrefix(given: Given, item: string, subnet: Span, prefix: number, plan: PoolPlan): EnvfileFinding {
	return found(
		"range-outside-prefix",
		`${item} in ${given.name} is not in the same /${prefix} as the pool's first address. The IPAM provider refuses such a pool: "provided address belongs to a different subnet than others".`,
		{
			from: given.from,
			saw: `${given.value} with ${plan.prefix}=${prefix}`,
			expected: `all inside ${renderSpan(subnet)}`,
		},
		advise(`Keep to addresses of one subnet. Or, where the subnet is larger than that, correct ${plan.prefix}.`),
	);
}
