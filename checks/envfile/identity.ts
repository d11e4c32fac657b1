import { about } from "./about.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { example, type Given, mend, type Read } from "./reading.ts";

/** A label's value holds 63 characters. The names of the MachineDeployments are such values, and end like this. */
const longest = 63;
const endings = { "cilium-load-balancer": "-load-balancers" } as const;
const endingOf = ({ flavor }: Cluster): string => (flavor in endings ? endings["cilium-load-balancer"] : "-workers");

const label = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const isDomain = (name: string): boolean => name.split(".").every((part) => label.test(part));

/**
 * clusterctl takes both from its arguments and options, never from the environment (client/config.go,
 * templateOptionsToVariables). They count for scripts that hand them on, and for clusterctl generate yaml.
 */
export const judgeIdentity = (cluster: Cluster, read: Read): EnvfileFinding[] =>
	[...judgeClusterName(cluster, read("CLUSTER_NAME")), ...judgeNamespace(read("NAMESPACE"))].map((finding) => ({
		...finding,
		confidence: "likely",
	}));

function judgeClusterName(cluster: Cluster, given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value.trim() === "") {
		return [];
	}

	const ending = endingOf(cluster);
	const most = longest - ending.length;
	const summary = !isDomain(given.value)
		? "CLUSTER_NAME has characters that no cluster's name can have. All objects and VMs are named after it."
		: given.value.length > most
			? `CLUSTER_NAME is too long. Cluster API refuses the MachineDeployment ${given.value}${ending}, whose name may have ${longest} characters.`
			: undefined;
	const better = tidied(given.value);
	return summary === undefined
		? []
		: [
				ofCommonName(
					given,
					about(
						"cluster-name",
						given,
						summary,
						mend(
							"Take a name like this, also as the argument of clusterctl generate cluster.",
							given,
							better.length > most ? undefined : better,
							"my-cluster",
						),
						`lower-case letters, digits and hyphens, up to ${most}`,
					),
				),
			];
}

/** `My_Cluster ` → `my-cluster`. */
const tidied = (name: string): string =>
	name
		.toLowerCase()
		.replace(/[^a-z0-9.]+/g, "-")
		.replace(/^[-.]+|[-.]+$/g, "") || "my-cluster";

const judgeNamespace = (given: Given | undefined): EnvfileFinding[] =>
	given === undefined || given.value.trim() === "" || (label.test(given.value) && given.value.length <= longest)
		? []
		: [
				ofCommonName(
					given,
					about(
						"namespace",
						given,
						"NAMESPACE cannot be the name of a namespace. clusterctl refuses it as --target-namespace.",
						example("Name the namespace for the cluster's objects.", given, "default"),
						`lower-case letters, digits and hyphens, up to ${longest}`,
					),
				),
			];

/** Other programs have variables of that name, too, so one that stands in the shell may be none of ours. */
const ofCommonName = ({ origin }: Given, finding: EnvfileFinding): EnvfileFinding =>
	origin === "the environment" ? { ...finding, severity: "warning" } : finding;
