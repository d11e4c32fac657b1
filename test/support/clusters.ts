import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Commands, createCommands } from "../../src/access/commands.ts";
import { createFiles } from "../../src/access/files.ts";
import { createKubectl } from "../../src/access/kubectl.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import { ProbeError } from "../../src/errors.ts";
import { findKubectl } from "./kubernetes/kubectl.ts";
import type { KubernetesObject } from "./kubernetes/objects.ts";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "./kubernetes/server.ts";

/** API servers of one test, and the host that looks at them through the real kubectl. */
export class Clusters {
	readonly #open: Kubernetes[] = [];

	async start(objects: readonly KubernetesObject[], options: KubernetesOptions = {}): Promise<Kubernetes> {
		const cluster = await startKubernetes({ objects, ...options });
		this.#open.push(cluster);
		return cluster;
	}

	async close(): Promise<void> {
		await Promise.all(this.#open.splice(0).map((cluster) => cluster.close()));
	}
}

/** Of a host that is no node of any cluster. `named` is what --workload says. */
export async function worldWith(
	management?: Kubernetes,
	workload?: Kubernetes,
	manifest?: string,
	named?: string,
): Promise<World> {
	const path = `${dirname(await findKubectl())}:${process.env["PATH"] ?? ""}`;
	const real = createCommands();
	const home = (management ?? workload)?.environment.HOME ?? "/nonexistent";
	const commands: Commands = {
		...real,
		run: (argv, options) =>
			argv[0] === "kubectl"
				? real.run(argv, { ...options, env: { PATH: path, HOME: home } })
				: Promise.reject(new ProbeError("tool-missing", `${argv[0]} is not installed`)),
	};
	const access = (cluster: Kubernetes) =>
		createKubectl(commands, createFiles(), { kubeconfig: cluster.kubeconfig, processEnvironment: {} });
	const none = () => Promise.reject(new ProbeError("not-set-up", "there is no kubeconfig"));
	return {
		...openWorld({}),
		commands,
		host: { platform: "darwin", recorded: false },
		manifest: () => Promise.resolve(manifest === undefined ? undefined : { name: "prod.yaml", text: manifest }),
		kubectl:
			management === undefined
				? { get: none, getText: none, getDated: none, list: none, listKept: none, listOnce: none, listMetadata: none }
				: access(management),
		workload: workload && access(workload),
		options: { workload: named, ...(workload === undefined ? {} : { workloadKubeconfig: "prod.yaml" }) },
		workloadFrom: (text) => {
			const file = join(home, `workload-${randomUUID()}`);
			writeFileSync(file, text);
			return createKubectl(commands, createFiles(), { kubeconfig: file, processEnvironment: {} });
		},
	};
}

/** The Secret in which the management cluster keeps the kubeconfig of a workload cluster. */
export const kubeconfigSecret = (workload: Kubernetes, name = "prod", namespace = "default"): KubernetesObject => ({
	apiVersion: "v1",
	kind: "Secret",
	metadata: { namespace, name: `${name}-kubeconfig` },
	type: "cluster.x-k8s.io/secret",
	data: { value: readFileSync(workload.kubeconfig).toString("base64") },
});
