import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseMachineObjects } from "../../src/facts/machine-objects.ts";
import { parseMachineVariables, parseManifest } from "../../src/facts/machines.ts";
import type { Flavor } from "../../src/knowledge/templates.ts";

const variables = (values: Readonly<Record<string, string>>, flavor?: Flavor) =>
	parseMachineVariables(
		{
			files: [],
			lookUp: (name) => (values[name] === undefined ? [] : [{ value: values[name], origin: "envfile, line 1" }]),
		},
		flavor,
	).machines;

describe("variables", () => {
	test("lists as the templates want them, as people write them, and quoted", () => {
		for (const nodes of ["[pve1,pve2]", "[pve1, pve2]", "pve1,pve2", "['pve1', \"pve2\"]"]) {
			expect(variables({ ALLOWED_NODES: nodes })[0]?.allowedNodes).toEqual(["pve1", "pve2"]);
		}

		expect(variables({ ALLOWED_NODES: "[]", TEMPLATE_VMID: "9000" })[0]?.allowedNodes).toEqual([]);
	});

	test("the ID goes before the tags, which only flavor auto-image reads", () => {
		expect(variables({ TEMPLATE_VMID: "9000", TEMPLATE_TAGS: "a,b" })[0]).toMatchObject({
			templateId: 9000,
			templateTags: [],
		});
		expect(variables({ TEMPLATE_TAGS: "a,b" })[0]?.templateTags).toEqual(["a", "b"]);
		expect(variables({ TEMPLATE_VMID: "99", TEMPLATE_TAGS: "a" })[0]?.templateId).toBeUndefined();
	});

	test("with a flavor only what its template reads", () => {
		const all = { TEMPLATE_VMID: "9000", TEMPLATE_TAGS: "a", BRIDGE: "vmbr0", SECONDARY_BRIDGE: "vmbr1" };
		const read = (flavor?: Flavor) => variables(all, flavor)[0];
		const [first, second] = [{ bridge: "vmbr0", onlySome: false }, { bridge: "vmbr1" }];
		expect(read()?.devices).toEqual([first, { ...second, onlySome: true }]);
		expect(read("default")?.devices).toEqual([first]);
		expect(read("multiple-vlans")?.devices).toEqual([first, { ...second, onlySome: false }]);
		expect(read("auto-image")).toMatchObject({ templateTags: ["a"] });
		expect(read("auto-image")?.templateId).toBeUndefined();
		expect(read("flatcar")?.skips).toEqual(["skipCloudInitStatus"]);
	});

	test("a bridge alone, which many programs name so, makes no machine", () => {
		expect(variables({ BRIDGE: "br0" })).toEqual([]);
	});
});

describe("objects", () => {
	const template = (name: string, namespace: string, cluster?: string) => ({
		kind: "ProxmoxMachineTemplate",
		metadata: {
			name,
			namespace,
			...(cluster === undefined ? {} : { labels: { "cluster.x-k8s.io/cluster-name": cluster } }),
		},
		spec: { template: { spec: { sourceNode: "pve1", templateID: 9000 } } },
	});
	const cluster = (name: string, namespace: string, spec: object) => ({
		kind: "ProxmoxCluster",
		metadata: { name, namespace, labels: { "cluster.x-k8s.io/cluster-name": name } },
		spec,
	});

	test("nodes come from the template's own cluster, or from all of its namespace", () => {
		const clusters = [
			cluster("a", "x", { allowedNodes: ["pve1"] }),
			cluster("b", "x", { allowedNodes: ["pve2"] }),
			cluster("c", "y", { allowedNodes: ["pve3"] }),
		];
		const nodes = (own: object) => parseMachineObjects([...clusters, own]).machines[0]?.allowedNodes;
		expect(nodes(template("t", "x", "b"))).toEqual(["pve2"]);
		expect(nodes(template("t", "x"))).toEqual(["pve1", "pve2"]);
		expect(nodes(template("t", "z"))).toEqual([]);
	});

	test("machines of a cluster with credentials of its own are not this token's", () => {
		const found = parseMachineObjects([
			cluster("a", "x", { credentialsRef: { name: "other" } }),
			template("t", "x", "a"),
		]);
		expect(found).toMatchObject({ machines: [], otherCredentials: ["x/a"] });
	});

	test("both versions of the network, and what stands between", () => {
		const plan = (network: object) =>
			parseMachineObjects([{ ...template("t", "x"), spec: { template: { spec: { templateID: 9000, network } } } }])
				.machines[0]?.devices;
		expect(
			plan({ default: { bridge: "vmbr0", vlan: 10 }, additionalDevices: [{ name: "net1", bridge: "vmbr1" }] }),
		).toEqual([
			{ bridge: "vmbr0", vlan: 10, onlySome: false },
			{ bridge: "vmbr1", onlySome: false },
		]);
		expect(plan({ networkDevices: [{ bridge: "vmbr2" }, { name: "net1" }] })).toEqual([
			{ bridge: "vmbr2", onlySome: false },
		]);
	});

	test("a list, as kubectl prints it", () => {
		const text = JSON.stringify({ kind: "List", items: [template("t", "x")] });
		expect(parseManifest({ name: "file", text }).machines).toHaveLength(1);
	});
});

const folder = new URL("../../../shared/data/capmox/", import.meta.url);
const isThere = existsSync(folder);
const values: Readonly<Record<string, string>> = {
	ALLOWED_NODES: "[pve1]",
	BRIDGE: "vmbr0",
	SECONDARY_BRIDGE: "vmbr1",
	EXT_SERVICE_BRIDGE: "vmbr2",
	PROXMOX_SOURCENODE: "pve1",
	TEMPLATE_VMID: "9000",
	TEMPLATE_TAGS: "capmox,template",
};
/** As clusterctl: a value, else the default, else something that fits anywhere. */
const render = (text: string): string =>
	text.replace(
		/(?<!\$)\$\{\s*([A-Z0-9_]+)\s*(?::?=([^}]*))?\}/g,
		(_, name: string, otherwise?: string) => values[name] ?? otherwise ?? "1",
	);
const flavors = ["", "-auto-image", "-calico", "-cilium-load-balancer", "-dual-stack", "-flatcar", "-multiple-vlans"];

describe.skipIf(!isThere)(`CAPMOX's own templates${isThere ? "" : " (skipped: they are not on this machine)"}`, () => {
	test.each(["v0.7.7", "v0.9.0"].flatMap((version) => flavors.map((flavor) => [version, flavor] as const)))(
		"%s %s",
		(version, flavor) => {
			const file = new URL(`${version}/templates/cluster-template${flavor}.yaml`, folder);
			if (!existsSync(file)) {
				return;
			}

			const { machines } = parseManifest({ name: "file", text: render(readFileSync(file, "utf8")) });
			expect(machines.length).toBeGreaterThanOrEqual(2);
			for (const machine of machines) {
				expect(machine).toMatchObject(
					flavor === "-auto-image"
						? { templateTags: ["capmox", "template"] }
						: { templateId: 9000, sourceNode: "pve1" },
				);
				expect(machine.allowedNodes).toEqual(["pve1"]);
				expect(machine.devices[0]?.bridge).toBe("vmbr0");
				expect(machine.skips).toEqual(flavor === "-flatcar" ? ["skipCloudInitStatus"] : []);
			}
		},
	);
});

describe("YAML that fails only when its aliases are followed is the user's to mend", () => {
	const ten = (item: string) => `[${Array.from({ length: 10 }, () => item).join(", ")}]`;

	test.each([
		["an alias without an anchor", "kind: ProxmoxCluster\nmetadata: *nope\n", "Unresolved alias"],
		["an alias within itself", "kind: ClusterClass\nspec: &s\n  a: *s\n", "what it is a part of"],
		[
			"aliases that grow",
			`a: &a ${ten("x")}\nb: &b ${ten("*a")}\nc: &c ${ten("*b")}\nd: &d ${ten("*c")}\n`,
			"Excessive alias count",
		],
	])("%s", (_, text, reason) => {
		expect(() => parseManifest({ name: "m.yaml", text })).toThrow(
			expect.objectContaining({ name: "UsageError", message: expect.stringContaining(reason) as string }) as Error,
		);
	});

	test("an alias that is in order is followed", () => {
		const text =
			"kind: ProxmoxMachineTemplate\nmetadata: { name: &n a }\nspec: { template: { spec: { templateID: 9000, sourceNode: *n } } }\n";
		expect(parseManifest({ name: "m.yaml", text }).machines[0]?.sourceNode).toBe("a");
	});
});
