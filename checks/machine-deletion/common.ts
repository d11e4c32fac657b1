import type { NonEmpty, Step } from "../../src/check.ts";
import { type Cluster, type Estate, nameOf, type Thing } from "./estate.ts";
import type { Fault } from "./fault.ts";
import { advise, change, look } from "./findings.ts";
import { inNamespace, ownFinalizers, resources } from "./resources.ts";

/** The object is paused, or its Cluster, or its pool: `clusterctl move` does that on purpose. */
export function paused(thing: Thing, cluster: Cluster | undefined, ...others: readonly Thing[]): Fault | undefined {
	const all = [thing, ...(cluster === undefined ? [] : [{ kind: "Cluster", object: cluster } as const]), ...others];
	const culprit = all.find(({ object }) => object.paused);
	if (culprit === undefined) {
		return undefined;
	}

	return {
		code: "paused",
		group: nameOf(culprit),
		thing,
		from: nameOf(culprit),
		saw:
			culprit.object.annotations["cluster.x-k8s.io/paused"] === undefined
				? "spec.paused: true"
				: "the annotation cluster.x-k8s.io/paused",
		expected: "neither spec.paused nor the annotation",
		summary: (who) =>
			culprit === thing
				? `${who} is paused: no controller touches it, so its deletion stands still.`
				: `${who} stands still, because ${nameOf(culprit)} is paused: no controller touches what belongs to it.`,
		steps: () => resume(culprit),
	};
}

function resume(culprit: Thing): NonEmpty<Step> {
	const { object } = culprit;
	const where = inNamespace(culprit);
	const resource = resources[culprit.kind];
	const wait = advise(
		"First make sure that nobody paused it on purpose: while clusterctl move or a backup runs, everything is meant to stand still.",
	);
	const annotation = "cluster.x-k8s.io/paused";
	if (object.annotations[annotation] !== undefined) {
		return [
			wait,
			change(
				["kubectl", "annotate", resource, object.name, ...where, `${annotation}=`],
				"Let it go on.",
				"kubectl",
				"annotate",
				resource,
				object.name,
				...where,
				`${annotation}-`,
				...(object.resourceVersion === undefined ? [] : [`--resource-version=${object.resourceVersion}`]),
			),
		];
	}

	return [
		wait,
		change(
			["kubectl", "patch", resource, object.name, ...where, "--type=merge", '-p={"spec":{"paused":true}}'],
			"Let it go on.",
			"kubectl",
			"patch",
			resource,
			object.name,
			...where,
			"--type=json",
			`-p=${JSON.stringify([
				{ op: "test", path: "/metadata/uid", value: object.uid },
				{ op: "test", path: "/spec/paused", value: true },
				{ op: "replace", path: "/spec/paused", value: false },
			])}`,
		),
	];
}

/** Its own controller is done with it, and somebody else's finalizer is left. */
export function foreignFinalizer(thing: Thing): Fault | undefined {
	const { finalizers } = thing.object;
	const [first, ...others] = finalizers;
	if (first === undefined || finalizers.some((each) => ownFinalizers[thing.kind].includes(each))) {
		return undefined;
	}

	const names = [first, ...others].join(", ");
	const isForeground = first === "foregroundDeletion" && others.length === 0;
	return {
		code: "foreign-finalizer",
		group: names,
		thing,
		from: `${nameOf(thing)}, metadata.finalizers`,
		saw: names,
		summary: (who) =>
			isForeground
				? `${who} was deleted in the foreground: Kubernetes waits until everything that it owns is gone.`
				: `${who} is done as far as Cluster API goes, and is held by ${names}, which belongs to somebody else.`,
		steps: () => [
			isForeground
				? advise(
						"See what it still owns, below it in the tree or of another kind; when that is gone, it goes by itself.",
					)
				: advise(
						`Ask whoever set ${names}: a GitOps tool, a backup, a policy engine. It is not taken off here, because only they know what it guards.`,
					),
			look(
				"See the whole object.",
				"kubectl",
				"get",
				resources[thing.kind],
				thing.object.name,
				...inNamespace(thing),
				"-o",
				"yaml",
			),
		],
	};
}

/** Nothing that can be seen from here tells why. */
export function stuck(thing: Thing, saw: string, ...[first, ...more]: NonEmpty<Step>): Fault {
	return {
		code: "stuck",
		calm: true,
		group: thing.kind,
		thing,
		from: nameOf(thing),
		saw,
		likely: true,
		summary: (who) => `${who} does not get finished, and nothing that can be seen from here tells why.`,
		steps: () => [first, ...more],
	};
}

const readLog = (advice: string, namespace: string, deployment: string): Step =>
	look(advice, "kubectl", "logs", "-n", namespace, `deployment/${deployment}`, "--tail=200");

/** The log of a provider's controller, by the Deployment that was found, or by its usual name. */
function logOf(estate: Estate, label: string, usual: { namespace: string; name: string }, advice: string): Step {
	const found = estate.facts["management.controllers"]?.controllers.find(({ provider }) => provider === label);
	return readLog(advice, found?.namespace ?? usual.namespace, found?.name ?? usual.name);
}

export const capmoxLog = (estate: Estate, advice: string): Step =>
	logOf(estate, "infrastructure-proxmox", { namespace: "capmox-system", name: "capmox-controller-manager" }, advice);
export const coreLog = (estate: Estate, advice: string): Step =>
	logOf(estate, "cluster-api", { namespace: "capi-system", name: "capi-controller-manager" }, advice);
export const controlPlaneLog = (estate: Estate, advice: string): Step =>
	logOf(
		estate,
		"control-plane-kubeadm",
		{ namespace: "capi-kubeadm-control-plane-system", name: "capi-kubeadm-control-plane-controller-manager" },
		advice,
	);
export const ipamLog = (estate: Estate, advice: string): Step =>
	logOf(
		estate,
		"ipam-in-cluster",
		{ namespace: "capi-ipam-in-cluster-system", name: "capi-ipam-in-cluster-controller-manager" },
		advice,
	);
