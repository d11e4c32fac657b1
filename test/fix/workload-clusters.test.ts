import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { calicoObjects } from "../support/calico-objects.ts";
import { Clusters, kubeconfigSecret } from "../support/clusters.ts";
import { doctor } from "../support/doctor.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import type { Kubernetes } from "../support/kubernetes/server.ts";
import { asSecond, elsewhere } from "../support/second-cluster.ts";
import { vipObjects } from "../support/vip-objects.ts";

/** Clusters default/prod and staging/test: in both Calico took a Service's address. */
const clusters = new Clusters();
let prod: Kubernetes;
let second: Kubernetes;
let management: Kubernetes;
let cwd: string;

const ids = vipObjects()
	.filter(({ kind }) => kind === "Machine")
	.map((object) => (object["spec"] as { providerID: string }).providerID);
const nodes = [
	{ name: "prod-control-plane-0", addresses: ["10.10.10.20"], calico: { ipv4: "10.10.10.20/16" } },
	{ name: "prod-workers-0", addresses: ["10.10.10.21"], calico: { ipv4: "10.10.200.7/32" } },
].map((node, index) => ({ ...node, ...(ids[index] === undefined ? {} : { providerId: ids[index] }) }));
const services = [{ name: "web", clusterIp: "10.96.0.9", loadBalancerIp: "10.10.200.7" }];
/** The stand-in counts its UIDs: with one more before them no two clusters have objects of one UID. */
const shift: KubernetesObject = {
	apiVersion: "v1",
	kind: "ConfigMap",
	metadata: { namespace: "default", name: "first" },
};

beforeEach(async () => {
	const sick = calicoObjects({ nodes, services });
	prod = await clusters.start(sick);
	second = await clusters.start([shift, ...elsewhere(sick)]);
	management = await clusters.start([
		...vipObjects(),
		...asSecond(vipObjects()),
		kubeconfigSecret(prod),
		kubeconfigSecret(second, "test", "staging"),
	]);
	cwd = mkdtempSync(join(tmpdir(), "fix-clusters-"));
});
afterEach(async () => {
	await clusters.close();
	rmSync(cwd, { recursive: true });
});

const fix = async (...words: readonly string[]) =>
	doctor(["fix", "calico-ipvs", "--kubeconfig", management.kubeconfig, "--workload", "all", ...words], {
		cwd,
		env: { PATH: `${dirname(await findKubectl())}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: cwd },
	});
const isTold = (cluster: Kubernetes): boolean =>
	JSON.stringify(cluster.objects().find(({ metadata }) => metadata.name === "calico-node")).includes(
		"kubernetes-internal-ip",
	);
const keep = (cluster: Kubernetes, name: string) => {
	copyFileSync(cluster.kubeconfig, join(cwd, name));
};

test("the plan names each cluster above its steps", async () => {
	const { stdout } = await fix("--dry-run");
	const shown = stdout.split("\n").filter((line) => /^Cluster |^ {7}kubectl .*set env/.test(line));
	expect(shown.map((line) => /^Cluster \S+|--kubeconfig=\S+/.exec(line)?.[0])).toEqual([
		"Cluster default/prod:",
		"--kubeconfig=prod.kubeconfig",
		"Cluster staging/test:",
		"--kubeconfig=test.kubeconfig",
	]);
});

test("without their kubeconfigs nothing is changed", async () => {
	const { exitCode, stdout } = await fix("--yes");
	expect([exitCode, isTold(prod), isTold(second)]).toEqual([4, false, false]);
	expect(stdout).toContain("Not done from here");
});

test("with them each is changed, and the management cluster is not", async () => {
	keep(prod, "prod.kubeconfig");
	keep(second, "test.kubeconfig");
	const { stdout, stderr } = await fix("--yes");
	expect([isTold(prod), isTold(second), stderr]).toEqual([true, true, ""]);
	expect(stdout).toContain("prod.kubeconfig is here already.");
	expect(management.requests.filter(({ method }) => method !== "GET")).toEqual([]);
	expect(stdout).not.toContain(prod.token);
});

test("a file of that name that leads to another cluster changes nothing there", async () => {
	keep(second, "prod.kubeconfig");
	const { exitCode, stdout } = await fix("--yes");
	expect([exitCode, isTold(prod), isTold(second)]).toEqual([4, false, false]);
	expect(stdout.replaceAll(/\s+/g, " ")).toContain("or the kubeconfig leads to another cluster");
});
