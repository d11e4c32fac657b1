import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openFixes } from "../../src/access/fixes.ts";
import { createHands } from "../../src/access/hands.ts";
import type { World } from "../../src/access/world.ts";
import { carryOut, type Parts } from "../../src/fix/carry-out.ts";
import { undo } from "../../src/fix/undo.ts";
import { cases } from "../checks/calico-ipvs.cases.ts";
import { nodes } from "../checks/kube-vip.cases.ts";
import { type CalicoSetup, calicoObjects } from "../support/calico-objects.ts";
import { Clusters, worldWith } from "../support/clusters.ts";
import { doctor } from "../support/doctor.ts";
import { examineWith } from "../support/in-process.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import type { Kubernetes } from "../support/kubernetes/server.ts";
import { lease, type VipSetup, vipObjects, vipPod } from "../support/vip-objects.ts";

let folder: string;
let said: string;
const clusters = new Clusters();
beforeEach(async () => {
	said = "";
	folder = mkdtempSync(join(tmpdir(), "remedies-"));
	vi.stubEnv("XDG_STATE_HOME", join(folder, "state"));
	vi.stubEnv("PATH", `${dirname(await findKubectl())}:${process.env["PATH"] ?? ""}`);
});
afterEach(async () => {
	vi.unstubAllEnvs();
	rmSync(folder, { recursive: true, force: true });
	await clusters.close();
});

/** The fix of one check, without being asked; `settle` is what a cluster does by itself before each look. */
const partsOf = (world: World, check: string, settle: () => void): Parts => ({
	look: async () => {
		settle();
		return (await examineWith(world, check)).judgement;
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
	version: "0",
	width: 80,
	interrupted: new AbortController().signal,
});
const order = (target: string) => ({ target, place: "here", consent: { destroys: false, named: [] } });

const find = (cluster: Kubernetes, kind: string, name: string) =>
	cluster.objects().find((each) => each.kind === kind && each.metadata.name === name)!;

describe("Calico is told to take the InternalIP, and what was there before is put back", () => {
	const setupOf = (name: string): CalicoSetup => cases.find(([each]) => each === name)![1];
	const installation: KubernetesObject = {
		apiVersion: "operator.tigera.io/v1",
		kind: "Installation",
		// Whose the DaemonSet is.
		metadata: { name: "default", uid: "1" },
		spec: { calicoNetwork: { nodeAddressAutodetectionV4: { firstFound: true }, mtu: 1450 } },
	};
	async function mend(setup: CalicoSetup, others: readonly KubernetesObject[], told: (cluster: Kubernetes) => boolean) {
		const cluster = await clusters.start([...calicoObjects(setup), ...others]);
		vi.stubEnv("HOME", cluster.environment.HOME);
		const world = await worldWith(undefined, cluster);
		const options = { ...world.options, workloadKubeconfig: cluster.kubeconfig };
		const healthy = { ...setupOf("the method takes the InternalIP"), operator: setup.operator ?? false };
		const parts = partsOf({ ...world, options }, "calico-ipvs", () => {
			if (told(cluster)) {
				// The operator writes the DaemonSet, and the agents their nodes.
				const kinds = setup.operator === true ? ["Node", "DaemonSet"] : ["Node"];
				for (const object of calicoObjects(healthy).filter(({ kind }) => kinds.includes(kind))) {
					cluster.put(object);
				}
			}
		});
		const outcome = await carryOut(parts, order("calico-ipvs"));
		return { cluster, outcome, takeBack: () => undo(parts, outcome.id!) };
	}

	test("by the operator: the Installation", async () => {
		const { cluster, outcome, takeBack } = await mend(setupOf("the same by the operator"), [installation], (each) =>
			JSON.stringify(find(each, "Installation", "default")).includes("NodeInternalIP"),
		);
		expect(outcome).toMatchObject({ result: "confirmed" });
		const spec = () => find(cluster, "Installation", "default")["spec"];
		expect(spec()).toEqual({
			calicoNetwork: { nodeAddressAutodetectionV4: { kubernetes: "NodeInternalIP" }, mtu: 1450 },
		});
		expect(await takeBack()).toBe(true);
		expect(spec()).toEqual(installation["spec"]);
	});

	test.each(["a load balancer's address", "cidr= that holds a load balancer's address, with IPVS"])(
		"by a manifest: one variable of the DaemonSet; %s",
		async (name) => {
			const { cluster, outcome, takeBack } = await mend(setupOf(name), [], (each) =>
				JSON.stringify(find(each, "DaemonSet", "calico-node")).includes("kubernetes-internal-ip"),
			);
			expect(outcome).toMatchObject({ result: "confirmed" });
			const spec = () => find(cluster, "DaemonSet", "calico-node")["spec"];
			const set = (variables: Readonly<Record<string, string>>) =>
				calicoObjects({ ...setupOf(name), variables }).find(({ metadata }) => metadata.name === "calico-node")!["spec"];
			const own = setupOf(name).variables ?? {};
			expect(JSON.stringify(spec())).toContain("planted-in-the-environment");
			expect(JSON.stringify(spec())).toContain('{"name":"IP_AUTODETECTION_METHOD","value":"kubernetes-internal-ip"}');
			expect(await takeBack()).toBe(true);
			expect(spec()).toEqual(set(own));
			expect(said).not.toContain("planted-in-the-environment");
		},
	);
});

describe("the image of kube-vip is patched in the KubeadmControlPlane", () => {
	const image = (tag: string) => `ghcr.io/kube-vip/kube-vip:${tag}`;
	const old: VipSetup = { manifest: { image: image("v1.0.2") } };
	const name = "prod-control-plane";
	const kcp = (cluster: Kubernetes) => find(cluster, "KubeadmControlPlane", name);
	/** A control plane that begins to roll out does not change what is asked here. */
	async function mend(settle: (management: Kubernetes) => void = () => undefined) {
		const management = await clusters.start(vipObjects(old));
		vi.stubEnv("KUBECONFIG", management.kubeconfig);
		vi.stubEnv("HOME", management.environment.HOME);
		const workload = await clusters.start([
			...nodes,
			vipPod({ node: "prod-control-plane-0", image: image("v1.1.2") }),
			lease("prod-control-plane-0", new Date()),
		]);
		const world = await worldWith(management, workload);
		const before = kcp(management);
		const parts = partsOf(world, "kube-vip", () => {
			settle(management);
		});
		const codes = new Set(["kube-vip/broken-release"]);
		return { management, parts, before, outcome: await carryOut(parts, { ...order("kube-vip"), codes }) };
	}

	test("and taken back, byte for byte, while nobody else wrote to it", async () => {
		const { management, parts, before, outcome } = await mend();
		expect(outcome).toMatchObject({ result: "confirmed" });
		const texts = (object: KubernetesObject) => JSON.stringify(object["spec"]);
		expect(texts(kcp(management))).toBe(texts(before).replaceAll("v1.0.2", "v1.1.2"));
		expect(said.indexOf("This replaces every control-plane machine")).toBeLessThan(said.indexOf("patched"));
		// Another field, and the status, are not in its way.
		const now = kcp(management);
		management.put({ ...now, spec: { ...(now["spec"] as object), replicas: 3 }, status: { replicas: 3 } });
		expect(await undo(parts, outcome.id!)).toBe(true);
		expect(texts(kcp(management))).toBe(texts({ ...before, spec: { ...(before["spec"] as object), replicas: 3 } }));
		expect(await undo(parts, outcome.id!)).toBe(true);
		expect(said).toContain("changed nothing that is not taken back already");
	});

	test("not where somebody wrote to it since: the printed patch says so itself", async () => {
		const { management, outcome } = await mend();
		expect(outcome.result).toBe("confirmed");
		const patched = kcp(management);
		const patch = /kubectl patch (kubeadmcontrolplane\/\S+) .*'--patch=(.*)'/.exec(said)!;
		const again = await execa(
			await findKubectl(),
			["patch", patch[1]!, "--namespace", "default", "--type=json", `--patch=${patch[2]!.replaceAll("'\\''", "'")}`],
			{ reject: false },
		);
		expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("invalid")]);
		expect(kcp(management)).toEqual(patched);
	});

	test("its undo leaves alone what was changed since, made anew, or is of another cluster", async () => {
		const { management, parts, outcome } = await mend();
		const mended = kcp(management);
		const edit = (from: string, to: string) => {
			management.put(JSON.parse(JSON.stringify(mended).replaceAll(from, to)) as KubernetesObject);
		};
		edit("v1.1.2", "v1.1.0");
		expect(await undo(parts, outcome.id!)).toBe(false);
		expect(said).toContain("Left alone: what the step wrote was changed since. How it was is kept in");
		expect(JSON.stringify(kcp(management))).toContain("v1.1.0");
		management.put({ ...mended, metadata: { ...mended.metadata, uid: "another" } });
		said = "";
		expect(await undo(parts, outcome.id!)).toBe(false);
		expect(said).toContain("Left alone: it was made anew since, or this is another cluster");
		const other = await clusters.start(
			vipObjects(old).map((object) => ({ ...object, metadata: { ...object.metadata, uid: "of another cluster" } })),
		);
		vi.stubEnv("KUBECONFIG", other.kubeconfig);
		const objects = other.objects();
		said = "";
		expect(await undo(parts, outcome.id!)).toBe(false);
		expect(said).toContain("Left alone: it was made anew since, or this is another cluster");
		expect(other.objects()).toEqual(objects);
	});
});

test("a line of the envfile: shown as a patch, confirmed, and taken back only while nobody else edited it", async () => {
	const path = join(folder, "envfile");
	const before = [
		"export PROXMOX_URL='https://pve.example.com:8006/api2/json'\r\n",
		"export PROXMOX_TOKEN='capmox@pve!capi'\r\n",
		"export PROXMOX_SECRET='0a1b2c3d-0000-4000-8000-00000000beef'",
	].join("");
	writeFileSync(path, before, { mode: 0o600 });
	const fix = (...words: readonly string[]) =>
		doctor(["fix", ...words, "--yes"], {
			cwd: folder,
			env: { HOME: folder, XDG_STATE_HOME: join(folder, "state") },
		});
	const { exitCode, stdout } = await fix("imagebuilder-env/api-path-for-capmox");
	const after = before.replace("/api2/json", "");
	expect([exitCode, readFileSync(path, "utf8")]).toEqual([0, after]);
	expect(stdout).toContain(
		"    -export PROXMOX_URL='https://pve.example.com:8006/api2/json'\n    +export PROXMOX_URL='https://pve.example.com:8006'\n",
	);
	const [, id = ""] = /--undo (\S+)/.exec(stdout) ?? [];
	writeFileSync(path, `${after}\r\n# mine\r\n`);
	const refused = await fix("--undo", id);
	expect([refused.exitCode, refused.stdout]).toEqual([
		4,
		expect.stringContaining("was changed since and is left alone"),
	]);
	expect(readFileSync(path, "utf8")).toBe(`${after}\r\n# mine\r\n`);
	writeFileSync(path, after);
	expect((await fix("--undo", id)).exitCode).toBe(0);
	expect(readFileSync(path, "utf8")).toBe(before);
});
