import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAutomaton, firstLetter } from "../../src/explain/automaton.ts";
import { literalsOf, squeeze } from "../../src/explain/literals.ts";
import { clean, subjectOf, timeOf } from "../../src/explain/text.ts";
import { explainText, idsIn, known } from "../support/explain.ts";

const message = "failed to reconcile VM: cannot find node with name pve1: not authorized to access endpoint";
const machine = 'ProxmoxMachine="default/prod-md-0-x"';

describe("a message is recognised however it is written", () => {
	test.each([
		["plain", message],
		["klog", `E0801 10:00:00.123456       1 controller.go:329] "Reconciler error" err="${message}" ${machine}`],
		[
			"klog in the journal",
			`Aug 01 10:00:00 host capmox[12]: E0801 10:00:00.123456 1 controller.go:329] "Reconciler error" err="${message}"`,
		],
		[
			"with the name of its pod",
			`[pod/capmox-controller-manager-5c/manager] E0801 10:00:00.1 1 x.go:1] err="${message}"`,
		],
		["JSON", JSON.stringify({ ts: 1785578400000.5, logger: "x", msg: "Reconciler error", err: message })],
		["JSON in JSON", JSON.stringify({ log: `${JSON.stringify({ msg: message })}\n`, stream: "stderr" })],
		["logfmt", `time="2026-08-01T10:00:00Z" level=error msg="${message}"`],
		["zap with tabs", `2026-08-01T10:00:00Z\tERROR\tReconciler error\t{"error": "${message}"}`],
		[
			"colours",
			`\u001B[31mE0801\u001B[0m failed to reconcile VM: \u001B[1mcannot find node with \u001B[0mname pve1: not authorized\u001B[m to access endpoint`,
		],
		["CRLF", `x\r\n${message}\r\ny\r\n`],
		["no end of line", `x\n${message}`],
		["other letter case", message.toUpperCase()],
		[
			"a condition in YAML, folded",
			`status:\n  conditions:\n  - type: VMProvisioned\n    message: 'failed to reconcile VM: cannot find node with name pve1: not\n      authorized to access endpoint'\n    reason: CloningFailed\n`,
		],
		[
			"a folded scalar",
			`message: >-\n  failed to reconcile VM: cannot find node\n  with name pve1: not authorized to\n  access endpoint\nreason: x\n`,
		],
		[
			"quoted in a mail",
			`> E0801 10:00:00 failed to reconcile VM: cannot find node with name\n> pve1: not authorized to access endpoint\n`,
		],
	])("%s", (_, text) => {
		expect(idsIn(text)).toEqual(["capmox.node-forbidden", "capmox.reconcile"]);
	});

	test.each(["'", '"', "`", "\\'", ""])("with %s for its quotes", (quote) => {
		const line = "cannot find vm with id 117: 500 Configuration file 'nodes/pve1/qemu-server/117.conf' does not exist";
		expect(idsIn(line.replaceAll("'", quote))[0]).toBe("capmox.vm-conf-missing");
	});

	test.each([60, 72, 80, 100, 117, 132])("cut by a terminal of %i columns, also in a word", (width) => {
		const line = `E0801 10:00:00.123456       1 controller.go:329] "Reconciler error" err="${message}" ${machine} namespace="default"`;
		const cut = line.match(new RegExp(`.{1,${width}}`, "g"))?.join("\n") ?? "";
		expect(idsIn(`I0801 10:00:00.000000 1 x.go:1] "fine"\n${cut}\nI0801 10:00:01.000000 1 x.go:1] "fine"\n`)).toEqual([
			"capmox.node-forbidden",
			"capmox.reconcile",
		]);
	});

	test.each([40, 57, 78, 118])("in a frame of %i columns", (width) => {
		const line = `E0801 10:00:00.123456       1 controller.go:329] "Reconciler error" err="${message}" ${machine}`;
		const rows = line.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
		const framed = ['I0801 09:00:00.000000 1 x.go:1] "fine"', ...rows]
			.map((row) => `│ ${row.padEnd(width)} │`)
			.join("\n");
		expect(idsIn(`┌${"─".repeat(width + 2)}┐\n${framed}\n└${"─".repeat(width + 2)}┘\n`)).toEqual([
			"capmox.node-forbidden",
			"capmox.reconcile",
		]);
	});
});

describe("lines that have nothing to do with each other stay apart", () => {
	const [one, two] = ["unable to detect default", "interface -> [Unable to find default route]"];
	test.each([
		["entries of klog", `E0801 10:00:00.1 1 a.go:1] ${one}\nE0801 10:00:00.2 1 a.go:1] ${two}`],
		["entries with a date", `2026-08-01 10:00:00 the program says ${one}\n2026-08-01 10:00:01 ${two}`],
		["logfmt", `time="2026-08-01T10:00:00Z" level=info msg="it was ${one}"\ntime="2026-08-01T10:00:01Z" msg="${two}"`],
		["JSON", `{"msg":"${one}"}\n{"msg":"${two}"}`],
		["short lines", `${one}\n${two}`],
		["an empty line between", `the program was not able and ${one}\n\n${two}`],
		["items of a list", `- the program was quite ${one.padStart(60, ".")}\n- ${two}`],
		["keys of YAML", `message: a long text that ends like this: ${one}\nreason: ${two}`],
		["rows of a table", `│ ${one.padEnd(60)} │\n│ ${two.padEnd(60)} │`],
		["a rule between", `│ ${one} │\n├──────────┤\n│ ${two} │`],
		["a block of lines", `data: |\n  ${one}\n  ${two}\n`],
	])("%s", (_, text) => {
		expect(idsIn(text)).toEqual([]);
	});

	test("a webhook here and a certificate there are no failed webhook", () => {
		const text = `E0801 10:00:00.1 1 a.go:1] failed calling webhook "a.b": something else\nE0801 10:00:00.2 1 a.go:1] x509: certificate signed by unknown authority`;
		expect(idsIn(text)).not.toContain("webhook.x509");
	});
});

test("the pieces that a text comes in change nothing", { timeout: 90_000 }, () => {
	const lines = known.signatures.flatMap(({ samples }) =>
		samples.map((sample) => `I0801 10:00:00.1 1 a.go:1] fine ${"x".repeat(300)}\n${sample}\n`),
	);
	const text = Buffer.from(
		`${lines.join("\n")}${"filler of a long log, line by line\n".repeat(3_000)}${lines.join("\n")}`,
	);
	const shape = (pieces: readonly Buffer[]) =>
		explainText(pieces).recognised.map(({ signature, count, first, last }) => [
			signature.id,
			count,
			first.line,
			last.line,
		]);
	const whole = shape([text]);
	expect(whole.length).toBeGreaterThan(150);
	fc.assert(
		fc.property(fc.array(fc.integer({ min: 1, max: text.length - 1 }), { minLength: 1, maxLength: 12 }), (cuts) => {
			const at = [0, ...new Set(cuts.toSorted((a, b) => a - b)), text.length];
			expect(shape(at.slice(1).map((end, index) => text.subarray(at[index], end)))).toEqual(whole);
		}),
		{ numRuns: 12 },
	);
});

describe("what ends well is not blamed", () => {
	const refused = (when: string) =>
		`E0801 ${when} 1 leaderelection.go:332] error retrieving resource lock kube-system/plndr-cp-lock: Get "https://kubernetes:6443/apis": dial tcp 127.0.0.1:6443: connect: connection refused`;
	const leads = "I0801 10:00:09.000000 1 leaderelection.go:260] successfully acquired lease kube-system/plndr-cp-lock";

	test("refusals before the lock was got", () => {
		const { recognised, ended } = explainText([refused("10:00:00.1"), refused("10:00:05.1"), leads, ""].join("\n"));
		expect([recognised, ended.map(({ signature, count }) => [signature.id, count])]).toEqual([
			[],
			[["kubevip.lock-refused", 2]],
		]);
	});

	test("but refusals after it are", () => {
		const { recognised } = explainText([refused("10:00:00.1"), leads, refused("10:00:15.1"), ""].join("\n"));
		expect(recognised.map(({ signature }) => signature.id)).toEqual(["kubevip.lock-refused"]);
	});

	test("and what ends well for one machine does not for another", () => {
		const waits = (name: string) =>
			`E0801 10:00:00.1 1 c.go:1] "Reconciler error" err="failed to reconcile VM: error waiting for agent: error waiting for agent: the operation has timed out" ProxmoxMachine="default/${name}"`;
		const ready = (name: string) =>
			`I0801 10:01:00.1 1 c.go:1] "ProxmoxMachine is ready" ProxmoxMachine="default/${name}"`;
		expect(idsIn([waits("a"), waits("b"), ready("a"), ""].join("\n"))).toContain("capmox.agent-wait");
		expect(idsIn([waits("a"), waits("b"), ready("a"), ready("b"), ""].join("\n"))).toEqual([]);
	});

	test("also where what ends it looks like the rest of a long line", () => {
		const changed =
			"2026-08-01 10:00:00.003 [INFO][9] startup/startup.go 559: Node IPv4 changed, will check for conflicts";
		expect(idsIn(`${changed}\nCalico node started successfully\n`)).toEqual([]);
		expect(idsIn(`Calico node started successfully\n${changed}\n`)).toEqual(["calico.ip-changed"]);
	});

	test("nor does one file end what is in another", () => {
		const { recognised } = explainText([Buffer.from(`${refused("10:00:00.1")}\n`)]);
		expect(recognised).toHaveLength(1);
	});
});

describe("the deepest cause comes first", () => {
	test("before what hands it on, whatever comes first in the log", () => {
		const { recognised } = explainText(
			'E0701 21:46:45.871103 1 controller.go:329] "Reconciler error" err="failed to reconcile VM: failed to inject bootstrap data: cloud-init iso inject failed: unable to inject CloudInit ISO: unexpected end of JSON input" controller="proxmoxmachine"\n',
		);
		expect(recognised.map(({ signature, kind, wraps }) => [signature.id, kind, wraps])).toEqual([
			["capmox.iso-json", "cause", []],
			["capmox.iso-inject", "wrapper", ["capmox.iso-json"]],
			["capmox.reconcile", "wrapper", ["capmox.iso-json"]],
		]);
	});

	test("and before its consequences, though these are seen earlier and more often", () => {
		const log = [
			...Array<string>(20).fill('E0801 10:00:00.1 700 kubelet.go:2240] node "prod-cp-x" not found'),
			"[kubelet-check] Initial timeout of 40s passed.",
			'time="2026-08-01T10:05:00Z" level=fatal msg="unable to detect default interface -> [Unable to find default route]"',
			"2026-08-01 10:06:00,000 - cc_scripts_user.py[WARNING]: Failed to run module scripts_user (scripts in /x)",
		];
		const { recognised } = explainText(`${log.join("\n")}\n`);
		expect(recognised.map(({ signature }) => signature.id)).toEqual([
			"kubevip.no-default-if-old",
			"kubeadm.init-timeout",
			"kubelet.node-not-found",
			"cloudinit.scripts-user",
		]);
		expect(recognised.at(-1)?.follows).toContain("kubevip.no-default-if-old");
	});

	test.each([
		[
			"Unable to connect to the server: x509: certificate has expired or is not yet valid: current time 2026-08-01T10:00:00Z is after 2026-07-01T10:00:00Z",
			"tls.expired",
			"kubectl.unreachable",
		],
		[
			String.raw`E0801 10:00:00.1 1 cluster_accessor.go:262] "Connect failed" err="Get \"https://10.10.10.9:6443/?timeout=5s\": x509: certificate is valid for 10.96.0.1, 10.10.10.20, not 10.10.10.9" controller="clustercache"`,
			"tls.vip-wrong-cert",
			"capi.cc-connect-failed",
		],
	])("also where the whole message is known as a symptom: %s", (line, cause, symptom) => {
		const { recognised } = explainText(`${line}\n`);
		expect(recognised.map(({ signature, kind }) => [signature.id, kind])).toEqual([
			[cause, "cause"],
			[symptom, "wrapper"],
		]);
	});

	test.each([
		["kind-without-controller", ["runc.cgroup-limit", "runc.cgroup-config", "runc.oci", "kind.engine-run"]],
		[
			"kube-vip-without-rights",
			[
				"kubevip.superadmin",
				"kubeadm.init-timeout",
				"kubelet.api-unreachable",
				"kubelet.node-not-found",
				"cloudinit.scripts-user",
				"systemd.service-failed",
			],
		],
		[
			"vm-without-bridge",
			["pve.bridge", "pve.network-script", "pve.start-failed", "pve.qemu-option", "pve.task-error"],
		],
		["containerd-without-cri", ["containerd.no-cri", "kubeadm.preflight", "cloudinit.scripts-user"]],
		["etcd-on-slow-disk", ["etcd.disk-slow", "etcd.slow", "capi.leader-lost", "k8s.lease", "etcd.slow-request"]],
		["image-without-package", ["apt.no-package", "packer.ansible", "ansible.failed", "packer.failed", "packer.make"]],
		[
			"calico-without-service-network",
			["k8s.service-unreachable", "calico.cluster-information", "cni.failed", "kubelet.sandbox", "k8s.unschedulable"],
		],
		[
			"machine-joined-twice",
			[
				"kubeadm.cluster-info",
				"kubeadm.leftover",
				"kubeadm.preflight",
				"cloudinit.scripts-user",
				"cloudinit.module-failed",
			],
		],
		[
			"kind-without-inotify",
			["kind.inotify", "kubelet.failed", "kubeadm.kubelet-check", "kubeadm.init-timeout", "kind.init-node"],
		],
		[
			"clone-on-full-pool",
			["pve.storage-full", "host.io-error", "pve.storage-command", "capmox.no-bootstrap", "pve.clone-failed"],
		],
		[
			"containerd-without-config",
			[
				"containerd.config",
				"containerd.down",
				"kubelet.failed",
				"kubeadm.preflight",
				"kubeadm.phase",
				"systemd.service-failed",
				"systemd.dependency",
				"cloudinit.scripts-user",
			],
		],
	])("in a whole log: %s", (name, ids) => {
		expect(idsIn(readFileSync(new URL(`whole/${name}.log`, import.meta.url), "utf8"))).toEqual(ids);
	});

	test("the troubleshooting document's examples", () => {
		expect(
			idsIn(`INFO: detected cgroupns
[...]
INFO: starting init
Failed to mount cgroup at /sys/fs/cgroup/systemd: Operation not permitted
[!!!!!!] Failed to mount API filesystems.
Exiting PID 1...
`),
		).toEqual(["kind.no-systemd-cgroup", "kind.api-filesystems", "kind.exiting-pid1"]);
		expect(
			idsIn(`/ # docker --log-level debug container start be42
Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "cgroup" to rootfs at "/sys/fs/cgroup": mount cgroup:/sys/fs/cgroup/foobar (via /proc/self/fd/7), flags: 0xe, data: foobar: invalid argument: unknown
Error: failed to start containers: be42
`)[0],
		).toBe("kind.cgroup-rootfs");
		expect(idsIn("* `missing MachineDeployment strategy` on your `MachineDeployment`")).toEqual([
			"capi.md-strategy-missing",
		]);
		expect(idsIn("* `failed to call webhook: the server could not find the requested resource`")).toEqual([
			"webhook.404",
		]);
	});
});

test("what is not recognised is grouped by what it says, apart from numbers and names", () => {
	const line = (id: number) =>
		`E0801 10:00:0${id % 10}.1 1 a.go:1] "odd" err="the frobnicator of vm-${id} is upset" reconcileID="0d3b2a58-1111-4222-8333-44445555666${id % 10}"`;
	const { recognised, unrecognised } = explainText(
		`${Array.from({ length: 30 }, (_, id) => line(id)).join("\n")}\nE0801 10:00:00.1 1 b.go:1] "other" err="gone"\nI0801 10:00:00.1 1 b.go:1] "no error here"\n`,
	);
	expect([recognised, unrecognised.map(({ count }) => count)]).toEqual([[], [30, 1]]);
	expect(unrecognised[0]?.line).toContain("the frobnicator of vm-0 is upset");
});

test("a wrapper whose inner error is not known is said to be not recognised, too", () => {
	const { recognised, unrecognised } = explainText(
		'E0801 10:00:00.1 1 a.go:1] "Reconciler error" err="failed to reconcile VM: the moon is full"\n',
	);
	expect(recognised.map(({ signature, wraps }) => [signature.id, wraps])).toEqual([["capmox.reconcile", []]]);
	expect(unrecognised[0]?.line).toContain("the moon is full");
});

describe("what the system says in an error of which nothing else is known", () => {
	const error =
		'E0801 10:00:00.000000       1 main.go:12] "Failed to open the book" err="open /srv/book: permission denied"';

	test("is the last that is said of a log", () => {
		expect(idsIn(`${error}\nlevel=error msg="write /srv/x: no space left on device"\n`)).toEqual([
			"host.disk-full",
			"system.permission",
		]);
	});

	test("is not said beside what is known of the same message", () => {
		const known =
			"E0801 10:00:00.1 1 x.go:1] failed to create containerd task: dial unix /run/containerd/containerd.sock: connect: permission denied";
		expect(idsIn(known)).not.toEqual([]);
		expect(idsIn(known)).not.toContain("system.permission");
	});

	test("is what a wrapper hands on", () => {
		const ids = idsIn(
			'E0801 10:00:00.1 1 controller.go:353] "Reconciler error" err="open /srv/book: permission denied"',
		);
		expect(ids[0]).toBe("system.permission");
	});

	test.each([
		["an information", error.replace(/^E/, "I")],
		["a warning", error.replace(/^E/, "W")],
		["what is tried again", error.replace("Failed to", "Will retry to")],
		["what is ignored", error.replace("Failed to open", "Ignoring")],
	])("is not said of %s", (_, line) => {
		expect(idsIn(line)).toEqual([]);
	});

	test("ends well as other refusals do", () => {
		const refused =
			'E0801 10:00:00.000000       1 main.go:12] "Failed to ask" err="dial tcp 10.0.0.9:10259: connect: connection refused"';
		expect(idsIn(refused)).toEqual(["network.refused"]);
		expect(
			idsIn(`${refused}\nI0801 10:00:05.000000       1 leaderelection.go:1] successfully acquired lease a/b\n`),
		).toEqual([]);
	});
});

test("lines are counted, and times taken as they stand", () => {
	const text = `one\ntwo, cut in a colour \u001B[3\nE0801 10:00:00.123456 1 a.go:1] ${message}\n2026-08-01T10:00:01Z ${message}\n`;
	const { recognised, lines, bytes } = explainText(text);
	expect([lines, bytes]).toEqual([4, text.length]);
	expect(recognised[0]).toMatchObject({
		count: 2,
		first: { line: 3, time: "08-01 10:00:00.123456" },
		last: { line: 4, time: "2026-08-01T10:00:01Z" },
	});
});

test.each([
	["Aug  1 10:00:00 host kubelet[1]: x", "Aug  1 10:00:00"],
	["[12.3] x", undefined],
	['{"ts":1785578400.5,"msg":"x"}', "2026-08-01T10:00:00.500Z"],
	['{"ts":1785578400500,"msg":"x"}', "2026-08-01T10:00:00.500Z"],
	["2026/08/01 10:00:00 ERROR x", "2026/08/01 10:00:00"],
])("time of %s", (line, time) => {
	expect(timeOf(line)).toBe(time);
});

test.each([
	['controllerKind="ProxmoxMachine" ProxmoxMachine="default/a" Machine="default/b"', "default/a"],
	['"ProxmoxMachine":{"name":"a","namespace":"default"}', "default/a"],
	["nothing", ""],
])("subject of %s", (line, subject) => {
	expect(subjectOf(line)).toBe(subject);
});

test("escapes are undone, however deep", () => {
	expect(clean(String.raw`a \\\"b\\\" \u003cc\u003e\nd “e” ‘f’`)).toBe(`a "b" <c> d "e" 'f'`);
});

describe("literals", () => {
	test.each([
		["abc def", ["abcdef"]],
		["(?:abc|defg) x", ["abcx", "defgx"]],
		["a(?:bc)?def", ["adef", "abcdef"]],
		["a(?:bc){0,3}def", ["def"]],
		["ab(?:c.d|e)", ["ab"]],
		["(?:aa|bb|cc|dd|ee)(?:ff|gg|hh|ii) xyz", ["xyz"]],
		[String.raw`foo \d{1,9} barbar`, ["barbar"]],
		[String.raw`machines?\.cluster`, ["machine.cluste", "machines.clust"]],
		["abcdef|ghi", ["abcdef", "ghi"]],
		["[ab]defg(?!hijkl)i", ["adefgi", "bdefgi"]],
		["[a-c]defg", ["defg"]],
	])("of %s", (pattern, literals) => {
		expect(literalsOf(pattern)).toEqual(literals);
	});

	test.each(["a?", "[a-z]", ".{0,3}", "(?:abc)?"])("there is none in %s", (pattern) => {
		expect(() => literalsOf(pattern)).toThrow("no literal");
	});

	test("the automaton finds exactly the literals that are there", () => {
		const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "-"), minLength: 1, maxLength: 4 });
		fc.assert(
			fc.property(
				fc.uniqueArray(word, { minLength: 1, maxLength: 8 }),
				fc.string({ unit: fc.constantFrom("a", "B", "c", "-", " ", '"', "x"), maxLength: 40 }),
				(literals, text) => {
					const { classes, width, next, firstFound, found } = createAutomaton(
						literals.map((literal, index) => [literal, index] as const),
					);
					const seen = new Set<number>();
					let state = 0;
					for (const byte of Buffer.from(text)) {
						const letter = classes[byte] ?? 0;
						state = letter < firstLetter ? state : (next[state * width + letter] ?? 0);
						for (const index of found[state - firstFound] ?? []) {
							seen.add(index);
						}
					}

					expect([...seen].sort()).toEqual(
						[...literals.keys()].filter((index) => squeeze(text).includes(literals[index] ?? "")).sort(),
					);
				},
			),
		);
	});
});
