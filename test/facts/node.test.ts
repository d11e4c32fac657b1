import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIpAddresses } from "../../src/facts/node-addresses.ts";
import { parseLinks, parseLog, placeIn } from "../../src/facts/node-interfaces.ts";
import { parseArguments, parseHosts, wordsIn } from "../../src/facts/node-kubelet.ts";
import {
	parseAddresses4,
	parseAddresses6,
	parseDefaultRoutes4,
	parseDefaultRoutes6,
} from "../../src/facts/node-routes.ts";

/** A network namespace of Linux 6.18 with three interfaces: a default route without metric, one with, and a table of its own. */
const route = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT                                                       
ens19	00000000	0102000A	0003	0	0	0	00000000	0	0	0                                                                              
ens18	00000000	0101000A	0003	0	0	100	00000000	0	0	0                                                                            
ens18	0001000A	00000000	0001	0	0	0	00FFFFFF	0	0	0                                                                              
ens19	0002000A	00000000	0001	0	0	0	00FFFFFF	0	0	0                                                                              
`;
const zero = "00000000000000000000000000000000";
const route6 = `20010db8000100000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001    ens18
${zero} 00 ${zero} 00 20010db8000200000000000000000001 00000400 00000001 00000000 00000003    ens20
${zero} 00 ${zero} 00 20010db8000100000000000000000001 00000064 00000001 00000000 00000003    ens18
${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo
`;
const inet6 = `20010db8000200000000000000000009 04 40 00 82    ens20
00000000000000000000000000000001 01 80 10 80       lo
20010db8000100000000000000000071 02 40 00 82    ens18
fe8000000000000020f4acfffee9a597 02 40 20 c0    ens18
20010db8000100000000000000000060 02 80 00 82    ens18
`;
const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/22 2 0 2
        +-- 10.0.1.0/24 2 0 2
           +-- 10.0.1.0/26 2 0 2
              |-- 10.0.1.0
                 /24 link UNICAST
              |-- 10.0.1.60
                 /32 host LOCAL
           |-- 10.0.1.71
              /32 host LOCAL
           |-- 10.0.1.255
              /32 link BROADCAST
        |-- 10.0.2.152
           /32 host LOCAL
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.1
              /32 host LOCAL
Local:
  +-- 0.0.0.0/0 3 0 5
           |-- 10.0.1.71
              /32 host LOCAL
`;

describe("what the kernel prints", () => {
	test("default routes in its order", () => {
		expect(parseDefaultRoutes4(route)).toEqual([
			{ family: 4, interface: "ens19", gateway: "10.0.2.1", metric: 0 },
			{ family: 4, interface: "ens18", gateway: "10.0.1.1", metric: 100 },
		]);
		expect(parseDefaultRoutes6(route6)).toEqual([
			{ family: 6, interface: "ens20", gateway: "2001:db8:2::1", metric: 1024 },
			{ family: 6, interface: "ens18", gateway: "2001:db8:1::1", metric: 100 },
		]);
	});

	test("addresses, each on its interface", () => {
		expect(parseAddresses4(trie, route)).toEqual([
			{ interface: "ens18", address: "10.0.1.60", prefix: 24 },
			{ interface: "ens18", address: "10.0.1.71", prefix: 24 },
			{ interface: "ens19", address: "10.0.2.152", prefix: 24 },
		]);
		expect(parseAddresses6(inet6).filter(({ interface: name }) => name === "ens18")).toEqual([
			{ interface: "ens18", address: "2001:db8:1::71", prefix: 64 },
			{ interface: "ens18", address: "fe80::20f4:acff:fee9:a597", prefix: 64 },
			{ interface: "ens18", address: "2001:db8:1::60", prefix: 128 },
		]);
	});

	test("the log of the last boot, with what other programs put before it", () => {
		const log = [
			"Nov 23 09:00:01 n kernel: [    0.000000] Linux version 6.1.0",
			"Nov 23 09:00:02 n kernel: [    2.1] e1000 0000:00:12.0 ens18: renamed from eth0",
			"Nov 23 10:00:01 n kernel: [    0.000000] Linux version 6.1.0",
			"Nov 23 10:00:02 n kernel: [    1.9] 8139cp 0000:00:13.0 ens19: renamed from eth1",
			"Nov 23 10:00:02 n kernel: [    2.0] vmxnet3 0000:00:12.0 ens18: renamed from eth0",
		].join("\n");
		expect(parseLog(log)).toEqual([
			{ driver: "8139cp", name: "ens19", was: "eth1" },
			{ driver: "vmxnet3", name: "ens18", was: "eth0" },
		]);
	});
});

describe("where a device stands", () => {
	test.each([
		["../../devices/pci0000:00/0000:00:12.0/virtio3/net/ens18", [], { bus: 0, slot: 18 }],
		["../../devices/pci0000:00/0000:00:1e.0/0000:05:01.0/0000:06:12.0/virtio1/net/enp6s18", [], { bus: 6, slot: 18 }],
		["virtio4", ["ens20", "enp0s20"], { bus: 0, slot: 20 }],
		["", ["ens19", "enp6s19"], { bus: 6, slot: 19 }],
		["../../devices/virtual/net/cali0a1b", ["cali0a1b"], {}],
	] as const)("%s %j", (path, names, expected) => {
		expect(placeIn(path, ...names)).toEqual(expected);
	});
});

describe("what ip prints", () => {
	test("garbage and the complaint of an older one are nothing", () => {
		for (const text of ["", "ip: invalid option -- 'j'", "[{}]", "{"]) {
			expect(parseLinks(text)).toBeUndefined();
		}

		expect(parseIpAddresses("BusyBox v1.36")).toBeUndefined();
		expect(parseIpAddresses('[{},{"ifname":"lo","addr_info":[{}]}]')).toBeUndefined();
	});
});

describe("the kubelet's flags", () => {
	test.each([
		['KUBELET_EXTRA_ARGS="--node-ip=10.0.0.1 --v=2"', { nodeIp: "10.0.0.1" }],
		["KUBELET_EXTRA_ARGS=--node-ip 10.0.0.1\n", { nodeIp: "10.0.0.1" }],
		["# KUBELET_EXTRA_ARGS=--node-ip=10.0.0.1", {}],
		["KUBELET_EXTRA_ARGS=--node-ip=10.0.0.1 --node-ip=10.0.0.2", { nodeIp: "10.0.0.2" }],
		["KUBELET_EXTRA_ARGS=--node-ip=10.0.0.1 --node-ip=", {}],
		["export KUBELET_KUBEADM_ARGS='--cloud-provider=external'", { cloudProvider: "external" }],
		["OTHER=--node-ip=10.0.0.1", {}],
	])("%s", (text, expected) => {
		expect(parseArguments(wordsIn(text))).toEqual(expected);
	});

	test("whatever stands around it, the last --node-ip counts", () => {
		const word = fc.stringMatching(/^--[a-m]{3,9}=[a-z0-9/]{1,9}$/);
		fc.assert(
			fc.property(fc.array(word), fc.array(word), fc.ipV4(), (before, after, address) => {
				const words = [...before, "--node-ip=192.0.2.1", `--node-ip=${address}`, ...after];
				expect(parseArguments(words).nodeIp).toBe(address);
				expect(parseArguments([...before, "--node-ip", address, ...after]).nodeIp).toBe(address);
			}),
		);
	});

	test("/etc/hosts, whatever its case and blanks", () => {
		const text =
			"127.0.1.1 node-1\n10.0.0.1\tNode-1.example node-1 # a\n#10.0.0.2 node-1\n10.0.0.3 node-10\n::1 node-1\nx node-1";
		expect(parseHosts(text, "node-1").map(({ address }) => address)).toEqual(["127.0.1.1", "10.0.0.1", "::1"]);
	});
});
