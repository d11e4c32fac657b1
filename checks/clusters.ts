import { type Diagnosis, type Finding, healthy, mapNonEmpty, notApplicable, problems } from "../src/check.ts";
import type { Facts } from "../src/facts/sheet.ts";
import { withKubeconfig } from "./steps.ts";

/** A workload cluster that was asked. */
export interface Cluster {
	/** As facts name it. */
	readonly key: string;
	/** Namespace and name of its Cluster, where that is known. */
	readonly owner?: string | undefined;
	/** As texts name it; empty for one alone of which nobody knows whose it is. */
	readonly title: string;
	/** Flags by which kubectl reaches it. */
	readonly kubectl: readonly string[];
	/** What prints the kubeconfig that they name. */
	readonly fetch?: readonly string[] | undefined;
}

/** Facts that tell clusters apart. */
type Known = Partial<Pick<Facts, "workload.clusters" | "workload.nodes" | "workload.reach">>;

/** The clusters, one by one. One that two ways lead to counts once, by the way on which its nodes were seen. */
export function clustersOf(facts: Known): readonly Cluster[] {
	const { "workload.clusters": asked, "workload.nodes": nodes, "workload.reach": reach } = facts;
	const all = (asked?.clusters ?? []).map(({ cluster: key, owner, kubectl, fetch }) => ({
		key,
		owner: owner ?? reach?.clusters.find(({ cluster }) => cluster === key)?.owner,
		kubectl,
		fetch,
	}));
	const isSeen = ({ key }: { readonly key: string }) => nodes?.clusters.some(({ cluster }) => cluster === key) ?? false;
	const distinct = all.filter(
		(one) =>
			one.owner === undefined || one === (all.find((other) => other.owner === one.owner && isSeen(other)) ?? one),
	);
	return distinct.map((one) => ({ ...one, title: one.owner ?? (distinct.length > 1 ? one.key : "") }));
}

/** What a fact holds of this cluster. */
export const partOf = <T extends { readonly cluster: string }>(
	fact: { readonly clusters: readonly T[] } | undefined,
	{ key }: Cluster,
): T | undefined => fact?.clusters.find(({ cluster }) => cluster === key);

/** " of default/prod", behind the things of a cluster. */
export const ofCluster = ({ title }: Cluster): string => (title === "" ? "" : ` of ${title}`);

/** A finding of this cluster, told from the same of another one. */
export const inCluster = <Code extends string>(finding: Finding<Code>, cluster: Cluster): Finding<Code> =>
	withKubeconfig(cluster.title === "" ? finding : named(finding, cluster.title), cluster);

const named = <Code extends string>(finding: Finding<Code>, title: string): Finding<Code> => ({
	...finding,
	summary: `Cluster ${title}: ${finding.summary}`,
	evidence: mapNonEmpty(finding.evidence, (each) => ({ ...each, from: `${title}: ${each.from}` })),
});

/** One diagnosis of several; `nothing` says why there is none. */
export function together<Code extends string>(diagnoses: readonly Diagnosis<Code>[], nothing: string): Diagnosis<Code> {
	const reasons = diagnoses.flatMap((each) => (each.kind === "not-applicable" ? [each.reason] : []));
	return problems(
		diagnoses.flatMap((each) => (each.kind === "problem" ? each.findings : [])),
		() => {
			const seen = diagnoses.flatMap((each) => (each.kind === "healthy" ? [each.summary] : []));
			return seen.length === 0
				? notApplicable(reasons.length === 0 ? nothing : reasons.join("; "))
				: healthy([...seen, ...reasons.map((reason) => `Not judged: ${reason}.`)].join(" "));
		},
	);
}
