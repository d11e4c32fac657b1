import { found } from "../../src/check.ts";
import type { Flavor } from "../../src/knowledge/templates.ts";
import { misnomers } from "../../src/knowledge/variables.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { mend } from "./reading.ts";

/** Pairs of names, either of which is taken for the other. The first code is for names that a release changed. */
const pairs = [
	{
		names: ["SECONDARY_IP_RANGES", "NODE_SECONDARY_IP_RANGES"],
		code: "renamed",
		why: "CAPMOX 0.8 renamed NODE_SECONDARY_IP_RANGES to SECONDARY_IP_RANGES",
	},
	{
		names: ["LB_BGP_IPV6_RANGE", "LB_BGP_IPV6_RANGES"],
		code: "singular-name",
		why: "CAPMOX's guide has the plural, its template the singular",
	},
	{
		names: ["LB_BGP_IPV4_RANGES", "LB_BGP_IPV4_RANGE"],
		code: "singular-name",
		why: "For IPv4 the template has the plural, for IPv6 the singular",
	},
] as const;

/** The value of a variable that is missing, under another name. */
export function otherNameFor(
	cluster: Cluster,
	wanted: string,
): { readonly wanted: string; readonly finding: EnvfileFinding }[] {
	return pairs.flatMap(({ names, code, why }) => {
		const given = names.find((name) => name !== wanted && cluster.variables[name] !== undefined);
		const variable = given === undefined ? undefined : cluster.variables[given];
		if (!names.some((name) => name === wanted) || given === undefined || variable === undefined) {
			return [];
		}

		return [
			{
				wanted,
				finding: found(
					code,
					`${given} is set, but flavor ${cluster.flavor} of CAPMOX ${cluster.capmoxVersion} reads ${wanted}. ${why}.`,
					{
						from: `${given} (${variable.origin ?? "the environment"})`,
						saw: variable.value ?? "a value",
						expected: `the same under the name ${wanted}`,
					},
					mend(
						`Give it the name ${wanted}.`,
						{ name: wanted, value: "", from: "", origin: variable.origin },
						variable.value,
					),
				),
			},
		];
	});
}

const withSecondNetwork: ReadonlySet<Flavor> = new Set(["multiple-vlans", "cilium-load-balancer"]);

/** Said only where the flavor has the network that the variable would belong to. */
export function neverRead(cluster: Cluster): EnvfileFinding[] {
	const [name] = misnomers;
	const variable = cluster.variables[name];
	return variable !== undefined && withSecondNetwork.has(cluster.flavor)
		? [
				found(
					"never-read",
					`${name} has no effect. CAPMOX's guide and its example name it, but no template of any version reads it; the second network uses DNS_SERVERS.`,
					{ from: `${name} (${variable.origin ?? "the environment"})`, saw: variable.value ?? "nothing" },
					advise(`Take it out, or add dnsServers to the second network device in the manifest that clusterctl prints.`),
				),
			]
		: [];
}
