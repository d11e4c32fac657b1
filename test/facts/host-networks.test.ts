import { expect, test } from "vitest";
import { parseNetworks, parseResolvers, parseRoutes } from "../../src/facts/host-networks.ts";
import { parseDataRoot, parseMemTotal } from "../../src/facts/host-resources.ts";

test("resolv.conf: name servers that are not this host itself", () => {
	const text =
		"# nameserver 9.9.9.9\nsearch example.com\nnameserver 127.0.0.53\nnameserver ::1\n  nameserver 172.18.0.53\nnameserver\t2001:db8::53\n";
	expect(parseResolvers(text)).toEqual(["172.18.0.53", "2001:db8::53"]);
	expect(parseResolvers("nameserver 127.0.0.53\n")).toEqual([]);
});

test("/proc/net/route: networks in words, without the default route", () => {
	const text = [
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
		"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
		"docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
		"tun0\t0A0A0A0A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0",
		"br-3f1c9a7be204\t0010A8C0\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0",
		"",
	].join("\n");
	expect(parseRoutes(text)).toEqual([
		{ interface: "eth0", subnet: "192.0.2.0/24" },
		{ interface: "docker0", subnet: "172.17.0.0/16" },
		{ interface: "tun0", subnet: "10.10.10.10/32" },
		{ interface: "br-3f1c9a7be204", subnet: "192.168.16.0/20" },
	]);
});

test("network inspect, of Docker and of Podman", () => {
	expect(
		parseNetworks(
			'[{"Name":"kind","IPAM":{"Driver":"default","Config":[{"Subnet":"172.18.0.0/16"},{"Subnet":"fc00:f853:ccd:e793::/64"}]}}]',
		),
	).toEqual([
		{ name: "kind", subnet: "172.18.0.0/16" },
		{ name: "kind", subnet: "fc00:f853:ccd:e793::/64" },
	]);
	expect(parseNetworks('[{"name":"podman","subnets":[{"subnet":"10.88.0.0/16","gateway":"10.88.0.1"}]}]')).toEqual([
		{ name: "podman", subnet: "10.88.0.0/16" },
	]);
	expect(parseNetworks('[{"Name":"none","IPAM":{"Config":null}}]')).toEqual([]);
	expect(parseNetworks("Error response from daemon")).toBeUndefined();
});

test("daemon.json and meminfo", () => {
	expect(parseDataRoot("")).toBeUndefined();
	expect(parseDataRoot('{"data-root": "/srv/docker", "debug": true}')).toBe("/srv/docker");
	expect(() => parseDataRoot("{")).toThrow("daemon.json");
	expect(parseMemTotal("MemTotal:       24684100 kB\nMemFree: 1 kB\n")).toBe(25_276_518_400);
	expect(parseMemTotal("")).toBeUndefined();
});
