import { isScalar, parse, parseDocument, visit } from "yaml";
import * as z from "zod";
import { rejectOnAbort } from "../abort.ts";
import type { Kubectl } from "../access/kubectl.ts";
import type { World, WorldOptions } from "../access/world.ts";
import { type Cause, causes, ProbeError, UsageError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { Know } from "./probe.ts";
import { tellingWhere } from "./workload-endpoint.ts";

/** Milliseconds for one page of a list. */
export const pagePatience = 15_000;

/** Milliseconds for all that the clusters are asked, so that a slow one takes no fact from the others before the run ends. */
const patienceOf = ({ timeout = 60_000 }: WorldOptions): number => Math.min(45_000, 0.75 * timeout);

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
	/** Aborted with what was said, where it answers nothing at all: that is told once, and nothing more is asked. */
	readonly lost: AbortController;
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
}

/** By what a gathering knows: the next one looks anew. */
const opened = new WeakMap<Know, Promise<Opened>>();

/** Opened once for all facts. @throws ProbeError not-set-up where no cluster is named; UsageError where there is none of that name */
function openWorkloads(world: World, know: Know, signal: AbortSignal): Promise<Opened> {
	const opening = opened.get(know) ?? open(world, know, signal);
	opened.set(know, opening);
	return opening;
}

/** Asks each workload cluster, all at once. What fails in one of them stands beside the answers of the others. @throws as `openWorkloads` */
export async function fromEach<T extends object>(
	world: World,
	know: Know,
	signal: AbortSignal,
	read: (workload: Workload, signal: AbortSignal) => Promise<T>,
): Promise<{ clusters: (T & { cluster: string })[]; unreached: z.infer<typeof gap>[] }> {
	const { all, until } = await openWorkloads(world, know, signal);
	const answers = await Promise.all(
		all.map(async (one) => {
			if ("error" in one) {
				return one;
			}

			// One for each: on a common one Node counts listeners, and warns of a leak from the eleventh on.
			const { cluster, lost } = one;
			const any = AbortSignal.any([lost.signal, until, signal]);
			// `read` may throw before it promises anything.
			const reading = (async () => await read(one, any))();
			const answer = await attempt(Promise.race([reading, rejectOnAbort(any)]));
			if (!(answer instanceof ProbeError)) {
				heard.add(one);
				return { ...answer, cluster };
			}

			if (ofTheWay.includes(answer.reason) && !heard.has(one)) {
				lost.abort(answer);
			}

			return { cluster, error: any.aborted ? (any.reason as ProbeError) : answer };
		}),
	);
	return split(answers);
}

const heard = new WeakSet<Workload>();

const split = <T extends { readonly cluster: string }>(answers: readonly (T | Unreached)[]) => ({
	clusters: answers.flatMap((answer) => ("error" in answer ? [] : [answer])),
	unreached: answers.flatMap((answer) => ("error" in answer ? [gapOf(answer)] : [])),
});

/** Asked for once in each cluster, whichever facts are made of it; no cluster waits for what another one answers. */
export function oncePerCluster<T>(
	ask: (workload: Workload, signal: AbortSignal) => Promise<T>,
): (workload: Workload, signal: AbortSignal) => Promise<T> {
	const asked = new WeakMap<Workload, Promise<T>>();
	return (workload, signal) => {
		const asking = asked.get(workload) ?? ask(workload, signal);
		asked.set(workload, asking);
		return asking;
	};
}

/** Causes that lie in the way to a cluster, and not in what it was asked. */
const ofTheWay: readonly Cause[] = ["unreachable", "timeout", "unauthorized", "needs-login", "misconfigured"];

const gapOf = ({ cluster, error }: Unreached): z.infer<typeof gap> => ({
	cluster,
	// Somebody named it, so that it is to be looked at.
	cause: error.reason === "not-set-up" ? "misconfigured" : error.reason,
	because: error.message.startsWith("--") ? error.message : `${cluster}: ${error.message}`,
});

async function open(world: World, know: Know, signal: AbortSignal): Promise<Opened> {
	const { workload, options } = world;
	const { workload: wanted, workloadKubeconfig, workloadContext } = options;
	const until = new AbortController();
	const patience = patienceOf(options);
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
						lost: new AbortController(),
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

	return { all, until: until.signal };
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
const kubeconfigShape = z.object({ clusters: z.array(z.unknown()).min(1) });

/** Fields of a kubeconfig by which kubectl runs a program, or sends a file of this host elsewhere. */
const reachingOut: readonly string[] = [
	"exec",
	"auth-provider",
	"tokenfile",
	"client-certificate",
	"client-key",
	"certificate-authority",
];

/** Why a kubeconfig from a Secret is not used. Whoever may write Secrets in one namespace is not trusted with this host. */
function faultOf(text: string): string | undefined {
	if (!kubeconfigShape.safeParse(parseYaml(text)).success) {
		return "holds no kubeconfig";
	}

	const found = fieldsIn(text).find((name) => reachingOut.includes(name.toLowerCase()));
	return found === undefined
		? undefined
		: `holds a kubeconfig with ${found}, which reaches for programs or files of this host; Cluster API writes none such. Write it to a file, look at it, and name that with --workload-kubeconfig`;
}

/** Wherever they stand: Go's YAML also takes them from where an anchor leads (<<). */
function fieldsIn(text: string): readonly string[] {
	const names: string[] = [];
	visit(parseDocument(text, { logLevel: "error" }), {
		Pair: (_, { key }) => {
			names.push(isScalar(key) ? String(key.value) : "");
		},
	});
	return names;
}

/** Without the parser's message, which may quote a secret: the caller says what was to be read. */
export function parseYaml(text: string): unknown {
	try {
		return parse(text, { logLevel: "error" });
	} catch {
		return undefined;
	}
}

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

	const value = secretShape.safeParse(secret).data?.data.value ?? "";
	const text = Buffer.from(value, "base64").toString("utf8");
	const fault = faultOf(text);
	if (fault !== undefined) {
		return { cluster, error: new ProbeError("misconfigured", `Secret ${cluster}-kubeconfig ${fault}`) };
	}

	const kubectl = world.workloadFrom(text);
	const isOnly = chosen.filter((other) => other.name === name).length === 1;
	return {
		cluster,
		owner: cluster,
		kubectl: tellingWhere(kubectl, world, know, cluster),
		flags: [`--kubeconfig=${isOnly ? name : `${namespace}-${name}`}.kubeconfig`],
		fetch: ["clusterctl", "get", "kubeconfig", name, "--namespace", namespace],
		lost: new AbortController(),
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

/** Asks none of them. */
export async function readWorkloadClusters(
	world: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof workloadClusters>> {
	const { all } = await openWorkloads(world, know, signal);
	return split(
		all.map((one) =>
			"error" in one ? one : { cluster: one.cluster, owner: one.owner, kubectl: one.flags, fetch: one.fetch },
		),
	);
}
