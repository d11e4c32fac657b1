import * as z from "zod";
import { rejectOnAbort } from "../abort.ts";
import type { Kubectl } from "../access/kubectl.ts";
import type { World } from "../access/world.ts";
import { type Cause, causes, ProbeError, UsageError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { Know } from "./probe.ts";
import { tellingWhere } from "./workload-endpoint.ts";

/** Milliseconds for one page of a list. */
export const pagePatience = 15_000;

/** Milliseconds for all that one cluster is asked, so that a slow one takes no fact from the others. */
const patience = 45_000;

/** What could not be read of one of the clusters. */
export const gap = z.object({
	/** As beside: the cluster that was asked. */
	cluster: z.string(),
	cause: z.enum(causes),
	/** What was last seen, as a sentence that names the cluster. */
	because: z.string(),
});

/** A fact of each workload cluster that could be asked for it. */
export const perCluster = <Shape extends z.ZodRawShape>(shape: Shape) =>
	z.object({
		clusters: z.array(
			z.object({
				/** Namespace and name of its Cluster, `default/prod`; of a kubeconfig that was given the options that name it. */
				cluster: z.string(),
				...shape,
			}),
		),
		unreached: z.array(gap),
	});

/** A workload cluster that can be asked. */
export interface Workload {
	readonly cluster: string;
	/** Its Cluster in the management cluster; a kubeconfig does not say whose it is. */
	readonly owner?: string;
	readonly kubectl: Kubectl;
	/** What kubectl has to be told to reach the same cluster, for commands that a person pastes. */
	readonly flags: string[];
	/** What prints the kubeconfig that these flags name; absent where the user has it. */
	readonly fetch?: string[];
}

/** One that cannot. */
interface Unreached {
	readonly cluster: string;
	readonly error: ProbeError;
}

interface Opened {
	readonly all: readonly (Workload | Unreached)[];
	/** Aborted when the clusters have had their time. */
	readonly until: AbortSignal;
	/** Why a cluster answers nothing at all, so that this is said once and not for each list. */
	readonly silence: Map<string, ProbeError>;
}

const opened = new WeakMap<World, Promise<Opened>>();

/** Opened once for all facts. @throws ProbeError not-set-up where no cluster is named; UsageError where there is none of that name */
function openWorkloads(world: World, know: Know, signal: AbortSignal): Promise<Opened> {
	const opening = opened.get(world) ?? open(world, know, signal);
	opened.set(world, opening);
	return opening;
}

/** Asks each workload cluster, all at once. What fails in one of them stands beside the answers of the others. @throws as `openWorkloads` */
export async function fromEach<T extends object>(
	world: World,
	know: Know,
	signal: AbortSignal,
	read: (workload: Workload, signal: AbortSignal) => Promise<T>,
): Promise<{ clusters: (T & { cluster: string })[]; unreached: z.infer<typeof gap>[] }> {
	const { all, until, silence } = await openWorkloads(world, know, signal);
	const either = AbortSignal.any([signal, until]);
	const answers = await Promise.all(
		all.map(async (one) => {
			if ("error" in one) {
				return one;
			}

			// `read` may throw before it promises anything.
			const reading = (async () => await read(one, either))();
			const answer = await attempt(Promise.race([reading, rejectOnAbort(either)]));
			return answer instanceof ProbeError
				? { cluster: one.cluster, error: once(silence, one, until.aborted ? (until.reason as ProbeError) : answer) }
				: { ...answer, cluster: one.cluster };
		}),
	);
	return {
		clusters: answers.flatMap((answer) => ("error" in answer ? [] : [answer])),
		unreached: answers.flatMap((answer) => ("error" in answer ? [gapOf(answer)] : [])),
	};
}

/** What another fact holds of the same cluster. @throws ProbeError as it failed there */
export function sameCluster<T extends { readonly cluster: string }>(
	{ clusters, unreached }: { readonly clusters: readonly T[]; readonly unreached: readonly z.infer<typeof gap>[] },
	{ cluster }: Workload,
): T {
	const found = clusters.find((one) => one.cluster === cluster);
	if (found === undefined) {
		const why = unreached.find((one) => one.cluster === cluster);
		throw new GapError(why ?? { cluster, cause: "bug", because: `${cluster} was never asked` });
	}

	return found;
}

/** Names its cluster already. */
class GapError extends ProbeError {
	constructor({ cause, because }: z.infer<typeof gap>) {
		super(cause, because);
	}
}

/** Causes that lie in the way to a cluster, and not in what it was asked. */
const ofTheWay: readonly Cause[] = ["unreachable", "timeout", "unauthorized", "needs-login", "misconfigured"];

function once(silence: Map<string, ProbeError>, { cluster }: Workload, error: ProbeError): ProbeError {
	const first = ofTheWay.includes(error.reason) ? (silence.get(cluster) ?? error) : error;
	silence.set(cluster, silence.get(cluster) ?? first);
	return first;
}

const gapOf = ({ cluster, error }: Unreached): z.infer<typeof gap> => ({
	cluster,
	// Somebody named it, so that it is to be looked at.
	cause: error.reason === "not-set-up" ? "misconfigured" : error.reason,
	because: error instanceof GapError ? error.message : `${cluster}: ${error.message}`,
});

async function open(world: World, know: Know, signal: AbortSignal): Promise<Opened> {
	const { workload, options } = world;
	const { workload: wanted, workloadKubeconfig, workloadContext } = options;
	const until = new AbortController();
	setTimeout(() => {
		until.abort(new ProbeError("timeout", `it did not answer everything within ${patience / 1_000} s`));
	}, patience).unref();
	const told = [
		["kubeconfig", workloadKubeconfig],
		["context", workloadContext],
	].flatMap(([name = "", value]) => (value === undefined ? [] : [{ name, value }]));
	const given: Workload[] =
		workload === undefined
			? []
			: [
					{
						cluster: told.map(({ name, value }) => `--workload-${name} ${value}`).join(" "),
						kubectl: tellingWhere(workload, world, know, undefined),
						flags: told.map(({ name, value }) => `--${name}=${value}`),
					},
				];
	const named = wanted === undefined ? [] : await attempt(openNamed(world, wanted, know, signal));
	if (named instanceof ProbeError && given.length === 0) {
		throw named;
	}

	const all = [
		...given,
		...(named instanceof ProbeError ? [{ cluster: `--workload ${wanted ?? ""}`, error: named }] : named),
	];
	if (all.length === 0) {
		throw new ProbeError(
			"not-set-up",
			wanted === undefined
				? "no workload cluster is named by --workload or --workload-kubeconfig"
				: `--workload ${wanted}: the management cluster has no Cluster on Proxmox`,
		);
	}

	return { all, until: until.signal, silence: new Map() };
}

/** How Clusters are told apart. */
export const keyOf = ({
	namespace,
	name,
}: {
	readonly namespace?: string | undefined;
	readonly name: string;
}): string => `${namespace ?? ""}/${name}`;

interface ClusterName {
	readonly namespace?: string | undefined;
	readonly name: string;
}

/** The clusters that --workload names, by the kubeconfigs that the management cluster keeps. @throws UsageError where there is none of that name */
async function openNamed(
	world: World,
	wanted: string,
	know: Know,
	signal: AbortSignal,
): Promise<(Workload | Unreached)[]> {
	const { items } = await know("management.clusters");
	const own = items.filter(({ infrastructure }) => infrastructure?.kind === "ProxmoxCluster");
	const chosen = wanted === "all" ? own : own.filter((one) => one.name === wanted || keyOf(one) === wanted);
	if (chosen.length === 0 && wanted !== "all") {
		const names = own.map(({ name }) => name).join(", ");
		throw new UsageError(
			`--workload: there is no Cluster ${JSON.stringify(wanted)} on Proxmox${names === "" ? "" : `; there are ${names}`}`,
		);
	}

	return Promise.all(chosen.map((one) => openOne(world, one, chosen, know, signal)));
}

const secretShape = z.object({ data: z.object({ value: z.string() }) });

/** The Secret is cluster-admin; its text goes into the private file and nowhere else. */
async function openOne(
	world: World,
	{ namespace = "default", name }: ClusterName,
	chosen: readonly ClusterName[],
	know: Know,
	signal: AbortSignal,
): Promise<Workload | Unreached> {
	const cluster = keyOf({ namespace, name });
	const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(`${name}-kubeconfig`)}`;
	const secret = await attempt(world.kubectl.get(path, { signal }));
	if (secret instanceof ProbeError) {
		return { cluster, error: secret };
	}

	const value = secretShape.safeParse(secret).data?.data.value;
	if (value === undefined) {
		return { cluster, error: new ProbeError("unreadable", `Secret ${cluster}-kubeconfig holds no kubeconfig`) };
	}

	const kubectl = world.workloadFrom(Buffer.from(value, "base64").toString("utf8"));
	const isOnly = chosen.filter((other) => other.name === name).length === 1;
	return {
		cluster,
		owner: cluster,
		kubectl: tellingWhere(kubectl, world, know, cluster),
		flags: [`--kubeconfig=${isOnly ? name : `${namespace}-${name}`}.kubeconfig`],
		fetch: ["clusterctl", "get", "kubeconfig", name, "--namespace", namespace],
	};
}

/** Fact `workload.clusters`: the workload clusters that were asked, and how a person reaches the same ones. */
export const workloadClusters = perCluster({
	/** Its Cluster in the management cluster, where --workload named it. */
	owner: z.string().optional(),
	/** Flags of kubectl. */
	kubectl: z.array(z.string()),
	/** The command that prints the kubeconfig which they name; absent where the user has it. */
	fetch: z.array(z.string()).optional(),
});

export const readWorkloadClusters = (
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadClusters>> =>
	fromEach(world, know, signal, ({ owner, flags, fetch }) => Promise.resolve({ owner, kubectl: flags, fetch }));
