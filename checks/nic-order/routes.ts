import type { Evidence } from "../../src/check.ts";
import type { Device, NicFinding, Plan } from "./findings.ts";
import { guestName, nameOf, placeOf } from "./models.ts";
import { advise, moveBehind, pinEverywhere } from "./steps.ts";

interface Route {
	readonly device: Device;
	readonly from: string;
	readonly family: 4 | 6;
	/** As CAPMOX writes it; absent where it writes none. */
	readonly written?: number | undefined;
	/** In the guest: without one Linux takes 0 for IPv4, which goes before all others, and 1024 for IPv6. */
	readonly metric: number;
}

const usual = { 4: 0, 6: 1_024 } as const;

/** Default routes of the main table, in the order in which kubelet will find them. */
const defaultRoutes = ({ devices }: Plan, family: 4 | 6): readonly Route[] =>
	devices
		.filter(({ vrf }) => vrf === undefined)
		.flatMap((device) =>
			device.routes
				.filter((route) => route.family === family && !route.unreachable)
				.map(({ from, metric }) => ({ device, from, family, written: metric, metric: metric ?? usual[family] })),
		)
		.toSorted((one, other) => one.metric - other.metric);

export function judgePools(plan: Plan, source: string): readonly NicFinding[] {
	return plan.devices.flatMap(({ name, unknownPools }) =>
		unknownPools.map((pool) => ({
			code: "pool-missing" as const,
			summary: `${nameOf(plan)} names ${pool} for ${name}, and ${source} has no such pool. Its gateway and metric decide over which device the first default route leads.`,
			evidence: [
				{ from: source, saw: `no ${pool}`, expected: `the pool that ${name} takes its addresses from` },
				...standing(plan, source),
			] as const,
			remedy: [
				advise(
					source.endsWith("cluster")
						? "Create the pool, or name one that exists in a copy of the template: machines wait for their addresses until then."
						: "Put the pool into the file, or look at the management cluster, where it may exist already.",
				),
			] as const,
		})),
	);
}

/** What pools and metrics say before there is a machine; IPv4 first, as kubelet does. */
export function judgeRoutes(plan: Plan, source: string): readonly NicFinding[] {
	const ties = ([4, 6] as const).flatMap((family) => tied(plan, source, defaultRoutes(plan, family)));
	if (plan.kubelet.nodeIp !== undefined || plan.kubelet.cloudProvider === "external") {
		return ties;
	}

	const family = defaultRoutes(plan, 4).length > 0 ? 4 : 6;
	const routes = defaultRoutes(plan, family);
	const expected = plan.devices.find(({ defaultFor }) => defaultFor.includes(family));
	const [first] = routes;
	const own = routes.find(({ device }) => device === expected);
	// Which cluster it is for is not known, or the pool of the default device: then its route is not, either.
	const isUnseen = own === undefined && (plan.cluster === undefined || (expected?.unknownPools.length ?? 0) > 0);
	if (
		isUnseen ||
		first === undefined ||
		expected === undefined ||
		first.device === expected ||
		first.metric === own?.metric
	) {
		return ties;
	}

	return [...ties, elsewhere(plan, source, first, expected, own)];
}

/** Where in a manifest the devices are. */
const standing = (plan: Plan, source: string): readonly Evidence[] =>
	plan.line === undefined
		? []
		: [{ from: placeOf(plan, source), saw: plan.devices.map(({ name, model }) => `${name} ${model}`).join(", ") }];

const metricOf = ({ written, family }: Route): string =>
	written === undefined ? `no metric, which counts as ${usual[family]}` : `metric ${written}`;

function elsewhere(plan: Plan, source: string, first: Route, expected: Device, own: Route | undefined): NicFinding {
	const steps = moveBehind(plan, first, (own?.metric ?? 100) + 100);
	const [step = pinEverywhere(guestName(expected.name)), ...rest] = steps;
	return {
		code: "default-route-elsewhere",
		confidence: "likely",
		summary: `Machines of ${nameOf(plan)} will go by their address on ${first.device.name}, not by that on ${expected.name}, which CAPMOX takes for theirs: the default route of ${first.device.name} comes first.`,
		evidence: [
			{
				from: `${first.from}, on ${first.device.name}`,
				saw: `a gateway with ${metricOf(first)}`,
				expected: `a metric above ${own?.metric ?? 100}, or no gateway`,
			},
			{
				from: own === undefined ? expected.name : `${own.from}, on ${expected.name}`,
				saw: own === undefined ? "no default route" : `a gateway with ${metricOf(own)}`,
			},
			...standing(plan, source),
		],
		remedy: [step, ...rest, pinEverywhere(guestName(expected.name))],
	};
}

function tied(plan: Plan, source: string, routes: readonly Route[]): readonly NicFinding[] {
	const pair = routes.flatMap((route, index) => {
		const next = routes[index + 1];
		return next?.metric === route.metric && next.device !== route.device ? [[route, next] as const] : [];
	})[0];
	if (pair === undefined) {
		return [];
	}

	const [one, other] = pair;
	const later = other.device.defaultFor.length > 0 ? one : other;
	const [step = pinEverywhere(guestName("net0")), ...rest] = moveBehind(plan, later, later.metric + 100);
	return [
		{
			code: "equal-metrics",
			summary: `${nameOf(plan)}: ${one.device.name} and ${other.device.name} both bring an IPv${one.family} default route of the same metric. CAPMOX refuses to make such a machine ("metric already exists for default gateway"), and where it does not, the guest keeps one of the two.`,
			evidence: [
				{ from: `${one.from}, on ${one.device.name}`, saw: `a gateway with ${metricOf(one)}` },
				{
					from: `${other.from}, on ${other.device.name}`,
					saw: `a gateway with ${metricOf(other)}`,
					expected: "metrics that differ, the default device's the lowest",
				},
				...standing(plan, source),
			],
			remedy: [step, ...rest],
		},
	];
}
