import { contains, intersection, parseAddress, parseCidr, renderSpan } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { clusterNetworks } from "../../src/knowledge/templates.ts";
import { advise } from "../steps.ts";
import { judgeSize } from "./capacity.ts";
import { judgeEndpoint } from "./endpoint.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { formOf } from "./forms.ts";
import { judgeGateway } from "./gateway.ts";
import { judgeHosts } from "./hosts.ts";
import type { Pool } from "./plan.ts";
import { example, type Given, itemsOf, type Read } from "./reading.ts";

/** What fits together across the pools. */
export function judgeNetwork(cluster: Cluster, read: Read, pools: readonly Pool[]): EnvfileFinding[] {
	const endpoint = read("CONTROL_PLANE_ENDPOINT_IP");
	return [
		...pools.flatMap(judgeGateway),
		...judgeEndpoint(endpoint, pools),
		...judgeHosts(read, pools),
		...judgeOverlaps(pools),
		...pools.flatMap((pool) => judgeSize(pool, read)),
		...judgeMetallb(read, pools, endpoint),
		...judgeClusterNetworks(cluster, pools),
		...judgeServersInside(cluster, read("DNS_SERVERS"), pools),
	];
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
							{
								from: other.given.from,
								saw: other.given.value,
								expected: `nothing of ${one.given.value}, which is ${one.given.name}`,
							},
							example("Give each pool addresses of its own.", other.given),
						),
					];
		}),
	);
}

function judgeMetallb(read: Read, pools: readonly Pool[], endpoint: Given | undefined): EnvfileFinding[] {
	return ([4, 6] as const).flatMap((family): EnvfileFinding[] => {
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
					example("Write network and prefix.", given),
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
						{
							from: given.from,
							saw: given.value,
							expected: `a network apart from ${hit}, ${pool?.given.value ?? endpoint?.value ?? ""}`,
						},
						example("Give MetalLB a network of its own.", given),
					),
				];
	});
}

const otherNetwork = (use: string) =>
	advise(
		`Set spec.clusterNetwork.${use}.cidrBlocks of the Cluster to a network that is free here, such as ${use === "pods" ? "10.244.0.0/16" : "172.30.0.0/16"}, in the manifest that clusterctl prints, and in the CNI's configuration.`,
	);

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
								{
									from: given.from,
									saw: `${renderSpan(subnet)} (/${prefix ?? ""})`,
									expected: `a subnet apart from ${clash.cidr}`,
								},
								otherNetwork(clash.use),
							),
							confidence: "likely" as const,
						},
					];
		});
}

/** CoreDNS is a pod that asks the servers of its node; one in a subnet of the nodes is told with that. */
function judgeServersInside({ flavor }: Cluster, given: Given | undefined, pools: readonly Pool[]): EnvfileFinding[] {
	const servers = (given === undefined ? [] : (itemsOf(given.value) ?? [])).flatMap((text) => {
		const address = parseAddress(text);
		return address === undefined || pools.some(({ subnet }) => subnet !== undefined && contains(subnet, address))
			? []
			: [{ text, address }];
	});
	return clusterNetworks(flavor).flatMap(({ cidr, use }) => {
		const network = parseCidr(cidr);
		const [inside] = servers.filter(({ address }) => network !== undefined && contains(network, address));
		return inside === undefined || given === undefined
			? []
			: [
					{
						...found(
							"cluster-network-overlap",
							`${inside.text} in ${given.name} lies in ${cidr}, which flavor ${flavor} gives to ${use}. ${use === "pods" ? "CoreDNS, which is a pod, gets no answer from there, so that no pod finds a name outside of the cluster." : "The cluster's own DNS answers there only once the cluster is up, for which its machines need names first, and another server's address may be given to a service."}`,
							{ from: given.from, saw: given.value, expected: `servers outside of ${cidr}` },
							example("Name a server of the network that the machines are in.", given),
							otherNetwork(use),
						),
						confidence: "likely" as const,
					},
				];
	});
}
