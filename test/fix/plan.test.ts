import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NonEmpty, Step } from "../../src/check.ts";
import type { Judgement } from "../../src/diagnose.ts";
import { areNamed, type PlannedStep, planAfter, planOf } from "../../src/fix/plan.ts";

const judged = (...steps: readonly Step[]): Judgement =>
	({
		check: { id: "c" },
		verdict: { kind: "problem", findings: [{ code: "c/f", summary: "s", evidence: [], remedy: steps }], missing: [] },
	}) as unknown as Judgement;
const step = (change: Partial<Step>): Step => ({ advice: "a", where: "here", risk: "changes", ...change });
const plan = (...steps: readonly Step[]): readonly PlannedStep[] => planOf(judged(...steps), undefined);
const run = (...command: NonEmpty<string>): PlannedStep => plan(step({ command }))[0]!;

describe("what is carried out, and what is only shown", () => {
	test.each<[string, Partial<Step>]>([
		["run", { command: ["chmod", "600", "envfile"] }],
		["run", { command: ["kubectl", "scale", "deployment/x", "--replicas=1"] }],
		["run", { command: ["kubectl", "delete", "machines", "x"], risk: "destroys" }],
		["run", { command: ["kubectl", "get", "secrets", "-o=name"], risk: "safe" }],
		["write", { put: { line: "A=1", into: "envfile" } }],
		["write", { put: { line: "A=1", into: "/home/me/prod.yaml, line 3" } }],
		["write", { put: { line: "a=1", into: "/etc/sysctl.d/99-kind.conf" } }],
		["write", { put: { line: "a=1", into: "/etc/systemd/system/user@.service.d/delegate.conf" } }],
		["copy", { put: { line: "A=1", into: "envfile", isExample: true } }],
		["copy", { put: { line: "a=1", into: "/etc/rc.conf" } }],
		["copy", { put: { line: "pool: x", into: "the ProxmoxMachineTemplate, below spec" } }],
		["copy", { put: { line: "a=1", into: "/etc/x.d/../../root/.profile" } }],
		["copy", { command: ["qm", "stop", "102"], where: "proxmox-node" }],
		["copy", { command: ["rm", "-rf", "x"], risk: "destroys" }],
		["copy", { command: ["kubectl", "exec", "etcd", "--", "etcdctl", "member", "remove", "MEMBER_ID"] }],
		["copy", { command: ["pct", "set", "<id>"] }],
		["copy", { command: ["sudo", "reboot"] }],
		["copy", { command: ["systemd-run", "--scope", "--user", "kind", "create", "cluster"] }],
		["copy", { command: ["kubectl", "edit", "secret/x"] }],
		["copy", { command: ["kubectl", "get", "secret", "x", "-o", "yaml"], risk: "safe" }],
		["copy", { command: ["clusterctl", "get", "kubeconfig", "prod"], risk: "safe" }],
		["copy", { command: ["capmox-doctor", "env", "--for", "capmox"] }],
		["read", {}],
	])("%s: %j", (way, change) => {
		expect(plan(step(change))[0]!.way).toBe(way);
	});
});

describe("what a command of kubectl changes is read before", () => {
	test.each<[command: NonEmpty<string>, names: readonly string[], get: string]>([
		[
			[
				"kubectl",
				"--context",
				"a",
				"patch",
				"machines.v1beta1.cluster.x-k8s.io",
				"m",
				"-n",
				"ns",
				"--type=json",
				"-p=[]",
			],
			["ns/m"],
			"kubectl --context a -n ns get machines.v1beta1.cluster.x-k8s.io m",
		],
		[
			["kubectl", "patch", "crd", "c", "--subresource=status", "--type", "merge", "--patch", '{"status":{}}'],
			["c"],
			"kubectl get crd c",
		],
		[
			["kubectl", "set", "env", "--namespace", "ns", "daemonset/d", "--containers=c", "A=b"],
			["ns/d"],
			"kubectl --namespace ns get daemonset/d",
		],
		[["kubectl", "set", "image", "daemonset/d", "c=i"], ["d"], "kubectl get daemonset/d"],
		[["kubectl", "annotate", "machines", "m", "-n", "ns", "a/b-"], ["ns/m"], "kubectl -n ns get machines m"],
		[
			["kubectl", "delete", "ipaddressclaims", "a", "b", "-n", "ns", "--wait=false"],
			["ns/a", "ns/b"],
			"kubectl -n ns get ipaddressclaims a b",
		],
	])("%j", (command, names, get) => {
		const { subject } = run(...command);
		expect([subject?.names, subject?.get.join(" ")]).toEqual([
			names,
			`${get} -o yaml --ignore-not-found --request-timeout=30s`,
		]);
	});

	test.each<[NonEmpty<string>]>([
		[["kubectl", "get", "machines", "m"]],
		[["kubectl", "logs", "deployment/d"]],
		[["chmod", "600", "m"]],
	])("%j changes none", (command) => {
		expect(run(...command).subject).toBeUndefined();
	});
});

describe("only what was named is destroyed", () => {
	const remove = (resource: string, ...names: readonly string[]) =>
		run("kubectl", "delete", resource, ...names, "-n", "default").subject!;
	const claims = "ipaddressclaims.ipam.cluster.x-k8s.io";

	test.each([
		["the machine itself", remove("machines", "prod-1"), true],
		["another one", remove("machines", "prod-11"), false],
		["a claim of it", remove(claims, "prod-1-net0-00-inet"), true],
		["a claim of it, up to v0.7", remove(claims, "prod-1-net1-inet6"), true],
		["a claim of a machine whose name begins like it", remove(claims, "prod-1-workers-0-net0-00-inet"), false],
		["one of two", remove("machines", "prod-1", "prod-2"), false],
		["something of another kind that is called like a claim", remove("machines", "prod-1-net0-00-inet"), false],
	])("%s", (_, subject, answer) => {
		expect(areNamed(subject, ["default/prod-1"])).toBe(answer);
	});
});

describe("a step is told from others", () => {
	test("of the same words for two files", () => {
		const steps = plan(step({ command: ["chmod", "600", "a"] }), step({ command: ["chmod", "600", "b"] }));
		expect(new Set(steps.map(({ key }) => key)).size).toBe(2);
	});

	test("of the same words for two variables of one file, and not by the value", () => {
		const put = (line: string) => step({ put: { line, into: "envfile" } });
		const [one, other, again] = plan(put("export A='1'"), put("export B='1'"), put("export A='2'"));
		expect(one!.key).not.toBe(other!.key);
		expect(again!.key).toBe(one!.key);
	});

	test("of the same words for one object in two clusters", () => {
		const restart = (file: string) =>
			run("kubectl", `--kubeconfig=${file}`, "rollout", "restart", "-n", "kube-system", "daemonset/calico-node").key;
		expect(restart("prod.kubeconfig")).not.toBe(restart("test.kubeconfig"));
	});

	test("and known again after its object changed", () => {
		const patch = (version: string) =>
			run("kubectl", "patch", "machines", "m", "-n", "ns", `-p=[{"value":"${version}"}]`).key;
		expect(patch("1")).toBe(patch("2"));
	});
});

test("whatever was done: the plan made anew holds what is found now, in its order, and beside that only what stood in the old one", () => {
	const steps = fc.array(
		fc.record({
			advice: fc.constantFrom("a", "b", "c", "d", "Or e"),
			risk: fc.constantFrom("safe", "changes", "destroys"),
			where: fc.constantFrom("here", "proxmox-node"),
		}),
		{ maxLength: 6 },
	);
	fc.assert(
		fc.property(steps, steps, fc.func(fc.boolean()), (before, now, isDone) => {
			const [old, fresh] = [plan(...before), plan(...now)];
			const made = planAfter(old, fresh, ({ key }) => isDone(key));
			expect(made.filter((each) => fresh.includes(each))).toEqual(fresh);
			for (const added of made.filter((each) => !fresh.includes(each))) {
				expect(old.map(({ key }) => key)).toContain(added.key);
				expect(added.step.risk).not.toBe("safe");
			}
		}),
	);
});
