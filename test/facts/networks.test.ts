import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { type Commands, createCommands } from "../../src/access/commands.ts";
import { createFiles } from "../../src/access/files.ts";
import { createKubectl } from "../../src/access/kubectl.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import { diagnose, type Verdict } from "../../src/diagnose.ts";
import { ProbeError } from "../../src/errors.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { faultsOf, unlessDefined } from "../support/custom-resources.ts";
import { type DoctorOptions, doctor } from "../support/doctor.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import { type Kubernetes, startKubernetes } from "../support/kubernetes/server.ts";
import { legacy, newest } from "../support/management.ts";
import { type DeviceSpec, type NicSetup, type NodeSpec, nicObjects, nodeObject } from "../support/nic-objects.ts";

const check = checks.find(({ id }) => id === "nic-order")!;
let path: string;
const open: Kubernetes[] = [];
beforeAll(async () => {
	path = `${dirname(await findKubectl())}:${process.env["PATH"] ?? ""}`;
});
afterEach(async () => {
	await Promise.all(open.splice(0).map((cluster) => cluster.close()));
});

async function start(objects: readonly KubernetesObject[]): Promise<Kubernetes> {
	const cluster = await startKubernetes({ objects });
	open.push(cluster);
	return cluster;
}

/** Through the real kubectl, on a host that is no node. */
function world(management: Kubernetes | undefined, workload?: Kubernetes): World {
	const real = createCommands();
	const commands: Commands = {
		...real,
		run: (argv, options) =>
			argv[0] === "kubectl"
				? real.run(argv, { ...options, env: { PATH: path, HOME: (management ?? workload)!.environment.HOME } })
				: Promise.reject(new ProbeError("tool-missing", `${argv[0]} is not installed`)),
	};
	const access = (cluster: Kubernetes) =>
		createKubectl(commands, createFiles(), { kubeconfig: cluster.kubeconfig, processEnvironment: {} });
	const none = () => Promise.reject(new ProbeError("not-set-up", "there is no kubeconfig"));
	return {
		...openWorld({}),
		commands,
		host: { platform: "darwin", recorded: false },
		kubectl:
			management === undefined
				? { get: none, getText: none, getDated: none, list: none, listKept: none, listOnce: none, listMetadata: none }
				: access(management),
		workload: workload && access(workload),
		options: workload === undefined ? {} : { workloadKubeconfig: "prod.yaml" },
	};
}

const look = (given: World): Promise<FactSheet> =>
	gather(given, { wanted: [...check.needs, ...check.uses], signal: new AbortController().signal });
const judge = (sheet: FactSheet): Verdict => diagnose([check], sheet)[0]!.verdict;
const codesOf = (verdict: Verdict): readonly string[] =>
	verdict.kind === "problem" ? verdict.findings.map(({ code }) => code.replace("nic-order/", "")) : [verdict.kind];

const own: DeviceSpec = { addresses: ["10.10.10.21"] };
const shared: DeviceSpec = { shared: true, addresses: ["10.20.0.10"] };
const behind = { gateway: "10.20.0.1", metric: 200 };
const mixed: readonly DeviceSpec[] = [{ ...own, model: "e1000" }, shared];

/** `unknown` is what is left where nothing is wrong: nobody named the workload cluster. */
const plans: readonly (readonly [string, NicSetup, readonly string[]])[] = [
	["one device", { devices: [own] }, ["unknown"]],
	["a second device, whose pool has no gateway", { devices: [own, shared], pool: {} }, ["unknown"]],
	["its gateway has a higher metric", { devices: [own, shared], pool: behind }, ["unknown"]],
	[
		"its gateway has no metric",
		{ devices: [own, shared], pool: { gateway: "10.20.0.1" } },
		["default-route-elsewhere"],
	],
	[
		"its gateway has a lower metric",
		{ devices: [own, shared], pool: { gateway: "10.20.0.1", metric: 50 } },
		["default-route-elsewhere"],
	],
	[
		"the same, in a VRF of its own",
		{ devices: [own, { ...shared, vrf: true }], pool: { gateway: "10.20.0.1", metric: 50 } },
		["unknown"],
	],
	[
		"its gateway has the same metric",
		{ devices: [own, shared], pool: { gateway: "10.20.0.1", metric: 100 } },
		["equal-metrics"],
	],
	[
		"its gateway lies outside of its network, as in CAPMOX's own template",
		{ devices: [own, shared], pool: { gateway: "169.254.0.254" } },
		["unknown"],
	],
	[
		"the metric by its older name",
		{ devices: [own, shared], pool: { gateway: "10.20.0.1", metric: 200, legacyMetric: true } },
		["unknown"],
	],
	["the pool is not there", { devices: [own, shared], pool: null }, ["pool-missing"]],
	["mixed models, one default route", { devices: mixed, pool: {} }, ["mixed-models"]],
	[
		"mixed models, and the kubelet is told an address",
		{ devices: mixed, pool: { gateway: "10.20.0.1" }, kubelet: { "node-ip": "10.10.10.21" } },
		["unknown"],
	],
	[
		"mixed models, and a command tells it",
		{ devices: mixed, pool: {}, preKubeadmCommands: ["echo KUBELET_EXTRA_ARGS=--node-ip=$IP > /etc/default/kubelet"] },
		["unknown"],
	],
	[
		"a cloud controller tells it",
		{ devices: [own, shared], pool: { gateway: "10.20.0.1" }, kubelet: { "cloud-provider": "external" } },
		["unknown"],
	],
	["a template that was replaced stays behind", { devices: [own, shared], leftover: mixed, pool: {} }, ["unknown"]],
	[
		"the template is right, the machine has what an older one said",
		{ devices: [own, shared], machineDevices: mixed, pool: {} },
		["mixed-models"],
	],
];

describe.each([
	["v1alpha2", newest],
	["v1alpha1", legacy],
] as const)("from the management cluster, %s", (_, setup) => {
	test.each(plans)("%s", async (_name, given, expected) => {
		const sheet = await look(world(await start(nicObjects({ setup, ...given }))));
		expect(codesOf(judge(sheet))).toEqual(expected);
	});

	test("what is left says which flag to pass, and how to come by the kubeconfig", async () => {
		const sheet = await look(world(await start(nicObjects({ setup, devices: [own] }))));
		expect(judge(sheet)).toMatchObject({
			kind: "unknown",
			missing: [{ fact: "workload.reach", lastSeen: expect.stringContaining("--workload-kubeconfig") as string }],
		});
	});
});

const uid = (index: number): string =>
	(nicObjects({ devices: [own] }).filter(({ kind }) => kind === "Machine")[index]!["spec"] as { providerID: string })
		.providerID;
const controlPlane: NodeSpec = { name: "prod-control-plane-0", addresses: ["10.10.10.20"], providerId: uid(0) };
const worker: NodeSpec = { name: "prod-workers-0", addresses: ["10.10.10.21"], providerId: uid(1) };

const workloads: readonly (readonly [string, Partial<NicSetup>, readonly NodeSpec[], readonly string[]])[] = [
	["each node has its machine's address", {}, [controlPlane, worker], ["pass"]],
	["a worker goes by net1", {}, [controlPlane, { ...worker, addresses: ["10.20.0.10"] }], ["wrong-address"]],
	[
		"a worker goes by net1, because its kubelet is told so",
		{ kubelet: { "node-ip": "10.20.0.10" } },
		[controlPlane, { ...worker, addresses: ["10.20.0.10"] }],
		["pass"],
	],
	[
		"a cloud controller lists all addresses, the right one first",
		{},
		[controlPlane, { ...worker, addresses: ["10.10.10.21", "10.20.0.10"] }],
		["pass"],
	],
	[
		"a control-plane node goes by the endpoint",
		{},
		[{ ...controlPlane, addresses: ["10.10.10.10"] }, worker],
		["endpoint-as-address"],
	],
	["an address that nobody gave", {}, [controlPlane, { ...worker, addresses: ["192.168.1.7"] }], ["foreign-address"]],
	[
		"an address that the kubelet was told, beside a cloud controller",
		{},
		[
			controlPlane,
			{ ...worker, addresses: ["192.168.1.7"], annotations: { "alpha.kubernetes.io/provided-node-ip": "192.168.1.7" } },
		],
		["pass"],
	],
	["CAPMOX names no address of the machine", { devices: [{}, shared] }, [controlPlane, worker], ["address-untold"]],
	[
		"no address yet",
		{},
		[
			controlPlane,
			{ ...worker, addresses: [], ready: false, taints: ["node.cloudprovider.kubernetes.io/uninitialized"] },
		],
		["no-address"],
	],
	[
		"the Proxmox cloud controller's provider ID",
		{},
		[controlPlane, { ...worker, providerId: "proxmox://pve/102" }],
		["provider-id-mismatch"],
	],
	["no provider ID", {}, [controlPlane, { name: worker.name, addresses: worker.addresses }], ["provider-id-mismatch"]],
	[
		"the nodes of another cluster, with the same names",
		{},
		[{ ...controlPlane, providerId: "proxmox://0a" }],
		["provider-id-mismatch"],
	],
	[
		"a host name of its own, and the Proxmox cloud controller's provider ID",
		{},
		[controlPlane, { ...worker, name: "worker-a", providerId: "proxmox://pve/102" }],
		["provider-id-mismatch"],
	],
	[
		"a node that no machine has, such as one that stayed behind",
		{},
		[controlPlane, worker, { name: "prod-workers-9", addresses: ["10.10.10.29"], ready: false }],
		["address-untold"],
	],
	[
		"nodes that are none of these machines",
		{},
		[{ name: "other-0", addresses: ["10.99.0.1"], providerId: "proxmox://0b" }],
		["unknown"],
	],
];

describe("from the workload cluster", () => {
	test.each(workloads)("%s", async (_, given, nodes, expected) => {
		const management = await start(nicObjects({ devices: [own, shared], pool: behind, ...given }));
		const workload = await start(nodes.map(nodeObject));
		expect(codesOf(judge(await look(world(management, workload))))).toEqual(expected);
		expect(workload.requests.map(({ method }) => method)).toEqual(["GET"]);
		expect(management.requests.every(({ method }) => method === "GET")).toBe(true);
	});

	test("IPv6 in another textual form is the same address", async () => {
		const devices = [{ addresses: ["2001:db8:0:1::21"] }, shared];
		const management = await start(nicObjects({ devices, pool: behind }));
		const workload = await start([controlPlane, { ...worker, addresses: ["2001:0DB8:0:1:0:0:0:21"] }].map(nodeObject));
		expect(codesOf(judge(await look(world(management, workload))))).toEqual(["pass"]);
	});

	test("what is not ready is named first", async () => {
		const management = await start(nicObjects({ devices: [own, shared], pool: behind }));
		const workload = await start(
			[
				{ ...controlPlane, addresses: ["10.10.10.10"] },
				{ ...worker, addresses: ["10.20.0.10"], ready: false },
			].map(nodeObject),
		);
		expect(codesOf(judge(await look(world(management, workload))))).toEqual(["wrong-address", "endpoint-as-address"]);
	});

	test("a workload cluster alone is nothing to compare with", async () => {
		const workload = await start([controlPlane, worker].map(nodeObject));
		expect(codesOf(judge(await look(world(undefined, workload))))).toEqual(["skip"]);
	});

	test("a workload cluster that does not answer is unknown, never fine", async () => {
		const management = await start(nicObjects({ devices: [own, shared], pool: behind }));
		const workload = await start([]);
		await workload.close();
		open.splice(open.indexOf(workload), 1);
		expect(codesOf(judge(await look(world(management, workload))))).toEqual(["unknown"]);
	});
});

describe(`the objects are such as an API server takes${unlessDefined}`, () => {
	test.skipIf(unlessDefined !== "").each([
		["v1alpha2", newest, ["capmox-v0.9.0", "capi-v1.12.11", "ipam-in-cluster"]],
		["v1alpha1", legacy, ["capmox-v0.7.7", "capi-v1.10.10", "ipam-in-cluster"]],
	] as const)("%s", (_, setup, folders) => {
		const kinds = ["ProxmoxMachineTemplate", "KubeadmConfigTemplate", "GlobalInClusterIPPool"];
		const objects = plans.flatMap(([, given]) => nicObjects({ setup, ...given }));
		expect(
			faultsOf(
				objects.filter(({ kind }) => kinds.includes(kind)),
				folders,
			),
		).toEqual([]);
		const machines = objects.filter(
			({ kind, metadata }) => kind === "ProxmoxMachine" && metadata.name === "prod-workers-0",
		);
		expect(faultsOf(machines, folders)).toEqual([]);
		expect(faultsOf([{ ...machines[0]!, spec: { network: { device: [] } } }], folders)).not.toEqual([]);
	});
});

const secretOf = (cluster: Kubernetes, name = "prod"): KubernetesObject => ({
	apiVersion: "v1",
	kind: "Secret",
	metadata: { name: `${name}-kubeconfig`, namespace: "default", labels: { "cluster.x-k8s.io/cluster-name": name } },
	type: "cluster.x-k8s.io/secret",
	data: { value: readFileSync(cluster.kubeconfig).toString("base64") },
});

/** As a user runs it, with a folder of its own for temporary files. */
async function run(management: Kubernetes, words: readonly string[], onStart?: DoctorOptions["onStart"]) {
	const temporary = mkdtempSync(join(tmpdir(), "nic-order-"));
	const result = await doctor(["check", "nic-order", "--kubeconfig", management.kubeconfig, ...words], {
		env: { PATH: `${dirname(process.execPath)}:${path}`, HOME: management.environment.HOME, TMPDIR: temporary },
		...(onStart === undefined ? {} : { onStart }),
	});
	const left = readdirSync(temporary);
	return { ...result, left, temporary };
}

describe("the kubeconfig that the management cluster keeps", () => {
	test.each(["prod", "default/prod", "all"])("--workload %s", async (name) => {
		const workload = await start([controlPlane, { ...worker, addresses: ["10.20.0.10"] }].map(nodeObject));
		const management = await start([...nicObjects({ devices: [own, shared], pool: behind }), secretOf(workload)]);
		const { exitCode, stdout, stderr, left } = await run(management, ["--workload", name]);
		expect(stdout).toContain("Node prod-workers-0 goes by 10.20.0.10");
		expect(stdout).not.toContain("Could not look");
		expect([exitCode, stderr, left]).toEqual([1, "", []]);
		const secret = readFileSync(workload.kubeconfig, "utf8");
		for (const [, token = ""] of secret.matchAll(/token: "?([^"\s]+)/g)) {
			expect(stdout).not.toContain(token);
		}
	});

	test("a name that is none is a wrong word, and the others are named", async () => {
		const management = await start(nicObjects({ devices: [own] }));
		const { exitCode, stderr } = await run(management, ["--workload", "pord"]);
		expect([exitCode, stderr]).toEqual([
			2,
			'capmox-doctor: --workload: there is no Cluster "pord" on Proxmox; there are prod\n',
		]);
	});

	test("without the Secret it is unknown, and says what was looked for", async () => {
		const management = await start(nicObjects({ devices: [own] }));
		const { exitCode, stdout } = await run(management, ["--workload", "prod"]);
		expect(exitCode).toBe(3);
		expect(stdout.replace(/\s+/g, " ")).toContain("/api/v1/namespaces/default/secrets/prod-kubeconfig");
	});

	test.each([
		["SIGHUP", 129],
		["SIGINT", 130],
		["SIGTERM", 143],
	] as const)("it lies where nobody else can read it, and is gone after %s", async (signal, code) => {
		const workload = await startKubernetes({ objects: [], faults: [{ kind: "hang" }] });
		open.push(workload);
		const management = await start([...nicObjects({ devices: [own] }), secretOf(workload)]);
		const seen: string[] = [];
		const { exitCode, left } = await run(management, ["--workload", "prod"], (child) => {
			const timer = setInterval(() => {
				const [folder] = workload.requests.length > 0 ? temporaryOf(child.pid) : [];
				if (folder !== undefined) {
					clearInterval(timer);
					seen.push(...[folder, join(folder, "kubeconfig")].map((one) => (statSync(one).mode & 0o777).toString(8)));
					child.kill(signal);
				}
			}, 50);
		});
		expect(seen).toEqual(["700", "600"]);
		expect([exitCode, left]).toEqual([code, []]);
	});
});

/** Folders that the program made, by its own environment. */
function temporaryOf(pid: number | undefined): readonly string[] {
	const environment = readFileSync(`/proc/${pid ?? 0}/environ`, "utf8").split("\0");
	const folder = environment.find((one) => one.startsWith("TMPDIR="))?.slice("TMPDIR=".length) ?? "";
	return readdirSync(folder).map((name) => join(folder, name));
}
