import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { diagnose } from "../../src/diagnose.ts";
import { parseManifestNetworks } from "../../src/facts/network-sources.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { casesOr, isThere, unlessThere } from "../support/host.ts";

const folder = new URL("../../../shared/data/capmox/", import.meta.url);
const templates = isThere(folder)
	? readdirSync(folder).flatMap((version) =>
			readdirSync(new URL(`${version}/templates/`, folder))
				.filter((file) => file.startsWith("cluster-template"))
				.map((file) => [version, file] as const),
		)
	: [];

const values: Readonly<Record<string, string>> = {
	CLUSTER_NAME: "prod",
	NAMESPACE: "default",
	KUBERNETES_VERSION: "v1.33.4",
	CONTROL_PLANE_ENDPOINT_IP: "10.10.10.10",
	NODE_IP_RANGES: "[10.10.10.20-10.10.10.99]",
	GATEWAY: "10.10.10.1",
	IP_PREFIX: "24",
	IPV6_PREFIX: "64",
	NODE_IPV6_RANGES: "['2001:db8:1::20-2001:db8:1::99']",
	IPV6_GATEWAY: "'2001:db8:1::1'",
	SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.99]",
	NODE_SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.99]",
	SECONDARY_IP_PREFIX: "24",
	SECONDARY_GATEWAY: "10.20.0.1",
	LB_BGP_IPV4_RANGES: "[10.30.0.10-10.30.0.99]",
	LB_BGP_IPV4_PREFIX: "24",
	LB_BGP_IPV6_RANGE: "['2001:db8:3::10-2001:db8:3::99']",
	LB_BGP_IPV6_RANGES: "['2001:db8:3::10-2001:db8:3::99']",
	LB_BGP_IPV6_PREFIX: "64",
	METALLB_IPV4_RANGE: "10.40.0.0/24",
	METALLB_IPV6_RANGE: "2001:db8:4::/64",
	DNS_SERVERS: "[10.10.10.1]",
	BRIDGE: "vmbr0",
	SECONDARY_BRIDGE: "vmbr1",
	EXT_SERVICE_BRIDGE: "vmbr2",
	ALLOWED_NODES: "[pve1]",
	TEMPLATE_TAGS: "[ubuntu]",
	VM_SSH_KEYS: "ssh-ed25519 AAAA",
};

/** As clusterctl generate cluster fills a template in; what has no value and no default is a number here. */
const render = (text: string): string =>
	text.replace(
		/(?<!\$)\$\{\s*([A-Za-z0-9_]+)\s*(?::?=([^}]*))?\}/g,
		(_, name: string, given?: string) => values[name] ?? given ?? "1",
	);

const nicOrder = checks.filter(({ id }) => id === "nic-order");

function codesOf(text: string): readonly string[] {
	const none = { state: "unavailable", cause: "not-set-up", lastSeen: "nothing here" } as const;
	const others = [
		"node.kubelet",
		"node.interfaces",
		"node.routes",
		"management.networks",
		"workload.clusters",
		"workload.nodes",
	] as const;
	const sheet: FactSheet = {
		...Object.fromEntries([...others, "workload.reach"].map((name) => [name, none])),
		"environment.networks": { state: "known", value: parseManifestNetworks("cluster.yaml", text) },
	};
	const { verdict } = diagnose(nicOrder, sheet)[0]!;
	return verdict.kind === "problem" ? verdict.findings.map(({ code }) => code) : [verdict.kind];
}

describe(`CAPMOX's own templates${unlessThere(folder)}`, () => {
	test.skipIf(!isThere(folder)).each(casesOr(["none", "none"] as const, templates))(
		"%s %s: nothing is wrong with it",
		(version, file) => {
			const text = render(readFileSync(new URL(`${version}/templates/${file}`, folder), "utf8"));
			// The second pool has a gateway and no metric there, which v0.8 mended by an annotation.
			const isOld = version === "v0.7.7" && file.includes("multiple-vlans");
			expect(codesOf(text)).toEqual(isOld ? Array(2).fill("nic-order/default-route-elsewhere") : ["pass"]);
			expect(parseManifestNetworks("cluster.yaml", text).plans.length).toBeGreaterThan(1);
		},
	);

	test.skipIf(!isThere(folder)).each(casesOr(["none", "none"] as const, templates))(
		"%s %s: an e1000 among its devices is found",
		(version, file) => {
			const text = render(readFileSync(new URL(`${version}/templates/${file}`, folder), "utf8"));
			const isSingle = parseManifestNetworks("cluster.yaml", text).plans.every(({ devices }) => devices.length < 2);
			const codes = codesOf(text.replace(/model: virtio(?![\s\S]*model: virtio)/, "model: e1000"));
			expect(codes.includes("nic-order/mixed-models")).toBe(!isSingle);
		},
	);
});

describe("a manifest that cannot be judged", () => {
	test("is told by its name", () => {
		expect(() => parseManifestNetworks("cluster.yaml", "a: [")).toThrow(/--manifest: cluster\.yaml is not valid YAML/);
		expect(() => parseManifestNetworks("cluster.yaml", "a: [${B}]")).toThrow(/clusterctl generate cluster/);
		expect(() =>
			parseManifestNetworks(
				"cluster.yaml",
				"apiVersion: infrastructure.cluster.x-k8s.io/v1alpha2\nkind: ProxmoxMachineTemplate\nmetadata: {name: a}\nspec: {}\n",
			),
		).toThrow(/a ProxmoxMachineTemplate is not in the form of its API/);
	});

	test("without machines there is nothing to pass", () => {
		expect(codesOf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")).toEqual(["skip"]);
	});
});
