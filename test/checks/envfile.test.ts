import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import envfile from "../../checks/envfile.ts";
import { capmoxVersions, flavors } from "../../src/knowledge/templates.ts";
import { judgeSituation } from "../support/situations.ts";
import { renderEnvfile, variableFacts, variablesOf } from "../support/variables.ts";
import { type Case, cases } from "./envfile.cases.ts";

async function judge({ flavor, capmoxVersion, edits, sources }: Omit<Case, "is" | "codes">, asked = false) {
	const facts = await variableFacts(sources ?? { envfile: renderEnvfile(variablesOf(flavor, edits)) }, {
		flavor,
		capmoxVersion,
	});
	return judgeSituation(envfile, facts, asked);
}

const label = ({ is, flavor, capmoxVersion }: Case) =>
	[is.replaceAll("\n", "⏎"), flavor, capmoxVersion].filter((part) => part !== undefined).join(" · ");

describe("every fault is found, and nothing else", () => {
	test.each(cases.map((each) => [label(each), each] as const))("%s", async (_, each) => {
		const { judgement, codes } = await judge(each);
		expect(codes).toEqual(each.codes.map((code) => `envfile/${code}`));
		expect(judgement.verdict.kind).toBe(each.codes.length === 0 ? "pass" : "problem");
	});
});

/** The value of a line that a remedy writes: `export NAME='value'`. */
const written = (line: string): readonly [string, string] | undefined => {
	const [, name, text] = /^export (\w+)='(.*)'$/s.exec(line) ?? [];
	return name === undefined || text === undefined ? undefined : [name, text];
};

describe("a line that a remedy writes mends what it was given for", () => {
	test.each(
		cases
			.filter(({ codes, sources }) => codes.length > 0 && sources === undefined)
			.map((each) => [label(each), each] as const),
	)("%s", async (_, each) => {
		const { judgement } = await judge(each);
		for (const { code, remedy } of judgement.verdict.kind === "problem" ? judgement.verdict.findings : []) {
			const [step] = remedy.flatMap(({ put }) => (put === undefined ? [] : [written(put.line)]));
			if (step !== undefined) {
				const { codes } = await judge({ ...each, edits: { ...each.edits, [step[0]]: step[1] } });
				expect(codes).not.toContain(code);
			}
		}
	});
});

describe("what is not set up", () => {
	const credentials = {
		PROXMOX_URL: "https://pve.example.com:8006",
		PROXMOX_TOKEN: "capmox@pve!capi",
		PROXMOX_SECRET: "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37",
	};

	test.each([
		["nothing at all", {}],
		["only the way to Proxmox", { envfile: renderEnvfile(credentials) }],
		[
			"names that other programs use",
			{ processEnvironment: { NAMESPACE: "default", GATEWAY: "10.0.0.1", KUBERNETES_VERSION: "1.34" } },
		],
	] as const)("%s: no finding in run, one when asked by name", async (_, sources) => {
		expect((await judge({ sources })).judgement.verdict.kind).toBe("skip");
		expect((await judge({ sources }, true)).codes).toEqual(["envfile/not-set"]);
	});

	test("a token that the shell swallowed is what the user hears of", async () => {
		const sources = {
			processEnvironment: { PROXMOX_URL: credentials.PROXMOX_URL, PROXMOX_SECRET: credentials.PROXMOX_SECRET },
		};
		expect((await judge({ sources }, true)).codes).toEqual(["envfile/history-expansion"]);
	});

	test("one variable of a cluster is enough to miss the others", async () => {
		expect((await judge({ sources: { envfile: "export NODE_IP_RANGES='[10.0.0.5]'" } })).codes[0]).toBe(
			"envfile/missing",
		);
	});
});

describe("envfile.example is a cluster that works, but for the key", () => {
	const text = readFileSync(new URL("../../envfile.example", import.meta.url), "utf8");
	const whole = text.replace(/^# (export )/gm, "$1");

	test("as it stands, for the default flavor", async () => {
		expect((await judge({ sources: { envfile: text } })).codes).toEqual(["envfile/not-an-ssh-key"]);
	});

	test.each(flavors.flatMap((flavor) => capmoxVersions.map((capmoxVersion) => [flavor, capmoxVersion] as const)))(
		"with every line, for %s of %s",
		async (flavor, capmoxVersion) => {
			const { codes } = await judge({
				flavor,
				capmoxVersion,
				sources: { envfile: whole.replace("v1.34.8", "v1.33.4") },
			});
			const misnomer = /multiple-vlans|load-balancer/.test(flavor) ? ["envfile/never-read"] : [];
			const credentials = flavor === "external-creds" ? ["envfile/empty"] : [];
			expect(codes).toEqual([...credentials, "envfile/not-an-ssh-key", ...misnomer]);
		},
	);
});

test("no secret and no key is kept, whatever the variable", async () => {
	const planted = "s3cr3t-value-of-the-session";
	const facts = await variableFacts(
		{
			envfile: renderEnvfile(
				variablesOf("cilium-load-balancer", {
					METALLB_IPV4_BGP_SECRET: planted,
					METALLB_IPV6_BGP_SECRET: planted,
					PROXMOX_SECRET: planted,
					VM_SSH_KEYS: planted,
				}),
			),
		},
		{ flavor: "cilium-load-balancer" },
	);
	expect(JSON.stringify(facts)).not.toContain(planted);
});

test("never crashes, whatever stands in the variables", async () => {
	const names = Object.keys(variablesOf("cilium-load-balancer"));
	const odd = fc.oneof(
		fc.string(),
		fc.constantFrom(
			"[",
			"]",
			"[,]",
			"-",
			"[-]",
			"/",
			"[10.0.0.1/]",
			"[::]",
			"[::-::]",
			"0",
			"-1",
			"999999999999999999999",
			"[0.0.0.0-255.255.255.255]",
			"[0.0.0.0/0]",
			"::/0",
			"[::/0]",
			"fe80::1%eth0",
		),
	);
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.tuple(fc.constantFrom(...names), odd), { maxLength: 6 }),
			fc.constantFrom("default", "dual-stack", "cilium-load-balancer", "multiple-vlans"),
			async (edits, flavor) => {
				const { judgement } = await judge({ flavor, edits: Object.fromEntries(edits) });
				expect(judgement.verdict.kind).not.toBe("crashed");
			},
		),
		{ numRuns: 150 },
	);
});
