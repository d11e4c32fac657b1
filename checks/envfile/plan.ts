import {
	type Address,
	type Family,
	includes,
	networkOf,
	parseAddress,
	parseSpan,
	type Span,
} from "../../src/addresses.ts";
import type { EnvfileFinding } from "./findings.ts";
import { emptyList, judgeAddress, notAList } from "./lists.ts";
import { prefixOf } from "./prefix.ts";
import { mixedFamilies, outsidePrefix, unreadableRange, wrongFamily } from "./ranges.ts";
import { type Given, itemsOf, type Read } from "./reading.ts";

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
				: [outsidePrefix(given, outside.item, subnet, prefix ?? 0, plan.prefix)]),
		],
	};
}
