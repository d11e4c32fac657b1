import { type Address, contains, count, intersection, parseAddress, parseCidr, renderAddress, renderSpan, type Span } from "../../src/addresses.ts";
import { clusterNetworks } from "../../src/knowledge/templates.ts";
import { advise } from "../steps.ts";
import { type Cluster, type EnvfileFinding, found } from "./findings.ts";
import { exampleOf, formOf } from "./forms.ts";
import type { Pool } from "./plan.ts";
import { type Given, type Read, rewrite } from "./reading.ts";

/** What fits together across the pools. */
export function judgeNetwork(cluster: Cluster, read: Read, pools: readonly Pool[]): EnvfileFinding[] {
	const endpoint = read("CONTROL_PLANE_ENDPOINT_IP");
	return [
		...pools.flatMap(judgeGateway),
		...judgeEndpoint(endpoint, pools),
		...judgeOverlaps(pools),
		...pools.flatMap((pool) => judgeSize(pool, read)),
		...judgeMetallb(read, pools, endpoint),
		...judgeClusterNetworks(cluster, pools),
	];
}

/** IPv6 has no broadcast address, and its lowest address may well be the router (RFC 4291, 2.6.1). /31 and /32 have none to spare. */
const reservedIn = ({ family, subnet, prefix = 0 }: Pool): readonly { readonly address: Address; readonly what: string }[] =>
	subnet === undefined || family === 6 || prefix > 30
		? []
		: [
				{ address: { family, value: subnet.first }, what: "network" },
				{ address: { family, value: subnet.last }, what: "broadcast" },
			];

const isSame = (one: Address, other: Address): boolean => one.family === other.family && one.value === other.value;

/** fe80::/10 is valid on every link, so such a gateway belongs to no subnet. */
const linkLocal = parseCidr("fe80::/10");

function judgeGateway(pool: Pool): EnvfileFinding[] {
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
				rewrite("Name the router of that subnet.", gateway.given, renderAddress({ family: subnet.family, value: subnet.first + 1n })),
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
				rewrite("Name the router of that subnet.", gateway.given, renderAddress({ family: pool.family, value: (subnet?.first ?? 0n) + 1n })),
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
				rewrite("Leave the gateway out of the range.", given, around(spans, gateway.address)),
			),
		);
	}

	return results;
}

/** The ranges again, with a hole where an address must not be. */
const around = (spans: readonly Span[], { value }: Address): string =>
	`[${spans
		.flatMap((span) =>
			span.first <= value && value <= span.last
				? [
						{ ...span, last: value - 1n },
						{ ...span, first: value + 1n },
					]
				: [span],
		)
		.filter(({ first, last }) => first <= last)
		.map(renderSpan)
		.join(", ")}]`;

const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
/** CAPMOX takes a dotted name only where its last part begins like one (proxmoxcluster_webhook.go, isHostname). */
const isHostName = (text: string): boolean => hostName.test(text) && (!text.includes(".") || /\.[a-z]{2,63}$/i.test(text));

function judgeEndpoint(given: Given | undefined, pools: readonly Pool[]): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const address = parseAddress(given.value);
	if (address === undefined) {
		return isHostName(given.value)
			? []
			: [
					found(
						"endpoint-malformed",
						"CONTROL_PLANE_ENDPOINT_IP is neither an IP address nor a host name. The template adds the port 6443 itself; brackets, scheme and path do not belong there.",
						{ from: given.from, saw: given.value, expected: formOf(given.name) },
						rewrite("Write the bare address.", given, bareAddress(given.value) ?? exampleOf(given.name)),
					),
				];
	}

	const saw = { from: given.from, saw: given.value };
	const free = freeAddress(pools, address);
	const better = rewrite("Take a free address of the nodes' subnet, outside all ranges.", given, free ?? exampleOf(given.name));
	const results: EnvfileFinding[] = [];
	const primary = pools.filter(({ plan }) => plan.isPrimary);
	const own = primary.find(({ family }) => family === address.family);
	const subnets = primary.flatMap(({ subnet, prefix }) => (subnet === undefined ? [] : [`${renderSpan(subnet)} (/${prefix ?? ""})`]));
	if (own?.subnet === undefined ? own === undefined && subnets.length > 0 : !contains(own.subnet, address)) {
		results.push(
			found(
				"endpoint-outside-subnet",
				`${given.value} is not in the subnet of the nodes. kube-vip announces it there by ARP, so nothing outside would find it, and the first control plane machine never becomes ready.`,
				{ ...saw, expected: `an address in ${subnets.join(" or ")}` },
				better,
			),
		);
	}

	if (pools.some(({ gateway }) => gateway !== undefined && isSame(gateway.address, address))) {
		results.push(found("endpoint-is-gateway", `${given.value} is the gateway, too. Two hosts would answer for one address.`, saw, better));
	}

	const reserved = primary.flatMap(reservedIn).find((each) => isSame(each.address, address));
	if (reserved !== undefined) {
		results.push(found("endpoint-reserved", `${given.value} is the ${reserved.what} address of the nodes' subnet.`, saw, better));
	}

	const pool = pools.find(({ spans }) => spans.some((span) => contains(span, address)));
	if (pool !== undefined) {
		results.push(
			found(
				"endpoint-in-range",
				`${given.value} lies inside ${pool.given.name}.${pool.plan.isPrimary ? ' CAPMOX refuses the cluster: "addresses may not contain the endpoint IP".' : " Some machine would get the endpoint's address."}`,
				{ ...saw, expected: `an address outside ${pool.spans.map(renderSpan).join(", ")}` },
				rewrite("Leave it out of the range.", pool.given, around(pool.spans, address)),
				{ ...better, advice: "Or take another address for the endpoint, one that is free and outside all ranges." },
			),
		);
	}

	return results;
}

/** `https://[2001:db8::4]:6443/` → the address in it. */
function bareAddress(text: string): string | undefined {
	const host = text.replace(/^[a-z]+:\/\//i, "").replace(/\/.*$/, "");
	const bare = /^\[(.+)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "");
	return parseAddress(bare) === undefined && !isHostName(bare) ? undefined : bare;
}

/** The first address of the nodes' subnet that nothing in the variables claims. Whether another host has it, only the network knows. */
function freeAddress(pools: readonly Pool[], taken: Address): string | undefined {
	const pool = pools.find(({ plan, subnet, family }) => plan.isPrimary && subnet !== undefined && family === taken.family);
	const { subnet } = pool ?? {};
	if (pool === undefined || subnet === undefined) {
		return undefined;
	}

	for (let value = subnet.first + 1n; value < subnet.last && value < subnet.first + 4_096n; value++) {
		const address = { family: subnet.family, value };
		const isTaken =
			isSame(address, taken) ||
			pools.some(({ spans, gateway }) => spans.some((span) => contains(span, address)) || (gateway !== undefined && isSame(gateway.address, address)));
		if (!isTaken) {
			return renderAddress(address);
		}
	}

	return undefined;
}

function judgeOverlaps(pools: readonly Pool[]): EnvfileFinding[] {
	return pools.flatMap((one, index) =>
		pools.slice(index + 1).flatMap((other) => {
			const [both] = one.spans.flatMap((span) => other.spans.flatMap((each) => intersection(span, each) ?? []));
			return both === undefined
				? []
				: [
						found(
							"ranges-overlap",
							`${one.given.name} and ${other.given.name} both contain ${renderSpan(both)}. Each pool hands out its addresses without asking the other, so two machines get the same one.`,
							{ from: other.given.from, saw: other.given.value, expected: `nothing of ${one.given.value}, which is ${one.given.name}` },
							rewrite("Give each pool addresses of its own.", other.given, exampleOf(other.given.name)),
						),
					];
		}),
	);
}

interface Demand {
	readonly machines: bigint;
	/** During an upgrade each group has one machine more: maxSurge 1, the default, which no template changes. */
	readonly surge: bigint;
	readonly said: string;
}

/** clusterctl takes 1 control plane machine and no worker where nothing is said. */
function demandOf(users: Pool["plan"]["users"], read: Read): Demand | undefined {
	const counts = [
		{ name: "CONTROL_PLANE_MACHINE_COUNT", what: "control plane", otherwise: "1", users: ["nodes"] },
		{ name: "WORKER_MACHINE_COUNT", what: "worker", otherwise: "0", users: ["nodes"] },
		{ name: "LOAD_BALANCER_MACHINE_COUNT", what: "load balancer", otherwise: "0", users: ["nodes", "load-balancers"] },
	].flatMap((group) => (group.users.includes(users) ? [{ what: group.what, text: read(group.name)?.value ?? group.otherwise }] : []));
	if (!counts.every(({ text }) => /^\d{1,9}$/.test(text))) {
		return undefined;
	}

	const present = counts.map(({ what, text }) => ({ what, number: BigInt(text) })).filter(({ number }) => number > 0n);
	return {
		machines: present.reduce((sum, { number }) => sum + number, 0n),
		surge: BigInt(present.length),
		said: present.map(({ what, number }) => `${number} ${what}`).join(" + "),
	};
}

/** What the pool can hand out: the IPAM provider leaves out gateway, lowest and, for IPv4, highest address of the subnet (poolutil, PoolSpecToIPSet). */
export function usable({ spans, subnet, family, gateway }: Pool): bigint {
	const left = [
		...(subnet === undefined ? [] : [subnet.first, ...(family === 4 ? [subnet.last] : [])]).map((value) => ({ family, value })),
		...(gateway === undefined ? [] : [gateway.address]),
	];
	return count(spans, left);
}

function judgeSize(pool: Pool, read: Read): EnvfileFinding[] {
	const demand = demandOf(pool.plan.users, read);
	if (demand === undefined || pool.subnet === undefined) {
		return [];
	}

	const there = usable(pool);
	const saw = {
		from: pool.given.from,
		saw: `${pool.given.value}: ${there} usable ${there === 1n ? "address" : "addresses"}`,
		expected: `${demand.machines} for ${demand.said}, and ${demand.surge} more during an upgrade`,
	};
	const advice = rewrite("Make the range larger.", pool.given, exampleOf(pool.given.name));
	if (there < demand.machines) {
		return [
			found(
				"too-few-addresses",
				`${pool.given.name} has ${there} usable ${there === 1n ? "address" : "addresses"} for ${demand.machines} machines. The last ones wait for an address for ever.`,
				saw,
				advice,
			),
		];
	}

	return there < demand.machines + demand.surge
		? [
				found(
					"no-address-for-upgrade",
					`${pool.given.name} has just enough addresses for the machines. An upgrade starts a new machine before it removes an old one, and that one gets none.`,
					saw,
					advice,
				),
			]
		: [];
}

function judgeMetallb(read: Read, pools: readonly Pool[], endpoint: Given | undefined): EnvfileFinding[] {
	return ([4, 6] as const).flatMap((family) => {
		const given = read(`METALLB_IPV${family}_RANGE`);
		if (given === undefined || given.value === "") {
			return [];
		}

		const span = parseCidr(given.value);
		if (span?.family !== family) {
			return [
				found(
					"metallb-range",
					`${given.name} must be an IPv${family} network as CIDR. The template uses it for MetalLB's pool and as the source of a routing rule, and the rule takes nothing else.`,
					{ from: given.from, saw: given.value, expected: formOf(given.name) },
					rewrite("Write network and prefix.", given, exampleOf(given.name)),
				),
			];
		}

		const address = parseAddress(endpoint?.value ?? "");
		const pool = pools.find(({ spans }) => spans.some((each) => intersection(each, span) !== undefined));
		const hit = pool?.given.name ?? (address !== undefined && contains(span, address) ? endpoint?.name : undefined);
		return hit === undefined
			? []
			: [
					found(
						"metallb-overlap",
						`${given.name} contains addresses of ${hit}. MetalLB would give services addresses that machines have.`,
						{ from: given.from, saw: given.value, expected: `a network apart from ${hit}, ${pool?.given.value ?? endpoint?.value ?? ""}` },
						rewrite("Give MetalLB a network of its own.", given, exampleOf(given.name)),
					),
				];
	});
}

/** Only the nodes' networks: what a load balancer's outer network holds, pods reach through the load balancer. */
function judgeClusterNetworks({ flavor }: Cluster, pools: readonly Pool[]): EnvfileFinding[] {
	return pools
		.filter(({ plan }) => plan.users === "nodes")
		.flatMap(({ given, subnet, prefix }) => {
			const clash = clusterNetworks(flavor).find(({ cidr }) => {
				const network = parseCidr(cidr);
				return network !== undefined && subnet !== undefined && intersection(network, subnet) !== undefined;
			});
			return clash === undefined || subnet === undefined
				? []
				: [
						{
							...found(
								"cluster-network-overlap",
								`The subnet of ${given.name} overlaps ${clash.cidr}, which flavor ${flavor} gives to ${clash.use}. Traffic to hosts in it then stays inside the cluster.`,
								{ from: given.from, saw: `${renderSpan(subnet)} (/${prefix ?? ""})`, expected: `a subnet apart from ${clash.cidr}` },
								advise(`Set spec.clusterNetwork.${clash.use}.cidrBlocks of the Cluster to a network that is free here, such as ${clash.use === "pods" ? "10.244.0.0/16" : "172.30.0.0/16"}, in the manifest that clusterctl prints, and in the CNI's configuration.`),
							),
							confidence: "likely" as const,
						},
					];
		});
}
