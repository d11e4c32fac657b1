import { afterEach, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import type { World } from "../../src/access/world.ts";
import { diagnose, type Verdict } from "../../src/diagnose.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { type CalicoSetup, calicoObjects } from "../support/calico-objects.ts";
import { Clusters, kubeconfigSecret, worldWith } from "../support/clusters.ts";
import { nicObjects } from "../support/nic-objects.ts";
import { vipPod } from "../support/vip-objects.ts";
import { cases } from "./calico-ipvs.cases.ts";

const check = checks.find(({ id }) => id === "calico-ipvs")!;
const clusters = new Clusters();
afterEach(() => clusters.close());

const look = (world: World): Promise<FactSheet> =>
	gather(world, { wanted: [...check.needs, ...check.uses], signal: new AbortController().signal });
const judge = (sheet: FactSheet): Verdict => diagnose([check], sheet)[0]!.verdict;
const codesOf = (verdict: Verdict): readonly string[] =>
	verdict.kind === "problem" ? verdict.findings.map(({ code }) => code.replace("calico-ipvs/", "")) : [verdict.kind];
const devices = [{ addresses: ["10.10.10.21"] }];
const setupOf = (name: string): CalicoSetup => cases.find(([each]) => each === name)![1];
const fine = setupOf("the method takes the InternalIP");

describe("with a management cluster", () => {
	const all = cases.map(([name, setup, expected, nics = {}]) => [name, setup, expected, nics] as const);
	test.each(all)("%s", async (_, setup, expected, nics) => {
		const management = await clusters.start(nicObjects({ devices, ...nics }));
		const workload = await clusters.start(calicoObjects(setup));
		const sheet = await look(await worldWith(management, workload));
		expect(codesOf(judge(sheet))).toEqual(expected);
		expect(new Set(workload.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
		expect(JSON.stringify(sheet)).not.toContain("planted");
	});
});

describe("a workload cluster alone", () => {
	test.each([
		["fine", fine, ["pass"]],
		["a Service's address", setupOf("a load balancer's address"), ["service-address"]],
	] as const)("%s", async (_, setup, expected) => {
		const workload = await clusters.start(calicoObjects(setup));
		expect(codesOf(judge(await look(await worldWith(undefined, workload))))).toEqual(expected);
	});

	test("kube-vip's pods tell the endpoint", async () => {
		const { nodes } = setupOf("the endpoint");
		const pod = vipPod({ node: "prod-control-plane-0" });
		const workload = await clusters.start([...calicoObjects({ nodes }), pod]);
		expect(codesOf(judge(await look(await worldWith(undefined, workload))))).toEqual(["endpoint-address"]);
	});
});

test("it is reached by what --workload names", async () => {
	const workload = await clusters.start(calicoObjects(setupOf("the endpoint")));
	const management = await clusters.start([...nicObjects({ devices }), kubeconfigSecret(workload)]);
	const verdict = judge(await look(await worldWith(management, undefined, undefined, "prod")));
	expect(codesOf(verdict)).toEqual(["endpoint-address"]);
	expect(verdict.kind === "problem" ? verdict.findings[0].remedy[0].command : []).toContain("clusterctl");
});

test("while its pods are being replaced nobody is told to restart them", async () => {
	const setup = { ...setupOf("a load balancer's address"), variables: fine.variables ?? {} };
	const commandsOf = async (rolling: boolean) => {
		const verdict = judge(
			await look(await worldWith(undefined, await clusters.start(calicoObjects({ ...setup, rolling })))),
		);
		return verdict.kind === "problem" ? verdict.findings[0].remedy.map(({ command = [] }) => command.join(" ")) : [];
	};
	expect((await commandsOf(true)).join()).toMatch(/ get .*daemonset\/calico-node$/);
	expect((await commandsOf(false)).join()).toContain("rollout restart");
});

test("without a kubeconfig it says which flag to pass", async () => {
	const management = await clusters.start(nicObjects({ devices }));
	expect(judge(await look(await worldWith(management)))).toMatchObject({
		kind: "unknown",
		missing: [{ fact: "workload.reach", lastSeen: expect.stringContaining("--workload-kubeconfig") as string }],
	});
});

test("without any cluster there is nothing to look at", async () => {
	expect(judge(await look(await worldWith()))).toMatchObject({ kind: "skip" });
});

test.each(["nodes", "services", "configmaps", "daemonsets.apps", "pods"])(
	"%s that may not be read: never fine",
	async (resource) => {
		const faults = [{ kind: "status", code: 403, resource }] as const;
		const management = await clusters.start(nicObjects({ devices }));
		const workload = await clusters.start(calicoObjects(fine), { faults });
		expect(codesOf(judge(await look(await worldWith(management, workload))))).toEqual(["unknown"]);
	},
);

test.each(["garbage", "cut", "truncated", "html", "empty"] as const)("%s is unknown, never fine", async (kind) => {
	const management = await clusters.start(nicObjects({ devices }));
	for (const path of ["/api/v1/services", "/api/v1/namespaces/kube-system/configmaps/", "/apis/apps/v1/daemonsets"]) {
		const workload = await clusters.start(calicoObjects(fine), { faults: [{ kind, path }] });
		expect(codesOf(judge(await look(await worldWith(management, workload)))), path).toEqual(["unknown"]);
	}
});

test("a configuration of kube-proxy that is none is unknown, never fine", async () => {
	const objects = calicoObjects(fine).map((object) =>
		object.kind === "ConfigMap" ? { ...object, data: { "config.conf": "a: [" } } : object,
	);
	const management = await clusters.start(nicObjects({ devices }));
	expect(codesOf(judge(await look(await worldWith(management, await clusters.start(objects)))))).toEqual(["unknown"]);
});

test("all checks of the workload together ask for each list once", async () => {
	const all = checks.filter(({ group }) => group === "workload");
	const management = await clusters.start(nicObjects({ devices }));
	const setup = { ...fine, operator: true };
	const workload = await clusters.start([...calicoObjects(setup), vipPod({ node: "prod-control-plane-0" })]);
	await gather(await worldWith(management, workload), {
		wanted: new Set(all.flatMap(({ needs, uses }) => [...needs, ...uses])),
		signal: new AbortController().signal,
	});
	expect(workload.requests.map(({ path }) => path).toSorted()).toEqual([
		"/api/v1/namespaces/calico-system/pods",
		"/api/v1/namespaces/kube-system/configmaps/kube-proxy",
		"/api/v1/namespaces/kube-system/pods",
		"/api/v1/nodes",
		"/api/v1/services",
		"/apis/apps/v1/daemonsets",
		"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/plndr-cp-lock",
	]);
});
