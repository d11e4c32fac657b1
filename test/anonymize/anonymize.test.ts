import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { anonymize } from "../../src/anonymize/anonymize.ts";
import { loadSchemas } from "../../src/facts/probe.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { parseSituation } from "../../src/snapshot/read.ts";
import { format, type Header } from "../../src/snapshot/snapshot.ts";
import { renderSnapshot } from "../../src/snapshot/write.ts";
import { findSituations, type Judged, judgeSituation, withTable } from "../support/situations.ts";

const header: Header = { schema: format, doctor: "0.0.0", taken: "2026-11-23T09:30:00.000Z", host: "basalt" };
const schemas = await loadSchemas();
const keys = [1, 2, 3].map((seed) => new Uint8Array(32).fill(seed));
const change = (sheet: FactSheet, key = keys[0] ?? new Uint8Array()): FactSheet =>
	anonymize({ header, sheet }, key).sheet;

/** The situations are written with names that stand everywhere; these stand nowhere else. */
const distinct: readonly (readonly [RegExp | string, string])[] = [
	["example.com", "zirkon.fr"],
	[/\bpve(\d)\b/g, "feldspat$1"],
	[/capmox@pve!capi/g, "ottilie@amber!bot"],
	[/capmox@pve\b/g, "ottilie@amber"],
	[/realm: pve\b/g, "realm: amber"],
	[/\bnfs\b/g, "kaverne"],
	[/\/(home|Users)\/(ada|alice)/g, "/$1/ottilie"],
	[/ubuntu-2404-kube-v1/g, "granat-2404-v1"],
];
const planted = /zirkon|feldspat|ottilie|amber|kaverne|granat|basalt/i;

const outcomeOf = ({ judgement: { verdict } }: Judged) =>
	verdict.kind === "problem"
		? verdict.findings.map(({ code, severity, confidence }) => [code, severity, confidence])
		: verdict.kind;

describe("stand-ins change no verdict, and leave no name", () => {
	test.each(findSituations().map((situation) => [`${situation.check.id}/${situation.name}`, situation] as const))(
		"%s",
		(_, { check, url }) => {
			const text = readFileSync(url, "utf8");
			const named = distinct.reduce((rest, [from, to]) => rest.replaceAll(from, to), text);
			for (const [index, each] of [text, named].entries()) {
				const { sheet, asked } = withTable(parseSituation(each, fileURLToPath(url), schemas));
				const changed = anonymize({ header, sheet }, keys[index] ?? new Uint8Array());
				const after = judgeSituation(check, changed.sheet, asked);
				expect(outcomeOf(after)).toEqual(outcomeOf(judgeSituation(check, sheet, asked)));
				expect(renderSnapshot(changed)).not.toMatch(planted);
				expect(after.text).not.toMatch(planted);
			}
		},
	);

	test("which says something: the names are there before", () => {
		const found = findSituations().filter(({ url }) => {
			const text = readFileSync(url, "utf8");
			return planted.test(distinct.reduce((rest, [from, to]) => rest.replaceAll(from, to), text));
		});
		expect(found.length).toBeGreaterThan(200);
	});
});

const known = <T>(value: T) => ({ state: "known", value }) as const;
const machines = (from: string, nodes: readonly string[]) =>
	known({
		source: "the variables",
		otherCredentials: [],
		blanks: [],
		machines: [{ from, templateTags: [], allowedNodes: [...nodes], devices: [], tags: [], skips: [] }],
	});

describe("what is equal stays equal, wherever it stands", () => {
	const sheet: FactSheet = {
		"environment.machines": machines("ProxmoxMachineTemplate marble/granat-worker", ["feldspat1", "feldspat2"]),
		"host.proxmoxAddresses": known({ host: "feldspat1.zirkon.fr", addresses: ["10.20.30.11"] }),
		"host.proxies": known({
			noProxy: {
				name: "NO_PROXY",
				origin: "/home/ottilie/granat/envfile, line 3",
				entries: [".zirkon.fr", "10.20.30.0/24"],
			},
		}),
		"host.networks": {
			state: "unavailable",
			cause: "unreachable",
			lastSeen:
				"dial tcp: lookup feldspat1.zirkon.fr on 10.20.30.1:53: no such host; see https://kubernetes.io/docs/tasks, " +
				'Get "https://k8s.granat.intern:6443/api" as ottilie@amber!bot: unable to read /home/ottilie/.kube/config; ' +
				"ha node db-1 of 98:3b:cf:12:34:56",
		},
	};
	const text = renderSnapshot(anonymize({ header, sheet }, new Uint8Array(32)));

	test("nothing of it is left, in messages neither", () => {
		expect(text).not.toMatch(planted);
		expect(text).not.toMatch(/marble|intern\b|10\.20\.30|98:3b:cf/);
	});

	test("and its shape is", () => {
		const { noProxy } = valueOf(change(sheet), "host.proxies") ?? {};
		const { host = "", addresses = [] } = valueOf(change(sheet), "host.proxmoxAddresses") ?? {};
		const [plan] = valueOf(change(sheet), "environment.machines")?.machines ?? [];
		const [node = ""] = host.split(".");
		expect(plan?.allowedNodes).toEqual([node, node.replace("1", "2")]);
		expect(node).toMatch(/^[a-z]{8}1$/);
		expect(host.endsWith(noProxy?.entries[0] ?? "-")).toBe(true);
		expect(noProxy?.entries[1]).toBe(addresses[0]?.replace(/\.11$/, ".0/24"));
		expect(noProxy?.origin).toMatch(/^\/home\/[a-z]{7}\/[a-z]{6}\/envfile, line 3$/);
		const state = change(sheet)["host.networks"];
		const lastSeen = state?.state === "unavailable" ? state.lastSeen : "";
		expect(lastSeen).toContain(
			`dial tcp: lookup ${host} on ${addresses[0]?.replace(/11$/, "1") ?? ""}:53: no such host; see https://kubernetes.io/docs/tasks, Get "https://k8s.`,
		);
		expect(lastSeen).toContain(": unable to read /home/");
	});

	test.each([
		["upper case", "FELDSPAT1.ZIRKON.FR: Feldspat1"],
		["a host that is named after its address", "no route to ip-10-20-30-11.zirkon.fr"],
		["an address within a name", "lookup k8s.10.20.30.11.nip.io"],
		["the name that DNS has for an address", "11.30.20.10.in-addr.arpa: no such host"],
		["the same of version 6", `1.1.${"0.".repeat(18)}d.c.b.a.8.b.d.0.1.0.0.2.ip6.arpa: no such host`],
		["a URL in a URL", "/login?next=https%3A%2F%2Ffeldspat1.zirkon.fr%2F10.20.30.11%2F10.20.30.12"],
		["a task in a URL", "GET /tasks/UPID%3Afeldspat1%3A0000C3A2%3A0ABC1234%3A68A5D000%3Aqmclone"],
		["base64", `data: ${Buffer.from("server: https://feldspat1.zirkon.fr").toString("base64")}`],
	])("in a message: %s", (_, lastSeen) => {
		const before: FactSheet = {
			...sheet,
			"host.networks": { state: "unavailable", cause: "unreachable", lastSeen },
		};
		const state = change(before)["host.networks"];
		const after = state?.state === "unavailable" ? state.lastSeen : "";
		const decoded = Buffer.from(after.replace(/^.* /, ""), "base64").toString();
		expect(after).not.toBe(lastSeen);
		expect(`${after} ${decoded}`).not.toMatch(planted);
		expect(after).not.toMatch(/10.20.30|30.20.10|d\.c\.b\.a/);
		expect(decoded.startsWith("server: ")).toBe(lastSeen.startsWith("data: "));
	});

	test("the same key makes the same stand-ins, another one others", () => {
		expect(change(sheet, keys[1])).toEqual(change(sheet, keys[1]));
		expect(change(sheet, keys[1])).not.toEqual(change(sheet, keys[2]));
	});

	test("two names never become one, nor a name that is there already", () => {
		const many = Array.from({ length: 3_000 }, (_, index) => `${letters(index)}-x`);
		const { machines: [plan] = [] } =
			valueOf(change({ "environment.machines": machines("a", many) }), "environment.machines") ?? {};
		const others = plan?.allowedNodes ?? [];
		expect(new Set(others).size).toBe(new Set(many).size);
		const before = new Set(many);
		// Words that stand everywhere stay.
		expect(others.filter((name, index) => before.has(name) && name !== many[index])).toEqual([]);
	});

	const letters = (index: number): string =>
		index < 26 ? String.fromCharCode(97 + index) : letters(Math.floor(index / 26) - 1) + letters(index % 26);
});

function valueOf<Name extends keyof FactSheet>(sheet: FactSheet, name: Name) {
	const state = sheet[name];
	return state?.state === "known" ? state.value : undefined;
}

test("what is damaged stays damaged in the same way", () => {
	const variables = (values: Readonly<Record<string, string>>): FactSheet => ({
		"environment.cluster": known({
			flavor: "default",
			capmoxVersion: "0.9",
			variables: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { presence: "set", value }])),
			sshKeys: [],
			files: [],
		}),
	});
	const after = change(
		variables({
			NODE_IP_RANGES: "[10.20.30.5-50, 10.20.30.300, 10.20.030.7]",
			GATEWAY: "10.20.30",
			DNS_SERVERS: "10.20.30.1 ; dns.zirkon.fr",
			ALLOWED_NODES: "[Feldspat_1;FELDSPAT-2, féldspat]",
			CLUSTER_NAME: "9-Granat--x.",
			KUBERNETES_VERSION: "v1.33.4",
			TEMPLATE_VMID: "9000",
			IP_PREFIX: "/24",
		}),
	);
	const values = Object.fromEntries(
		Object.entries(valueOf(after, "environment.cluster")?.variables ?? {}).map(([name, { value }]) => [name, value]),
	);
	const [, network = ""] = /^\[(\d+\.\d+\.\d+)\./.exec(values["NODE_IP_RANGES"] ?? "") ?? [];
	const third = network.split(".")[2] ?? "";
	expect(network).not.toBe("10.20.30");
	expect(values).toMatchObject({
		NODE_IP_RANGES: `[${network}.5-50, ${network}.300, ${network.replace(/\d+$/, `0${third}`)}.7]`,
		GATEWAY: network,
		KUBERNETES_VERSION: "v1.33.4",
		TEMPLATE_VMID: "9000",
		IP_PREFIX: "/24",
	});
	expect(values["DNS_SERVERS"]).toMatch(new RegExp(`^${network}\\.1 ; dns\\.[a-z]{6}\\.[a-z]{2}$`));
	expect(values["ALLOWED_NODES"]).toMatch(/^\[[A-Z][a-z]{7}_1;[A-Z]{8}-2, [a-z]é[a-z]{6}\]$/);
	expect(values["CLUSTER_NAME"]).toMatch(/^9-[A-Z][a-z]{5}--x\.$/);
});

describe("what a management cluster and a node hold", () => {
	const object = { name: "granat-0", namespace: "kaverne", uid: "0f9a3c52-7b1e-4d2a-8c41-111111111111", owners: [] };
	const sheet: FactSheet = {
		"management.groups": known({ groups: { "feldspat.zirkon.fr": ["v1"], "cluster.x-k8s.io": ["v1beta2"], apps: [] } }),
		"management.machines": known({
			installed: true,
			items: [
				{
					...object,
					finalizers: ["machine.cluster.x-k8s.io", "amber.zirkon.fr/guard"],
					paused: false,
					annotations: {
						"cluster.x-k8s.io/cloned-from-name": "ab",
						"cluster.x-k8s.io/cloned-from-groupkind": "ProxmoxMachineTemplate.infrastructure.cluster.x-k8s.io",
						"pre-drain.delete.hook.machine.cluster.x-k8s.io/ottilie": "feldspat",
					},
					conditions: [{ type: "amber.zirkon.fr/Ready", status: "True" }],
					controlPlane: false,
				},
			],
		}),
		"management.proxmoxMachines": known({
			installed: true,
			items: [
				{
					...object,
					finalizers: [],
					paused: false,
					annotations: {},
					conditions: [],
					ready: true,
					task: "UPID:basalt3:0000C3A2:0ABC1234:68A5D000:qmclone:100:ottilie@amber!bot:",
					addresses: [],
					networks: [],
					network: { zone: "granat-dc", devices: [] },
				},
			],
		}),
		"node.interfaces": known({
			interfaces: [
				{ name: "enx983bcf123456", index: 2, virtual: false, up: true },
				{ name: "ens18", index: 3, virtual: false, up: true },
			],
		}),
	};
	const text = renderSnapshot(anonymize({ header, sheet }, new Uint8Array(32)));

	test("no name and no MAC is left of it", () => {
		expect(text).not.toMatch(planted);
		expect(text).not.toMatch(/983bcf|123456\b|: ab$/m);
	});

	test("and what Kubernetes and its projects name stays", () => {
		for (const common of ["cluster.x-k8s.io:", "apps:", "- machine.cluster.x-k8s.io", ":qmclone:100:", "name: ens18"]) {
			expect(text).toContain(common);
		}

		expect(text).toContain("cloned-from-groupkind: ProxmoxMachineTemplate.infrastructure.cluster.x-k8s.io");
		expect(text).toMatch(/pre-drain\.delete\.hook\.machine\.cluster\.x-k8s\.io\/[a-z]{7}: [a-z]{8}$/m);
		expect(text).toMatch(/name: enx[\da-f]{12}$/m);
	});
});
