import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Chalk } from "chalk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Document, isCollection, isMap, visit } from "yaml";
import machineDeletion from "../../checks/machine-deletion.ts";
import { planOf } from "../../src/fix/plan.ts";
import { renderHuman } from "../../src/report/human.ts";
import { crdsFolder, schemaErrors } from "../support/crds.ts";
import { type Looking, Scene, sheetOf } from "../support/deletion.ts";
import { scenes } from "../support/deletion-scenes.ts";
import { faults } from "../support/proxmox/faults.ts";
import { type Proxmox, startProxmox } from "../support/proxmox/proxmox.ts";
import { judgeSituation } from "../support/situations.ts";

let proxmox: Proxmox;
beforeAll(async () => {
	proxmox = await startProxmox({ delay: 0 });
});
afterAll(async () => {
	await proxmox.close();
});

async function judge(scene: Scene, looking: Looking = { proxmox }) {
	const sheet = await sheetOf(scene, looking);
	const { judgement, codes, text } = judgeSituation(machineDeletion, sheet, false);
	return { sheet, judgement, text, codes: codes.map((code) => code.replace("machine-deletion/", "")) };
}

/** What holds nothing but words stands on one line. */
function toYaml(value: unknown): string {
	const document = new Document(value);
	visit(document, {
		Map: (_, node, path) => {
			node.flow = path.length > 6 && node.items.every((pair) => !isCollection(pair.value) && !isMap(pair.value));
		},
	});
	return document.toString({ lineWidth: 0 });
}

describe("each state, by the real parsers, and its nearest healthy neighbour", () => {
	test.each(scenes.map((each) => [each.name, each] as const))("%s", async (name, { scene, codes, unwritten }) => {
		const { judgement, sheet, codes: found } = await judge(scene());
		expect(found).toEqual(codes);
		expect(judgement.verdict.kind).toBe(codes.length === 0 ? "pass" : "problem");
		if (unwritten !== true) {
			const url = new URL(`../situations/machine-deletion/${name}.yaml`, import.meta.url);
			await expect(toYaml({ facts: sheet })).toMatchFileSnapshot(fileURLToPath(url));
		}
	});
});

const hasCrds = existsSync(crdsFolder);
describe(`their objects are valid by the definitions of both generations${hasCrds ? "" : " (skipped: ../shared/data/crds is missing)"}`, () => {
	test.skipIf(!hasCrds).each(scenes.map((each) => [each.name, each] as const))("%s", (_, { scene }) => {
		const { objects, setup } = scene();
		expect(objects.flatMap((object) => schemaErrors(object, setup))).toEqual([]);
	});
});

describe("what is not known is never a pass, and never a claim", () => {
	const worker = "prod-workers-0";
	const reused = (setup: ConstructorParameters<typeof Scene>[0] = {}) =>
		new Scene(setup).removing(worker, 3).vm(worker, {
			name: "erp-database",
			config: { name: "erp-database", smbios1: "uuid=6d1f2a3b-0000-4000-8000-00000000beef" },
		});

	test("no Proxmox VE is set up here: judged by the management cluster alone, and said", async () => {
		const { judgement, codes } = await judge(new Scene().removing(worker, 20).vm(worker, { lock: "backup" }), {});
		expect(codes).toEqual(["vm-not-deleted"]);
		expect(judgement.verdict).toMatchObject({ missing: [] });
		expect((await judge(new Scene(), {})).judgement.verdict).toMatchObject({
			kind: "pass",
			summary: expect.stringContaining("Proxmox VE was not asked") as string,
		});
	});

	test("a token that Proxmox VE refuses leaves its part unknown", async () => {
		const { judgement } = await judge(new Scene(), { proxmox, secret: "22222222-2222-4222-8222-222222222222" });
		expect(judgement.verdict.kind).toBe("unknown");
		expect(JSON.stringify(judgement.verdict)).toContain("see the check token");
	});

	test("the token of this host is told beside CAPMOX's", async () => {
		const scene = new Scene()
			.removing(worker, 20)
			.condition(
				"ProxmoxCluster",
				"prod",
				"ProxmoxAvailable",
				"False",
				"ProxmoxUnreachable",
				"not authorized to access endpoint",
			);
		const rejected = await judge(scene, { proxmox, secret: "22222222-2222-4222-8222-222222222222" });
		expect(rejected.text).toContain("answers 401 to the token of this host, too");
		expect((await judge(scene)).text).toContain("accepts the token of this host");
	});

	test("the variables name another Proxmox VE: nothing is said of its VMs", async () => {
		const other = reused({ workers: 2 });
		other.proxmox.vms = other.proxmox.vms.map((vm) => ({ ...vm, name: `other-${vm.vmid}` }));
		expect((await judge(other)).codes).toEqual([]);
		const own = new Scene({ ownCredentials: false, workers: 2 }).removing(worker, 20);
		own.proxmox.vms = own.proxmox.vms.map((vm) => ({ ...vm, name: `other-${vm.vmid}` }));
		expect((await judge(own)).codes).toEqual(["vm-not-deleted"]);
	});

	test.each(["/cluster/resources", "/nodes", "/storage", "/nodes/pve1/storage/nfs/content"])(
		"%s fails: unknown, and what the management cluster shows is said all the same",
		async (path) => {
			for (const fault of [faults.garbageJson(), faults.badGateway(), faults.truncatedJson()]) {
				proxmox.faults.set(path, fault);
				expect((await judge(new Scene())).judgement.verdict.kind).toBe("unknown");
				expect((await judge(new Scene().removing(worker, 3).remove("Machine", worker))).codes).toContain("owner-gone");
			}

			proxmox.faults.delete(path);
		},
	);

	test("controllers without a label were installed otherwise, and are not taken for missing", async () => {
		const { codes } = await judge(new Scene().removing(worker, 20).vm(worker, { lock: "backup" }).remove("Deployment"));
		expect(codes).toEqual(["vm-locked"]);
	});

	test("a VM that the token may not see is not gone", async () => {
		const scene = new Scene().removing(worker, 20);
		scene.proxmox.acls = [
			{ path: "/", user: "capmox@pve", role: "PVEAdmin" },
			{ path: "/vms/102", user: "capmox@pve", role: "NoAccess" },
		];
		expect((await judge(scene)).codes).toEqual(["vm-not-deleted"]);
	});

	describe("of a VM that lingers, all that tells whose it is is shown, and its removal is for people alone", () => {
		const lingering = (...others: Scene["proxmox"]["vms"]) => {
			const scene = new Scene().remove("Machine", worker).remove("ProxmoxMachine", worker);
			scene.proxmox.vms = [...scene.proxmox.vms, ...others];
			return scene;
		};
		const stranger = { vmid: 300, node: "pve1", name: "staging-workers-0", tags: "go-proxmox+cloud-init" };
		test.each<[string, () => Scene, readonly RegExp[]]>([
			[
				"of nobody else that is seen",
				() => lingering(),
				[
					/none with VMID 102, name prod-workers-0, UUID [0-9a-f-]{36}/,
					/tag ip_net0_10\.10\.10\.102/,
					/none with CAPMOX's marks/,
				],
			],
			[
				"beside another cluster's",
				() => lingering(stranger),
				[/1 with CAPMOX's marks is of a cluster that is not here/],
			],
			[
				"older than the cluster",
				() => lingering().vm(worker, { config: { meta: "creation-qemu=10.0.2,ctime=1700000000" } }),
				[/made 2023-11-14T22:13:20\.000Z, before Cluster prod here was/],
			],
			[
				"without a mark",
				() => lingering().vm(worker, { tags: "" }),
				[/no mark of CAPMOX: somebody may have made it by hand/],
			],
		])("%s", async (_, scene, patterns) => {
			const { judgement } = await judge(scene());
			const { verdict } = judgement;
			const found =
				verdict.kind === "problem" ? verdict.findings.find(({ code }) => code.endsWith("/lingering-vm")) : undefined;
			const seen = found?.evidence.map(({ from, saw }) => `${from}: ${saw}`).join("\n") ?? "";
			expect(patterns.filter((pattern) => !pattern.test(seen)).map(String)).toEqual([]);
			const destroying = planOf(judgement, undefined).filter(({ step }) => step.risk === "destroys");
			expect(destroying.map(({ way }) => way)).toEqual(["copy"]);
		});
	});

	test("one namespace does not tell which VMs linger", async () => {
		const scene = new Scene().remove("Machine", worker).remove("ProxmoxMachine", worker);
		for (const kind of ["IPAddressClaim", "IPAddress"]) {
			scene.remove(kind, `${worker}-net0-00-inet`);
		}

		expect((await judge(scene)).codes).toEqual(["lingering-vm"]);
		const { judgement } = await judge(scene, { proxmox, namespace: "default" });
		expect(judgement.verdict).toMatchObject({ kind: "pass" });
	});

	test("time is the API server's; where it is not seen, that is said", async () => {
		const scene = new Scene().removing(worker, 20).vm(worker, { lock: "backup" });
		expect((await judge(scene, { proxmox, date: "2026-08-20T11:43:00Z" })).codes).toEqual([]);
		expect((await judge(new Scene(), { proxmox, date: undefined })).text).toMatch(/this\s+host's\s+was\s+taken/);
	});

	test("a cluster without Cluster API has nothing to judge", async () => {
		const scene = new Scene();
		scene.objects.splice(0);
		expect((await judge(scene, {})).judgement.verdict).toMatchObject({ kind: "skip" });
	});

	test("a control-plane machine: etcd comes before everything", async () => {
		const { text } = await judge(
			new Scene().removing("prod-control-plane-0", 20, "DeletionFailed").vm("prod-control-plane-0", { lock: "backup" }),
		);
		expect(text).toContain("with it the workload cluster and all its data go");
	});

	test("a machine of another provider is not taken for a Proxmox one", async () => {
		const scene = new Scene().stage("prod-workers-0", 30, "WaitingForInfrastructureDeletion");
		const apiGroup = "infrastructure.cluster.x-k8s.io";
		scene.change("Machine", worker, { spec: { infrastructureRef: { apiGroup, kind: "DockerMachine", name: worker } } });
		const { text } = await judge(scene);
		expect(text).toMatch(/another\s+provider\s+deletes/);
		expect(text).not.toMatch(/qm |finalizer/);
	});

	test("another cluster's API server: Proxmox VE is not asked about machines", async () => {
		const scene = new Scene();
		scene.objects.splice(0);
		const before = proxmox.requests.length;
		expect((await judge(scene)).judgement.verdict.kind).toBe("skip");
		expect(proxmox.requests.slice(before).map(({ path }) => path)).toEqual(["/access/domains", "/version"]);
	});

	test("of two Deployments of a provider the one that was scaled to nothing is not taken for the one that runs", async () => {
		const scene = new Scene().removing(worker, 20, "DeletionFailed");
		const left = structuredClone(scene.get("Deployment", "capmox-controller-manager"));
		scene.objects.unshift({
			...left,
			metadata: { ...left.metadata, namespace: "earlier" },
			spec: { ...left.spec, replicas: 0 },
			status: {},
		});
		expect((await judge(scene)).codes).toEqual(["vm-not-deleted"]);
		scene.objects.shift();
		expect((await judge(scene.controller("capmox-controller-manager", 0))).codes).toEqual(["controller-down"]);
	});

	test("a pool of all namespaces that was deleted while it is in use", async () => {
		const scene = new Scene();
		const pool = scene.get("InClusterIPPool", "prod-v4-icip");
		const reference = { apiGroup: "ipam.cluster.x-k8s.io", kind: "GlobalInClusterIPPool", name: "shared" };
		const metadata = { ...pool.metadata, name: reference.name };
		delete metadata.namespace;
		scene.objects.push({ ...pool, kind: reference.kind, metadata });
		for (const object of scene.objects.filter(({ kind }) => kind === "IPAddressClaim" || kind === "IPAddress")) {
			scene.change(object.kind, object.metadata.name, { spec: { poolRef: reference } });
		}

		expect((await judge(scene)).codes).toEqual([]);
		scene.deleting(reference.kind, reference.name, 20);
		expect((await judge(scene)).codes).toEqual(["pool-in-use"]);
	});

	test("a control plane that leaves all of kubeadm's configuration to the defaults is read", async () => {
		const scene = new Scene();
		const { name } = scene.objects.find(({ kind }) => kind === "KubeadmControlPlane")!.metadata;
		scene.change("KubeadmControlPlane", name, { spec: { kubeadmConfigSpec: undefined } });
		expect((await judge(scene)).judgement.verdict).toMatchObject({ kind: "pass" });
	});

	test("a VMID that no VM can have is in no command", async () => {
		const scene = new Scene().removing(worker, 20, "DeletionFailed", "cannot find vm with id -1");
		const { text } = await judge(scene.change("ProxmoxMachine", worker, { spec: { virtualMachineID: -1 } }));
		expect(text).toContain("vm-not-deleted");
		expect(text).not.toMatch(/qm \w+ -1/);
	});

	test("a reused VMID takes every other remedy's place", async () => {
		const { text } = await judge(reused());
		expect(text).not.toMatch(/qm (?:stop|destroy)/);
	});
});

describe("200 machines", () => {
	const many = () => {
		const scene = new Scene({ workers: 200 });
		for (let index = 0; index < 200; index++) {
			scene.removing(`prod-workers-${index}`, 20 + index).vm(`prod-workers-${index}`, { lock: "backup" });
		}

		return scene;
	};

	test("are one finding by their cause, in full only with -v", async () => {
		const { judgement, codes, text, sheet } = await judge(many());
		expect(codes).toEqual(["vm-locked"]);
		expect(text.replaceAll(/\s+/g, " ")).toContain("together with 199 other ProxmoxMachines");
		expect(text.match(/cannot go on/g)).toHaveLength(200);
		const few = renderHuman(
			{ version: "0", judgements: [judgement], failOn: "error", exitCode: 1, milliseconds: 0 },
			{ paint: new Chalk({ level: 0 }), width: 80 },
		);
		expect(few).toMatch(/… \d{3} more lines; -v shows them/);
		expect(few.split("\n").length).toBeLessThan(90);
		expect(Object.keys(sheet)).toContain("proxmox.machines");
	});
});
