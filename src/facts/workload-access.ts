import type { Kubectl } from "../access/kubectl.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { Know } from "./probe.ts";
import { tellingWhere } from "./workload-endpoint.ts";
import { openNamed } from "./workload-nodes.ts";

/** Milliseconds for one page of a list. */
export const pagePatience = 15_000;

/** The one workload cluster that was named. */
export interface Workload {
	readonly kubectl: Kubectl;
	/** What kubectl has to be told to reach the same cluster, for commands that a person pastes. */
	readonly flags: string[];
	/** What prints the kubeconfig that these flags name; absent where the user has it. */
	readonly fetch?: string[];
}

const opened = new WeakMap<World, Promise<Workload>>();

/** Opened once for all facts. @throws ProbeError not-set-up where no cluster is named, misconfigured where several are */
export function openWorkload(world: World, know: Know, signal: AbortSignal): Promise<Workload> {
	const opening = opened.get(world) ?? open(world, know, signal);
	opened.set(world, opening);
	return opening;
}

async function open(world: World, know: Know, signal: AbortSignal): Promise<Workload> {
	const { workload, options } = world;
	const { workload: wanted, workloadKubeconfig, workloadContext } = options;
	const named = wanted === undefined ? [] : await openNamed(world, wanted, know, signal);
	if (workload === undefined && named.length === 0) {
		throw new ProbeError("not-set-up", "no workload cluster is named by --workload or --workload-kubeconfig");
	}

	const [first, ...others] = named;
	if ((workload !== undefined && first !== undefined) || others.length > 0) {
		throw new ProbeError(
			"misconfigured",
			"kube-vip's pods and Calico are looked at in one workload cluster at a time: name one of them with --workload",
		);
	}

	if (workload !== undefined) {
		return {
			kubectl: tellingWhere(workload, world, know, undefined),
			flags: [
				...(workloadKubeconfig === undefined ? [] : [`--kubeconfig=${workloadKubeconfig}`]),
				...(workloadContext === undefined ? [] : [`--context=${workloadContext}`]),
			],
		};
	}

	if (first === undefined || "error" in first) {
		throw first?.error ?? new ProbeError("not-set-up", "no workload cluster is named");
	}

	const [namespace = "default", name = ""] = (first.cluster ?? "").split("/");
	return {
		kubectl: first.kubectl,
		flags: [`--kubeconfig=${name}.kubeconfig`],
		fetch: ["clusterctl", "get", "kubeconfig", name, "--namespace", namespace],
	};
}
