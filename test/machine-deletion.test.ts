import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Commands, createCommands } from "../src/access/commands.ts";
import { createFiles } from "../src/access/files.ts";
import { createKubectl } from "../src/access/kubectl.ts";
import { openWorld } from "../src/access/world.ts";
import type { Judgement } from "../src/diagnose.ts";
import { Scene } from "./support/deletion.ts";
import { type Examined, examineWith, worldWith } from "./support/in-process.ts";
import { findKubectl } from "./support/kubernetes/kubectl.ts";
import { type Kubernetes, startKubernetes } from "./support/kubernetes/server.ts";
import { legacy, newest, plantedSecret } from "./support/management.ts";
import { type Proxmox, startProxmox } from "./support/proxmox/proxmox.ts";
import { goodToken } from "./support/proxmox/state.ts";

const worker = "prod-workers-0";
const exec = promisify(execFile);

let kubectl: string;
let cluster: Kubernetes;
let proxmox: Proxmox;
beforeAll(async () => {
	kubectl = await findKubectl();
});
afterEach(async () => {
	await Promise.all([cluster.close(), proxmox.close()]);
});

/** Through the real kubectl, a Kubernetes API and a Proxmox VE API over TLS. */
async function examine(scene: Scene): Promise<Examined> {
	// The scenes' time is some months back, and the stand-in tells the real one.
	const clockSkew = Date.parse("2026-08-20T12:00:00Z") - Date.now();
	cluster = await startKubernetes({ objects: scene.objects, clockSkew });
	proxmox = await startProxmox({ ...scene.proxmox });
	return await look();
}

async function look(): Promise<Examined> {
	const real = createCommands();
	const env = { PATH: `${dirname(kubectl)}:${process.env["PATH"] ?? ""}`, HOME: cluster.environment.HOME };
	const commands: Commands = {
		...real,
		run: (argv, options) => real.run(argv, { ...options, env }),
		serve: (argv, ready, options) => real.serve(argv, ready, { ...options, env }),
	};
	const world = worldWith({
		variables: { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: goodToken.id, PROXMOX_SECRET: goodToken.secret },
		commands,
		kubectl: createKubectl(commands, createFiles(), { kubeconfig: cluster.kubeconfig, processEnvironment: {} }),
		options: openWorld({ kubeconfig: cluster.kubeconfig }).options,
	});
	return await examineWith(world, "machine-deletion");
}

const commandsOf = ({ verdict }: Judgement): readonly (readonly string[])[] =>
	verdict.kind === "problem"
		? verdict.findings.flatMap(({ remedy }) =>
				remedy.flatMap(({ command }) => (command?.[0] === "kubectl" ? [command] : [])),
			)
		: [];

const patches = (judgement: Judgement) => commandsOf(judgement).filter((command) => command.includes("--type=json"));

/** As a user pastes it. */
const type = ([, ...args]: readonly string[]) =>
	exec(kubectl, [`--kubeconfig=${cluster.kubeconfig}`, ...args], { env: { ...process.env, ...cluster.environment } });

const find = (kind: string, name: string) =>
	cluster.objects().find((object) => object.kind === kind && object.metadata.name === name);

const locked = (setup = newest) =>
	new Scene(setup).removing(worker, 20, "DeletionFailed").vm(worker, { lock: "backup" });

describe.each([
	["the newest", newest],
	["the older", legacy],
] as const)("through the real kubectl: %s", (_, setup) => {
	test("only reads, within 16 requests, and no value of a Secret", async () => {
		const { codes, sheet, judgement } = await examine(locked(setup));
		expect(codes).toEqual(["vm-locked"]);
		expect(new Set([...cluster.requests, ...proxmox.requests].map(({ method }) => method))).toEqual(new Set(["GET"]));
		expect(cluster.requests.length).toBeLessThanOrEqual(16);
		const seen = JSON.stringify([sheet, judgement]);
		expect(seen).not.toContain(plantedSecret);
		expect(seen).not.toContain(Buffer.from(plantedSecret).toString("base64"));
		expect(seen).not.toContain(goodToken.secret);
	});

	test("the last resort does what it says, in its order", async () => {
		const { judgement } = await examine(locked(setup));
		const [first, second, ...others] = patches(judgement);
		expect(others).toEqual([]);
		await type(first ?? []);
		expect(find("ProxmoxMachine", worker)).toBeUndefined();
		expect(find("Machine", worker)).toBeDefined();
		await type(second ?? []);
		expect(find("Machine", worker)).toBeUndefined();
		expect(find("Machine", "prod-control-plane-0")).toBeDefined();
	});

	test("what changed meanwhile is left alone", async () => {
		const { judgement } = await examine(locked(setup));
		const [patch = []] = patches(judgement);
		const before = find("ProxmoxMachine", worker)!;
		cluster.put({ ...before, metadata: { ...before.metadata, annotations: { touched: "yes" } } });
		await expect(type(patch)).rejects.toThrow(/test/i);
		expect(find("ProxmoxMachine", worker)?.metadata.finalizers).toHaveLength(1);
	});
});

test("a finalizer that is not the first is taken off where it is, and the others stay", async () => {
	const scene = locked();
	const own = "proxmoxmachine.infrastructure.cluster.x-k8s.io";
	scene.change("ProxmoxMachine", worker, { metadata: { finalizers: ["example.com/audit", own] } });
	const [patch = []] = patches((await examine(scene)).judgement);
	await type(patch);
	expect(find("ProxmoxMachine", worker)?.metadata.finalizers).toEqual(["example.com/audit"]);
	const { codes } = await look();
	expect(codes).toContain("foreign-finalizer");
});

test("skipping the drain, a time limit and unpausing are taken by the server", async () => {
	const message = "* Pod prod/db-0: cannot evict pod as it would violate the pod's disruption budget.";
	const { judgement } = await examine(new Scene().stage(worker, 25, "DrainingNode", message));
	const changes = commandsOf(judgement).filter(
		(command) => command.includes("annotate") || command.includes("--type=merge"),
	);
	expect(changes).toHaveLength(2);
	for (const command of changes) {
		await type(command);
	}

	expect(find("Machine", worker)).toMatchObject({
		metadata: { annotations: { "machine.cluster.x-k8s.io/exclude-node-draining": "" } },
		spec: { deletion: { nodeDrainTimeoutSeconds: 60 } },
	});
});

test("pausing and unpausing", async () => {
	const { judgement } = await examine(
		new Scene().removing(worker, 30).annotate("ProxmoxMachine", worker, { "cluster.x-k8s.io/paused": "" }),
	);
	for (const command of commandsOf(judgement)) {
		await type(command);
	}

	expect((await look()).codes).not.toContain("paused");
});

describe("faults of the management cluster", () => {
	test.each([
		["machines.cluster.x-k8s.io", { kind: "status", code: 403 }],
		["ipaddresses.ipam.cluster.x-k8s.io", { kind: "truncated" }],
		["deployments.apps", { kind: "status", code: 500 }],
	] as const)("%s: never a pass", async (resource, fault) => {
		const scene = new Scene();
		cluster = await startKubernetes({ objects: scene.objects, faults: [{ ...fault, resource }] });
		proxmox = await startProxmox({ ...scene.proxmox });
		expect((await look()).judgement.verdict.kind).toBe("unknown");
	});
});
