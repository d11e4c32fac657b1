import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Ajv } from "ajv";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { type DoctorResult, doctor } from "./support/doctor.ts";
import { findKubectl } from "./support/kubernetes/kubectl.ts";
import { isRecord, type KubernetesObject, splitApiVersion } from "./support/kubernetes/objects.ts";
import { type Kubernetes, startKubernetes } from "./support/kubernetes/server.ts";
import { legacy, managementObjects, newest, plantedSecret, type Setup } from "./support/management.ts";

let path: string;
let cluster: Kubernetes | undefined;
beforeAll(async () => {
	path = `${dirname(await findKubectl())}:${dirname(process.execPath)}:/usr/bin:/bin`;
});
afterEach(async () => {
	await cluster?.close();
	cluster = undefined;
});

/** The program that ships, with the real kubectl, against this cluster. */
function ask(kubernetes: Kubernetes, ...words: readonly string[]): Promise<DoctorResult> {
	return doctor(words, { env: { ...kubernetes.environment, PATH: path } });
}

describe("the program that ships, through the real kubectl", () => {
	test("reads only, in 16 requests, whatever checks run, and no value of a Secret", async () => {
		cluster = await startKubernetes({ objects: managementObjects(newest) });
		const { stdout, stderr } = await ask(cluster, "run", "--only", "management", "--format", "json");
		expect(stderr).toBe("");
		expect(stdout).toContain('"capi-compat"');
		expect(new Set(cluster.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
		const lists = cluster.requests.filter(({ query }) => !("continue" in query)).map((each) => each.path);
		expect(lists.length).toBeLessThanOrEqual(16);
		expect(new Set(lists).size).toBe(lists.length);
		expect(stdout).not.toContain(plantedSecret);
		const whole = cluster.requests.filter(
			({ path: asked, accept }) => asked.includes("secrets") && !accept.includes("as=PartialObjectMetadata"),
		);
		expect(whole).toEqual([]);
	});

	test("says pass of a set that fits", async () => {
		cluster = await startKubernetes({ objects: managementObjects(newest) });
		const { stdout, exitCode } = await ask(cluster, "check", "capi-compat", "--verbose");
		expect([exitCode, stdout.replaceAll(/\s+/g, " ")]).toEqual([
			0,
			expect.stringContaining("CAPMOX v0.9.0, Cluster API v1.12.11, in-cluster IPAM v1.1.0, Kubernetes v1.33.2 fit"),
		]);
	});

	test("a namespace that nobody uses takes away its objects, and no controller", async () => {
		cluster = await startKubernetes({ objects: managementObjects({ ...newest, ipam: undefined }) });
		expect((await ask(cluster, "check", "capi-compat")).stdout).toContain("capi-compat/ipam-missing");
		expect((await ask(cluster, "check", "capi-compat", "--namespace", "nobody")).stdout).not.toContain("ipam-missing");
	});

	test.each([
		["deployments.apps", 3],
		["validatingwebhookconfigurations.admissionregistration.k8s.io", 3],
		["kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", 3],
		["providers.clusterctl.cluster.x-k8s.io", 3],
	])("%s may not be seen: unknown, never pass", async (resource, code) => {
		cluster = await startKubernetes({
			// From a mirror, so that the inventory is needed.
			objects: managementObjects({ ...newest, mirror: "mirror.example.com/" }),
			faults: [{ kind: "status", code: 403, resource }],
		});
		const { stdout, exitCode } = await ask(cluster, "check", "capi-compat");
		expect(exitCode).toBe(code);
		expect(stdout).toContain("forbidden");
	});

	test("nothing is set up: skipped by run, unknown where it is asked for", async () => {
		const env = { PATH: path };
		expect((await doctor(["run", "--only", "management", "--verbose"], { env })).stdout).toContain(
			"there is no kubeconfig",
		);
		expect((await doctor(["run", "--only", "management"], { env })).exitCode).toBe(0);
		expect((await doctor(["check", "capi-compat"], { env })).exitCode).toBe(3);
	});

	test("matrix marks what is in use, and says where its table is from", async () => {
		cluster = await startKubernetes({ objects: managementObjects(legacy) });
		const { stdout, exitCode } = await ask(cluster, "matrix");
		expect(exitCode).toBe(0);
		expect(stdout).toMatch(/^\* {2}v0\.7\.7 /m);
		expect(stdout).toMatch(/^\* {2}v1\.10\.10 /m);
		expect(stdout).toContain("in use here: CAPMOX v0.7.7, Cluster API v1.10.10");
		expect(stdout).toContain("From the built-in table");
	});

	test("--knowledge: the user's own table is judged by, and a fault in it is said in one line", async () => {
		cluster = await startKubernetes({ objects: managementObjects(newest) });
		const own = `${dirname(cluster.kubeconfig)}/table.yaml`;
		const { writeFile } = await import("node:fs/promises");
		const text = readFileSync(new URL("../src/knowledge/compatibility.yaml", import.meta.url), "utf8");
		await writeFile(own, text.replace('capi: ["1.11", "1.12"]\n    not: []', 'capi: ["1.11"]\n    not: ["1.12"]'));
		expect((await ask(cluster, "check", "capi-compat", "--knowledge", own)).stdout).toContain("listed-incompatible");
		await writeFile(own, text.replace("leastIpam", "leastIpan"));
		const broken = await ask(cluster, "matrix", "--knowledge", own);
		expect([broken.exitCode, broken.stderr]).toEqual([
			2,
			expect.stringMatching(/^capmox-doctor: --knowledge: .*leastIpan.*\n$/),
		]);
		const missing = await ask(cluster, "check", "capi-compat", "--knowledge", "nowhere.yaml");
		expect([missing.exitCode, missing.stderr]).toEqual([
			2,
			"capmox-doctor: --knowledge: there is no file nowhere.yaml\n",
		]);
	});
});

const published = new URL("../../shared/data/crds/", import.meta.url);
const isPublished = existsSync(published);
const said = isPublished ? "" : " (SKIPPED: the folder shared/data/crds is not here)";

describe.skipIf(!isPublished)(`the objects that these tests use are valid by the providers' own schemas${said}`, () => {
	test.each<readonly [string, Setup, readonly string[]]>([
		["the newest", newest, ["capi-v1.12.11", "capmox-v0.9.0", "ipam-in-cluster"]],
		["CAPMOX 0.8", { ...newest, capmox: "v0.8.2" }, ["capi-v1.12.11", "capmox-v0.8.2", "ipam-in-cluster"]],
		["the older", legacy, ["capi-v1.10.10", "capmox-v0.7.7", "ipam-in-cluster"]],
	])("%s", (_, setup, folders) => {
		const own = managementObjects(setup).filter(
			({ apiVersion }) => apiVersion.includes("cluster.x-k8s.io/") && !apiVersion.startsWith("apiextensions"),
		);
		expect(own.length).toBeGreaterThan(10);
		const wrong = own.flatMap((object) => faultsOf(object, folders));
		expect(wrong).toEqual([]);
	});
});

function faultsOf(object: KubernetesObject, folders: readonly string[]): string[] {
	const { version } = splitApiVersion(object.apiVersion);
	const schema = schemaOf(object.kind, version, folders);
	if (schema === undefined) {
		return [`${object.apiVersion} ${object.kind}: there is no schema`];
	}

	const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false });
	const validate = ajv.compile(closed(schema) as object);
	const isValid: boolean = validate(object);
	return isValid ? [] : [`${object.kind} ${object.metadata.name}: ${ajv.errorsText(validate.errors)}`];
}

function schemaOf(kind: string, version: string, folders: readonly string[]): unknown {
	const plural = `${kind.toLowerCase()}${kind.endsWith("s") ? "es" : "s"}`;
	const file = folders.map((folder) => new URL(`${folder}/${plural}.yaml`, published)).find((each) => existsSync(each));
	if (file === undefined) {
		return undefined;
	}

	const [definition] = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as unknown);
	const { spec } = definition as {
		spec: { versions: { name: string; served: boolean; schema: { openAPIV3Schema: unknown } }[] };
	};
	return spec.versions.find(({ name, served }) => name === version && served)?.schema.openAPIV3Schema;
}

/** An API server drops fields that a schema does not name; here they are a misspelling. */
function closed(schema: unknown): unknown {
	if (Array.isArray(schema)) {
		return schema.map(closed);
	}

	if (!isRecord(schema)) {
		return schema;
	}

	const inside = Object.fromEntries(
		Object.entries(schema).map(([key, value]) => [
			key,
			// Go's flags within an expression are unknown here.
			key === "pattern" && typeof value === "string" ? value.replace("(?i)", "") : closed(value),
		]),
	);
	const isOpen = "additionalProperties" in schema || schema["x-kubernetes-preserve-unknown-fields"] === true;
	return schema["type"] === "object" && isRecord(schema["properties"]) && !isOpen
		? { ...inside, additionalProperties: false }
		: inside;
}
