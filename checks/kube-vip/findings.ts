import { error, type Finding, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import type { Cluster } from "../clusters.ts";

export const findings = {
	"blind-to-ipv6": error(
		"This kube-vip looks for an interface in the routes of IPv4 alone, and the machines have no such default route.",
	),
	"broken-release": error("This release of kube-vip has a fault that keeps the address away."),
	"super-admin-missing": error(
		"Nothing gives kube-vip the kubeconfig super-admin.conf, which a new cluster needs from Kubernetes 1.29 on.",
	),
	"wrong-address": error("kube-vip brings up another address than the one that the cluster is reached by."),
	"control-plane-off": error("kube-vip is not told to bring up the control plane's address."),
	"subnet-missing": error("This kube-vip does not start with vip_address and without vip_subnet."),
	"variable-ignored": warning("This kube-vip does not read vip_cidr any more."),
	"unlikely-interface": warning("kube-vip is told an interface name that machines on Proxmox VE do not have."),
	"manifest-unreadable": error("The manifest of kube-vip cannot become a pod."),
	"version-untold": warning("The image of kube-vip names no version, so that it cannot be judged."),
	"not-rolled-out": warning("Machines run another kube-vip than the control plane says now."),
	"not-running": error("kube-vip does not run on a control-plane node."),
	"pod-absent": warning("A control-plane node runs no kube-vip, though its control plane brings one."),
	"no-leader": error("No kube-vip holds the control plane's address."),
} as const;

export type Code = keyof typeof findings;
export type VipFinding = Finding<Code>;

export type KubeVip = Facts["management.kubeVip"];
export type ControlPlane = KubeVip["controlPlanes"][number];
export type Manifest = ControlPlane["manifest"];
export type Found = Extract<Manifest, { state: "found" }>;
export type Secrets = Facts["management.kubeVipSecrets"];
export type Pods = Facts["workload.pods"]["clusters"][number]["pods"];
export type Pod = Pods[number];
export type Container = NonNullable<Pod["kubeVip"]>;
export type Nodes = Facts["workload.nodes"]["clusters"][number]["nodes"];
export type Live = Facts["workload.kubeVip"]["clusters"][number];

/** What was seen in one workload cluster. */
export interface Scene {
	readonly cluster: Cluster;
	readonly pods: Pods;
	readonly nodes?: Nodes | undefined;
	readonly live?: Live | undefined;
}
