import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import { type NodeSpec, nodeObject } from "../support/nic-objects.ts";
import { lease, type VipSetup, vipManifest, vipPod } from "../support/vip-objects.ts";

const image = (tag: string): string => `ghcr.io/kube-vip/kube-vip:${tag}`;
const sixth = { onlyIpv6: true, endpoint: "2001:db8:1::10" } as const;
const to6 = { address: "2001:DB8:1:0:0:0:0:10" };

/** `unknown` is what is left where nothing is wrong: nobody named the workload cluster. */
export const plans: readonly (readonly [string, VipSetup, readonly string[]])[] = [
	["as CAPMOX's template has it", {}, ["unknown"]],
	["IPv6 alone, 0.5.11", { ...sixth, manifest: { image: image("v0.5.11"), variables: to6 } }, ["blind-to-ipv6"]],
	[
		"IPv6 alone, 0.5.11 from a mirror with a port",
		{ ...sixth, manifest: { image: "mirror.example:5000/kube-vip/kube-vip:v0.5.11", variables: to6 } },
		["blind-to-ipv6"],
	],
	[
		"IPv6 alone, 0.7.0, which has the fix",
		{ ...sixth, manifest: { image: image("v0.7.0"), variables: to6 } },
		["unknown"],
	],
	["IPv6 alone, 0.6.4", { ...sixth, manifest: { image: image("v0.6.4"), variables: to6 } }, ["blind-to-ipv6"]],
	[
		"IPv6 alone, 0.5.11, and the interface is named",
		{ ...sixth, manifest: { image: image("v0.5.11"), variables: { ...to6, vip_interface: "ens18" } } },
		["unknown"],
	],
	[
		"IPv6 alone by a ClusterClass, 0.5.11",
		{ ...sixth, topology: true, manifest: { image: image("v0.5.11"), variables: to6 } },
		["blind-to-ipv6"],
	],
	[
		"IPv6 endpoint, and the cluster has IPv4, too",
		{ endpoint: "2001:db8:1::10", manifest: { image: image("v0.5.11"), variables: to6 } },
		["unknown"],
	],
	["0.5.11 on IPv4", { manifest: { image: image("v0.5.11") } }, ["unknown"]],
	["1.2.2 waits for itself", { manifest: { image: image("v1.2.2") } }, ["broken-release"]],
	[
		"1.2.2, and it is told another server",
		{ manifest: { image: image("v1.2.2"), variables: { kubernetes_addr: "https://127.0.0.1:6443" } } },
		["unknown"],
	],
	["1.2.3", { manifest: { image: image("v1.2.3") } }, ["unknown"]],
	[
		"1.2.3 that serves Services, too",
		{ manifest: { image: image("v1.2.3"), variables: { svc_enable: "true" } } },
		["broken-release"],
	],
	["1.0.2", { manifest: { image: image("v1.0.2") } }, ["broken-release"]],
	["1.0.4", { manifest: { image: image("v1.0.4") } }, ["unknown"]],
	["latest", { manifest: { image: image("latest") } }, ["version-untold"]],
	["a digest", { manifest: { image: `ghcr.io/kube-vip/kube-vip@sha256:${"0".repeat(64)}` } }, ["version-untold"]],
	["vip_cidr with 0.9", { manifest: { image: image("v0.9.0"), variables: { vip_cidr: "24" } } }, ["variable-ignored"]],
	["vip_cidr with 0.8", { manifest: { image: image("v0.8.9"), variables: { vip_cidr: "24" } } }, ["unknown"]],
	[
		"vip_address without vip_subnet with 1.0",
		{ manifest: { image: image("v1.0.4"), variables: { address: "", vip_address: "10.10.10.10", vip_cidr: "32" } } },
		["subnet-missing"],
	],
	[
		"vip_address with vip_subnet with 1.0",
		{ manifest: { image: image("v1.0.4"), variables: { address: "", vip_address: "10.10.10.10", vip_subnet: "32" } } },
		["unknown"],
	],
	["another address", { manifest: { variables: { address: "10.10.10.11" } } }, ["wrong-address"]],
	["no address", { manifest: { variables: { address: "" } } }, ["wrong-address"]],
	["the endpoint is a name", { endpoint: "api.prod.example" }, ["unknown"]],
	["cp_enable is false", { manifest: { variables: { cp_enable: "false" } } }, ["control-plane-off"]],
	["no super-admin.conf for a new cluster", { unprepared: true, notInitialized: true }, ["super-admin-missing"]],
	["the same for one that is up", { unprepared: true }, ["unknown"]],
	[
		"no script, but the manifest mounts it",
		{ unprepared: true, notInitialized: true, manifest: { mount: "super-admin.conf" } },
		["unknown"],
	],
	[
		"no script, but a command does it",
		{
			unprepared: true,
			notInitialized: true,
			commands: ["cp /etc/kubernetes/super-admin.conf /etc/kubernetes/admin.conf"],
		},
		["unknown"],
	],
	[
		"eth0 for a new cluster",
		{ notInitialized: true, manifest: { variables: { vip_interface: "eth0" } } },
		["unlikely-interface"],
	],
	["eth0, and the cluster is up", { manifest: { variables: { vip_interface: "eth0" } } }, ["unknown"]],
	[
		"eth0 on Flatcar",
		{ notInitialized: true, format: "ignition", manifest: { variables: { vip_interface: "eth0" } } },
		["unknown"],
	],
	[
		"ens19 on machines with one device",
		{ notInitialized: true, manifest: { variables: { vip_interface: "ens19" } } },
		["unlikely-interface"],
	],
	...["ens18", "enp6s18", "bond0"].map((name): readonly [string, VipSetup, readonly string[]] => [
		`${name} for a new cluster`,
		{ notInitialized: true, manifest: { variables: { vip_interface: name } } },
		["unknown"],
	]),
	[
		"a name as VMware's machines have it",
		{ notInitialized: true, manifest: { variables: { vip_interface: "ens192" } } },
		["unlikely-interface"],
	],
	["1.2.2 with a suffix of its own", { manifest: { image: image("v1.2.2-mirror.1") } }, ["broken-release"]],
	["base64", { encoding: "base64", manifest: { image: image("v1.2.2") } }, ["broken-release"]],
	["gzip+base64", { encoding: "gzip+base64", manifest: { image: image("v1.2.2") } }, ["broken-release"]],
	["in a Secret", { inSecret: true, manifest: { image: image("v1.2.2") } }, ["broken-release"]],
	["in a Secret, and fine", { inSecret: true }, ["unknown"]],
	["YAML that is none", { manifest: "kind: Pod\n  spec: [" }, ["manifest-unreadable"]],
	[
		"another kind of object",
		{ manifest: vipManifest().replace("kind: Pod", "kind: DaemonSet") },
		["manifest-unreadable"],
	],
	[
		"edited, and the machine has the old one",
		{ manifest: { image: image("v1.1.2") }, machineManifest: { image: image("v0.5.11") } },
		["not-rolled-out"],
	],
	[
		"edited, and it is rolling",
		{ manifest: { image: image("v1.1.2") }, machineManifest: { image: image("v0.5.11") }, rolling: true },
		["not-rolled-out"],
	],
	[
		"edited, and paused",
		{ manifest: { image: image("v1.1.2") }, machineManifest: { image: image("v0.5.11") }, paused: true },
		["not-rolled-out"],
	],
	["no kube-vip at all", { manifest: null, unprepared: true }, ["unknown"]],
	[
		"a command writes it",
		{
			manifest: null,
			unprepared: true,
			commands: [
				"ctr run --rm --net-host ghcr.io/kube-vip/kube-vip:v0.7.1 vip /kube-vip manifest pod > /etc/kubernetes/manifests/kube-vip.yaml",
			],
		},
		["unknown"],
	],
	["something else provides the endpoint", { external: true, manifest: { image: image("v1.2.2") } }, ["unknown"]],
	["a control plane of Talos", { talos: true, manifest: null }, ["unknown"]],
];

const node: NodeSpec = { name: "prod-control-plane-0", addresses: ["10.10.10.20"] };
const worker: NodeSpec = { name: "prod-workers-0", addresses: ["10.10.10.21"] };
export const nodes: readonly KubernetesObject[] = [node, worker].map(nodeObject);
const held = (now: Date) => lease(node.name, now);
const long = () => lease(node.name, new Date(Date.UTC(2026, 7, 20, 8)));
const pod = (more: Partial<Parameters<typeof vipPod>[0]> = {}) => vipPod({ node: node.name, ...more });
const second = "prod-control-plane-1";
/** Of a DaemonSet. */
const servicesOnly = (on: string, more: Partial<Parameters<typeof vipPod>[0]> = {}): KubernetesObject => {
	const made = vipPod({ node: on, variables: { cp_enable: "false", svc_enable: "true" }, ...more });
	return { ...made, metadata: { name: "kube-vip-ds-x1", namespace: "kube-system" } };
};

/** With the nodes of both machines beside these. `!` behind a code: as an error. */
export const lives: readonly (readonly [
	string,
	VipSetup,
	(now: Date) => readonly KubernetesObject[],
	readonly string[],
])[] = [
	["a leader that renews", {}, (now) => [pod(), held(now)], ["pass"]],
	[
		"a crash loop that ends with 0, as releases from 0.8.10 on do",
		{},
		(now) => [pod({ waiting: "CrashLoopBackOff", restarts: 12, exitCode: 0 }), held(now)],
		["not-running"],
	],
	["an image that cannot be had", {}, (now) => [pod({ waiting: "ImagePullBackOff" }), held(now)], ["not-running"]],
	["one that only starts", {}, (now) => [pod({ waiting: "ContainerCreating" }), held(now)], ["pass"]],
	[
		"one of two",
		{},
		(now) => [
			pod(),
			nodeObject({ name: second, addresses: ["10.10.10.30"] }),
			vipPod({ node: second, waiting: "CrashLoopBackOff", restarts: 3, exitCode: 1 }),
			held(now),
		],
		["not-running"],
	],
	[
		"one on a node that is gone",
		{},
		(now) => [
			pod(),
			nodeObject({ name: second, addresses: ["10.10.10.30"], ready: false }),
			vipPod({ node: second, waiting: "CrashLoopBackOff", restarts: 3, exitCode: 1 }),
			held(now),
		],
		["pass"],
	],
	[
		"the other one is on a node that is gone, and was ready there",
		{},
		(now) => [
			pod({ waiting: "CrashLoopBackOff", restarts: 3, exitCode: 1 }),
			nodeObject({ name: second, addresses: ["10.10.10.30"], ready: false }),
			vipPod({ node: second }),
			held(now),
		],
		["not-running!"],
	],
	[
		"all but one that serves Services alone",
		{},
		(now) => [pod({ waiting: "CrashLoopBackOff", restarts: 3, exitCode: 1 }), servicesOnly(node.name), held(now)],
		["not-running!"],
	],
	["none but one that serves Services alone", {}, () => [servicesOnly(node.name)], ["pod-absent"]],
	[
		"one that serves Services alone beside it, and does not run",
		{},
		(now) => [servicesOnly(node.name, { waiting: "CrashLoopBackOff", restarts: 3 }), pod(), held(now)],
		["pass"],
	],
	[
		"one that only starts, and nobody renews the lease",
		{},
		() => [pod({ waiting: "ContainerCreating" }), long()],
		["no-leader"],
	],
	[
		"a lease in another namespace",
		{},
		(now) => [
			pod({ variables: { cp_namespace: "kube-vip" } }),
			{ ...held(now), metadata: { name: "plndr-cp-lock", namespace: "kube-vip" } },
		],
		["pass"],
	],
	["a lease that nobody renews", {}, () => [pod(), long()], ["no-leader"]],
	["a lease without a holder", {}, (now) => [pod(), lease("", now)], ["no-leader"]],
	["no lease", {}, () => [pod()], ["no-leader"]],
	["no lease, and no election", {}, () => [pod({ variables: { vip_leaderelection: "false" } })], ["pass"]],
	[
		"a lease by another name",
		{ manifest: { variables: { vip_leasename: "prod-lock" } } },
		(now) => [pod({ variables: { vip_leasename: "prod-lock" } }), lease(node.name, now, "prod-lock")],
		["pass"],
	],
	[
		"edited, and the node runs the old one",
		{ manifest: { image: image("v1.1.2") } },
		(now) => [pod({ image: image("v0.7.1") }), held(now)],
		["not-rolled-out"],
	],
	[
		"mended by hand on the node alone",
		{ ...sixth, manifest: { image: image("v0.5.11"), variables: to6 } },
		(now) => [pod({ image: image("v1.1.2"), variables: to6 }), held(now)],
		["blind-to-ipv6", "not-rolled-out"],
	],
	[
		"kube-vip is not in the KubeadmControlPlane, and its pod is broken",
		{ manifest: null, unprepared: true },
		(now) => [pod({ image: image("v1.2.2") }), held(now)],
		["broken-release"],
	],
	[
		"a command writes its manifest, for another address than the endpoint",
		{ manifest: null, unprepared: true, commands: ["kube-vip manifest pod > /etc/kubernetes/manifests/kube-vip.yaml"] },
		(now) => [pod({ variables: { address: "10.10.10.99" } }), held(now)],
		["wrong-address"],
	],
	[
		"a command writes its manifest, for the endpoint",
		{ manifest: null, unprepared: true, commands: ["kube-vip manifest pod > /etc/kubernetes/manifests/kube-vip.yaml"] },
		(now) => [pod(), held(now)],
		["pass"],
	],
	[
		"a broken one from a Secret is told once",
		{ inSecret: true, manifest: { image: image("v1.2.2") } },
		(now) => [pod({ image: image("v1.2.2") }), held(now)],
		["broken-release"],
	],
	["no pods of kube-vip", {}, () => [], ["pod-absent"]],
	["no pods, and none is meant to be", { manifest: null, unprepared: true }, () => [], ["skip"]],
];
