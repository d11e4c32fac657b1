import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { checks } from "../../checks/index.ts";
import { names } from "../../src/explain/explanation.ts";
import { withoutBlanks } from "../../src/explain/join.ts";
import { literalsOf } from "../../src/explain/literals.ts";
import { compile } from "../../src/explain/recogniser.ts";
import { kinds } from "../../src/explain/signature.ts";
import { explainText, idsIn, known } from "../support/explain.ts";

const { signatures, endings } = known;
const sentence = z.string().regex(/^[A-Za-z0-9].*[.]$/s);
const each = signatures.map((signature) => [signature.id, signature] as const);

test("the file has the form that the program expects", () => {
	const schema = z.strictObject({
		endings: z.record(z.string(), z.string()),
		signatures: z.array(
			z.strictObject({
				id: z.string().regex(/^[a-z0-9-]+\.[a-z0-9-]+$/),
				component: z.string(),
				pattern: z.string(),
				kind: z.enum(kinds),
				cause: sentence,
				remedy: sentence,
				finding: z.string().optional(),
				check: z.string().optional(),
				after: z.array(z.string()).optional(),
				endedBy: z.array(z.enum(Object.keys(endings))).optional(),
				versions: z.string().optional(),
				source: z.url().optional(),
				samples: z.array(z.string()).min(1),
			}),
		),
	});
	expect(schema.parse(known).signatures.length).toBeGreaterThan(250);
	expect(new Set(signatures.map(({ id }) => id)).size).toBe(signatures.length);
});

test("every check and finding that a signature names exists", () => {
	const codes = new Set(checks.flatMap(({ id, findings }) => Object.keys(findings).map((code) => `${id}/${code}`)));
	const ids = new Set(checks.map(({ id }) => id));
	const missing = signatures.filter(
		({ check, finding }) => (check !== undefined && !ids.has(check)) || (finding !== undefined && !codes.has(finding)),
	);
	expect(missing.map(({ id, check, finding }) => [id, check, finding])).toEqual([]);
});

test.each([
	["missing MachineDeployment strategy", "capi-compat/machine-deployment-without-strategy", /up to v1\.10/],
	["failed to call webhook: the server could not find the requested resource", "capi-compat", /v1\.6\.0/],
	[
		'failed calling webhook "validation.ipaddressclaim.ipam.cluster.x-k8s.io": failed to call webhook: the server could not find the requested resource',
		"capi-compat/ipam-webhook-paths",
		/v1\.6\.0/,
	],
	["unexpected deployment strategy type: ", "capi-compat", /v1\.11 and newer/],
])("the document's symptom %j leads to %s, with the versions that say it", (text, place, versions) => {
	const [found] = explainText(`${text}\n`).recognised;
	expect(found?.signature.finding ?? found?.signature.check).toBe(place);
	expect(found?.signature.versions).toMatch(versions);
});

test("what a signature follows from exists, and every ending is waited for", () => {
	const unknown = signatures.flatMap(({ id, after = [] }) =>
		after.filter((name) => !signatures.some((other) => names(name, other.id))).map((name) => [id, name]),
	);
	expect(unknown).toEqual([]);
	const used = new Set(signatures.flatMap(({ endedBy = [] }) => endedBy));
	expect(Object.keys(endings).filter((name) => !used.has(name))).toEqual([]);
});

test.each(each)("%s: its patterns are bounded, compile, and hold a literal to search for", (_, { pattern }) => {
	expect(pattern.replace(/\\./g, "").replace(/\[[^\]]*\]/g, "_")).not.toMatch(/[*+]|\{\d+,\}/);
	expect(pattern).not.toMatch(/ [*+{]/);
	expect(() => new RegExp(withoutBlanks(pattern), "i")).not.toThrow();
	expect(Math.min(...literalsOf(pattern).map(({ length }) => length))).toBeGreaterThan(5);
});

test.each(each)("%s is what its samples are recognised as, first of all", (id, { samples }) => {
	expect(samples.map((sample) => idsIn(`${sample}\n`)[0])).toEqual(samples.map(() => id));
});

/** What is known only where it is the whole text never stands so in a controller's log. */
const anywhere = each.filter(([, { pattern }]) => !pattern.includes("|^"));

test.each(anywhere)(
	"%s is recognised behind the time that kubectl logs --timestamps puts in front",
	(id, { samples }) => {
		const stamped = samples.map((sample) => `2026-08-01T10:00:00.123456789Z ${sample}\n`);
		expect(stamped.map((line) => idsIn(line)[0])).toEqual(samples.map(() => id));
	},
);

test.each(each)("%s: a line of 1 MB made of the sample takes no more than its share of time", (_, { samples }) => {
	const sample = samples[0] ?? "";
	const half = sample.slice(0, Math.ceil(sample.length * 0.7));
	const text = `${half} `.repeat(Math.ceil(1_000_000 / (half.length + 1)));
	const started = process.cpuUsage();
	explainText(
		`${text}\n`,
		compile({ endings: {}, signatures: signatures.filter((other) => other.samples === samples) }),
	);
	const { user, system } = process.cpuUsage(started);
	expect((user + system) / 1_000).toBeLessThan(1_000);
});

const referenceUrl = new URL("../../../shared/data/log-signatures.json", import.meta.url);
const hasReference = existsSync(referenceUrl);

/** Where the reference has one id, and here the deeper or the common one is named. */
const elsewhere: Readonly<Record<string, string>> = {
	"capi.conn-down": "del.drain-conn-down",
	"del.drain-requeue-19": "del.drain-conn-down",
	"kcp.preflight": "kcp.no-noderef",
	"capmox.client-init": "capmox.client-unauthorized",
	"capmox.unauthorized": "capmox.node-forbidden",
	"capmox.template-missing": "capmox.template-tags",
	"capmox.clone-failed": "pve.vm-locked",
	"capmox.iso-inject": "capmox.iso-forbidden",
	"calico.autodetect-reach": "calico.autodetect-bad",
	"calico.autodetect-cidr": "calico.autodetect-bad",
};

const skipped = hasReference ? "" : " – skipped: the file ../shared/data/log-signatures.json is not here";

test.skipIf(!hasReference)(`every sample of the reference is recognised, with the cause that it has${skipped}`, () => {
	const samples = JSON.parse(readFileSync(referenceUrl, "utf8")) as readonly { id: string; sample: string }[];
	expect(samples.map(({ sample }) => idsIn(`${sample}\n`)[0])).toEqual(samples.map(({ id }) => elsewhere[id] ?? id));
});
