import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { checks } from "../../checks/index.ts";
import type { World } from "../../src/access/world.ts";
import { diagnose, type Verdict } from "../../src/diagnose.ts";
import { parseManifestKubeVip } from "../../src/facts/management-kube-vip.ts";
import { parseManifestNetworks } from "../../src/facts/network-sources.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { Clusters, kubeconfigSecret, worldWith } from "../support/clusters.ts";
import { faultsOf, unlessDefined } from "../support/custom-resources.ts";
import { casesOr, isThere, unlessThere } from "../support/host.ts";
import { legacy, newest } from "../support/management.ts";
import { lease, plantedInSecret, vipManifest, vipObjects, vipPod } from "../support/vip-objects.ts";
import { lives, nodes, plans } from "./kube-vip.cases.ts";

const check = checks.find(({ id }) => id === "kube-vip")!;
const clusters = new Clusters();
afterEach(() => clusters.close());

const look = (world: World): Promise<FactSheet> =>
	gather(world, { wanted: [...check.needs, ...check.uses], signal: new AbortController().signal });
const judge = (sheet: FactSheet): Verdict => diagnose([check], sheet)[0]!.verdict;
const codesOf = (verdict: Verdict): readonly string[] =>
	verdict.kind === "problem" ? verdict.findings.map(({ code }) => code.replace("kube-vip/", "")) : [verdict.kind];

describe.each([
	["v1beta2", newest],
	["v1beta1", legacy],
] as const)("from the management cluster, %s", (_, setup) => {
	test.each(plans)("%s", async (_name, given, expected) => {
		const management = await clusters.start(vipObjects({ setup, ...given }));
		const sheet = await look(await worldWith(management));
		expect(codesOf(judge(sheet))).toEqual(expected);
		expect(management.requests.every(({ method }) => method === "GET")).toBe(true);
		expect(JSON.stringify(sheet)).not.toContain(plantedInSecret);
	});
});

test("a Secret that may not be read is unknown, never fine", async () => {
	const faults = [{ kind: "status", code: 403, path: "/api/v1/namespaces/default/secrets/prod-kube-vip" }] as const;
	const management = await clusters.start(vipObjects({ inSecret: true }), { faults });
	expect(judge(await look(await worldWith(management)))).toMatchObject({
		kind: "unknown",
		missing: expect.arrayContaining([
			expect.objectContaining({ fact: "management.kubeVipSecrets", cause: "forbidden" }),
		]) as unknown,
	});
});

test("what is known stands beside what may not be read", async () => {
	const faults = [{ kind: "status", code: 403, resource: "secrets" }] as const;
	const objects = vipObjects({ inSecret: true, machineManifest: {} });
	const workload = await clusters.start([
		...nodes,
		vipPod({
			node: "prod-control-plane-0",
			image: "ghcr.io/kube-vip/kube-vip:v1.2.2",
			variables: { vip_leaderelection: "" },
		}),
	]);
	const management = await clusters.start(objects, { faults });
	expect(judge(await look(await worldWith(management, workload)))).toMatchObject({
		kind: "problem",
		findings: [{ code: "kube-vip/broken-release" }],
		missing: [{ fact: "management.kubeVipSecrets", cause: "forbidden" }],
	});
});

test("what is left says which flag to pass", async () => {
	const management = await clusters.start(vipObjects());
	expect(judge(await look(await worldWith(management)))).toMatchObject({
		kind: "unknown",
		missing: [{ fact: "workload.reach", lastSeen: expect.stringContaining("--workload-kubeconfig") as string }],
	});
});

test("without any cluster there is nothing to look at", async () => {
	expect(judge(await look(await worldWith()))).toMatchObject({ kind: "skip" });
});

describe("from the workload cluster", () => {
	test.each(lives)("%s", async (_, given, objects, expected) => {
		const management = await clusters.start(vipObjects(given));
		const workload = await clusters.start([...nodes, ...objects(new Date())]);
		const verdict = judge(await look(await worldWith(management, workload)));
		expect(codesOf(verdict)).toEqual(expected.map((code) => code.replace("!", "")));
		if (expected.some((code) => code.endsWith("!"))) {
			expect(verdict).toMatchObject({ findings: [{ severity: "error" }] });
		}

		expect(new Set(workload.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
		expect(workload.requests.length).toBeLessThanOrEqual(4);
	});

	test("it is reached by what --workload names, and one that is broken is found", async () => {
		const crash = vipPod({ node: "prod-control-plane-0", waiting: "CrashLoopBackOff", restarts: 9, exitCode: 1 });
		const workload = await clusters.start([...nodes, crash, lease("", new Date())]);
		const management = await clusters.start([...vipObjects(), kubeconfigSecret(workload)]);
		const sheet = await look(await worldWith(management, undefined, undefined, "prod"));
		const verdict = judge(sheet);
		expect(codesOf(verdict)).toEqual(["not-running"]);
		const [fetch, read] = verdict.kind === "problem" ? verdict.findings[0].remedy : [];
		expect(fetch?.command?.join(" ")).toBe("clusterctl get kubeconfig prod --namespace default");
		expect(read?.command).toContain("--kubeconfig=prod.kubeconfig");
		expect(JSON.stringify(sheet)).not.toContain(workload.token);
	});

	test("alone, its pods are judged by themselves", async () => {
		const crashing = { waiting: "CrashLoopBackOff", restarts: 9, exitCode: 1 };
		const pod = vipPod({ node: "prod-control-plane-0", image: "ghcr.io/kube-vip/kube-vip:v0.5.11", ...crashing });
		const sixth = nodes.map((node) => ({
			...node,
			status: {
				addresses: [{ type: "InternalIP", address: "2001:db8:1::20" }],
				conditions: [{ type: "Ready", status: "True" }],
			},
		}));
		const workload = await clusters.start([...sixth, pod]);
		expect(codesOf(judge(await look(await worldWith(undefined, workload))))).toEqual(["not-running", "blind-to-ipv6"]);
	});

	test.each(["garbage", "cut", "truncated", "html", "empty"] as const)("%s is unknown, never fine", async (kind) => {
		const management = await clusters.start(vipObjects());
		for (const path of ["/api/v1/namespaces/kube-system/pods", "/apis/coordination.k8s.io/"]) {
			const objects = [...nodes, vipPod({ node: "prod-control-plane-0" }), lease("prod-control-plane-0", new Date())];
			const workload = await clusters.start(objects, { faults: [{ kind, path }] });
			expect(codesOf(judge(await look(await worldWith(management, workload))))).toEqual(["unknown"]);
		}
	});

	test("one that does not answer is unknown, never fine", async () => {
		const management = await clusters.start(vipObjects());
		const workload = await clusters.start([]);
		const world = await worldWith(management, workload);
		await workload.close();
		expect(codesOf(judge(await look(world)))).toEqual(["unknown"]);
	});
});

describe("--manifest", () => {
	const textOf = (...given: Parameters<typeof vipObjects>) =>
		vipObjects(...given)
			.filter(({ kind }) =>
				["Cluster", "ProxmoxCluster", "KubeadmControlPlane", "ProxmoxMachineTemplate"].includes(kind),
			)
			.map((object) => stringify({ ...object, status: undefined }))
			.join("---\n");

	test.each([
		["fine", textOf({}), ["pass"]],
		["nothing gives it super-admin.conf", textOf({ unprepared: true }), ["super-admin-missing"]],
		[
			"IPv6 alone",
			textOf({
				onlyIpv6: true,
				endpoint: "2001:db8:1::10",
				manifest: { image: "kube-vip:v0.5.11", variables: { address: "2001:db8:1::10" } },
			}),
			["blind-to-ipv6"],
		],
		[
			"a ClusterClass writes the control plane",
			textOf({ topology: true }).replace(/(?:^|---\n)apiVersion: controlplane[\s\S]*?(?=---|$)/, ""),
			["unknown"],
		],
		[
			"nothing but a ClusterClass",
			"kind: ClusterClass\napiVersion: cluster.x-k8s.io/v1beta2\nmetadata: {name: x}\n",
			["unknown"],
		],
		["no cluster", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n", ["skip"]],
	])("%s", async (_, text, expected) => {
		expect(codesOf(judge(await look(await worldWith(undefined, undefined, text))))).toEqual(expected);
	});

	test("that is not rendered yet is refused", async () => {
		const text = textOf({ manifest: { variables: { address: "$" + "{CONTROL_PLANE_ENDPOINT_IP}" } } });
		await expect(look(await worldWith(undefined, undefined, text))).rejects.toThrow(
			/still holds .*clusterctl generate/,
		);
	});
});

const templates = new URL("../../../shared/data/capmox/", import.meta.url);
describe(`CAPMOX's own templates${unlessThere(templates)}`, () => {
	const versions = isThere(templates) ? readdirSync(templates) : [];
	test.skipIf(versions.length === 0).each(casesOr("none", versions))("%s", async (version) => {
		const folder = new URL(`${version}/templates/`, templates);
		const files = readdirSync(folder).filter((file) => file.startsWith("cluster-template"));
		for (const file of files) {
			const text = readFileSync(new URL(file, folder), "utf8")
				.replaceAll("$" + "{CONTROL_PLANE_ENDPOINT_IP}", "10.10.10.10")
				.replaceAll(/(?<!\$)\$\{\s*\w+\s*:?=([^}]*)\}/g, "$1")
				.replaceAll(/(?<!\$)\$\{\s*\w*(?:RANGES?|NODES|SERVERS|TAGS)\s*\}/g, "[]")
				.replaceAll(/(?<!\$)\$\{\s*\w*(?:GATEWAY|BRIDGE|RANGE)\s*\}/g, '"1"')
				.replaceAll(/(?<!\$)\$\{\s*\w+\s*\}/g, "1");
			const { controlPlanes } = await parseManifestKubeVip(file, text, () =>
				Promise.resolve(parseManifestNetworks(file, text)),
			);
			expect(controlPlanes.length, file).toBe(1);
			expect(controlPlanes[0], file).toMatchObject({
				superAdmin: true,
				endpoint: { host: "10.10.10.10" },
				manifest: { state: "found", version: "v0.7.1", address: "10.10.10.10", interface: "", controlPlane: true },
			});
		}
	});
});

test("a manifest with anything that could be a secret is not recorded as a whole", async () => {
	const manifest = { variables: { bgp_peerpass: "planted" } };
	const management = await clusters.start(vipObjects({ manifest }));
	const text = JSON.stringify(await look(await worldWith(management)));
	expect(text).not.toContain("planted");
	expect(text).toContain("v0.7.1");
});

test("the patch mends what it is to mend, and nothing else", async () => {
	const management = await clusters.start(vipObjects({ manifest: { image: "ghcr.io/kube-vip/kube-vip:v1.2.2" } }));
	const verdict = judge(await look(await worldWith(management)));
	const [step] = verdict.kind === "problem" ? verdict.findings[0].remedy : [];
	const patch = step?.command?.find((word) => word.startsWith("--patch="))?.slice("--patch=".length) ?? "[]";
	expect(JSON.parse(patch)).toEqual([
		{ op: "test", path: "/metadata/uid", value: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
		{ op: "test", path: "/metadata/generation", value: 1 },
		{ op: "test", path: "/spec/kubeadmConfigSpec/files/1/path", value: "/etc/kubernetes/manifests/kube-vip.yaml" },
		{
			op: "replace",
			path: "/spec/kubeadmConfigSpec/files/1/content",
			value: vipManifest({ image: "ghcr.io/kube-vip/kube-vip:v1.1.2" }),
		},
	]);
});

test("nobody is told to roll out what is broken", async () => {
	const [, given, objects] = lives.find(([name]) => name === "mended by hand on the node alone")!;
	const management = await clusters.start(vipObjects(given));
	const workload = await clusters.start([...nodes, ...objects(new Date())]);
	const verdict = judge(await look(await worldWith(management, workload)));
	const steps = verdict.kind === "problem" ? verdict.findings.flatMap(({ remedy }) => remedy) : [];
	expect(steps.length).toBeGreaterThan(0);
	expect(steps.filter(({ command }) => command?.includes("rollout"))).toEqual([]);
});

describe(`the objects are such as an API server takes${unlessDefined}`, () => {
	test.skipIf(unlessDefined !== "").each([
		["v1beta2", newest, ["capmox-v0.9.0", "capi-v1.12.11"]],
		["v1beta1", legacy, ["capmox-v0.7.7", "capi-v1.10.10"]],
	] as const)("%s", (_, setup, folders) => {
		const kinds = ["KubeadmControlPlane", "KubeadmConfig", "Cluster", "ProxmoxCluster"];
		const objects = plans.flatMap(([, given]) => (given.talos === true ? [] : vipObjects({ setup, ...given })));
		expect(
			new Set(
				faultsOf(
					objects.filter(({ kind }) => kinds.includes(kind)),
					folders,
				),
			),
		).toEqual(new Set());
	});
});
