import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openFixes } from "../../src/access/fixes.ts";
import { createHands } from "../../src/access/hands.ts";
import type { World } from "../../src/access/world.ts";
import { carryOut, type Parts } from "../../src/fix/carry-out.ts";
import { undo } from "../../src/fix/undo.ts";
import { cases } from "../checks/calico-ipvs.cases.ts";
import { type CalicoSetup, calicoObjects } from "../support/calico-objects.ts";
import { Clusters, worldWith } from "../support/clusters.ts";
import { doctor } from "../support/doctor.ts";
import { examineWith } from "../support/in-process.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import type { Kubernetes } from "../support/kubernetes/server.ts";

let folder: string;
const clusters = new Clusters();
beforeEach(async () => {
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
	say: () => undefined,
	mask: (text) => text,
	now: () => new Date(),
	pause: () => Promise.resolve(),
	version: "0",
	width: 80,
	interrupted: new AbortController().signal,
});
const order = (target: string) => ({ target, place: "here", consent: { destroys: false, named: [] } });

describe("Calico is told to take the InternalIP, and what was there before is put back", () => {
	const setupOf = (name: string): CalicoSetup => cases.find(([each]) => each === name)![1];
	const installation: KubernetesObject = {
		apiVersion: "operator.tigera.io/v1",
		kind: "Installation",
		metadata: { name: "default" },
		spec: { calicoNetwork: { nodeAddressAutodetectionV4: { firstFound: true }, mtu: 1450 } },
	};
	const find = (cluster: Kubernetes, kind: string, name: string) =>
		cluster.objects().find((each) => each.kind === kind && each.metadata.name === name)!;

	async function mend(setup: CalicoSetup, others: readonly KubernetesObject[], told: (cluster: Kubernetes) => boolean) {
		const cluster = await clusters.start([...calicoObjects(setup), ...others]);
		vi.stubEnv("HOME", cluster.environment.HOME);
		const world = await worldWith(undefined, cluster);
		const options = { ...world.options, workloadKubeconfig: cluster.kubeconfig };
		const healthy = { ...setupOf("the method takes the InternalIP"), operator: setup.operator ?? false };
		const parts = partsOf({ ...world, options }, "calico-ipvs", () => {
			if (told(cluster)) {
				// The operator writes the DaemonSet, and the agents their nodes.
				for (const object of calicoObjects(healthy).filter(({ kind }) => kind === "Node" || kind === "DaemonSet")) {
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
