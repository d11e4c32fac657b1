import type { Step } from "../../src/check.ts";
import type { Thing } from "./estate.ts";

/** Full names, because others have Machines, too. */
export const resources: Readonly<Record<Thing["kind"], string>> = {
	Cluster: "clusters.cluster.x-k8s.io",
	KubeadmControlPlane: "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io",
	ProxmoxCluster: "proxmoxclusters.infrastructure.cluster.x-k8s.io",
	Machine: "machines.cluster.x-k8s.io",
	ProxmoxMachine: "proxmoxmachines.infrastructure.cluster.x-k8s.io",
	IPAddressClaim: "ipaddressclaims.ipam.cluster.x-k8s.io",
	IPAddress: "ipaddresses.ipam.cluster.x-k8s.io",
	InClusterIPPool: "inclusterippools.ipam.cluster.x-k8s.io",
	GlobalInClusterIPPool: "globalinclusterippools.ipam.cluster.x-k8s.io",
	Secret: "secrets",
};

/**
 * The finalizers that the providers set and take away: cluster_types.go, machine_types.go and
 * kubeadm_control_plane_types.go of Cluster API; api/v1alpha2 of CAPMOX; pkg/ipamutil/reconciler.go and
 * internal/controllers/inclusterippool.go of the in-cluster IPAM provider.
 */
export const ownFinalizers: Readonly<Record<Thing["kind"], readonly string[]>> = {
	Cluster: ["cluster.cluster.x-k8s.io"],
	KubeadmControlPlane: ["kubeadm.controlplane.cluster.x-k8s.io"],
	ProxmoxCluster: ["proxmoxcluster.infrastructure.cluster.x-k8s.io"],
	Machine: ["machine.cluster.x-k8s.io"],
	ProxmoxMachine: ["proxmoxmachine.infrastructure.cluster.x-k8s.io"],
	IPAddressClaim: ["ipam.cluster.x-k8s.io/ReleaseAddress"],
	IPAddress: ["ipam.cluster.x-k8s.io/ProtectAddress"],
	InClusterIPPool: ["ipam.cluster.x-k8s.io/ProtectPool"],
	GlobalInClusterIPPool: ["ipam.cluster.x-k8s.io/ProtectPool"],
	Secret: ["proxmoxcluster.infrastructure.cluster.x-k8s.io/secret"],
};

/** `-n default`, or nothing for what lives outside of namespaces. */
export const inNamespace = ({ object: { namespace } }: Thing): readonly string[] =>
	namespace === undefined ? [] : ["-n", namespace];

/** The step with the UIDs of what its command names: kubectl deletes and annotates whatever bears the name by then. */
export function meantFor(things: readonly Thing[], step: Step): Step {
	const [first, ...others] = things.map(({ object }) => object.uid).filter((uid) => uid !== "");
	return first === undefined ? step : { ...step, of: [first, ...others] };
}

export const providers = {
	core: { label: "cluster-api", name: "Cluster API's core controller" },
	controlPlane: { label: "control-plane-kubeadm", name: "the controller of KubeadmControlPlanes" },
	capmox: { label: "infrastructure-proxmox", name: "CAPMOX" },
	ipam: { label: "ipam-in-cluster", name: "the in-cluster IPAM provider" },
} as const;
export type Provider = keyof typeof providers;
