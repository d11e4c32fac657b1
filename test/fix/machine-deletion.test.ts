import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Commands, createCommands } from "../../src/access/commands.ts";
import { createFiles } from "../../src/access/files.ts";
import { openFixes } from "../../src/access/fixes.ts";
import { createHands, type Hands } from "../../src/access/hands.ts";
import { createKubectl } from "../../src/access/kubectl.ts";
import { openWorld } from "../../src/access/world.ts";
import { repeatOptions } from "../../src/commands/again.ts";
import { type Asker, carryOut, type Outcome } from "../../src/fix/carry-out.ts";
import { undo } from "../../src/fix/undo.ts";
import { Scene } from "../support/deletion.ts";
import { scenes } from "../support/deletion-scenes.ts";
import { examineWith, worldWith } from "../support/in-process.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import { type Kubernetes, startKubernetes } from "../support/kubernetes/server.ts";
import { legacy } from "../support/management.ts";
import { type Proxmox, startProxmox } from "../support/proxmox/proxmox.ts";
import { goodToken } from "../support/proxmox/state.ts";

const worker = "prod-workers-0";
const machine = `default/${worker}`;

let kubectl: string;
let cluster: Kubernetes;
let proxmox: Proxmox;
let state: string;
let said: string;
beforeAll(async () => {
	kubectl = await findKubectl();
});
beforeEach(() => {
	said = "";
	state = mkdtempSync(join(tmpdir(), "capmox-doctor-state-"));
	vi.stubEnv("XDG_STATE_HOME", state);
	vi.stubEnv("PATH", `${dirname(kubectl)}:${process.env["PATH"] ?? ""}`);
});
afterEach(async () => {
	vi.unstubAllEnvs();
	rmSync(state, { recursive: true, force: true });
	await Promise.all([cluster.close(), proxmox.close()]);
});

const sceneOf = (name: string): Scene => scenes.find((each) => each.name === name)!.scene();

async function start(scene: Scene): Promise<void> {
	// The scenes' time is some months back, and the stand-in tells the real one.
	const clockSkew = Date.parse("2026-08-20T12:00:00Z") - Date.now();
	cluster = await startKubernetes({ objects: scene.objects, clockSkew });
	proxmox = await startProxmox({ ...scene.proxmox });
	vi.stubEnv("HOME", cluster.environment.HOME);
}

async function look() {
	const commands: Commands = createCommands();
	const world = worldWith({
		variables: { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: goodToken.id, PROXMOX_SECRET: goodToken.secret },
		commands,
		kubectl: createKubectl(commands, createFiles(), { kubeconfig: cluster.kubeconfig, processEnvironment: {} }),
		options: openWorld({ kubeconfig: cluster.kubeconfig }).options,
	});
	const { judgement } = await examineWith(world, "machine-deletion");
	return repeatOptions([judgement], { kubeconfig: cluster.kubeconfig } as Parameters<typeof repeatOptions>[1])[0]!;
}

interface Play {
	readonly target?: string;
	readonly ask?: Asker;
	readonly consent?: { readonly destroys: boolean; readonly named: readonly string[] };
	readonly hands?: Hands;
	readonly patience?: number;
	readonly around?: Parameters<typeof controllers>[0];
}

const play = ({ target = "machine-deletion", consent, around = never, ...rest }: Play): Promise<Outcome> =>
	carryOut(
		{
			look: async () => {
				await controllers(around);
				return await look();
			},
			hands: createHands(),
			fixes: openFixes(),
			say: (text) => {
				said += text;
			},
			mask: (text) => text,
			now: () => new Date(),
			pause: () => Promise.resolve(),
			patience: 60_000,
			version: "0.0.0",
			width: 100,
			interrupted: new AbortController().signal,
			...rest,
		},
		{
			target,
			place: "here",
			codes: target.includes("/") ? new Set([target]) : undefined,
			consent: consent ?? { destroys: false, named: [] },
		},
	);

const find = (kind: string, name: string) =>
	cluster.objects().find((object) => object.kind === kind && object.metadata.name === name);

const plurals: Readonly<Record<string, string>> = {
	IPAddressClaim: "ipaddressclaims",
	IPAddress: "ipaddresses",
	Machine: "machines",
	ProxmoxMachine: "proxmoxmachines",
};

/** As a controller asks the API server. */
async function call(
	method: "DELETE" | "PATCH",
	{ apiVersion, kind, metadata }: KubernetesObject,
	body?: unknown,
): Promise<void> {
	const path = `/apis/${apiVersion}/namespaces/${metadata.namespace ?? ""}/${plurals[kind] ?? ""}/${metadata.name}`;
	const options = {
		method,
		ca: cluster.authority,
		headers: { authorization: `Bearer ${cluster.token}`, "content-type": "application/merge-patch+json" },
	};
	await new Promise<void>((resolve, reject) => {
		request(`${cluster.url}${path}`, options, (response) => {
			response.resume().on("end", resolve);
		})
			.on("error", reject)
			.end(body === undefined ? undefined : JSON.stringify(body));
	});
}

const finish = async (object: KubernetesObject | undefined): Promise<void> => {
	if (object !== undefined) {
		await call("PATCH", object, { metadata: { finalizers: [] } });
	}
};

/** CAPMOX before v0.8 calls it otherwise. */
const claimOfWorker = () =>
	cluster
		.objects()
		.find(({ kind, metadata }) => kind === "IPAddressClaim" && metadata.name.startsWith(`${worker}-net0-`));

const isGoing = (object: KubernetesObject | undefined): boolean => object?.metadata.deletionTimestamp !== undefined;

/** What a working cluster does by itself once its way is free. CAPMOX only where the scene says that it works. */
async function controllers({
	capmox,
	ipam,
}: {
	readonly capmox: () => boolean;
	readonly ipam: () => boolean;
}): Promise<void> {
	if (capmox() && isGoing(find("ProxmoxMachine", worker))) {
		await finish(find("ProxmoxMachine", worker));
		proxmox.state.vms = proxmox.state.vms.filter(({ name }) => name !== worker);
	}

	const isGone = find("ProxmoxMachine", worker) === undefined;
	if (isGone && find("Cluster", "prod") !== undefined && isGoing(find("Machine", worker))) {
		await finish(find("Machine", worker));
	}

	const { name } = claimOfWorker()?.metadata ?? { name: claim };
	const held = find("IPAddressClaim", name);
	if (held !== undefined && isGone && !isGoing(held)) {
		await call("DELETE", held);
	}

	const going = find("IPAddressClaim", name);
	if (ipam() && isGoing(going)) {
		await finish(going);
		const address = find("IPAddress", name);
		await finish(address);
		if (address !== undefined) {
			await call("DELETE", address).catch(() => undefined);
		}
	}
}

/** Types on a Proxmox VE node what was printed last. */
function onNode(): void {
	const [, line = ""] = [...said.matchAll(/^ {4}((?:qm|ha-manager) .*)$/gm)].at(-1) ?? [];
	const [program, verb, word = "", ...rest] = line.split(" ");
	const vmid = Number(word.replace("vm:", ""));
	const change = (fields: object) => {
		proxmox.state.vms = proxmox.state.vms.map((vm) => (vm.vmid === vmid ? { ...vm, ...fields } : vm));
	};
	switch (`${program ?? ""} ${verb ?? ""}`) {
		case "qm stop":
			change({ status: "stopped" });
			break;
		case "qm unlock":
			change({ lock: undefined });
			break;
		case "qm set":
			expect(rest).toEqual(["--protection", "0"]);
			change({ config: { ...proxmox.state.vms.find((vm) => vm.vmid === vmid)?.config, protection: 0 } });
			break;
		case "ha-manager remove":
			change({ ha: undefined });
			break;
		case "qm destroy":
			proxmox.state.vms = proxmox.state.vms.filter((vm) => vm.vmid !== vmid);
			break;
	}
}

/** Goes along with everything but looking, and does on the node what is printed. */
const willing: Asker = {
	step: ({ step }) => Promise.resolve(step.risk === "safe" ? "skip" : "run"),
	name: () => Promise.resolve(true),
	goOn: () => {
		onNode();
		return Promise.resolve(true);
	},
};
/** Destroys nothing. */
const careful: Asker = {
	...willing,
	step: ({ step }) => Promise.resolve(step.risk === "changes" ? "run" : "skip"),
};

const never = { capmox: () => false, ipam: () => true };

const comparable = (objects: readonly KubernetesObject[]) =>
	new Map(
		objects.map((object) => [
			`${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`,
			JSON.stringify(object),
		]),
	);

/** What differs from before. */
function differences(before: ReadonlyMap<string, string>): readonly string[] {
	const after = comparable(cluster.objects());
	return [
		...[...before].filter(([name]) => !after.has(name)).map(([name]) => `gone: ${name}`),
		...[...after].filter(([name, text]) => before.get(name) !== text).map(([name]) => `changed: ${name}`),
	].sort();
}

const claim = `${worker}-net0-00-inet`;
const whole = ["IPAddress", "IPAddressClaim"].map((kind) => `gone: ${kind} default/${claim}`);
const allOf = [...whole, `gone: Machine ${machine}`, `gone: ProxmoxMachine ${machine}`];
const vmIs = () => proxmox.state.vms.find(({ name }) => name === worker);

describe("each state that cannot resolve itself ends, and nothing else is touched", () => {
	test.each([
		["problem.owner-gone", [...whole, `gone: ProxmoxMachine ${machine}`]],
		["problem.owner-gone.no-owner", allOf],
		["problem.cluster-gone", allOf],
		["problem.proxmox-cluster-gone", allOf],
		["problem.credentials-gone", allOf],
		["problem.credentials-rejected", allOf],
		["problem.node-gone", allOf],
		["problem.vm-already-gone", allOf],
	])("by the last resort: %s", async (name, expected) => {
		await start(sceneOf(name));
		const before = comparable(cluster.objects());
		const { result } = await play({ ask: willing });
		expect(differences(before)).toEqual(expected);
		expect(vmIs()).toBeUndefined();
		expect(result).toBe("confirmed");
	});

	test.each([
		[
			"problem.paused",
			() => find("ProxmoxMachine", worker)?.metadata.annotations?.["cluster.x-k8s.io/paused"] === undefined,
			[],
		],
		[
			"problem.paused.cluster",
			() => JSON.stringify(find("Cluster", "prod")).includes('"paused":false'),
			["changed: Cluster default/prod"],
		],
		["problem.vm-protected", () => vmIs()?.config?.["protection"] === 0, []],
		["problem.vm-locked", () => vmIs()?.lock === undefined, []],
		["problem.vm-ha-managed", () => vmIs()?.ha === undefined, []],
	] as const)("by its cause, so that nothing has to be destroyed by hand: %s", async (name, isFree, others) => {
		await start(sceneOf(name));
		const before = comparable(cluster.objects());
		const { result } = await play({ ask: careful, around: { capmox: isFree, ipam: () => true } });
		expect(differences(before)).toEqual([...others, ...allOf].sort());
		expect(result).toBe("confirmed");
	});
});

const claimStays = () =>
	new Scene()
		.remove("Machine", worker)
		.remove("ProxmoxMachine", worker)
		.removeVm(worker)
		.deleting("IPAddressClaim", claim, 20);
const pause = { "cluster.x-k8s.io/paused": "" };
const pool = "prod-v4-icip";
const ipam = "capi-ipam-in-cluster-controller-manager";

describe("what keeps an address is removed, and the address goes by itself", () => {
	test.each<[string, () => Scene, () => boolean, readonly string[]]>([
		[
			"its claim is paused",
			() => claimStays().annotate("IPAddressClaim", claim, pause),
			() => find("IPAddressClaim", claim)?.metadata.annotations?.["cluster.x-k8s.io/paused"] === undefined,
			[],
		],
		[
			"its pool is paused",
			() => claimStays().annotate("InClusterIPPool", pool, pause),
			() => find("InClusterIPPool", pool)?.metadata.annotations?.["cluster.x-k8s.io/paused"] === undefined,
			[`changed: InClusterIPPool default/${pool}`],
		],
		[
			"the IPAM provider was scaled to nothing",
			() => claimStays().change("Deployment", ipam, { spec: { replicas: 0 }, status: { readyReplicas: 0 } }),
			() => JSON.stringify(find("Deployment", ipam)?.["spec"]).includes('"replicas":1'),
			[`changed: Deployment capi-ipam-in-cluster-system/${ipam}`],
		],
	])("%s", async (_, scene, isFree, others) => {
		await start(scene());
		const before = comparable(cluster.objects());
		const { result } = await play({ ask: careful, around: { capmox: () => false, ipam: isFree } });
		expect(differences(before)).toEqual([...others, ...whole].sort());
		expect(result).toBe("confirmed");
	});
});

test("CAPMOX before 0.6, which fails where the VM is gone: by the last resort", async () => {
	await start(new Scene({ ...legacy, capmox: "v0.5.1" }).removing(worker, 20).removeVm(worker));
	const before = comparable(cluster.objects());
	const { name = "" } = claimOfWorker()?.metadata ?? {};
	const { result } = await play({ ask: willing });
	expect(said).toContain("Upgrade CAPMOX to 0.6 or newer");
	const addresses = ["IPAddress", "IPAddressClaim"].map((kind) => `gone: ${kind} default/${name}`);
	expect(differences(before)).toEqual([...addresses, `gone: Machine ${machine}`, `gone: ProxmoxMachine ${machine}`]);
	expect(result).toBe("confirmed");
});

test("CAPMOX 0.1.0, which asks for a VM -1 where none was made: by the last resort", async () => {
	const answer = "cannot find vm with id -1: bad request: 400 Parameter verification failed";
	const scene = new Scene({ ...legacy, capmox: "v0.1.0" }).removing(worker, 20, "DeletionFailed", answer);
	const { spec } = scene.get("ProxmoxMachine", worker);
	await start(
		scene.removeVm(worker).change("ProxmoxMachine", worker, { spec: { ...spec, virtualMachineID: undefined } }),
	);
	const before = comparable(cluster.objects());
	const { name = "" } = claimOfWorker()?.metadata ?? {};
	const { result } = await play({ ask: willing });
	const addresses = ["IPAddress", "IPAddressClaim"].map((kind) => `gone: ${kind} default/${name}`);
	expect(differences(before)).toEqual([...addresses, `gone: Machine ${machine}`, `gone: ProxmoxMachine ${machine}`]);
	expect(result).toBe("confirmed");
});

test("a ProxmoxCluster that waits for its machines: the machine's cause is removed, and what waits is left alone", async () => {
	await start(sceneOf("problem.vm-locked.whole-cluster"));
	const before = comparable(cluster.objects());
	const isFree = () => vmIs()?.lock === undefined;
	await play({ ask: careful, around: { capmox: isFree, ipam: () => true } });
	expect(differences(before)).toEqual(allOf);
});

describe("what was changed to remove a cause is taken back, and nothing else is touched", () => {
	const withoutVersion = (objects: readonly KubernetesObject[]) =>
		JSON.parse(
			JSON.stringify(objects, (key, value: unknown) =>
				["resourceVersion", "generation"].includes(key) ? undefined : value,
			),
		) as readonly KubernetesObject[];
	test.each<[string, () => Scene]>([
		["a ProxmoxMachine that was paused", () => sceneOf("problem.paused")],
		["a Cluster that was paused", () => sceneOf("problem.paused.cluster")],
		["a claim that was paused", () => claimStays().annotate("IPAddressClaim", claim, pause)],
		["a pool that was paused", () => claimStays().annotate("InClusterIPPool", pool, pause)],
		["a Machine that had lost its label", () => sceneOf("problem.cluster-gone.label-lost")],
		[
			"an IPAM provider that was scaled to nothing",
			() => claimStays().change("Deployment", ipam, { spec: { replicas: 0 }, status: { readyReplicas: 0 } }),
		],
	])("%s", async (_, scene) => {
		await start(scene());
		const before = withoutVersion(cluster.objects());
		const { id } = await play({ ask: careful, around: { capmox: () => false, ipam: () => false } });
		const changed = withoutVersion(cluster.objects());
		expect(changed).not.toEqual(before);
		const tools = {
			hands: createHands(),
			fixes: openFixes(),
			say: (text: string) => {
				said += text;
			},
			mask: (text: string) => text,
			now: () => new Date(),
			interrupted: new AbortController().signal,
			patience: 60_000,
		};
		expect(await undo({ ...tools, confirm: () => Promise.resolve(false) }, id!)).toBe(false);
		expect(withoutVersion(cluster.objects())).toEqual(changed);
		expect(await undo(tools, id!)).toBe(true);
		expect(withoutVersion(cluster.objects())).toEqual(before);
		said = "";
		expect(await undo(tools, id!)).toBe(true);
		expect(said).toContain("changed nothing that is not taken back already");
	});
});

describe("what cannot be done from here is printed, and nothing is changed", () => {
	test.each<[string, readonly string[]]>([
		["problem.node-offline", ["pvecm status", "Bring pve2 back"]],
		[
			"problem.controller-down.ipam",
			["describe pods -n capi-ipam-in-cluster-system", "Take no finalizer off for this."],
		],
		[
			"problem.claim-not-released",
			["patch ipaddressclaims.ipam.cluster.x-k8s.io", "Only where its VM is off for good"],
		],
		["problem.drain-blocked-by-pdb", ["get poddisruptionbudgets --all-namespaces", "relax the budget"]],
		["problem.pods-not-terminating", ["get pods --all-namespaces", "--force --grace-period=0"]],
		["problem.volume-attached", ["get volumeattachments", "storage driver (CSI)"]],
	])("%s", async (name, steps) => {
		await start(sceneOf(name));
		const before = comparable(cluster.objects());
		const vms = structuredClone(proxmox.state.vms);
		expect(await play({ around: { capmox: () => false, ipam: () => false } })).toMatchObject({
			result: "uncertain",
			because: "nothing was changed from here, so the check did not look again",
		});
		expect(steps.filter((step) => !said.replaceAll(/\s+/g, " ").includes(step))).toEqual([]);
		expect(differences(before)).toEqual([]);
		expect(proxmox.state.vms).toEqual(vms);
	});
});

test.each([
	"problem.address-deleted-alone",
	"problem.proxmox-cluster-deleted-alone",
	"problem.pool-in-use",
	"problem.reused-vmid.living",
])("what must not be ended stays: %s", async (name) => {
	await start(sceneOf(name));
	const before = comparable(cluster.objects());
	const vms = structuredClone(proxmox.state.vms);
	await play({ ask: careful });
	expect(differences(before).filter((each) => each.startsWith("gone"))).toEqual([]);
	expect(proxmox.state.vms).toEqual(vms);
});

async function ownerGone(): Promise<ReadonlyMap<string, string>> {
	await start(sceneOf("problem.owner-gone").vm(worker, { status: "stopped" }));
	return comparable(cluster.objects());
}
const allowed = { destroys: true, named: [machine] };

describe("without being asked", () => {
	test("destroys what was named, and keeps it whole before, for this user only", async () => {
		const before = await ownerGone();
		const { id } = await play({ consent: allowed, target: "machine-deletion/owner-gone" });
		expect(differences(before)).toEqual([...whole, `gone: ProxmoxMachine ${machine}`]);
		const folder = join(state, "capmox-doctor/fixes", id!);
		const files = readdirSync(folder);
		expect(statSync(folder).mode & 0o777).toBe(0o700);
		expect(files.map((file) => statSync(join(folder, file)).mode & 0o777)).toEqual(files.map(() => 0o600));
		const kept = files.filter((file) => file.endsWith(".yaml")).map((file) => readFileSync(join(folder, file), "utf8"));
		expect(kept.join("")).toMatch(/kind: ProxmoxMachine[^]*virtualMachineID: 102/);
		expect(said).not.toContain("virtualMachineID: 102");
	});

	test.each([
		["nothing is allowed", { destroys: false, named: [machine] }],
		["nothing is named", { destroys: true, named: [] }],
		["another one is named", { destroys: true, named: ["default/prod-workers-1"] }],
		["its namespace is left out", { destroys: true, named: [worker] }],
	])("destroys nothing where %s", async (_, consent) => {
		const before = await ownerGone();
		expect((await play({ consent })).result).toBe("uncertain");
		expect(differences(before)).toEqual([]);
	});

	test("destroys nothing as long as its VM runs", async () => {
		await start(sceneOf("problem.owner-gone"));
		const before = comparable(cluster.objects());
		expect((await play({ consent: allowed })).result).toBe("uncertain");
		expect(differences(before)).toEqual([]);
	});

	test("gives CAPMOX its time after the cause was removed", async () => {
		await start(sceneOf("problem.paused").vm(worker, { status: "stopped" }));
		const before = comparable(cluster.objects());
		await play({ consent: allowed });
		expect(differences(before)).toEqual([`changed: ProxmoxMachine ${machine}`]);
		expect(find("ProxmoxMachine", worker)?.metadata.finalizers).toHaveLength(1);
	});
});

/** Does something right before a command of kubectl that holds this word, once. */
function interfering(word: string, interfere: () => void): Hands {
	const hands = createHands();
	let isDone = false;
	return {
		...hands,
		run: (argv, ...rest) => {
			if (argv.includes(word) && !isDone) {
				isDone = true;
				interfere();
			}

			return hands.run(argv, ...rest);
		},
	};
}

/** Does something right after the first patch was taken. */
function afterPatch(then: () => void): Hands {
	const hands = createHands();
	return {
		...hands,
		run: async (argv, ...rest) => {
			const output = await hands.run(argv, ...rest);
			if (argv.includes("patch")) {
				then();
			}

			return output;
		},
	};
}

describe("what comes in between", () => {
	test("an object that changed is left alone", async () => {
		await ownerGone();
		const hands = interfering("patch", () => {
			const object = find("ProxmoxMachine", worker)!;
			cluster.put({ ...object, metadata: { ...object.metadata, annotations: { touched: "yes" } } });
		});
		expect(await play({ ask: willing, hands })).toMatchObject({
			result: "failed",
			because: "a step failed, and the check still finds it",
		});
		expect(find("ProxmoxMachine", worker)?.metadata).toMatchObject({ annotations: { touched: "yes" } });
		expect(find("ProxmoxMachine", worker)?.metadata.finalizers).toHaveLength(1);
	});

	test("an API server that fails half-way: nothing is run that could not be copied before", async () => {
		const before = await ownerGone();
		const hands = interfering("get", () => {
			cluster.fail({ kind: "status", code: 500 });
		});
		expect(await play({ ask: willing, hands })).toMatchObject({
			result: "uncertain",
			because: "the check could not look again",
		});
		expect(said).toContain("no copy of it could be made");
		expect(differences(before)).toEqual([]);
	});

	const events = (id: string) =>
		[...readFileSync(join(state, "capmox-doctor/fixes", id, "journal.jsonl"), "utf8").matchAll(/"event":"(\w+)"/g)].map(
			([, event]) => event,
		);

	test("an API server that does not answer a patch: given up in time, and told as what nobody knows", async () => {
		const before = await ownerGone();
		cluster.fail({ kind: "hang", method: "PATCH" });
		const { id, ...outcome } = await play({ ask: willing, patience: 1_500 });
		expect(outcome).toMatchObject({
			result: "uncertain",
			because: "nobody knows whether a step was done, and the check still finds it",
		});
		expect(said).toContain("kubectl did not end within 1.5 s and was stopped\nNobody knows whether it was done");
		expect(events(id!)).toEqual(["began", "started", "uncertain", "ended"]);
		expect(differences(before)).toEqual([]);
	});

	test("an API server that patches, and whose answer is lost: the look afterwards decides", async () => {
		await ownerGone();
		cluster.fail({ kind: "cut", method: "PATCH", times: 1 });
		const { id, result } = await play({ ask: willing, target: "machine-deletion/owner-gone" });
		expect(find("ProxmoxMachine", worker)).toBeUndefined();
		expect(events(id!)).toEqual(["began", "started", "uncertain", "ended"]);
		expect([result, said]).toEqual(["confirmed", expect.stringContaining("Nobody knows whether it was done")]);
	});

	test("an object that was made anew under the name of one that is to be deleted is left alone", async () => {
		await start(sceneOf("problem.address-deleted-alone"));
		const claims = () => cluster.objects().filter(({ kind }) => kind === "IPAddressClaim");
		const hands = interfering("ipaddressclaims.ipam.cluster.x-k8s.io", () => {
			for (const object of claims()) {
				cluster.put({ ...object, metadata: { ...object.metadata, uid: `${object.metadata.name}, made anew` } });
			}
		});
		const before = claims().length;
		await play({ ask: willing, hands });
		expect(said).toContain("Not done: it is another object of that name. It was made anew meanwhile");
		expect(claims().filter((each) => !isGoing(each))).toHaveLength(before);
	});

	test("a paused object that was written to since it was looked at stays paused", async () => {
		await start(sceneOf("problem.paused"));
		const hands = interfering("annotate", () => {
			const object = find("ProxmoxMachine", worker)!;
			cluster.put({
				...object,
				metadata: { ...object.metadata, labels: { ...object.metadata.labels, touched: "yes" } },
			});
		});
		expect((await play({ ask: careful, hands })).result).toBe("failed");
		expect(find("ProxmoxMachine", worker)?.metadata.annotations).toHaveProperty("cluster.x-k8s.io/paused");
	});

	test("an API server that fails after the first step: not confirmed, and the rest is done when it is back", async () => {
		await ownerGone();
		const hands = afterPatch(() => {
			cluster.fail({ kind: "status", code: 503 });
		});
		const noController = { capmox: () => false, ipam: () => false };
		expect((await play({ ask: willing, hands, around: noController })).result).toBe("uncertain");
		expect(find("ProxmoxMachine", worker)).toBeUndefined();
		await cluster.mend();
		expect((await play({ ask: willing })).judgement.verdict.kind).toBe("pass");
		expect(find("IPAddressClaim", claim)).toBeUndefined();
	});

	test("killed between two steps: goes on, and does nothing twice", async () => {
		await start(sceneOf("problem.cluster-gone"));
		const before = comparable(cluster.objects());
		let isDead = false;
		const patching = afterPatch(() => {
			isDead = true;
		});
		const run: Hands["run"] = (...call) => (isDead ? Promise.reject(new Error("killed")) : patching.run(...call));
		await expect(play({ ask: willing, hands: { ...patching, run } })).rejects.toThrow("killed");
		expect(differences(before)).toContain(`gone: ProxmoxMachine ${machine}`);
		said = "";
		expect((await play({ ask: willing })).result).toBe("confirmed");
		expect(differences(before)).toEqual(allOf);
		expect(said).toContain("Goes on with fix");
		expect(said).not.toMatch(/patch proxmoxmachines/);
	});
});
