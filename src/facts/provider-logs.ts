import * as z from "zod";
import type { Kubectl } from "../access/kubectl.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { rawMetadata } from "./management-object.ts";

/** The log of one container of a provider's pod; no fact, because logs may hold secrets and belong in no snapshot. */
export interface ProviderLog {
	/** `namespace/pod`, with the container where it has several, and what it is where it is not the running one's. */
	readonly name: string;
	/** Each line begins with the time at which the node took it, RFC 3339. */
	readonly text: string;
	/** Older lines were left out, because there are more than anyone reads. */
	readonly cut: boolean;
}

export interface Unread {
	readonly name: string;
	readonly reason: string;
}

export interface ProviderLogs {
	readonly pods: number;
	readonly logs: readonly ProviderLog[];
	/** What should have a log, and could not be read. */
	readonly unread: readonly Unread[];
}

interface Asking {
	readonly kubectl: Kubectl;
	/** Whole seconds. */
	readonly since: number;
	readonly signal: AbortSignal;
}

const deploymentsPath = "/apis/apps/v1/deployments?labelSelector=cluster.x-k8s.io%2Fprovider";
const rawDeployment = z.object({
	metadata: rawMetadata,
	spec: z.object({ selector: z.object({ matchLabels: z.record(z.string(), z.string()).default({}) }) }),
});

const containerState = z.object({
	running: z.unknown().optional(),
	terminated: z.unknown().optional(),
	waiting: z.object({ reason: z.string().optional() }).nullish(),
});
const rawPod = z.object({
	metadata: rawMetadata,
	spec: z.object({ containers: z.array(z.object({ name: z.string() })).min(1) }),
	status: z
		.object({
			phase: z.string().optional(),
			containerStatuses: z
				.array(z.object({ name: z.string(), state: containerState.optional(), lastState: containerState.optional() }))
				.nullish(),
		})
		.nullish(),
});
type Pod = z.infer<typeof rawPod>;

/** Milliseconds until a log has come. */
const patience = 30_000;
/** The newest lines of each container. */
const mostLines = 50_000;

/** Reads the logs of all controllers with a provider's label, in any namespace. @throws ProbeError where these cannot be listed. */
export async function readProviderLogs(asking: Asking): Promise<ProviderLogs> {
	const { kubectl, signal } = asking;
	const deployments = await kubectl.listKept(deploymentsPath, parser(rawDeployment, deploymentsPath), { signal });
	if (deployments.length === 0) {
		throw new ProbeError(
			"not-found",
			"no provider of Cluster API runs in this cluster: no Deployment has the label cluster.x-k8s.io/provider",
		);
	}

	const found = await Promise.all(deployments.map((deployment) => readDeployment(deployment, asking)));
	const all = found.flat();
	return {
		pods: new Set(all.flatMap(({ pod }) => pod ?? [])).size,
		logs: all.flatMap(({ log }) => log ?? []),
		unread: all.flatMap(({ unread }) => unread ?? []),
	};
}

interface Read {
	readonly pod?: string;
	readonly log?: ProviderLog;
	readonly unread?: Unread;
}

const parser =
	<T>(schema: z.ZodType<T>, path: string) =>
	(item: unknown): T => {
		const parsed = schema.safeParse(item);
		if (!parsed.success) {
			throw new ProbeError("unreadable", `GET ${path}: an item is not in the form of its API`);
		}

		return parsed.data;
	};

async function readDeployment(
	{ metadata, spec }: z.infer<typeof rawDeployment>,
	asking: Asking,
): Promise<readonly Read[]> {
	const name = `${metadata.namespace ?? ""}/${metadata.name}`;
	const selector = Object.entries(spec.selector.matchLabels)
		.map(([key, value]) => `${key}=${value}`)
		.join(",");
	if (selector === "") {
		return [{ unread: { name, reason: "it selects its pods by expressions, which are not understood here" } }];
	}

	const path = `/api/v1/namespaces/${metadata.namespace ?? ""}/pods?labelSelector=${encodeURIComponent(selector)}`;
	const pods = await attempt(asking.kubectl.listKept(path, parser(rawPod, path), { signal: asking.signal }));
	if (pods instanceof ProbeError) {
		return [{ unread: { name, reason: pods.message } }];
	}

	// Providers that the operator puts into one namespace may all select control-plane=controller-manager.
	const own = pods.filter((pod) => isOf(metadata.name, pod));
	return own.length === 0
		? [{ unread: { name, reason: "it has no pod" } }]
		: (await Promise.all(own.map((pod) => readPod(pod, asking)))).flat();
}

/** A pod is named by its ReplicaSet, which is named by its Deployment. */
const isOf = (deployment: string, { metadata }: Pod): boolean => {
	const set = metadata.ownerReferences?.find(({ kind }) => kind === "ReplicaSet")?.name;
	return set?.startsWith(`${deployment}-`) === true && !set.slice(deployment.length + 1).includes("-");
};

async function readPod({ metadata, spec, status }: Pod, asking: Asking): Promise<readonly Read[]> {
	const pod = `${metadata.namespace ?? ""}/${metadata.name}`;
	const manager = spec.containers.filter(({ name }) => name === "manager");
	const containers = manager.length > 0 ? manager : spec.containers;
	const reads = containers.map(async (container): Promise<readonly Read[]> => {
		const name = containers.length > 1 ? `${pod}/${container.name}` : pod;
		const { state, lastState } = status?.containerStatuses?.find((each) => each.name === container.name) ?? {};
		const read = (label: string, previous: boolean) => readLog(metadata, container.name, { label, previous, asking });
		const reason = state?.waiting?.reason ?? status?.phase;
		if (state?.running === undefined && state?.terminated === undefined && lastState?.terminated === undefined) {
			return [{ pod, unread: { name, reason: `it has not started${reason === undefined ? "" : ` (${reason})`}` } }];
		}

		// Of a container that waits to be started again the log is the one from before.
		const restarted = lastState?.terminated !== undefined && state?.waiting === undefined;
		const before = restarted ? [await read(`${name} before its restart`, true)] : [];
		return [...before, await read(name, false)].map((each) => ({ pod, ...each }));
	});
	return (await Promise.all(reads)).flat();
}

async function readLog(
	{ namespace = "", name }: Pod["metadata"],
	container: string,
	{
		label,
		previous,
		asking: { kubectl, since, signal },
	}: { readonly label: string; readonly previous: boolean; readonly asking: Asking },
): Promise<Read> {
	const query = new URLSearchParams({
		container,
		sinceSeconds: String(since),
		tailLines: String(mostLines),
		timestamps: "true",
		...(previous ? { previous: "true" } : {}),
	});
	const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?${query.toString()}`;
	const text = await attempt(kubectl.getText(path, { signal, timeout: patience }));
	if (text instanceof ProbeError) {
		const { message } = signal.aborted && signal.reason instanceof ProbeError ? signal.reason : text;
		return { unread: { name: label, reason: message } };
	}

	// What stands between may answer in place of the server, and a page for people holds no known message.
	return text !== "" && !/^\d{4}-\d\d-\d\dT\S{1,40} /.test(text)
		? { unread: { name: label, reason: `GET ${path}: the answer is no log with times` } }
		: { log: { name: label, text, cut: countLines(text) >= mostLines } };
}

function countLines(text: string): number {
	let count = 0;
	for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
		count++;
	}

	return count;
}
