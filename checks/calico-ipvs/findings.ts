import { error, type Finding, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import type { Cluster } from "../clusters.ts";

export const findings = {
	"service-address": error("Calico took an address of a Service for that of a node."),
	"endpoint-address": error("Calico took the control plane's address for that of a node."),
	"same-address": error("Calico has the same address for several nodes."),
	"host-mask": error("The address that Calico chose has no network around it."),
	"not-node-address": warning("Calico goes by another address of a node than the rest of the cluster."),
	"no-address": warning("Calico has chosen no address for a node that it runs on."),
	"agent-not-ready": warning("Calico does not run on a node, whose address is the one that it chose before."),
	"cidr-holds-services": warning("Calico may take an address of a Service, because its networks hold some."),
	"target-is-local": warning("Calico asks for a way to an address that is bound on the node itself."),
	"last-interface": warning("Calico takes the interface that came up last, on machines with several."),
	"ipvs-deprecated": warning("kube-proxy runs in mode ipvs, which this Kubernetes has deprecated."),
} as const;

export type Code = keyof typeof findings;
export type CalicoFinding = Finding<Code>;

/** What is known of the clusters. */
export type Known = Partial<
	Pick<
		Facts,
		| "workload.calico"
		| "workload.nodes"
		| "workload.services"
		| "workload.kubeProxy"
		| "workload.pods"
		| "management.networks"
	>
>;
export type Node = Facts["workload.nodes"]["clusters"][number]["nodes"][number];
export type Services = Facts["workload.services"]["clusters"][number]["services"];

/** All that an address of one cluster is held against. */
export interface Scene {
	readonly calico: NonNullable<Facts["workload.calico"]["clusters"][number]["calico"]>;
	readonly cluster: Cluster;
	readonly nodes: readonly Node[];
	readonly services: Services;
	/** Which Service an address in its shortest form is of. */
	readonly owners: ReadonlyMap<string, string>;
	/** Absent where its mode could not be read. */
	readonly proxy?: Facts["workload.kubeProxy"]["clusters"][number] | undefined;
	/** Hosts of the control plane's endpoint. */
	readonly endpoints: readonly string[];
	/** Absent without a management cluster. */
	readonly members: Facts["management.networks"]["members"];
}
