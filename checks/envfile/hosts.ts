import {
	type Address,
	contains,
	intersection,
	parseAddress,
	parseCidr,
	renderSpan,
	type Span,
} from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import { about } from "./about.ts";
import type { EnvfileFinding } from "./findings.ts";
import type { Pool } from "./plan.ts";
import { example, type Given, itemsOf, type Read } from "./reading.ts";
import { isSame, leaveOut, reservedIn } from "./subnet.ts";

const spansOf = (...cidrs: readonly string[]): readonly Span[] => cidrs.flatMap((cidr) => parseCidr(cidr) ?? []);

/** RFC 6890: what means the host itself, or many at once. */
const nobodys = spansOf("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/127", "ff00::/8");
/** Besides, for a machine that others are to reach through a router. */
const withoutRoute = [...nobodys, ...spansOf("169.254.0.0/16", "fe80::/10")];
const peers = ["IPV4_BGP_PEER", "IPV4_BGP_PEER2", "IPV6_BGP_PEER", "IPV6_BGP_PEER2"].map((name) => `METALLB_${name}`);

/** Addresses of hosts that are there already, and such as no host can have. */
export function judgeHosts(read: Read, pools: readonly Pool[]): EnvfileFinding[] {
	const endpoint = read("CONTROL_PLANE_ENDPOINT_IP");
	const servers = hostsIn(read("DNS_SERVERS"));
	const gateways = pools.flatMap(({ gateway }) => hostsIn(gateway?.given));
	const hosts = [...servers, ...gateways, ...peers.flatMap((name) => hostsIn(read(name)))];
	const told = hosts.filter(({ address }, index) => hosts.findIndex((one) => isSame(one.address, address)) === index);
	return [
		...judgeLocalhost(endpoint),
		...pools.flatMap(unusablePool),
		...servers.flatMap((host) => unusableServer(host, hostsIn(endpoint), pools)),
		...told.flatMap((host) => inRange(host, pools, read)),
	];
}

interface Host {
	readonly given: Given;
	readonly text: string;
	readonly address: Address;
}

function hostsIn(given: Given | undefined): readonly Host[] {
	const texts = given === undefined ? [] : (itemsOf(given.value) ?? [given.value]);
	return [...new Set(texts)].flatMap((text) => {
		const address = parseAddress(text);
		return given === undefined || address === undefined ? [] : [{ given, text, address }];
	});
}

const judgeLocalhost = (given: Given | undefined): EnvfileFinding[] =>
	given === undefined || !/^localhost\b/i.test(given.value)
		? []
		: [
				about(
					"unusable-address",
					given,
					`${given.value} is each host itself, so no machine would find the control plane by it.`,
					example("Write an address of the nodes' subnet, or a name that leads to it.", given),
				),
			];

function unusablePool({ given, spans }: Pool): EnvfileFinding[] {
	const span = spans.find(({ family, first: value }) => withoutRoute.some((each) => contains(each, { family, value })));
	return span === undefined
		? []
		: [
				about(
					"unusable-address",
					given,
					`${renderSpan(span)} in ${given.name} is no range for machines: these addresses mean the host itself, or one link, or many hosts at once.`,
					example("Write addresses of the network that the machines are in.", given),
				),
			];
}

function unusableServer(
	{ given, text, address }: Host,
	endpoint: readonly Host[],
	pools: readonly Pool[],
): EnvfileFinding[] {
	// What is wrong with a gateway is told as such.
	const isGateway = pools.some(({ gateway }) => gateway !== undefined && isSame(gateway.address, address));
	const reserved = pools.flatMap(reservedIn).find((each) => isSame(each.address, address) && !isGateway);
	const why = nobodys.some((each) => contains(each, address))
		? "An address that begins with 127 is the asking host itself: systemd-resolved writes 127.0.0.53 into /etc/resolv.conf, and the servers behind it are others."
		: endpoint.some((each) => isSame(each.address, address) && !isGateway)
			? "It is the control plane endpoint, where only the API server of the cluster to come answers."
			: reserved === undefined
				? undefined
				: `It is the ${reserved.what} address of a subnet.`;
	return why === undefined
		? []
		: [
				{
					...about(
						"unusable-address",
						given,
						`${text} in ${given.name} is no DNS server that a machine can ask. ${why}`,
						example("Write the address of the DNS server itself; resolvectl status shows it.", given),
					),
					confidence: "likely",
				},
			];
}

/** The gateway is left out of its own pool by the IPAM provider, but of no other, and may well be the DNS server. */
function inRange({ given, text, address }: Host, pools: readonly Pool[], read: Read): EnvfileFinding[] {
	const pool = pools.find(
		({ spans, gateway }) =>
			spans.some((span) => contains(span, address)) && !(gateway !== undefined && isSame(gateway.address, address)),
	);
	const metallb = [read("METALLB_IPV4_RANGE"), read("METALLB_IPV6_RANGE")].find((range) => {
		const span = parseCidr(range?.value ?? "");
		// Otherwise metallb-overlap says what is wrong.
		const isApart = pools.every(({ spans }) => spans.every((each) => !span || intersection(each, span) === undefined));
		return span !== undefined && isApart && contains(span, address);
	});
	const range = pool?.given ?? metallb;
	return range === undefined
		? []
		: [
				found(
					"address-in-range",
					`${text}, which is ${given.value === text ? "" : "in "}${given.name}, lies inside ${range.name}. Sooner or later it is given away, and then two hosts have it.`,
					{ from: given.from, saw: text, expected: `an address outside ${range.value}` },
					pool === undefined
						? advise(`Take a network for ${range.name} (${range.origin ?? "envfile"}) that no router or server is in.`)
						: leaveOut("Leave it out of the range.", pool, address),
				),
			];
}
