import type { CalicoNode, CalicoSetup } from "../support/calico-objects.ts";
import type { NicSetup } from "../support/nic-objects.ts";

const control: CalicoNode = {
	name: "prod-control-plane-0",
	addresses: ["10.10.10.20"],
	calico: { ipv4: "10.10.10.20/16" },
};
const worker: CalicoNode = { name: "prod-workers-0", addresses: ["10.10.10.21"], calico: { ipv4: "10.10.10.21/16" } };
const both = [control, worker];
const withWorker = (change: Partial<CalicoNode>): readonly CalicoNode[] => [control, { ...worker, ...change }];
const took = (ipv4: string) => withWorker({ calico: { ipv4 } });
const balancer = { name: "web", clusterIp: "10.96.0.9", loadBalancerIp: "10.10.200.7" };
const internal = { IP_AUTODETECTION_METHOD: "kubernetes-internal-ip" };
const method = (text: string) => ({ IP_AUTODETECTION_METHOD: text });
const newer = both.map((node) => ({ ...node, kubelet: "v1.35.1" }));

/** The worker has net0 and, at 10.20.0.10, net1. */
const second: Partial<NicSetup> = {
	devices: [{ addresses: ["10.10.10.21"] }, { shared: true, addresses: ["10.20.0.10"] }],
	pool: {},
};

export const cases: readonly (readonly [string, CalicoSetup, readonly string[], Partial<NicSetup>?])[] = [
	["the method takes the InternalIP", { nodes: both, variables: internal }, ["pass"]],
	["first-found, with one device", { nodes: both }, ["pass"]],
	["the operator, first-found", { nodes: both, operator: true }, ["pass"]],
	["a load balancer's address", { nodes: took("10.10.200.7/32"), services: [balancer] }, ["service-address"]],
	[
		"the same by the operator",
		{ nodes: took("10.10.200.7/32"), services: [balancer], operator: true },
		["service-address"],
	],
	["a ClusterIP", { nodes: took("10.96.0.1/32") }, ["service-address"]],
	[
		"an external IP",
		{ nodes: took("10.10.200.9/16"), services: [{ name: "old", clusterIp: "10.96.0.8", externalIp: "10.10.200.9" }] },
		["service-address"],
	],
	[
		"an external IP that is the node's own address, with IPVS",
		{
			nodes: both,
			services: [{ name: "old", clusterIp: "10.96.0.8", externalIp: "10.10.10.21" }],
			variables: internal,
		},
		["service-address"],
	],
	[
		"the same with nftables, where no other node has it",
		{
			nodes: both,
			services: [{ name: "old", clusterIp: "10.96.0.8", externalIp: "10.10.10.21" }],
			variables: internal,
			mode: "nftables",
		},
		["pass"],
	],
	["the endpoint", { nodes: took("10.10.10.10/16") }, ["endpoint-address"]],
	["the same address twice", { nodes: took("10.10.10.20/16") }, ["same-address"]],
	["a host's mask, and not the node's address", { nodes: took("10.77.0.1/32") }, ["host-mask"]],
	["a host's mask, and the node's address", { nodes: took("10.10.10.21/32") }, ["host-mask"]],
	[
		"all have a host's mask, as on routed networks",
		{
			nodes: [
				{ ...control, calico: { ipv4: "10.77.0.1/32" } },
				{ ...worker, calico: { ipv4: "10.77.0.2/32" } },
			],
		},
		["host-mask"],
	],
	["another address of the node", { nodes: took("10.20.0.10/24") }, ["not-node-address"], second],
	[
		"the same, and somebody named the interface",
		{ nodes: took("10.20.0.10/24"), variables: method("interface=ens19") },
		["pass"],
		second,
	],
	[
		"an interface is named, and CAPMOX gave no such address",
		{ nodes: took("10.30.0.10/24"), variables: method("interface=ens19") },
		["not-node-address"],
		second,
	],
	["first-found on machines with two devices", { nodes: both }, ["last-interface"], second],
	["the InternalIP on machines with two devices", { nodes: both, variables: internal }, ["pass"], second],
	[
		"cidr= that holds a load balancer's address, with IPVS",
		{ nodes: both, services: [balancer], variables: method("cidr=10.10.0.0/16") },
		["cidr-holds-services"],
	],
	[
		"the same with iptables",
		{ nodes: both, services: [balancer], variables: method("cidr=10.10.0.0/16"), mode: "" },
		["pass"],
	],
	[
		"the same with nftables",
		{ nodes: both, services: [balancer], variables: method("cidr=10.10.0.0/16"), mode: "nftables" },
		["pass"],
	],
	[
		"the same without kube-proxy",
		{ nodes: both, services: [balancer], variables: method("cidr=10.10.0.0/16"), mode: null },
		["pass"],
	],
	[
		"the same where kube-proxy is told by a flag",
		{ nodes: both, services: [balancer], variables: method("cidr=10.10.0.0/16"), mode: "", modeFlag: "ipvs" },
		["cidr-holds-services"],
	],
	[
		"cidr= that holds no Service",
		{ nodes: both, services: [balancer], variables: method("cidr=10.10.10.0/24") },
		["pass"],
	],
	["can-reach= a Service, with IPVS", { nodes: both, variables: method("can-reach=10.96.0.1") }, ["target-is-local"]],
	[
		"can-reach= a Service, with iptables",
		{ nodes: both, variables: method("can-reach=10.96.0.1"), mode: "" },
		["pass"],
	],
	[
		"can-reach= the endpoint, whatever the mode",
		{ nodes: both, variables: method("can-reach=10.10.10.10"), mode: "" },
		["target-is-local"],
	],
	["can-reach= the gateway", { nodes: both, variables: method("can-reach=10.10.0.1") }, ["pass"]],
	[
		"kube-proxy in mode ipvs that is to run on no node, as beside eBPF",
		{ nodes: newer, services: [balancer], variables: method("cidr=10.10.0.0/16"), proxyOnNoNode: true },
		["pass"],
	],
	["IP from the node's status, with two devices", { nodes: both, elsewhere: ["IP"] }, ["pass"], second],
	[
		"the method from a ConfigMap, with two devices",
		{ nodes: both, elsewhere: ["IP_AUTODETECTION_METHOD"] },
		["pass"],
		second,
	],
	[
		"IP from the node's status, and calico-node never started",
		{
			nodes: [control, { name: worker.name, addresses: worker.addresses, agent: "CrashLoopBackOff" }],
			elsewhere: ["IP"],
		},
		["no-address"],
	],
	[
		"wrong for IPv4, and cidr= that holds Services for IPv6",
		{
			nodes: [
				control,
				{
					...worker,
					addresses: ["10.10.10.21", "fd00:96::21"],
					calico: { ipv4: "10.10.10.10/16", ipv6: "fd00:96::21/64" },
				},
			],
			variables: { IP6: "autodetect", IP6_AUTODETECTION_METHOD: "cidr=fd00:96::/64" },
			services: [{ name: "web", clusterIp: "fd00:96::1" }],
		},
		["endpoint-address", "cidr-holds-services"],
	],
	[
		"no InternalIP yet, and CAPMOX gave the address",
		{ nodes: withWorker({ addresses: [] }), variables: internal },
		["pass"],
	],
	[
		"no InternalIP yet, and CAPMOX gave another address",
		{ nodes: withWorker({ addresses: [], calico: { ipv4: "10.77.0.5/24" } }) },
		["not-node-address"],
	],
	["IPVS with Kubernetes 1.35", { nodes: newer }, ["ipvs-deprecated"]],
	["nftables with Kubernetes 1.35", { nodes: newer, mode: "nftables" }, ["pass"]],
	[
		"calico-node never started",
		{ nodes: [control, { name: worker.name, addresses: worker.addresses, agent: "CrashLoopBackOff" }] },
		["no-address"],
	],
	[
		"calico-node stopped, and its address stays",
		{ nodes: withWorker({ agent: "CrashLoopBackOff" }) },
		["agent-not-ready"],
	],
	[
		"calico-node stopped over a wrong address",
		{ nodes: withWorker({ agent: "CrashLoopBackOff", calico: { ipv4: "10.10.10.10/16" } }) },
		["endpoint-address", "agent-not-ready"],
	],
	[
		"the pod of calico-node is gone, and its address stays",
		{ nodes: withWorker({ agent: null }) },
		["agent-not-ready"],
	],
	[
		"no pod of calico-node at all, and the addresses stay",
		{ nodes: both.map((node) => ({ ...node, agent: null })) },
		["agent-not-ready"],
	],
	["an address that is none", { nodes: took("") }, ["no-address"]],
	[
		"a node that Calico does not run on",
		{ nodes: [control, { name: "win", addresses: ["10.10.10.9"], agent: null }] },
		["pass"],
	],
	[
		"IP is none",
		{ nodes: both.map(({ name, addresses }) => ({ name, addresses })), variables: { IP: "none" } },
		["skip"],
	],
	["policies only", { nodes: took("10.96.0.1/32"), variables: { CALICO_NETWORKING_BACKEND: "none" } }, ["skip"]],
	["etcd", { nodes: both, variables: { DATASTORE_TYPE: "etcdv3" } }, ["skip"]],
	["another plugin", { nodes: both, without: true }, ["skip"]],
	[
		"two families, and the Node lists one InternalIP",
		{
			nodes: [control, { ...worker, calico: { ipv4: "10.10.10.21/16", ipv6: "2001:db8::21/64" } }],
			variables: { ...internal, IP6: "autodetect" },
		},
		["pass"],
	],
	[
		"IPv6 in another form is the same address",
		{
			nodes: [
				{ name: control.name, addresses: ["2001:db8::20"], calico: { ipv6: "2001:DB8:0:0::20/64" } },
				{ name: worker.name, addresses: ["2001:db8::21"], calico: { ipv6: "2001:db8::21/64" } },
			],
			variables: { IP: "none", IP6: "autodetect" },
		},
		["pass"],
	],
	[
		"IPv6, a Service's address",
		{
			nodes: [
				{ name: control.name, addresses: ["2001:db8::20"], calico: { ipv6: "2001:db8::20/64" } },
				{ name: worker.name, addresses: ["2001:db8::21"], calico: { ipv6: "fd00:96::1/128" } },
			],
			variables: { IP: "none", IP6: "autodetect" },
			services: [{ name: "web", clusterIp: "FD00:96:0::1" }],
		},
		["service-address"],
	],
	[
		"a wrong address though the method is right, with an old Calico",
		{ nodes: took("10.10.10.21/32"), variables: internal, version: "v3.22.1" },
		["host-mask"],
	],
];
