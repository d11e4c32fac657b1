import { capmoxLog, controlPlaneLog, coreLog, foreignFinalizer, paused, stuck } from "./common.ts";
import { controllerDown } from "./controllers.ts";
import type { Cluster, ControlPlane, Estate, ProxmoxCluster, Thing } from "./estate.ts";
import { blocked, type State, waits } from "./fault.ts";
import { advise, destroy, look } from "./findings.ts";
import { takeOff } from "./patch.ts";
import { inNamespace, meantFor, resources } from "./resources.ts";

/** Machines first, then the control plane, then the ProxmoxCluster: cluster_controller.go reconcileDelete. */
export function judgeCluster(estate: Estate, cluster: Cluster): State {
	const thing = { kind: "Cluster", object: cluster } as const;
	const fault = foreignFinalizer(thing) ?? paused(thing, undefined) ?? controllerDown(estate, "core", thing);
	if (fault !== undefined) {
		return blocked(fault);
	}

	const machines = membersOf(estate, cluster, "Machine");
	const going = [
		...(cluster.controlPlane === undefined
			? []
			: [estate.find("KubeadmControlPlane", cluster.namespace, cluster.controlPlane.name)]),
		...machines,
		...membersOf(estate, cluster, "ProxmoxMachine"),
		...(cluster.infrastructure?.kind !== "ProxmoxCluster"
			? []
			: [estate.find("ProxmoxCluster", cluster.namespace, cluster.infrastructure.name)]),
	].filter((each) => each?.object.deleting !== undefined);
	const others = going.filter((each) => each !== undefined);
	if (others.length > 0) {
		return waits(...others);
	}

	return blocked(
		stuck(
			thing,
			machines.length > 0 ? `${machines.length} Machines, none of them in deletion` : "no Machine is left",
			coreLog(estate, 'Read what it waits for: "Cluster still has descendants" names them.'),
			look(
				"See what is left of the cluster.",
				"clusterctl",
				"describe",
				"cluster",
				cluster.name,
				...inNamespace(thing),
				"--show-conditions",
				"all",
			),
		),
	);
}

function membersOf(
	estate: Estate,
	{ namespace, name }: { readonly namespace?: string | undefined; readonly name: string },
	kind: "Machine" | "ProxmoxMachine",
): readonly Thing[] {
	return estate.things.filter(
		(each) => each.kind === kind && each.object.namespace === namespace && each.object.cluster === name,
	);
}

/** Waits for its Machines, and those of the workers before them. */
export function judgeControlPlane(estate: Estate, controlPlane: ControlPlane): State {
	const thing = { kind: "KubeadmControlPlane", object: controlPlane } as const;
	const cluster = estate.clusterOf(controlPlane);
	const fault = foreignFinalizer(thing) ?? paused(thing, cluster) ?? controllerDown(estate, "controlPlane", thing);
	if (fault !== undefined) {
		return blocked(fault);
	}

	const going =
		controlPlane.cluster === undefined
			? []
			: membersOf(estate, { namespace: controlPlane.namespace, name: controlPlane.cluster }, "Machine").filter(
					({ object }) => object.deleting !== undefined,
				);
	return going.length > 0
		? waits(...going)
		: blocked(
				stuck(thing, "no Machine of its cluster is in deletion", controlPlaneLog(estate, "Read what it waits for.")),
			);
}

/** Kept until no ProxmoxMachine of its cluster is left, and until the Cluster itself goes: proxmoxcluster_controller.go. */
export function judgeProxmoxCluster(estate: Estate, proxmoxCluster: ProxmoxCluster): State {
	const thing = { kind: "ProxmoxCluster", object: proxmoxCluster } as const;
	const { namespace = "", name } = proxmoxCluster;
	const foreign = foreignFinalizer(thing);
	if (foreign !== undefined) {
		return blocked(foreign);
	}

	const owner = proxmoxCluster.owners.find(({ kind }) => kind === "Cluster");
	const cluster = estate.find("Cluster", proxmoxCluster.namespace, owner?.name ?? proxmoxCluster.cluster)?.object;
	if (cluster === undefined) {
		return blocked(ownerless(proxmoxCluster, owner?.name));
	}

	const fault = paused(thing, cluster) ?? controllerDown(estate, "capmox", thing);
	if (fault !== undefined) {
		return blocked(fault);
	}

	if (cluster.deleting === undefined) {
		return blocked({
			code: "proxmox-cluster-deleted-alone",
			thing,
			never: true,
			from: `Cluster ${namespace}/${cluster.name}`,
			saw: "not in deletion",
			expected: "that the Cluster is deleted, and with it the ProxmoxCluster",
			summary: (who) =>
				`${who} was deleted by itself, and Cluster ${cluster.name} was not. CAPMOX parks that for ever ("deletion was requested but owning cluster wasn't deleted"), and reconciles the cluster no more.`,
			steps: () => [
				meantFor(
					[{ kind: "Cluster", object: cluster }],
					destroy(
						"Where the whole cluster is to go, with all its VMs: delete the Cluster.",
						"kubectl",
						"delete",
						resources.Cluster,
						cluster.name,
						...inNamespace(thing),
						"--wait=false",
					),
				),
				look(
					"Where it is to stay: a deletion cannot be called back, so keep the object first.",
					"kubectl",
					"get",
					resources.ProxmoxCluster,
					name,
					...inNamespace(thing),
					"-o",
					"yaml",
				),
				advise(
					`Then pause Cluster ${cluster.name} (spec.paused: true), take the finalizer off the ProxmoxCluster, apply the kept object again without metadata.deletionTimestamp, uid, resourceVersion and status, and unpause. The pools that it owns are deleted with it, and stay while their addresses are in use. Try this first on a cluster that may be lost.`,
				),
			],
		});
	}

	const machines = membersOf(estate, { namespace: proxmoxCluster.namespace, name: cluster.name }, "ProxmoxMachine");
	const going = machines.filter(({ object }) => object.deleting !== undefined);
	// A Machine that drains keeps its ProxmoxMachine.
	const draining = membersOf(estate, { namespace: proxmoxCluster.namespace, name: cluster.name }, "Machine").filter(
		({ object }) => object.deleting !== undefined,
	);
	if (going.length > 0 || (machines.length > 0 && draining.length > 0)) {
		return waits(...(going.length > 0 ? going : draining));
	}

	return blocked(
		stuck(
			thing,
			machines.length > 0
				? `${machines.length} ProxmoxMachines, none of them in deletion`
				: "no ProxmoxMachine is left",
			capmoxLog(estate, `Read what CAPMOX says of ${name}.`),
		),
	);
}

function ownerless(proxmoxCluster: ProxmoxCluster, name: string | undefined) {
	const thing = { kind: "ProxmoxCluster", object: proxmoxCluster } as const;
	return {
		code: "cluster-gone",
		group: `ProxmoxCluster ${proxmoxCluster.namespace ?? ""}/${proxmoxCluster.name}`,
		thing,
		never: true,
		from: `ProxmoxCluster ${proxmoxCluster.namespace ?? ""}/${proxmoxCluster.name}, metadata.ownerReferences`,
		saw: name === undefined ? "no owner of kind Cluster" : `Cluster ${name}, which does not exist any more`,
		expected: "a Cluster that exists",
		summary: (who: string) =>
			`${who} can never be finished: CAPMOX begins with its Cluster, and that is gone. Somebody took the Cluster's finalizer off.`,
		steps: () =>
			[
				look(
					"See whether machines of it are left; these come first.",
					"kubectl",
					"get",
					`${resources.Machine},${resources.ProxmoxMachine}`,
					...inNamespace(thing),
					`--selector=cluster.x-k8s.io/cluster-name=${name ?? proxmoxCluster.name}`,
				),
				takeOff(thing, "Only when none is left. Its pools go with it."),
			] as const,
	} as const;
}

/** CAPMOX guards the Secret as long as a ProxmoxCluster logs in with it. */
export function judgeSecret(estate: Estate, thing: Extract<Thing, { kind: "Secret" }>): State {
	const { namespace = "", name } = thing.object;
	const foreign = foreignFinalizer(thing);
	if (foreign !== undefined) {
		return blocked(foreign);
	}

	const users = estate.things.filter(
		(each) =>
			each.kind === "ProxmoxCluster" &&
			each.object.credentials?.name === name &&
			each.object.credentials.namespace === namespace,
	);
	const going = users.filter(({ object }) => object.deleting !== undefined);
	if (going.length > 0 && going.length === users.length) {
		return waits(...going);
	}

	const living = users.filter(({ object }) => object.deleting === undefined).map(({ object }) => object.name);
	return blocked({
		code: "secret-in-use",
		thing,
		never: true,
		from: `Secret ${namespace}/${name}`,
		saw: `in use by ProxmoxCluster ${living.join(", ")}`,
		expected: "that the ProxmoxCluster goes first",
		summary: (who) =>
			`${who} was deleted, and ProxmoxCluster ${living.join(", ")} still logs in with it. It works on until the finalizer goes; then CAPMOX can neither make nor delete VMs.`,
		steps: () => [
			advise(
				"A deletion cannot be called back. Where the cluster is to stay, make a Secret with the same credentials under another name, and name that one in the ProxmoxCluster's spec.credentialsRef.",
			),
			look(
				"See what the Secret is: this shows names only.",
				"kubectl",
				"get",
				resources.Secret,
				name,
				...inNamespace(thing),
				"-o",
				"name",
			),
		],
	});
}
