import type { Code } from "../../checks/machine-deletion/findings.ts";
import { Scene } from "./deletion.ts";
import { legacy, type Setup } from "./management.ts";

export interface SceneCase {
	/** `problem.<code>`, `healthy.<what>`: the name of its situation. */
	readonly name: string;
	/** Codes of all findings, in order. */
	readonly codes: readonly Code[];
	readonly scene: () => Scene;
	/** Proxmox VE is not set up here. */
	readonly blind?: boolean;
	/** It is in no file: a neighbour of another, or a variant. */
	readonly unwritten?: boolean;
}

const worker = "prod-workers-0";
const controlPlane = "prod-control-plane-0";
const old = (change: Partial<Setup> = {}): Scene => new Scene({ ...legacy, ...change });

const pdb =
	"Drain not completed yet (started at 2026-08-20T11:35:02Z):\n* Pod prod/db-0: cannot evict pod as it would violate the pod's disruption budget. The disruption budget db needs 1 healthy pods and has 1 currently";
const terminating =
	"Drain not completed yet (started at 2026-08-20T11:35:02Z):\n* Pods prod/web-0, prod/web-1: deletionTimestamp set, but still not removed from the Node";
const evictFails =
	'Drain not completed yet (started at 2026-08-20T11:35:02Z):\n* Pod prod/web-0: failed to evict Pod, admission webhook "deny.example.com" denied the request';
const connectionDown = "failed to drain Node prod-workers-0: connection to the workload cluster is down";

function drain(message: string, minutes = 25, setup: Partial<Setup> = {}): Scene {
	const scene = new Scene(setup).stage(worker, minutes, "DrainingNode", message);
	const started = scene.get("Machine", worker).metadata.deletionTimestamp;
	return scene.change("Machine", worker, { status: { deletion: { nodeDrainStartTime: started } } });
}

const draining = (scene: Scene, limit: number): Scene =>
	scene.change("Machine", worker, {
		spec: { deletion: { nodeDrainTimeoutSeconds: limit, nodeDeletionTimeoutSeconds: 10 } },
	});

/** Somebody else's VM has the VMID of the worker. */
function reuse(scene: Scene): Scene {
	return scene.vm(worker, {
		name: "erp-database",
		tags: "",
		config: { name: "erp-database", smbios1: "uuid=6d1f2a3b-0000-4000-8000-00000000beef" },
	});
}

function claimDeleting(minutes: number, setup: Partial<Setup> = {}): Scene {
	const scene = new Scene(setup);
	return scene
		.remove("Machine", worker)
		.remove("ProxmoxMachine", worker)
		.removeVm(worker)
		.deleting("IPAddressClaim", claimOf(scene), minutes);
}

const claimOf = (scene: Scene): string => (scene.isLegacy ? `${worker}-net0-inet` : `${worker}-net0-00-inet`);

function clusterDeleting(minutes: number): Scene {
	return new Scene()
		.deleting("Cluster", "prod", minutes)
		.deleting("KubeadmControlPlane", "prod-control-plane", minutes)
		.condition("Cluster", "prod", "Deleting", "True", "WaitingForWorkersDeletion");
}

const problem = (code: Code, scene: () => Scene, variant = "", ...others: Code[]): SceneCase => ({
	name: `problem.${code}${variant === "" ? "" : `.${variant}`}`,
	codes: [code, ...others],
	scene,
	unwritten: ["young", "older", "limit-is-over", "no-owner", "capi-1-9", "absent", "foreground"].includes(variant),
});
const silent = (name: string, scene: () => Scene): SceneCase => ({
	name: `healthy.${name}`,
	codes: [],
	scene,
	unwritten: true,
});

/** Each state with its nearest healthy neighbour behind it. */
export const scenes: readonly SceneCase[] = [
	{ ...silent("nothing-in-deletion", () => new Scene()), unwritten: false },
	silent("nothing-in-deletion.older", () => old()),
	problem("drain-blocked-by-pdb", () => drain(pdb)),
	problem("drain-blocked-by-pdb", () => drain(pdb, 7), "young"),
	problem(
		"drain-blocked-by-pdb",
		() =>
			old()
				.stage(worker, 25, "DrainingNode", pdb)
				.oldCondition("Machine", worker, "DrainingSucceeded", "Draining", pdb),
		"older",
	),
	{ ...silent("drain-just-began", () => drain(pdb, 4)), unwritten: false },
	silent("drain-has-a-limit", () => draining(drain(pdb, 25), 7_200)),
	problem("drain-blocked-by-pdb", () => draining(drain(pdb, 25), 600), "limit-is-over"),
	problem("pods-not-terminating", () =>
		drain(terminating).condition(
			"Machine",
			worker,
			"NodeHealthy",
			"Unknown",
			"NodeConditionsFailed",
			"Kubelet stopped posting node status.",
		),
	),
	silent("pods-terminate", () => drain(terminating, 3)),
	problem("drain-fails", () => drain(evictFails)),
	silent("removal-takes-a-while", () => new Scene().removing(worker, 12)),
	silent("drain-fails-at-first", () => drain(evictFails, 2)),
	problem("workload-api-down", () => drain(connectionDown)),
	problem(
		"workload-api-down",
		() => drain("Requeuing drain Node because connection to the workload cluster is down", 25, { core: "v1.9.11" }),
		"capi-1-9",
	),
	silent("workload-api-down-while-node-goes", () =>
		new Scene()
			.remove("ProxmoxMachine", worker)
			.removeVm(worker)
			.remove("IPAddressClaim", `${worker}-net0-00-inet`)
			.remove("IPAddress", `${worker}-net0-00-inet`)
			.stage(worker, 25, "DeletingNode", "failed deleting Node because connection to the workload cluster is down"),
	),
	problem("volume-attached", () =>
		new Scene()
			.stage(
				worker,
				30,
				"WaitingForVolumeDetach",
				"Waiting for Node volumes to be detached (started at 2026-08-20T11:36:00Z)\n* PersistentVolumeClaims: prod/data-db-0",
			)
			.change("Machine", worker, {
				status: { deletion: { waitForNodeVolumeDetachStartTime: "2026-08-20T11:36:00Z" } },
			}),
	),
	silent("volume-detaches", () =>
		new Scene()
			.stage(worker, 30, "WaitingForVolumeDetach", "Waiting for Node volumes to be detached")
			.change("Machine", worker, {
				status: { deletion: { waitForNodeVolumeDetachStartTime: "2026-08-20T11:57:00Z" } },
			}),
	),
	problem("hook-waits", () =>
		new Scene()
			.annotate("Machine", worker, { "pre-drain.delete.hook.machine.cluster.x-k8s.io/backup": "velero" })
			.stage(worker, 40, "WaitingForPreDrainHook", "Waiting for pre-drain hooks to succeed (hooks: backup)"),
	),
	silent("hook-for-a-while", () =>
		new Scene()
			.annotate("Machine", worker, { "pre-drain.delete.hook.machine.cluster.x-k8s.io/backup": "velero" })
			.stage(worker, 12, "WaitingForPreDrainHook", "Waiting for pre-drain hooks to succeed (hooks: backup)"),
	),
	silent("hook-just-set", () =>
		new Scene()
			.annotate("Machine", worker, { "pre-drain.delete.hook.machine.cluster.x-k8s.io/backup": "velero" })
			.stage(worker, 4, "WaitingForPreDrainHook", "Waiting for pre-drain hooks to succeed (hooks: backup)"),
	),
	problem("etcd-member-remains", () =>
		new Scene()
			.stage(
				controlPlane,
				45,
				"WaitingForPreTerminateHook",
				"Waiting for pre-terminate hooks to succeed (hooks: kcp-cleanup)",
			)
			.condition(
				"KubeadmControlPlane",
				"prod-control-plane",
				"EtcdClusterHealthy",
				"False",
				"NotHealthy",
				"Machine prod-control-plane-1: Etcd member is not healthy",
			),
	),
	silent("kcp-cleanup", () =>
		new Scene().stage(
			controlPlane,
			4,
			"WaitingForPreTerminateHook",
			"Waiting for pre-terminate hooks to succeed (hooks: kcp-cleanup)",
		),
	),
	silent("kcp-cleanup-on-a-living-machine", () => new Scene()),
	problem(
		"hook-waits",
		() =>
			new Scene()
				.remove("KubeadmControlPlane")
				.stage(
					controlPlane,
					4,
					"WaitingForPreTerminateHook",
					"Waiting for pre-terminate hooks to succeed (hooks: kcp-cleanup)",
				),
		"control-plane-gone",
	),
	problem("paused", () =>
		new Scene().removing(worker, 30).annotate("ProxmoxMachine", worker, { "cluster.x-k8s.io/paused": "" }),
	),
	problem(
		"paused",
		() => new Scene().removing(worker, 30).change("Cluster", "prod", { spec: { paused: true } }),
		"cluster",
	),
	silent("paused-alone", () => new Scene().change("Cluster", "prod", { spec: { paused: true } })),
	problem("owner-gone", () => new Scene().removing(worker, 3).remove("Machine", worker)),
	problem(
		"owner-gone",
		() => new Scene().removing(worker, 3).change("ProxmoxMachine", worker, { metadata: { ownerReferences: [] } }),
		"no-owner",
	),
	silent("being-removed", () => new Scene().removing(worker, 3)),
	silent("being-removed.older", () => old().removing(worker, 3)),
	problem("cluster-gone", () => new Scene().removing(worker, 3).remove("Cluster").remove("KubeadmControlPlane")),
	problem(
		"cluster-gone",
		() =>
			old({ ipam: "v1.0.3" })
				.remove("Cluster")
				.remove("KubeadmControlPlane")
				.remove("ProxmoxMachine")
				.remove("Machine")
				.deleting("IPAddressClaim", `${worker}-net0-inet`, 3),
		"claims",
	),
	problem(
		"cluster-gone",
		() => new Scene().removing(worker, 8).change("Machine", worker, { metadata: { labels: {} } }),
		"label-lost",
	),
	problem("proxmox-cluster-gone", () => new Scene().removing(worker, 3).remove("ProxmoxCluster")),
	problem("credentials-gone", () => new Scene().removing(worker, 8).remove("Secret")),
	problem(
		"credentials-gone",
		() =>
			new Scene({ ownCredentials: false })
				.removing(worker, 20)
				.condition(
					"ProxmoxCluster",
					"prod",
					"ProxmoxAvailable",
					"False",
					"CredentialsNotFound",
					"No credentials found, ProxmoxCluster missing credentialsRef",
				),
		"none-at-all",
	),
	problem("credentials-rejected", () =>
		new Scene()
			.removing(worker, 20)
			.condition(
				"ProxmoxCluster",
				"prod",
				"ProxmoxAvailable",
				"False",
				"ProxmoxUnreachable",
				"unable to initialize proxmox api client: not authorized to access endpoint",
			),
	),
	problem(
		"credentials-rejected",
		() =>
			old().removing(
				worker,
				20,
				"DeletionFailed",
				"cannot find node with name pve1: not authorized to access endpoint",
			),
		"older",
	),
	problem("proxmox-unreachable", () =>
		new Scene()
			.removing(worker, 20)
			.condition(
				"ProxmoxCluster",
				"prod",
				"ProxmoxAvailable",
				"False",
				"ProxmoxUnreachable",
				"unable to initialize proxmox api client: dial tcp 192.0.2.11:8006: i/o timeout",
			),
	),
	problem("node-gone", () =>
		new Scene()
			.removing(worker, 20, "DeletionFailed")
			.change("ProxmoxMachine", worker, { status: { proxmoxNode: "pve7" } }),
	),
	problem("node-offline", () => {
		const scene = new Scene()
			.removing(worker, 20, "DeletionFailed")
			.change("ProxmoxMachine", worker, { status: { proxmoxNode: "pve2" } })
			.vm(worker, { node: "pve2" });
		scene.proxmox.nodes = scene.proxmox.nodes.map((node) =>
			node.node === "pve2" ? { ...node, online: false, failure: { status: 595, reason: "No route to host" } } : node,
		);
		return scene;
	}),
	silent("another-node-offline", () => {
		const scene = new Scene().removing(worker, 3);
		scene.proxmox.nodes = scene.proxmox.nodes.map((node) => (node.node === "pve2" ? { ...node, online: false } : node));
		return scene;
	}),
	problem("vm-locked", () => new Scene().removing(worker, 20, "DeletionFailed").vm(worker, { lock: "backup" })),
	silent("vm-locked-alone", () => new Scene().vm(worker, { lock: "backup" })),
	silent("vm-locked-for-a-while", () => new Scene().removing(worker, 3).vm(worker, { lock: "backup" })),
	problem("vm-protected", () =>
		new Scene().removing(worker, 20, "DeletionFailed").vm(worker, { config: { protection: 1 } }),
	),
	silent("vm-protected-alone", () => new Scene().vm(worker, { config: { protection: 1 } })),
	problem("vm-ha-managed", () => new Scene().removing(worker, 20, "DeletionFailed").vm(worker, { ha: "started" })),
	silent("vm-ha-managed-alone", () => new Scene().vm(worker, { ha: "started" })),
	problem("reused-vmid", () => reuse(new Scene().removing(worker, 3))),
	problem("reused-vmid", () => reuse(drain(pdb)), "still-draining"),
	problem("reused-vmid", () => reuse(new Scene()), "living"),
	silent("renamed-vm-of-a-living-machine", () =>
		new Scene().vm(worker, { name: "prod-workers-0-old", config: { name: "prod-workers-0-old" } }),
	),
	silent("renamed-vm", () =>
		new Scene().removing(worker, 3).vm(worker, { name: "prod-workers-0-old", config: { name: "prod-workers-0-old" } }),
	),
	problem("vm-already-gone", () => new Scene().removing(worker, 20).removeVm(worker)),
	silent("vm-just-gone", () => new Scene().removing(worker, 3).removeVm(worker)),
	problem("vm-not-deleted", () => new Scene().removing(worker, 20, "DeletionFailed")),
	problem(
		"vm-not-deleted",
		() => new Scene().removing(worker, 20, "DeletionFailed", "qmdestroy: VM 102 is running - destroy failed"),
		"running",
	),
	problem("vm-on-other-node", () => new Scene().removing(worker, 20).vm(worker, { node: "pve2" })),
	silent("vm-moved-and-living", () => new Scene().vm(worker, { node: "pve2" })),
	problem("controller-down", () => new Scene().removing(worker, 20).controller("capmox-controller-manager", 0)),
	problem("controller-down", () => claimDeleting(20).controller("capi-ipam-in-cluster-controller-manager", 0), "ipam"),
	problem(
		"controller-down",
		() => claimDeleting(20).remove("Deployment", "capi-ipam-in-cluster-controller-manager"),
		"absent",
	),
	silent("controller-down-for-a-moment", () =>
		new Scene().removing(worker, 3).controller("capmox-controller-manager", 0),
	),
	problem("claim-not-released", () => claimDeleting(20)),
	{
		...silent("address-held-back", () =>
			claimDeleting(0.5).change("InClusterIPPool", "prod-v4-icip", { spec: { addressReuseGracePeriodSeconds: 60 } }),
		),
		unwritten: false,
	},
	problem("address-deleted-alone", () => new Scene().deleting("IPAddress", `${worker}-net0-00-inet`, 3)),
	silent("address-goes-with-its-claim", () => claimDeleting(3).deleting("IPAddress", `${worker}-net0-00-inet`, 3)),
	problem("address-left", () => {
		const scene = claimDeleting(20);
		return scene.remove("IPAddressClaim", `${worker}-net0-00-inet`).deleting("IPAddress", `${worker}-net0-00-inet`, 20);
	}),
	problem("pool-in-use", () => new Scene().deleting("InClusterIPPool", "prod-v4-icip", 20)),
	problem("proxmox-cluster-deleted-alone", () => new Scene().deleting("ProxmoxCluster", "prod", 3)),
	silent("cluster-going", () => {
		const scene = clusterDeleting(4).removing(worker, 3);
		return scene.deleting("ProxmoxCluster", "prod", 3).deleting("Secret", "prod-proxmox-credentials", 3);
	}),
	problem(
		"vm-locked",
		() => {
			const scene = clusterDeleting(125).removing(worker, 120, "DeletionFailed").vm(worker, { lock: "migrate" });
			return scene.deleting("ProxmoxCluster", "prod", 118).deleting("Secret", "prod-proxmox-credentials", 118);
		},
		"whole-cluster",
	),
	problem("secret-in-use", () => new Scene().deleting("Secret", "prod-proxmox-credentials", 30)),
	problem("foreign-finalizer", () =>
		new Scene()
			.removing(worker, 30)
			.change("ProxmoxMachine", worker, { metadata: { finalizers: ["argocd.argoproj.io/hook-finalizer"] } }),
	),
	problem(
		"foreign-finalizer",
		() =>
			new Scene()
				.removeVm(worker)
				.remove("ProxmoxMachine", worker)
				.stage(worker, 30, "DeletionCompleted")
				.change("Machine", worker, { metadata: { finalizers: ["foregroundDeletion"] } }),
		"foreground",
	),
	problem("stuck", () =>
		new Scene()
			.remove("ProxmoxMachine", worker)
			.removeVm(worker)
			.stage(worker, 30, "WaitingForBootstrapDeletion", "Waiting for KubeadmConfig to be deleted"),
	),
	problem("lingering-vm", () =>
		new Scene()
			.vm(worker, {
				config: {
					meta: "creation-qemu=10.0.2,ctime=1787213100",
					ide0: "nfs:iso/user-data-102.iso,media=cdrom,size=368K",
				},
			})
			.remove("Machine", worker)
			.remove("ProxmoxMachine", worker)
			.remove("IPAddressClaim", `${worker}-net0-00-inet`)
			.remove("IPAddress", `${worker}-net0-00-inet`),
	),
	silent("vm-of-another-cluster", () => {
		const scene = new Scene();
		scene.proxmox.vms = [
			...scene.proxmox.vms,
			{ vmid: 300, node: "pve1", name: "staging-workers-0", tags: "go-proxmox+cloud-init;ip_net0_10.9.0.1" },
		];
		return scene;
	}),
	silent("vm-being-cloned", () => {
		const scene = new Scene();
		scene.proxmox.vms = [...scene.proxmox.vms, { vmid: 300, node: "pve1", name: "prod-workers-9", lock: "clone" }];
		return scene;
	}),
	problem("leftover-iso", () => {
		const scene = new Scene();
		scene.proxmox.storages = scene.proxmox.storages.map((storage) =>
			storage.storage === "nfs"
				? { ...storage, volumes: ["nfs:iso/debian-13.iso", "nfs:iso/user-data-102.iso", "nfs:iso/user-data-777.iso"] }
				: storage,
		);
		return scene;
	}),
	silent("iso-of-a-living-vm", () => {
		const scene = new Scene();
		scene.proxmox.storages = scene.proxmox.storages.map((storage) =>
			storage.storage === "nfs" ? { ...storage, volumes: ["nfs:iso/user-data-102.iso"] } : storage,
		);
		return scene;
	}),
];
