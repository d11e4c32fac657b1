import { describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { diagnose, type Verdict } from "../../src/diagnose.ts";
import { gatherFrom } from "../support/host.ts";
import {
	documented,
	link4,
	type NodeTree,
	orderly,
	route4,
	route6,
	withFiles,
	writeNode,
} from "../support/node-tree.ts";

const check = checks.find(({ id }) => id === "nic-order")!;

async function judge(tree: NodeTree, asked = false): Promise<Verdict> {
	const sheet = await gatherFrom(writeNode(tree), [...check.needs, ...check.uses]);
	return diagnose([check], sheet, { asked: new Set(asked ? [check.id] : []) })[0]!.verdict;
}

const codesOf = (verdict: Verdict): readonly string[] =>
	verdict.kind === "problem" ? verdict.findings.map(({ code }) => code.replace("nic-order/", "")) : [verdict.kind];
const [first, second] = orderly.nics;
const nics = (...changed: readonly Partial<NodeTree["nics"][number]>[]): NodeTree["nics"] =>
	[first!, second!].map((nic, index) => ({ ...nic, ...changed[index] }));
const flags = (tree: NodeTree, text: string): NodeTree =>
	withFiles(tree, { "etc/default/kubelet": `KUBELET_EXTRA_ARGS="${text}"\n` });
const wide = (hexadecimal: string) => hexadecimal.padEnd(32, "0");
const sixth: NodeTree = {
	...orderly,
	nics: nics({ addresses: ["2001:db8:1::72/64", "fe80::1/64"] }, { addresses: ["2001:db8:2::9/64", "fe80::2/64"] }),
	route: [],
	route6: [
		route6("ens18", "20010db8000100000000000000000001", 100),
		route6("ens19", "20010db8000200000000000000000001", 1024),
		`${wide("")} 00 ${wide("")} 00 ${wide("")} ffffffff 00000001 00000000 00200200       lo`,
	],
};

const table: readonly (readonly [string, NodeTree, readonly string[]])[] = [
	[
		"the document's load balancer: mixed models, and the metric is missing",
		documented,
		["wrong-interface", "mixed-models"],
	],
	[
		"the same where net0's route comes first",
		{ ...documented, route: documented.route!.toReversed() },
		["mixed-models"],
	],
	["the same with one default route", { ...documented, route: documented.route!.slice(1) }, ["mixed-models"]],
	["the same, and --node-ip tells net0's address", flags(documented, "--node-ip=10.0.1.72"), ["pass"]],
	["--node-ip on another device is a decision", flags(documented, "--node-ip 10.0.2.155"), ["pass"]],
	["--node-ip that no interface has", flags(orderly, "--node-ip=10.0.1.99"), ["node-ip-absent"]],
	[
		"--node-ip of two families",
		flags(
			{ ...sixth, nics: nics({ addresses: ["10.0.1.72/24", "2001:db8:1::72/64"] }, {}) },
			"--node-ip=2001:DB8:1:0:0:0:0:72,10.0.1.72",
		),
		["pass"],
	],
	[
		"--node-ip that is empty, which kubelet takes for none",
		flags(documented, "--node-ip="),
		["wrong-interface", "mixed-models"],
	],
	[
		"--node-ip=0.0.0.0 looks at the routes",
		flags(documented, "--node-ip=0.0.0.0"),
		["wrong-interface", "mixed-models"],
	],
	["a cloud controller tells the address", flags(documented, "--cloud-provider=external"), ["pass"]],
	[
		"a cloud controller, and --node-ip=:: all the same",
		flags(sixth, "--cloud-provider=external --node-ip=::"),
		["pass"],
	],
	["all virtio, net0 first", orderly, ["pass"]],
	[
		"all virtio, net1 first",
		{ ...orderly, route: [route4("ens19", "10.0.2.1", 0), ...orderly.route!] },
		["wrong-interface"],
	],
	[
		"net1's first route leads over an interface that is down",
		{ ...orderly, nics: nics({}, { down: true }), route: [route4("ens19", "10.0.2.1", 0), ...orderly.route!] },
		["pass"],
	],
	[
		"net1's first route has no address but a link-local one",
		{
			...orderly,
			nics: nics({}, { addresses: ["169.254.1.2/16"] }),
			route: [route4("ens19", "169.254.0.254", 0), ...orderly.route!],
		},
		["pass"],
	],
	["no default route", { ...orderly, route: orderly.route!.slice(2) }, ["no-node-address"]],
	[
		"no default route, but the name stands for net0 in /etc/hosts",
		withFiles({ ...orderly, route: orderly.route!.slice(2) }, { "etc/hosts": "10.0.1.72 prod-workers-0 # by hand\n" }),
		["pass"],
	],
	[
		"the name stands for net1 in /etc/hosts",
		withFiles(orderly, { "etc/hosts": "10.0.2.155 prod-workers-0.example Prod-Workers-0\n" }),
		["wrong-interface"],
	],
	[
		"the name stands for an address that is elsewhere",
		withFiles(orderly, { "etc/hosts": "192.0.2.9 prod-workers-0\n" }),
		["pass"],
	],
	["IPv6 alone", sixth, ["pass"]],
	[
		"IPv6 alone, and a VRF's table is listed before the main one",
		{ ...sixth, route6: sixth.route6!.toReversed() },
		["wrong-interface"],
	],
	[
		"IPv6: kube-vip's address comes first, as the newest does",
		{ ...sixth, nics: nics({ addresses: ["2001:db8:1::60/128", "2001:db8:1::72/64"] }, {}) },
		["endpoint-as-address"],
	],
	[
		"IPv4: kube-vip's address comes last",
		{ ...orderly, nics: nics({ addresses: ["10.0.1.72/24", "10.0.1.60/32"] }, {}) },
		["pass"],
	],
	[
		"a /32 alone, as routed networks give it",
		{ ...orderly, nics: nics({ addresses: ["10.0.1.72/32"] }, {}) },
		["pass"],
	],
	[
		"the endpoint in kubelet.conf is this address",
		withFiles(orderly, {
			"etc/kubernetes/kubelet.conf": "clusters: [{name: prod, cluster: {server: 'https://10.0.1.72:6443'}}]\n",
		}),
		["endpoint-as-address"],
	],
	[
		"the endpoint in kubelet.conf is another",
		withFiles(orderly, {
			"etc/kubernetes/kubelet.conf": "clusters: [{name: prod, cluster: {server: 'https://10.0.1.60:6443'}}]\n",
		}),
		["pass"],
	],
	[
		"net0 is part of a bond that has the route",
		{
			...orderly,
			nics: [
				...nics({ master: "bond0", addresses: [] }, { master: "bond0", addresses: [] }),
				{ name: "bond0", index: 4, driver: "", pci: "", addresses: ["10.0.1.72/24"] },
			],
			route: [route4("bond0", "10.0.1.1", 0), link4("bond0", "10.0.1.0", 24)],
		},
		["pass"],
	],
	[
		"the first route leads over what is no interface",
		{ ...orderly, route: [route4("*", "0.0.0.0", 0), ...orderly.route!] },
		["no-node-address"],
	],
	["no kubelet", { ...documented, plain: true }, ["skip"]],
	[
		"/proc alone",
		{
			...documented,
			ip: false,
			files: {
				...documented.files,
				"proc/net/fib_trie":
					"Main:\n     |-- 10.0.1.72\n        /32 host LOCAL\n     |-- 10.0.2.155\n        /32 host LOCAL\n",
			},
		},
		["wrong-interface", "mixed-models"],
	],
];

describe("on the node itself", () => {
	test.each(table)("%s", async (_, tree, expected) => {
		expect(codesOf(await judge(tree))).toEqual(expected);
	});

	test("without a kubelet mixed models are told to who asks, and nobody else", async () => {
		expect(codesOf(await judge({ ...documented, plain: true }, true))).toEqual(["mixed-models"]);
		expect(codesOf(await judge({ ...orderly, plain: true }, true))).toEqual(["skip"]);
	});

	test("without routes it is unknown, never fine", async () => {
		const tree = writeNode({ ...orderly, ip: false });
		const sheet = await gatherFrom(tree, [...check.needs, ...check.uses]);
		expect(diagnose([check], sheet)[0]!.verdict).toMatchObject({
			kind: "unknown",
			missing: [{ fact: "node.routes", cause: "not-found" }],
		});
	});

	test("the running kubelet's flags win, and those that wait for a restart are told", async () => {
		const running = withFiles(flags(documented, "--node-ip=10.0.1.72"), {
			"proc/812/comm": "kubelet\n",
			"proc/812/cmdline": "/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0",
			"proc/812/cgroup": "0::/system.slice/kubelet.service\n",
		});
		const verdict = await judge(running);
		expect(codesOf(verdict)).toEqual(["wrong-interface", "mixed-models"]);
		expect(verdict.kind === "problem" && verdict.findings[0].remedy[0].command).toEqual([
			"systemctl",
			"restart",
			"kubelet",
		]);
	});

	test.each([
		"0::/system.slice/docker-0a1b.scope/kubelet.slice/kubelet.service",
		"0::/docker/0a1b/kubelet.slice/kubelet.service",
		"3:cpu:/x\n1:name=systemd:/docker/0a1b/system.slice/kubelet.service",
		"0::/../docker-0a1b.scope/kubelet.slice/kubelet.service",
	])("the kubelet of a kind node does not make its host a node: %s", async (cgroup) => {
		const kind = withFiles(
			{ ...documented, plain: true },
			{
				"proc/9/comm": "kubelet\n",
				"proc/9/cmdline": "kubelet\0--node-ip=172.18.0.2\0",
				"proc/9/cgroup": `${cgroup}\n`,
			},
		);
		expect(codesOf(await judge(kind))).toEqual(["skip"]);
	});
});
