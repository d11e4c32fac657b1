import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import type { World } from "../../src/access/world.ts";
import { diagnose, type ReportedFinding, type Verdict } from "../../src/diagnose.ts";
import { ProbeError } from "../../src/errors.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { type CalicoNode, type CalicoSetup, calicoObjects } from "../support/calico-objects.ts";
import { Clusters, kubeconfigSecret, worldWith } from "../support/clusters.ts";
import { doctor } from "../support/doctor.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "../support/kubernetes/objects.ts";
import type { Kubernetes, KubernetesOptions } from "../support/kubernetes/server.ts";
import { parseReport } from "../support/report-schema.ts";
import { asSecond, elsewhere } from "../support/second-cluster.ts";
import { lease, vipObjects, vipPod } from "../support/vip-objects.ts";

const own = checks.filter(({ group }) => group === "workload");
const wanted = new Set(own.flatMap(({ needs, uses }) => [...needs, ...uses]));
const clusters = new Clusters();
afterEach(() => clusters.close());

const look = (world: World): Promise<FactSheet> => gather(world, { wanted, signal: new AbortController().signal });

type Verdicts = Readonly<Record<string, Verdict>>;
const judge = (sheet: FactSheet): Verdicts =>
	Object.fromEntries(diagnose(own, sheet).map(({ check, verdict }) => [check.id, verdict]));
const wordOf = (verdict: Verdict | undefined) =>
	verdict?.kind === "problem" ? verdict.findings.map(({ code }) => code) : verdict?.kind;
const findingsOf = (verdict: Verdict | undefined): readonly ReportedFinding[] =>
	verdict?.kind === "problem" ? verdict.findings : [];
const missingOf = (verdict: Verdict | undefined) =>
	verdict?.kind === "problem" || verdict?.kind === "unknown" ? verdict.missing : [];

const name = "prod-control-plane-0";
const idOf = (kind: string) =>
	vipObjects()
		.filter((object) => object.kind === kind)
		.map((object) => (object["spec"] as { providerID: string }).providerID);
const [controlId = "", workerId = ""] = idOf("Machine");
const control: CalicoNode = {
	name,
	addresses: ["10.10.10.20"],
	providerId: controlId,
	calico: { ipv4: "10.10.10.20/16" },
};
const worker: CalicoNode = {
	name: "prod-workers-0",
	addresses: ["10.10.10.21"],
	providerId: workerId,
	calico: { ipv4: "10.10.10.21/16" },
};
const service = { name: "web", clusterIp: "10.96.0.9", loadBalancerIp: "10.10.200.7" };
const internal = { IP_AUTODETECTION_METHOD: "kubernetes-internal-ip" };

interface Sight extends CalicoSetup {
	/** Of kube-vip. */
	readonly pod?: Partial<Parameters<typeof vipPod>[0]> | null;
}

const sound: Sight = { nodes: [control, worker], variables: internal, services: [service] };
const taken: Sight = { ...sound, nodes: [control, { ...worker, calico: { ipv4: "10.10.200.7/32" } }] };
const crashing: Sight = { ...sound, pod: { waiting: "CrashLoopBackOff", restarts: 9, exitCode: 1 } };
const otherNic: Sight = { ...sound, nodes: [control, { ...worker, addresses: ["10.77.0.10"] }] };

const workload = ({ pod = {}, ...setup }: Sight): KubernetesObject[] => [
	...calicoObjects(setup),
	...(pod === null ? [] : [vipPod({ node: name, ...pod })]),
	lease(name, new Date()),
];

interface Scene {
	readonly prod: Kubernetes;
	readonly test: Kubernetes;
	readonly management: Kubernetes;
	readonly world: (more?: { readonly given?: Kubernetes; readonly named?: string }) => Promise<World>;
}

/** default/prod and staging/test, whose nodes have the same names. */
async function startTwo(prod: Sight, test: Sight, options: KubernetesOptions = {}): Promise<Scene> {
	const first = await clusters.start(workload(prod));
	const second = await clusters.start(elsewhere(workload(test)), options);
	const management = await clusters.start([
		...vipObjects(),
		...asSecond(vipObjects()),
		kubeconfigSecret(first),
		kubeconfigSecret(second, "test", "staging"),
	]);
	return {
		prod: first,
		test: second,
		management,
		world: ({ given, named = "all" } = {}) => worldWith(management, given, undefined, named),
	};
}

const of = (...fine: readonly string[]): Readonly<Record<string, unknown>> =>
	Object.fromEntries(["calico-ipvs", "kube-vip", "nic-order"].map((id) => [id, fine.includes(id) ? "pass" : "?"]));
const wordsOf = (verdicts: Verdicts) =>
	Object.fromEntries(Object.entries(verdicts).map(([id, each]) => [id, wordOf(each)]));

describe("two workload clusters at once", () => {
	test("both fine, and each is named", async () => {
		const { world } = await startTwo(sound, sound);
		const verdicts = judge(await look(await world()));
		expect(wordsOf(verdicts)).toEqual(of("calico-ipvs", "kube-vip", "nic-order"));
		for (const verdict of Object.values(verdicts)) {
			const text = verdict.kind === "pass" ? verdict.summary : "";
			expect(text).toContain("default/prod");
			expect(text).toContain("staging/test");
		}
	});

	test.each([
		["calico-ipvs", "service-address", taken, "10.10.200.7/32"],
		["kube-vip", "not-running", crashing, "CrashLoopBackOff"],
		["kube-vip", "pod-absent", { ...sound, pod: null }, name],
		["nic-order", "foreign-address", otherNic, "10.77.0.10"],
	] as const)("%s: %s in one of them is told of this one", async (id, code, sick, saw) => {
		const { world } = await startTwo(sick, sound);
		const verdict = judge(await look(await world()))[id];
		expect(wordOf(verdict)).toEqual([`${id}/${code}`]);
		const [finding] = findingsOf(verdict);
		expect(finding?.summary).toContain("Cluster default/prod: ");
		expect(finding?.summary).toContain(saw);
		expect(JSON.stringify(finding)).not.toMatch(/staging|10\.30\./);
	});

	test.each([
		["calico-ipvs", "service-address", taken],
		["kube-vip", "not-running", crashing],
	] as const)("%s: %s in both, on nodes of one name, is told twice", async (id, code, sick) => {
		const { world } = await startTwo(sick, sick);
		const verdict = judge(await look(await world()))[id];
		expect(wordOf(verdict)).toEqual([`${id}/${code}`, `${id}/${code}`]);
		const told = findingsOf(verdict).map(({ summary, remedy }) => ({
			cluster: /^Cluster (\S+):/.exec(summary)?.[1],
			fetch: remedy[0].command?.join(" "),
			flags: remedy.flatMap(({ command = [] }) => command.filter((word) => word.startsWith("--kubeconfig="))),
		}));
		expect(told).toEqual([
			{
				cluster: "default/prod",
				fetch: "clusterctl get kubeconfig prod --namespace default",
				flags: expect.arrayContaining(["--kubeconfig=prod.kubeconfig"]) as unknown,
			},
			{
				cluster: "staging/test",
				fetch: "clusterctl get kubeconfig test --namespace staging",
				flags: expect.arrayContaining(["--kubeconfig=test.kubeconfig"]) as unknown,
			},
		]);
		expect(told[0]?.flags).not.toContain("--kubeconfig=test.kubeconfig");
		const places = findingsOf(verdict).map(({ evidence }) => JSON.stringify(evidence.map(({ from }) => from)));
		expect(places[0]).not.toBe(places[1]);
	});

	test("an address of the other one's Service or endpoint is none of this one's", async () => {
		const foreign = (ipv4: string): Sight => ({ ...sound, nodes: [control, { ...worker, calico: { ipv4 } }] });
		for (const address of ["10.30.200.7/16", "10.30.10.10/16"]) {
			const { world } = await startTwo(foreign(address), sound);
			expect(wordOf(judge(await look(await world()))["calico-ipvs"])).toEqual(["calico-ipvs/not-node-address"]);
		}
	});

	test("files of clusters that have one name are told apart", async () => {
		const { prod, management } = await startTwo(taken, sound);
		const again = asSecond(vipObjects()).map(
			(object) => JSON.parse(JSON.stringify(object).replaceAll('"test"', '"prod"')) as KubernetesObject,
		);
		for (const object of [...again, kubeconfigSecret(prod, "prod", "staging")]) {
			management.put(object);
		}

		const verdict = judge(await look(await worldWith(management, undefined, undefined, "prod")))["calico-ipvs"];
		const files = findingsOf(verdict).map(({ remedy }) => /to (\S+\.kubeconfig),/.exec(remedy[0].advice)?.[1]);
		expect(files).toEqual(["default-prod.kubeconfig", "staging-prod.kubeconfig"]);
	});
});

describe("one that cannot be looked at hides nothing of the other, and is never fine", () => {
	test("silent, beside one that is fine", async () => {
		const { world, test: second } = await startTwo(sound, sound);
		await second.setTransport("refused");
		for (const [id, verdict] of Object.entries(judge(await look(await world())))) {
			expect(verdict.kind, id).toBe("unknown");
			const clustersMissed = new Set(missingOf(verdict).map(({ cluster }) => cluster));
			expect([...clustersMissed]).toEqual(["staging/test"]);
			// One reason, whatever was asked.
			expect(new Set(missingOf(verdict).map(({ lastSeen }) => lastSeen)).size).toBe(1);
			expect(missingOf(verdict)[0]?.lastSeen).toMatch(/^staging\/test: /);
		}
	});

	test("silent, beside one that is broken", async () => {
		const { world, test: second } = await startTwo({ ...taken, ...crashing, nodes: taken.nodes }, sound);
		await second.setTransport("refused");
		const verdicts = judge(await look(await world()));
		expect(wordOf(verdicts["calico-ipvs"])).toEqual(["calico-ipvs/service-address"]);
		expect(wordOf(verdicts["kube-vip"])).toEqual(["kube-vip/not-running"]);
		expect(missingOf(verdicts["kube-vip"])[0]).toMatchObject({ cluster: "staging/test", cause: "unreachable" });
	});

	test("that takes connections and never says a word, until each request is given up", async () => {
		const { world, test: second } = await startTwo(taken, sound);
		await second.setTransport("deaf");
		const verdicts = judge(await look(await world()));
		expect(wordOf(verdicts["calico-ipvs"])).toEqual(["calico-ipvs/service-address"]);
		expect([wordOf(verdicts["kube-vip"]), wordOf(verdicts["nic-order"])]).toEqual(["unknown", "unknown"]);
		for (const verdict of Object.values(verdicts)) {
			expect(new Set(missingOf(verdict).map(({ cluster, cause }) => `${cluster ?? ""} ${cause}`))).toEqual(
				new Set(["staging/test timeout"]),
			);
		}
	}, 60_000);

	test.each([
		["nodes", ["calico-ipvs", "kube-vip", "nic-order"]],
		["services", ["calico-ipvs"]],
		["configmaps", ["calico-ipvs"]],
		["daemonsets.apps", ["calico-ipvs"]],
		["pods", ["calico-ipvs", "kube-vip"]],
		["leases.coordination.k8s.io", ["kube-vip"]],
	] as const)("%s forbidden", async (resource, blind) => {
		const { world } = await startTwo(sound, sound, { faults: [{ kind: "status", code: 403, resource }] });
		const verdicts = judge(await look(await world()));
		for (const [id, verdict] of Object.entries(verdicts)) {
			const isBlind = (blind as readonly string[]).includes(id);
			expect([id, verdict.kind]).toEqual([id, isBlind ? "unknown" : "pass"]);
			expect(
				missingOf(verdict).every(({ cluster, cause }) => cluster === "staging/test" && cause === "forbidden"),
			).toBe(true);
		}
	});

	test.each(["garbage", "cut", "truncated", "html", "empty"] as const)("%s", async (kind) => {
		const { world } = await startTwo(taken, sound, { faults: [{ kind }] });
		const verdicts = judge(await look(await world()));
		expect(wordOf(verdicts["calico-ipvs"])).toEqual(["calico-ipvs/service-address"]);
		expect([wordOf(verdicts["kube-vip"]), wordOf(verdicts["nic-order"])]).toEqual(["unknown", "unknown"]);
	});

	test("without its Secret", async () => {
		const { prod } = await startTwo(taken, sound);
		const objects = [...vipObjects(), ...asSecond(vipObjects()), kubeconfigSecret(prod)];
		const management = await clusters.start(objects);
		const verdicts = judge(await look(await worldWith(management, undefined, undefined, "all")));
		expect(wordOf(verdicts["calico-ipvs"])).toEqual(["calico-ipvs/service-address"]);
		expect(verdicts["kube-vip"]).toMatchObject({
			kind: "unknown",
			missing: expect.arrayContaining([
				expect.objectContaining({ cluster: "staging/test", cause: "not-found" }),
			]) as unknown,
		});
	});

	test("that is only being made, and has no API server yet, is left out of all, and not where it is named", async () => {
		const { management, world, test: second } = await startTwo(sound, sound);
		await second.setTransport("refused");
		for (const object of asSecond(vipObjects()).filter(({ kind }) => kind === "Cluster" || kind === "Machine")) {
			management.put(
				object.kind === "Cluster"
					? {
							...object,
							status: { conditions: [{ type: "ControlPlaneInitialized", status: "False", reason: "NotInitialized" }] },
						}
					: { ...object, status: {} },
			);
		}

		expect(wordsOf(judge(await look(await world())))).toEqual(of("calico-ipvs", "kube-vip", "nic-order"));
		expect(wordOf(judge(await look(await world({ named: "test" })))["nic-order"])).toBe("unknown");
	});

	test("that nobody named", async () => {
		const { world } = await startTwo(sound, sound);
		const verdicts = judge(await look(await world({ named: "prod" })));
		for (const [id, verdict] of Object.entries(verdicts)) {
			expect([id, verdict.kind]).toEqual([id, "unknown"]);
			expect(missingOf(verdict)).toMatchObject([{ fact: "workload.reach", cluster: "staging/test" }]);
		}
	});
});

describe("a kubeconfig from a Secret", () => {
	const withKubeconfig = async (kubeconfig: string): Promise<Verdicts> => {
		const { prod } = await startTwo(taken, sound);
		const secret = kubeconfigSecret(prod, "test", "staging");
		const text = Buffer.from(kubeconfig).toString("base64");
		const management = await clusters.start([
			...vipObjects(),
			...asSecond(vipObjects()),
			kubeconfigSecret(prod),
			{ ...secret, data: { value: text } },
		]);
		return judge(await look(await worldWith(management, undefined, undefined, "all")));
	};
	const causesOf = (verdict: Verdict | undefined) => [
		...new Set(missingOf(verdict).map(({ cause, lastSeen }) => `${cause}: ${lastSeen}`)),
	];

	test.each([
		"",
		"planted: [no kubeconfig",
		"planted",
		"clusters: planted",
		"clusters: []",
		"a: &planted [*planted]",
		"--- {}\n--- {}",
	])("that is none is not given to kubectl: %j", async (text) => {
		const verdicts = await withKubeconfig(text);
		expect(wordOf(verdicts["calico-ipvs"])).toEqual(["calico-ipvs/service-address"]);
		expect(causesOf(verdicts["nic-order"])).toEqual([
			"misconfigured: staging/test: Secret staging/test-kubeconfig holds no kubeconfig",
		]);
	});

	test.each([
		[
			"exec",
			(marker: string) =>
				`{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: touch, args: [${marker}]}}`,
		],
		[
			"exec",
			(marker: string) =>
				`{"ex\\x65c": {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: touch, args: [${marker}]}}`,
		],
		["tokenFile", () => "{tokenFile: /etc/hostname}"],
		["client-key", () => "{client-key: /etc/hostname}"],
	])("that reaches for this host is not used: %s", async (field, user) => {
		const marker = join(mkdtempSync(join(tmpdir(), "workload-clusters-")), "was-run");
		const server = await clusters.start([]);
		const verdicts = await withKubeconfig(
			`{apiVersion: v1, kind: Config, current-context: x, clusters: [{name: x, cluster: {server: "${server.url}", insecure-skip-tls-verify: true}}], users: [{name: x, user: ${user(marker)}}], contexts: [{name: x, context: {cluster: x, user: x}}]}`,
		);
		expect(causesOf(verdicts["nic-order"])).toEqual([
			expect.stringMatching(
				new RegExp(`^misconfigured: staging/test: Secret .* with ${field}, .*--workload-kubeconfig$`),
			),
		]);
		expect([existsSync(marker), server.requests]).toEqual([false, []]);
	});

	test("whose certificate authority is another one's tells that somebody else may have the address", async () => {
		const { prod, test: second } = await startTwo(taken, sound);
		const verdicts = await withKubeconfig(
			readFileSync(await second.writeKubeconfig({ authority: prod.authority }), "utf8"),
		);
		expect(causesOf(verdicts["nic-order"])).toEqual([
			expect.stringMatching(
				/^unreachable: staging\/test: .*x509.*somebody answers there whom this kubeconfig does not know/,
			),
		]);
	});
});

describe("--workload-kubeconfig beside --workload", () => {
	test("of another cluster: both are looked at", async () => {
		const { world, prod } = await startTwo(taken, sound);
		const verdicts = judge(await look(await world({ given: prod, named: "test" })));
		expect(wordsOf(verdicts)).toEqual({
			...of("kube-vip", "nic-order"),
			"calico-ipvs": ["calico-ipvs/service-address"],
		});
		const [finding] = findingsOf(verdicts["calico-ipvs"]);
		expect(finding?.summary).toMatch(/^Cluster default\/prod: /);
		expect(finding?.remedy[0].command).toContain("--kubeconfig=prod.yaml");
	});

	test("of the same cluster: it counts once", async () => {
		const { world, prod } = await startTwo(taken, sound);
		const verdicts = judge(await look(await world({ given: prod })));
		expect(wordOf(verdicts["calico-ipvs"])).toEqual(["calico-ipvs/service-address"]);
	});

	test("where the management cluster is silent, it is looked at all the same", async () => {
		const { world, prod, management } = await startTwo(crashing, sound);
		await management.setTransport("refused");
		const verdict = judge(await look(await world({ given: prod })))["kube-vip"];
		expect(wordOf(verdict)).toEqual(["kube-vip/not-running"]);
		expect(missingOf(verdict).map(({ cluster }) => cluster)).toContain("--workload all");
	});

	test("names of nodes do not tell whose cluster it is, their provider IDs do", async () => {
		const { management, prod, test: second } = await startTwo({ ...sound, pod: null }, crashing);
		for (const [given, owner] of [
			[prod, "default/prod"],
			[second, "staging/test"],
		] as const) {
			const verdict = judge(await look(await worldWith(management, given)))["kube-vip"];
			expect(findingsOf(verdict)).toHaveLength(1);
			expect(findingsOf(verdict)[0]?.summary).toMatch(new RegExp(`^Cluster ${owner}: `));
		}
	});

	test("and without them it is unknown whose it is: nothing is fine", async () => {
		const bare = ({ name: node, addresses, calico = {} }: CalicoNode): CalicoNode => ({
			name: node,
			addresses,
			calico,
		});
		const { management, prod } = await startTwo({ ...sound, nodes: [control, worker].map(bare) }, sound);
		const verdicts = judge(await look(await worldWith(management, prod)));
		expect(wordsOf(verdicts)).toEqual({ "calico-ipvs": "unknown", "kube-vip": "unknown", "nic-order": "unknown" });
	});
});

test("no cluster waits for another", async () => {
	const { world, prod, test: second } = await startTwo(sound, sound);
	prod.fail({ kind: "hang" });
	second.fail({ kind: "hang" });
	const end = new AbortController();
	const looking = gather(await world(), { wanted, signal: end.signal });
	const isAsked = ({ requests }: Kubernetes) => requests.some(({ path }) => path === "/api/v1/nodes");
	for (let tries = 0; tries < 100 && !(isAsked(prod) && isAsked(second)); tries++) {
		await sleep(50);
	}

	end.abort(new ProbeError("cancelled", "enough"));
	await looking;
	expect([isAsked(prod), isAsked(second)]).toEqual([true, true]);
});

test("nor with what comes later for what comes first in another", async () => {
	const { world, prod, test: second } = await startTwo(sound, sound);
	second.fail({ kind: "hang" });
	const end = new AbortController();
	const looking = gather(await world(), { wanted, signal: end.signal });
	const isAtItsEnd = () => prod.requests.some(({ path }) => path.includes("/leases/"));
	for (let tries = 0; tries < 120 && !isAtItsEnd(); tries++) {
		await sleep(50);
	}

	end.abort(new ProbeError("cancelled", "enough"));
	await looking;
	expect(isAtItsEnd()).toBe(true);
});

/** Becomes the real kubectl, and writes down first how many of them live: one that is killed writes nothing any more. */
async function countedKubectl(folder: string): Promise<{ readonly mostAtOnce: () => number }> {
	const [begun, alive] = [join(folder, "begun"), join(folder, "alive")];
	const script = `#!/bin/bash
echo $$ >>${begun}
alive=0
while read -r pid; do
	{ read -r _ _ state _ </proc/$pid/stat; } 2>/dev/null && [[ $state != Z ]] && ((alive++))
done <${begun}
echo $alive >>${alive}
exec ${await findKubectl()} "$@"
`;
	writeFileSync(join(folder, "kubectl"), script, { mode: 0o755 });
	return { mostAtOnce: () => Math.max(...readFileSync(alive, "utf8").trim().split("\n").map(Number)) };
}

describe("as a user runs it", () => {
	test("a dozen that take connections and say nothing: the one that answers is judged within --timeout", async () => {
		const { prod, test: deaf } = await startTwo(taken, sound);
		await deaf.setTransport("deaf");
		const clones = Array.from({ length: 12 }, (_, index) => `test-${index}`).flatMap((clone) => [
			...asSecond(vipObjects())
				.filter(({ kind }) => kind === "Cluster" || kind === "ProxmoxCluster")
				.map((object) => JSON.parse(JSON.stringify(object).replaceAll('"test"', `"${clone}"`)) as KubernetesObject),
			kubeconfigSecret(deaf, clone, "staging"),
		]);
		const management = await clusters.start([...clones, ...vipObjects(), kubeconfigSecret(prod)]);
		const folder = mkdtempSync(join(tmpdir(), "workload-clusters-"));
		const kubectl = await countedKubectl(folder);
		const checkBy = (kubectlFolder: string, ...options: readonly string[]) =>
			doctor(["check", "workload", "--kubeconfig", management.kubeconfig, ...options], {
				env: {
					PATH: `${kubectlFolder}:${dirname(process.execPath)}:/usr/bin:/bin`,
					HOME: management.environment.HOME,
				},
			});
		// As much as it takes here without them, many times over: other tests run beside this one. It is not counted.
		const alone = await checkBy(dirname(await findKubectl()), "--workload", "default/prod");
		const seconds = Math.max(16, Math.ceil(alone.milliseconds / 100));
		const { exitCode, stdout, stderr, milliseconds } = await checkBy(
			folder,
			"--workload",
			"all",
			"--timeout",
			`${seconds}s`,
		);
		expect([exitCode, stderr]).toEqual([1, ""]);
		expect(stdout).toContain("Cluster default/prod: Calico goes by 10.10.200.7/32");
		expect(stdout.replaceAll(/\s+/g, " ")).toContain("(timeout, workload.nodes): staging/test-11: ");
		expect(milliseconds).toBeLessThan((seconds + 4) * 1_000);
		expect(kubectl.mostAtOnce()).toBeLessThanOrEqual(16);
		expect(kubectl.mostAtOnce()).toBeGreaterThan(8);
		rmSync(folder, { recursive: true });
	}, 120_000);

	test("eight requests a cluster at most, only by GET, and no file is left", async () => {
		const {
			prod,
			test: second,
			management,
		} = await startTwo({ ...taken, operator: true }, { ...sound, operator: true });
		const temporary = mkdtempSync(join(tmpdir(), "workload-clusters-"));
		const { exitCode, stdout, stderr } = await doctor(
			["check", "workload", "--kubeconfig", management.kubeconfig, "--workload", "all", "--format", "json"],
			{
				env: {
					PATH: `${dirname(await findKubectl())}:${dirname(process.execPath)}:/usr/bin:/bin`,
					HOME: management.environment.HOME,
					TMPDIR: temporary,
				},
			},
		);
		const { checks: shown } = await parseReport(stdout);
		expect([exitCode, stderr, readdirSync(temporary)]).toEqual([1, "", []]);
		rmSync(temporary, { recursive: true });
		expect(Object.fromEntries(shown.map(({ id, verdict }) => [id, verdict]))).toEqual({
			"calico-ipvs": "fail",
			"kube-vip": "pass",
			"nic-order": "pass",
		});
		for (const { requests, token } of [prod, second]) {
			const firstPages = requests.filter(({ query }) => !("continue" in query)).map(({ path }) => path);
			expect(firstPages.toSorted()).toEqual([...new Set(firstPages)].sort());
			expect(firstPages.length).toBeLessThanOrEqual(8);
			expect(new Set(requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
			expect(stdout + stderr).not.toContain(token);
		}
	});
});
