import { dirname } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ExplanationReport } from "../../src/report/explanation-schema.ts";
import { type DoctorResult, doctor } from "../support/doctor.ts";
import type { Effect } from "../support/kubernetes/faults.ts";
import { waitingPlugin } from "../support/kubernetes/kubeconfig.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "../support/kubernetes/server.ts";
import { managementObjects, newest } from "../support/management.ts";

let path: string;
let cluster: Kubernetes | undefined;
beforeAll(async () => {
	path = `${dirname(await findKubectl())}:${dirname(process.execPath)}:/usr/bin:/bin`;
});
afterEach(async () => {
	await cluster?.close();
	cluster = undefined;
});

const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const start = Date.now() - 20 * 60_000;
const time = (seconds: number) => new Date(start + seconds * 1_000).toISOString();
const capmoxPod = "capmox-system/capmox-controller-manager-6d9f7c5b8-x2x7q";
const corePod = "capi-system/capi-controller-manager-5c7d9f6b4-k8s2p";
const about = (name: string) =>
	`controller="proxmoxmachine" controllerGroup="infrastructure.cluster.x-k8s.io" controllerKind="ProxmoxMachine" ProxmoxMachine="default/${name}" namespace="default" name="${name}" machine="default/${name}" cluster="default/prod"`;
const reconcileError = (error: string, name: string) =>
	`E0801 10:00:00.1       1 controller.go:474] "Reconciler error" err="${error}" ${about(name)}`;

const capmoxLog = [
	`${time(-7_200)} ${reconcileError("failed to reconcile VM: cannot find node with name pve9: 500 hostname lookup", "prod-old-1")}`,
	`${time(0)} I0801 10:00:00.1 1 main.go:1] "starting manager"`,
	`${time(60)} ${reconcileError("failed to reconcile VM: 500 VM is locked (backup)", "prod-workers-0")}`,
	`${time(90)} ${reconcileError("failed to reconcile VM: 500 VM is locked (backup)", "prod-workers-0")}`,
	`${time(100)} ${reconcileError(`Get https://u:${secret}@pve:8006: VM is locked (clone)`, "prod-gone-7")}`,
].join("\n");
const coreLog = [
	`${time(120)} E0801 10:02:00.1 1 controller.go:329] "Reconciler error" err="missing MachineDeployment strategy" controller="machinedeployment" MachineDeployment="default/prod-workers"`,
	`${time(200)} I0801 10:03:00.1 1 machine.go:1] "Drain not completed yet (started at 2026-08-21T09:10:00Z):" controller="machine" controllerKind="Machine" Machine="default/prod-workers-0" namespace="default" name="prod-workers-0" Cluster="default/prod"`,
].join("\n");

interface PodOptions {
	readonly state?: Readonly<Record<string, unknown>>;
	readonly lastState?: Readonly<Record<string, unknown>>;
	readonly labels?: Readonly<Record<string, string>>;
}

function pod(where: string, { state = { running: {} }, lastState = {}, labels = {} }: PodOptions = {}) {
	const [namespace = "", name = ""] = where.split("/");
	const set = name.replace(/-[^-]+$/, "");
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: {
			name,
			namespace,
			labels: { "control-plane": "controller-manager", ...labels },
			ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: set, uid: "1", controller: true }],
		},
		spec: { containers: [{ name: "manager", image: "x" }] },
		status: { phase: "Running", containerStatuses: [{ name: "manager", state, lastState }] },
	} satisfies KubernetesObject;
}

/** The management cluster with CAPMOX and the core only, whose Deployments select their pods as kustomize has it. */
function objects(pods: readonly KubernetesObject[], change: (object: KubernetesObject) => KubernetesObject = same) {
	return [
		...managementObjects({ ...newest, ipam: undefined })
			.filter(
				({ kind, metadata: { name } }) => kind !== "Deployment" || /^(?:capmox|capi)-controller-manager$/.test(name),
			)
			.map((object) =>
				object.kind === "Deployment"
					? {
							...object,
							spec: {
								...(object["spec"] as object),
								selector: { matchLabels: { "control-plane": "controller-manager" } },
							},
						}
					: object,
			)
			.map(change),
		...pods,
	];
}

const same = (object: KubernetesObject): KubernetesObject => object;
const logs = { [capmoxPod]: capmoxLog, [corePod]: coreLog };

async function open(options: KubernetesOptions = {}): Promise<Kubernetes> {
	cluster = await startKubernetes({ objects: objects([pod(capmoxPod), pod(corePod)]), logs, ...options });
	return cluster;
}

const ask = (kubernetes: Kubernetes, ...words: readonly string[]): Promise<DoctorResult> =>
	doctor(["explain", "--live", ...words], { env: { ...kubernetes.environment, PATH: path } });

async function report(kubernetes: Kubernetes, ...words: readonly string[]): Promise<ExplanationReport> {
	const { stdout, stderr } = await ask(kubernetes, "--format", "json", ...words);
	expect(stderr).toBe("");
	const schema = JSON.parse((await doctor(["schema", "explain"])).stdout) as object;
	const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);
	const value: unknown = JSON.parse(stdout);
	expect([validate(value), validate.errors]).toEqual([true, null]);
	return value as ExplanationReport;
}

describe("the logs of the providers", () => {
	test("are read by GET alone, since the last hour, and explained by pod", async () => {
		const kubernetes = await open();
		const { recognised, summary, exitCode, unread } = await report(kubernetes);
		expect(recognised.map(({ id, count, first }) => [id, count, first.source, first.time])).toEqual([
			["pve.vm-locked", 3, capmoxPod, time(60)],
			["capi.md-strategy-missing", 1, corePod, time(120)],
			["del.drain-started", 1, corePod, time(200)],
			["capmox.reconcile", 2, capmoxPod, time(60)],
		]);
		expect([summary.sources.toSorted(), summary.lines, exitCode, unread]).toEqual([[corePod, capmoxPod], 6, 0, []]);
		expect(new Set(kubernetes.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
		expect(kubernetes.requests.filter((request) => request.path.endsWith("/log")).map(({ query }) => query)).toEqual(
			[1, 2].map((): unknown =>
				expect.objectContaining({ sinceSeconds: "3600", tailLines: "50000", timestamps: "true" }),
			),
		);
	});

	test("reach further back with --since", async () => {
		const { timelines = [] } = await report(await open(), "--since", "3h");
		expect(timelines.map(({ machine }) => machine)).toContain("default/prod-old-1");
	});

	test("of a container that was restarted are read from before that, too", async () => {
		const before = `${time(10)} E0124 23:54:20.0 1 main.go:133] "setup: unable to setup proxmox API client" err="unable to initialize proxmox api client: not authorized to access endpoint"`;
		const { recognised } = await report(
			await open({
				objects: objects([pod(capmoxPod, { lastState: { terminated: { exitCode: 1 } } }), pod(corePod)]),
				logs: { ...logs, [`${capmoxPod} previous`]: before },
			}),
		);
		expect(recognised[0]).toMatchObject({
			id: "capmox.client-unauthorized",
			first: { source: `${capmoxPod} before its restart` },
		});
	});

	test("hold no secret in any format", async () => {
		const kubernetes = await open();
		for (const format of ["human", "json"]) {
			const { stdout } = await ask(kubernetes, "--format", format, "--verbose");
			expect(stdout).toContain("prod-gone-7");
			expect(stdout).not.toContain(secret);
		}
	});
});

describe("one timeline for each machine", () => {
	const condition = (seconds: number, type: string, status: string, reason: string) => ({
		type,
		status,
		reason,
		message: "",
		lastTransitionTime: time(seconds).replace(/\.\d+Z/, "Z"),
	});
	const upid = `UPID:pve1:0003A1B2:0123ABCD:${Math.floor(start / 1_000 + 30)
		.toString(16)
		.toUpperCase()}:qmclone:105:capmox@pve!t:`;
	const broken = (object: KubernetesObject): KubernetesObject =>
		object.metadata.name !== "prod-workers-0"
			? object
			: object.kind === "Machine"
				? {
						...object,
						status: { phase: "Provisioning", conditions: [condition(5, "InfrastructureReady", "False", "Cloning")] },
					}
				: object.kind === "ProxmoxMachine"
					? {
							...object,
							status: {
								taskRef: upid,
								conditions: [condition(70, "VirtualMachineProvisioned", "False", "TaskFailed")],
							},
						}
					: object;

	test("holds conditions, the task and messages of it and no other, in time order", async () => {
		const { timelines = [] } = await report(await open({ objects: objects([pod(capmoxPod), pod(corePod)], broken) }));
		expect(timelines.map(({ machine, gone }) => [machine, gone])).toEqual([
			["default/prod-gone-7", true],
			["default/prod-workers-0", false],
		]);
		const events = timelines[1]?.events ?? [];
		expect(events.map(({ kind, object, id, count }) => [kind, object ?? id, count])).toEqual([
			["made", "Machine", undefined],
			["made", "ProxmoxMachine", undefined],
			["condition", "Machine", undefined],
			["task", undefined, undefined],
			["message", "pve.vm-locked", 2],
			["condition", "ProxmoxMachine", undefined],
			["message", "del.drain-started", 1],
		]);
		expect(events.map((event) => Date.parse(event.time))).toEqual(
			events.map((event) => Date.parse(event.time)).toSorted((a, b) => a - b),
		);
		expect(events.find(({ kind }) => kind === "task")?.text).toContain("qmclone of VM 105 on pve1");
		expect(events.find(({ id }) => id === "pve.vm-locked")).toMatchObject({
			time: time(60),
			last: time(90),
			ended: false,
		});
	});

	test("a machine that is well and that nobody names has none", async () => {
		const { stdout, exitCode } = await ask(await open());
		expect(exitCode).toBe(0);
		expect(stdout).not.toContain("default/prod-control-plane-0\n");
		expect(stdout).toContain("1 other machine is running, and no known message names it.");
	});

	test("a retry that ends well for this machine is marked so, and for another one is not", async () => {
		const well = `${time(300)} I0801 10:05:00.1 1 proxmoxmachine_controller.go:1] "ProxmoxMachine is ready" ${about("prod-workers-0")}`;
		const { timelines = [] } = await report(await open({ logs: { ...logs, [capmoxPod]: `${capmoxLog}\n${well}` } }));
		const locked = timelines.map(({ machine, events }) => [
			machine,
			events.find(({ id }) => id === "pve.vm-locked")?.ended,
		]);
		expect(locked).toEqual([
			["default/prod-gone-7", false],
			["default/prod-workers-0", true],
		]);
	});

	test("--namespace leaves out the machines of others", async () => {
		const { timelines } = await report(await open(), "--namespace", "elsewhere");
		expect(timelines).toEqual([]);
	});
});

describe("what cannot be read is said, never left out", () => {
	test("a pod that has not started: exit 3 with the rest", async () => {
		const waiting = pod(capmoxPod, { state: { waiting: { reason: "ImagePullBackOff" } } });
		const { stdout, exitCode } = await ask(await open({ objects: objects([waiting, pod(corePod)]) }));
		expect(exitCode).toBe(3);
		expect(stdout.replaceAll(/\s+/g, " ")).toContain(
			`Could not look at ${capmoxPod}: it has not started (ImagePullBackOff)`,
		);
		expect(stdout).toContain("capi.md-strategy-missing");
	});

	test.each([
		[{ kind: "status", code: 403 }, "forbidden"],
		[{ kind: "status", code: 500 }, "kubectl said"],
		[{ kind: "html", code: 200 }, "no log with times"],
		[{ kind: "garbage" }, "no log with times"],
		[{ kind: "cut" }, "kubectl said"],
	] satisfies [Effect, string][])("a log that cannot be had: %j", async (effect, reason) => {
		const fault = { ...effect, path: `/api/v1/namespaces/capmox-system/pods/${capmoxPod.split("/")[1] ?? ""}/log` };
		const { unread, recognised, exitCode } = await report(await open({ faults: [fault] }));
		expect([unread, exitCode]).toEqual([[{ name: capmoxPod, reason: expect.stringContaining(reason) as string }], 3]);
		expect(recognised.map(({ id }) => id)).toEqual(["capi.md-strategy-missing", "del.drain-started"]);
	});

	test("a log that never comes", async () => {
		const kubernetes = await open({ faults: [{ kind: "hang", path: "/api/v1/namespaces/capmox-system/pods/" }] });
		const { unread = [], exitCode } = await report(kubernetes, "--timeout", "4s");
		const reason = "the 4 s that --timeout gives to a run were over";
		expect([unread, exitCode]).toEqual([[{ name: capmoxPod, reason }], 3]);
	});

	test("a Deployment without pods", async () => {
		const { unread, exitCode } = await report(await open({ objects: objects([pod(corePod)]) }));
		expect([unread, exitCode]).toEqual([
			[{ name: "capmox-system/capmox-controller-manager", reason: "it has no pod" }],
			3,
		]);
	});

	test("machines that may not be listed: messages still tell, and none is called gone", async () => {
		const {
			timelines = [],
			unread = [],
			exitCode,
		} = await report(await open({ faults: [{ kind: "status", code: 403, resource: "machines.cluster.x-k8s.io" }] }));
		expect([timelines.map(({ gone }) => gone), unread.map(({ name }) => name), exitCode]).toEqual([
			[false, false],
			["management.machines"],
			3,
		]);
	});
});

describe("without logs there is one line and exit 3", () => {
	const one = (text: RegExp): readonly unknown[] => [
		3,
		"",
		expect.stringMatching(new RegExp(`^capmox-doctor: the logs cannot be read: .*${text.source}.*\\n$`)),
	];
	const outcome = ({ exitCode, stdout, stderr }: DoctorResult) => [exitCode, stdout, stderr];

	test("no kubeconfig", async () => {
		expect(outcome(await doctor(["explain", "--live"], { env: { PATH: path } }))).toEqual(
			one(/there is no kubeconfig/),
		);
	});

	test("forbidden", async () => {
		const kubernetes = await open({ faults: [{ kind: "status", code: 403, resource: "deployments.apps" }] });
		expect(outcome(await ask(kubernetes))).toEqual(one(/\(forbidden\)/));
	});

	test("unreachable", async () => {
		const kubernetes = await open({ transport: "refused" });
		expect(outcome(await ask(kubernetes))).toEqual(one(/\(unreachable\)/));
	});

	test("no provider", async () => {
		expect(outcome(await ask(await open({ objects: [] })))).toEqual(one(/no provider of Cluster API runs/));
	});

	test("a login that waits for a person, and a time limit", async () => {
		const kubernetes = await open();
		const kubeconfig = await kubernetes.writeKubeconfig({ user: { exec: waitingPlugin } });
		expect(outcome(await ask(kubernetes, "--kubeconfig", kubeconfig, "--timeout", "1s"))).toEqual(one(/--timeout/));
	});
});

test.each([
	[["--live", "capmox.log"], "--live reads the logs of the cluster"],
	[["--live", "-"], "--live reads the logs of the cluster"],
	[["--since", "2h", "capmox.log"], "--since is only for explain --live"],
	[["--live", "--since", "soon"], "It takes a duration such as 30m, 6h or 2d."],
])("wrong usage is one line: %j", async (words, complaint) => {
	const { exitCode, stdout, stderr } = await doctor(["explain", ...words]);
	expect([exitCode, stdout, stderr.trim().split("\n").length]).toEqual([2, "", 1]);
	expect(stderr).toContain(complaint);
});
