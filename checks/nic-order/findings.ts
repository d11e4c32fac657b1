import { error, type Finding, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";

export const findings = {
	"wrong-interface": error("The kubelet of this node takes the address of another interface than the first one."),
	"node-ip-absent": error("The kubelet is told an address by --node-ip that no interface of this node has."),
	"no-node-address": error("The kubelet finds no address for this node."),
	"endpoint-as-address": error("A node goes by an address that belongs to the control plane, or moves between nodes."),
	"mixed-models": warning("A machine has interfaces of several models, whose order depends on the guest's kernel."),
	"default-route-elsewhere": error(
		"The first default route of a machine will lead over another device than the default one.",
	),
	"equal-metrics": error("Two devices of a machine bring a default route of the same metric."),
	"pool-missing": warning("A device names a pool that is not there, so that its routes cannot be foretold."),
	"wrong-address": error("A node goes by the address of another device than the default one."),
	"foreign-address": warning("A node goes by an address that CAPMOX did not give to its machine."),
	"address-untold": warning("CAPMOX names no address of a node's machine, so that the node's cannot be compared."),
	"no-address": warning("A node has no address: it waits for a cloud controller, or its kubelet found none."),
	"provider-id-mismatch": error(
		"A node's provider ID is not that of its machine, so that Cluster API cannot match them.",
	),
} as const;

export type Code = keyof typeof findings;
export type NicFinding = Finding<Code>;

export type Kubelet = Facts["node.kubelet"];
export type Interfaces = Facts["node.interfaces"];
export type Routes = Facts["node.routes"];
export type Interface = Interfaces["interfaces"][number];
export type Networks = Facts["management.networks"];
export type Plan = Networks["plans"][number];
export type Device = Plan["devices"][number];
export type Member = Networks["members"][number];
export type Node = Facts["workload.nodes"]["clusters"][number]["nodes"][number];
/** What is known of the clusters. */
export type Known = Partial<Pick<Facts, "workload.clusters" | "workload.nodes" | "workload.reach">>;
