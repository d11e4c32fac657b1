import { writeFile } from "node:fs/promises";
import { get } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, describe, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import type { Fault } from "./kubernetes/faults.ts";
import {
	closedServer,
	type ExecPlugin,
	failingPlugin,
	missingPlugin,
	unresolvableServer,
	waitingPlugin,
	workingPlugin,
} from "./kubernetes/kubeconfig.ts";
import { findKubectl } from "./kubernetes/kubectl.ts";
import type { KubernetesObject } from "./kubernetes/objects.ts";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "./kubernetes/server.ts";
import type { Transport } from "./kubernetes/transport.ts";

const machines = "/apis/cluster.x-k8s.io/v1beta1/machines";
const machineOf = (name: string) => `/apis/cluster.x-k8s.io/v1beta1/namespaces/default/machines/${name}`;

const binary = await findKubectl();
// Debian 12 has kubectl 1.20, which lacks aggregated discovery, --subresource, a dry run without OpenAPI, and retries.
const isOld = (await clientMinor()) < 27;
const patience = { timeout: 10_000, interval: 20 };
const open: Kubernetes[] = [];

afterAll(async () => {
	await Promise.all(open.map(async (cluster) => cluster.close()));
});

describe.concurrent("reading", () => {
	test("kubectl finds kinds by discovery, short names and all", async () => {
		const cluster = await start({ objects: [machine("a"), machine("b", { namespace: "other" })] });

		const { stdout } = await kubectl(cluster, "get", "ma", "-A", "-o", "json");

		expect(list(stdout).items.map(({ apiVersion, kind, metadata: { name } }) => [apiVersion, kind, name])).toEqual([
			["cluster.x-k8s.io/v1beta1", "Machine", "a"],
			["cluster.x-k8s.io/v1beta1", "Machine", "b"],
		]);
	});

	test.each(["v1.33.2", "v1.28.0", "v1.25.0"])("a server of %s is discovered its own way", async (version) => {
		const cluster = await start({ objects: [machine("a")], version });

		const { stdout } = await kubectl(cluster, "api-resources", "-o", "name");

		expect(stdout.split("\n")).toEqual(
			expect.arrayContaining(["machines.cluster.x-k8s.io", "deployments.apps", "secrets", "nodes"]),
		);
		const asked = cluster.requests.map(({ path }) => path);
		expect(asked.includes("/apis/apps/v1")).toBe(isOld || version === "v1.25.0");
	});

	test("one document of YAML after another is loaded, and shown as YAML", async () => {
		const cluster = await start({ objects: `${stringify(machine("a"))}---\n${stringify(machine("b"))}` });

		const { stdout } = await kubectl(cluster, "get", "machine", "b", "-o", "yaml");

		expect(stdout).toContain("name: b\n");
		expect(cluster.objects()).toHaveLength(2);
	});

	test("what `kubectl get -o yaml` prints can be loaded", async () => {
		const first = await start({ objects: [machine("a"), deployment] });
		const { stdout } = await kubectl(first, "get", "machines,deployments", "-A", "-o", "yaml");

		const second = await start({ objects: stdout });

		expect(names(second.objects())).toEqual(names(first.objects()));
	});

	test("items of built-in lists have no kind, those of custom resources do", async () => {
		const cluster = await start({ objects: [machine("a"), deployment] });

		const builtIn = list((await raw(cluster, "/apis/apps/v1/deployments")).stdout);
		const custom = list((await raw(cluster, machines)).stdout);

		expect(builtIn).toMatchObject({ kind: "DeploymentList", apiVersion: "apps/v1" });
		expect(builtIn.items[0]).not.toHaveProperty("kind");
		expect(custom).toMatchObject({ kind: "MachineList", items: [{ kind: "Machine" }] });
	});

	test("a definition decides which versions are served, and objects are shown in each of them", async () => {
		const cluster = await start({
			objects: [definition({ v1beta1: true, v1beta2: true, v1alpha4: false }), machine("a")],
		});

		const { stdout } = await kubectl(cluster, "get", "--raw", "/apis/cluster.x-k8s.io");
		const newer = await raw(cluster, "/apis/cluster.x-k8s.io/v1beta2/machines");
		const unserved = await raw(cluster, "/apis/cluster.x-k8s.io/v1alpha4/machines");

		expect(JSON.parse(stdout)).toMatchObject({ preferredVersion: { version: "v1beta2" } });
		expect(list(newer.stdout).items[0]?.apiVersion).toBe("cluster.x-k8s.io/v1beta2");
		expect(unserved).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("(NotFound)") as string });
	});

	test("an object of a version that is not served cannot be loaded", async () => {
		const objects = [definition({ v1beta2: true }), machine("a")];

		await expect(startKubernetes({ objects })).rejects.toThrow("not served");
	});

	test("providers are there when something of theirs is, or when told so", async () => {
		const bare = await start();
		const installed = await start({ serves: ["cluster.x-k8s.io/v1beta1"] });

		expect((await raw(bare, machines)).stderr).toContain("(NotFound)");
		expect(list((await raw(installed, machines)).stdout).items).toEqual([]);
	});

	test("selectors", async () => {
		const cluster = await start({
			objects: [
				machine("a", { labels: { role: "control-plane", zone: "one" } }),
				machine("b", { labels: { role: "worker" } }),
				machine("c", { namespace: "other" }),
			],
		});
		const select = async (...args: string[]) =>
			(await kubectl(cluster, "get", "machines", "-A", "-o", "name", ...args)).stdout
				.split("\n")
				.map((name) => name.at(-1));

		expect(await select("-l", "role=worker")).toEqual(["b"]);
		expect(await select("-l", "role in (worker, control-plane),zone")).toEqual(["a"]);
		expect(await select("-l", "role notin (worker)")).toEqual(["a", "c"]);
		expect(await select("-l", "!role")).toEqual(["c"]);
		expect(await select("-l", "role!=worker,role")).toEqual(["a"]);
		expect(await select("--field-selector", "metadata.name=c")).toEqual(["c"]);
		expect(await select("--field-selector", "metadata.namespace!=other")).toEqual(["a", "b"]);
		expect((await raw(cluster, `${machines}?fieldSelector=spec.clusterName%3Dx`)).stderr).toContain(
			"(BadRequest): field label not supported: spec.clusterName",
		);
	});

	test("metadata alone, for clients that ask for it", async () => {
		const cluster = await start({ objects: [machine("a")] });

		const { body } = await request(
			cluster,
			machines,
			"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
		);

		expect(JSON.parse(body)).toMatchObject({
			kind: "PartialObjectMetadataList",
			items: [{ kind: "PartialObjectMetadata", metadata: { name: "a" } }],
		});
		expect(list(body).items[0]).not.toHaveProperty("spec");
	});

	test("the server's clock can be wrong", async () => {
		const cluster = await start({ clockSkew: -3_600_000 });

		const { date } = await request(cluster, "/version");

		expect(Math.abs(Date.now() - 3_600_000 - Date.parse(date))).toBeLessThan(5_000);
	});

	test("logs", async () => {
		const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { containers: [{ name: "manager" }] } };
		const cluster = await start({ objects: [pod], logs: { "default/p": "one\ntwo\n" } });

		expect(await kubectl(cluster, "logs", "p", "--tail=1")).toMatchObject({ exitCode: 0, stdout: "two" });
	});
});

describe.concurrent("paging", () => {
	const objects = ["a", "b", "c", "d", "e"].map((name) => machine(name));

	test("kubectl follows continue tokens", async () => {
		const cluster = await start({ objects });

		const { stdout } = await kubectl(cluster, "get", "machines", "-o", "name", "--chunk-size=2");

		expect(stdout.split("\n")).toHaveLength(5);
		expect(cluster.requests.filter(({ query }) => "continue" in query)).toHaveLength(2);
	});

	test("a page tells how many remain, unless a selector hides it", async () => {
		const cluster = await start({ objects });

		const all = list((await raw(cluster, `${machines}?limit=2`)).stdout);
		const selected = list((await raw(cluster, `${machines}?limit=2&labelSelector=!x`)).stdout);

		expect(all.metadata).toMatchObject({ remainingItemCount: 3, continue: expect.any(String) as string });
		expect(selected.metadata).not.toHaveProperty("remainingItemCount");
	});

	test("later pages show what was there when the first was read", async () => {
		const cluster = await start({ objects });
		const first = list((await raw(cluster, `${machines}?limit=2`)).stdout);
		await kubectl(cluster, "delete", "machine", "d");
		cluster.put(machine("ca"));

		const rest = list((await raw(cluster, `${machines}?limit=9&continue=${first.metadata.continue ?? ""}`)).stdout);

		expect(names(rest.items)).toEqual(["c", "d", "e"]);
		expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
	});

	test("an expired token is answered with 410 and a token for the inconsistent rest", async () => {
		const cluster = await start({ objects });
		const { metadata } = list((await raw(cluster, `${machines}?limit=2`)).stdout);
		cluster.compact();
		const path = `${machines}?limit=9&continue=${metadata.continue ?? ""}`;

		const refused = await raw(cluster, path);
		const { status, body } = await request(cluster, path);
		const token = (JSON.parse(body) as { metadata: { continue: string } }).metadata.continue;
		const rest = list((await raw(cluster, `${machines}?limit=9&continue=${token}`)).stdout);

		expect(refused).toMatchObject({
			exitCode: 1,
			stderr: expect.stringContaining(
				"Error from server (Expired): The provided continue parameter is too old",
			) as string,
		});
		expect(status).toBe(410);
		expect(names(rest.items)).toEqual(["c", "d", "e"]);
	});

	test("a token that is none is a bad request", async () => {
		const cluster = await start({ objects });

		expect((await raw(cluster, `${machines}?limit=1&continue=x`)).stderr).toContain(
			"(BadRequest): continue key is not valid",
		);
	});

	test("pages can be made shorter than asked for", async () => {
		const cluster = await start({ objects, pageLimit: 2 });

		expect(list((await raw(cluster, `${machines}?limit=500`)).stdout).items).toHaveLength(2);
	});
});

describe.concurrent("writing", () => {
	const find = (cluster: Kubernetes, name: string) => cluster.objects().find(({ metadata }) => metadata.name === name);

	test("merge patch, with resource version and generation counted up", async () => {
		const cluster = await start({ objects: [machine("a")] });
		const before = find(cluster, "a")?.metadata;

		const result = await patch(cluster, "merge", { spec: { paused: true, clusterName: null } });

		expect(result).toMatchObject({ exitCode: 0, stdout: "machine.cluster.x-k8s.io/a patched" });
		expect(find(cluster, "a")).toMatchObject({ spec: { paused: true }, metadata: { generation: 2 } });
		expect(find(cluster, "a")?.["spec"]).not.toHaveProperty("clusterName");
		expect(Number(find(cluster, "a")?.metadata.resourceVersion)).toBeGreaterThan(Number(before?.resourceVersion));
	});

	test("JSON patch with a test that holds", async () => {
		const cluster = await start({ objects: [machine("a", { finalizers: ["one/x", "two/y"] })] });

		const { exitCode } = await patch(cluster, "json", [
			{ op: "test", path: "/metadata/finalizers/0", value: "one/x" },
			{ op: "remove", path: "/metadata/finalizers/0" },
			{ op: "add", path: "/metadata/annotations", value: { "a/b": "c" } },
			{ op: "replace", path: "/metadata/annotations/a~1b", value: "d" },
		]);

		expect(exitCode).toBe(0);
		expect(find(cluster, "a")?.metadata).toMatchObject({ finalizers: ["two/y"], annotations: { "a/b": "d" } });
	});

	test("JSON patch that does not apply changes nothing", async () => {
		const cluster = await start({ objects: [machine("a")] });

		const results = await Promise.all([
			patch(cluster, "json", [
				{ op: "replace", path: "/spec/clusterName", value: "other" },
				{ op: "test", path: "/metadata/resourceVersion", value: "1" },
			]),
			patch(cluster, "json", [{ op: "remove", path: "/metadata/finalizers/0" }]),
		]);

		for (const result of results) {
			expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^The request is invalid/) as string });
		}

		expect(find(cluster, "a")?.["spec"]).toEqual({ clusterName: "prod" });
	});

	test("a patch of an older version is a conflict", async () => {
		const cluster = await start({ objects: [machine("a")] });

		const { exitCode, stderr } = await patch(cluster, "merge", { metadata: { resourceVersion: "1" }, spec: { x: 1 } });

		expect(exitCode).toBe(1);
		expect(stderr).toBe(
			'Error from server (Conflict): Operation cannot be fulfilled on machines.cluster.x-k8s.io "a": ' +
				"the object has been modified; please apply your changes to the latest version and try again",
		);
	});

	test("a patch of an object that was made anew is a conflict", async () => {
		const cluster = await start({ objects: [machine("a")] });

		const { exitCode, stderr } = await patch(cluster, "merge", { metadata: { uid: "other" } });

		expect(exitCode).toBe(1);
		expect(stderr).toContain("(Conflict)");
		expect(stderr).toContain("Precondition failed: UID in precondition: other, UID in object meta: ");
	});

	test("the kind of patch that custom resources do not take", async () => {
		const cluster = await start({ objects: [machine("a"), deployment] });

		const custom = await patch(cluster, "strategic", { spec: { x: 1 } });
		const builtIn = await kubectl(cluster, "rollout", "restart", "deployment/d", "-n", "capmox-system");

		expect(custom).toMatchObject({
			exitCode: 1,
			stderr: expect.stringContaining("the body of the request was in an unknown format") as string,
		});
		expect(builtIn.exitCode).toBe(0);
	});

	test("a strategic merge patch changes one variable of one container, and leaves the order and the rest", async () => {
		const nodeName = { name: "NODENAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } };
		const other = { name: "other", image: "o", env: [{ name: "IP", value: "x" }] };
		const agent = { name: "agent", image: "a", env: [{ name: "IP", value: "auto" }, nodeName] };
		const daemonSet = {
			apiVersion: "apps/v1",
			kind: "DaemonSet",
			metadata: { name: "d", namespace: "default" },
			spec: { template: { spec: { containers: [other, agent], volumes: [{ name: "v", emptyDir: {} }] } } },
		};
		const cluster = await start({ objects: [daemonSet] });
		const spec = () => cluster.objects()[0]?.["spec"];
		const set = async (word: string) => {
			const { exitCode, stderr } = await kubectl(cluster, "set", "env", "daemonset/d", "--containers=agent", word);
			expect([exitCode, stderr]).toEqual([0, ""]);
		};
		const withEnv = (...env: readonly object[]) => ({
			template: { spec: { containers: [other, { ...agent, env }], volumes: [{ name: "v", emptyDir: {} }] } },
		});

		await set("METHOD=internal");
		expect(spec()).toEqual(withEnv({ name: "IP", value: "auto" }, nodeName, { name: "METHOD", value: "internal" }));
		await set("IP=none");
		expect(spec()).toEqual(withEnv({ name: "IP", value: "none" }, nodeName, { name: "METHOD", value: "internal" }));
		await set("METHOD-");
		expect(spec()).toEqual(withEnv({ name: "IP", value: "none" }, nodeName));
		const refused = await kubectl(cluster, "patch", "daemonset", "d", "-p", '{"spec":{"x":[{"a":1}]}}');
		expect(refused.stderr).toContain("the stand-in merges no list called x");
	});

	test.skipIf(isOld)("status is written through its subresource only", async () => {
		const cluster = await start({ objects: [machine("a", {}, { phase: "Failed" })] });

		await patch(cluster, "merge", { status: { phase: "Running" } });
		expect(find(cluster, "a")?.["status"]).toEqual({ phase: "Failed" });

		await patch(cluster, "merge", { status: { phase: "Running" }, spec: { x: 1 } }, "--subresource=status");
		expect(find(cluster, "a")).toMatchObject({ status: { phase: "Running" }, spec: { clusterName: "prod" } });
	});

	test.skipIf(isOld)("a dry run changes nothing", async () => {
		const cluster = await start({ objects: [machine("a")] });

		const { stdout } = await patch(cluster, "merge", { spec: { paused: true } }, "--dry-run=server", "-o", "json");

		expect(JSON.parse(stdout)).toMatchObject({ spec: { paused: true } });
		expect(find(cluster, "a")?.["spec"]).not.toHaveProperty("paused");
	});

	test("PUT: up to date, out of date, without a version, too large", async () => {
		const cluster = await start({ objects: [machine("a")] });
		const current = JSON.parse((await raw(cluster, machineOf("a"))).stdout) as KubernetesObject;
		const put = async (object: object) => {
			const file = join(cluster.environment.HOME, "body.json");
			await writeFile(file, JSON.stringify(object));
			return kubectl(cluster, "replace", "--validate=false", "--raw", machineOf("a"), "-f", file);
		};

		expect(await put({ ...current, spec: { clusterName: "new" } })).toMatchObject({ exitCode: 0 });
		expect((await put(current)).stderr).toContain("(Conflict)");
		expect((await put(machine("a"))).stderr).toContain(
			"metadata.resourceVersion: Invalid value: 0x0: must be specified",
		);
		expect((await put({ ...current, spec: { note: "x".repeat(3_200_000) } })).stderr).toContain(
			"(RequestEntityTooLarge): Request entity too large: limit is 3145728",
		);
		expect(find(cluster, "a")?.["spec"]).toEqual({ clusterName: "new" });
	});

	test("DELETE takes an object without finalizers away", async () => {
		const cluster = await start({ objects: [machine("a")] });

		const result = await kubectl(cluster, "delete", "machine", "a");

		expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"a" deleted') as string });
		expect(cluster.objects()).toEqual([]);
	});

	test("DELETE waits for finalizers, and kubectl for the object to go", async () => {
		const cluster = await start({ objects: [machine("a", { finalizers: ["one/x"] })] });
		const deletion = kubectl(cluster, "delete", "machine", "a");
		// kubectl looks once, then watches.
		await vi.waitUntil(() => cluster.requests.some(({ query }) => query["watch"] === "true"), patience);

		const addition = await patch(cluster, "merge", { metadata: { finalizers: ["one/x", "two/y"] } });
		expect(addition.stderr).toContain("metadata.finalizers: Forbidden: no new finalizers can be added");

		await patch(cluster, "merge", { metadata: { finalizers: [] } });
		expect(await deletion).toMatchObject({ exitCode: 0 });
		expect(cluster.objects()).toEqual([]);
	});

	test("DELETE of something else than was meant", async () => {
		const cluster = await start({ objects: [machine("a")] });
		const remove = async (preconditions: object) => {
			const file = join(cluster.environment.HOME, "options.json");
			await writeFile(file, JSON.stringify({ kind: "DeleteOptions", apiVersion: "v1", preconditions }));
			return kubectl(cluster, "delete", "--raw", machineOf("a"), "-f", file);
		};

		expect((await remove({ uid: "other" })).stderr).toContain(
			"(Conflict): Operation cannot be fulfilled on Machine.cluster",
		);
		expect((await remove({ resourceVersion: "1" })).stderr).toContain("(Conflict)");
		expect(cluster.objects()).toHaveLength(1);
		expect((await remove({ uid: cluster.objects()[0]?.metadata.uid })).exitCode).toBe(0);
		expect(cluster.objects()).toEqual([]);
	});

	test("a watch shows what is there, what changes, and ends", async () => {
		const cluster = await start({ objects: [machine("a"), machine("b")] });
		const watching = raw(cluster, `${machines}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Da`);
		await vi.waitUntil(() => cluster.requests.some(({ query }) => query["watch"] === "true"), patience);

		await patch(cluster, "merge", { spec: { paused: true } });
		const { stdout, exitCode } = await watching;

		const events = stdout.split("\n").map((line) => JSON.parse(line) as { type: string });
		expect(events.map(({ type }) => type)).toEqual(["ADDED", "MODIFIED"]);
		expect(exitCode).toBe(0);
	});

	async function patch(cluster: Kubernetes, type: string, body: unknown, ...args: string[]) {
		return kubectl(cluster, "patch", "machine", "a", `--type=${type}`, "-p", JSON.stringify(body), ...args);
	}
});

describe.concurrent("refusals", () => {
	const tooMany = "the server has received too many requests and has asked us to try again later";
	test.each<[string, string, Fault | undefined, RegExp]>([
		[
			"a group that is not there",
			"/apis/nope.example/v1/things",
			undefined,
			/^Error from server \(NotFound\): the server could not find the requested resource$/,
		],
		[
			"a kind that is not there",
			"/api/v1/things",
			undefined,
			/^Error from server \(NotFound\): the server could not find the requested resource$/,
		],
		[
			"an object that is not there",
			machineOf("z"),
			undefined,
			/^Error from server \(NotFound\): machines\.cluster\.x-k8s\.io "z" not found$/,
		],
		["401", machines, { kind: "status", code: 401 }, /^error: You must be logged in to the server \(Unauthorized\)$/],
		[
			"403 for a list",
			machines,
			{ kind: "status", code: 403 },
			/^Error from server \(Forbidden\): machines\.cluster\.x-k8s\.io is forbidden: User "doctor" cannot list resource "machines" in API group "cluster\.x-k8s\.io" at the cluster scope$/,
		],
		[
			"403 for an object",
			machineOf("a"),
			{ kind: "status", code: 403 },
			/^Error from server \(Forbidden\): machines\.cluster\.x-k8s\.io "a" is forbidden: User "doctor" cannot get resource "machines" in API group "cluster\.x-k8s\.io" in the namespace "default"$/,
		],
		[
			"403 for a path",
			"/version",
			{ kind: "status", code: 403 },
			/^Error from server \(Forbidden\): forbidden: User "doctor" cannot get path "\/version"$/,
		],
		[
			"410",
			machines,
			{ kind: "status", code: 410 },
			/^Error from server \(Expired\): The provided continue parameter is too old/,
		],
		[
			"429",
			machines,
			{ kind: "status", code: 429 },
			new RegExp(`^Error from server \\(TooManyRequests\\): ${tooMany}$`),
		],
		[
			"500",
			machines,
			{ kind: "status", code: 500 },
			/^Error from server \(InternalError\): Internal error occurred: etcdserver: request timed out$/,
		],
		[
			"500, in other words",
			machines,
			{ kind: "status", code: 500, message: "conversion webhook failed" },
			/^Error from server \(InternalError\): conversion webhook failed$/,
		],
		[
			"503",
			machines,
			{ kind: "status", code: 503 },
			/^Error from server \(ServiceUnavailable\): the server is currently unable to handle the request$/,
		],
		[
			"504",
			machines,
			{ kind: "status", code: 504 },
			/^Error from server \(Timeout\): Timeout: request did not complete/,
		],
		[
			"a load balancer's 502",
			machines,
			{ kind: "html", code: 502 },
			/^Error from server \(InternalError\): an error on the server \("<html>.*502 Bad Gateway/,
		],
		[
			"a load balancer's 503",
			machines,
			{ kind: "html", code: 503 },
			/^Error from server \(ServiceUnavailable\): the server is currently unable to handle the request$/,
		],
	])("%s", async (_, path, fault, message) => {
		const cluster = await start({ objects: [machine("a")], ...(fault !== undefined && { faults: [fault] }) });

		expect(await raw(cluster, path)).toEqual({
			exitCode: 1,
			stdout: "",
			stderr: expect.stringMatching(message) as string,
		});
	});

	test("every refusal is a Status", async () => {
		const cluster = await start({ faults: [{ kind: "status", code: 403, resource: "secrets" }] });

		const { status, body } = await request(cluster, "/api/v1/namespaces/default/secrets");

		expect(status).toBe(403);
		expect(JSON.parse(body)).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message:
				'secrets is forbidden: User "doctor" cannot list resource "secrets" in API group "" in the namespace "default"',
			reason: "Forbidden",
			details: { kind: "secrets" },
			code: 403,
		});
	});

	test("one resource can be forbidden, wherever it is, and granted again", async () => {
		const cluster = await start({ objects: [machine("a")] });
		const grant = cluster.fail({ kind: "status", code: 403, resource: "machines.cluster.x-k8s.io" });

		expect((await kubectl(cluster, "get", "machines")).stderr).toContain("(Forbidden)");
		expect((await kubectl(cluster, "get", "nodes")).exitCode).toBe(0);

		grant();
		expect((await kubectl(cluster, "get", "machines")).exitCode).toBe(0);
	});

	test("a fault can end by itself, and kubectl tries again when told to wait", async () => {
		const cluster = await start({ objects: [machine("a")] });
		cluster.fail({ kind: "status", code: 429, retryAfter: 1, path: machines, times: 1 });

		const first = await raw(cluster, machines);

		expect(first.exitCode).toBe(isOld ? 1 : 0);
		expect(cluster.requests).toHaveLength(isOld ? 1 : 2);
		expect((await raw(cluster, machines)).exitCode).toBe(0);
	});

	test("a fault can be kept for later pages", async () => {
		const cluster = await start({ objects: [machine("a"), machine("b")] });
		cluster.fail({ kind: "status", code: 500, query: "continue=" });
		const first = await raw(cluster, `${machines}?limit=1`);

		const second = await raw(cluster, `${machines}?limit=1&continue=${list(first.stdout).metadata.continue ?? ""}`);

		expect([first.exitCode, second.exitCode]).toEqual([0, 1]);
	});
});

describe.concurrent("answers that are none", () => {
	test.each<[string, Fault, number, RegExp, RegExp]>([
		["a captive portal's page", { kind: "html" }, 0, /^<html>/, /^$/],
		["half of the JSON", { kind: "truncated" }, 0, /^\{"kind":"MachineList"[^]*[^}\n]$/, /^$/],
		["garbage", { kind: "garbage" }, 0, /\0/, /^$/],
		["nothing", { kind: "empty" }, 0, /^$/, /^$/],
		["a connection that breaks", { kind: "cut" }, 1, /^\{"kind":"MachineList"/, /^error: unexpected EOF$/],
	])("%s", async (_, fault, code, out, error) => {
		const cluster = await start({ objects: [machine("a")], faults: [fault] });

		const { exitCode, stdout, stderr } = await raw(cluster, machines);

		expect(exitCode).toBe(code);
		expect(stdout).toMatch(out);
		expect(stderr).toMatch(error);
	});

	test("a body of many megabytes", async () => {
		const cluster = await start({ faults: [{ kind: "huge", bytes: 20_000_000 }] });

		const { exitCode, stdout } = await raw(cluster, machines);

		expect([exitCode, stdout.length]).toEqual([0, 20_000_000]);
		expect(JSON.parse(stdout)).toMatchObject({ kind: "List", items: [] });
	});

	test("a server that hangs", async () => {
		const cluster = await start({ faults: [{ kind: "hang" }] });

		const { exitCode, stderr } = await raw(cluster, machines, "--request-timeout=300ms");

		expect(exitCode).toBe(1);
		expect(stderr).toMatch(
			/^Unable to connect to the server: (?:context deadline exceeded|net\/http: request canceled)(?: \(Client\.Timeout exceeded while awaiting headers\))?$/,
		);
	});

	test("an answer that comes by the drop, in time and too late", async () => {
		const cluster = await start({ objects: [machine("a")], faults: [{ kind: "drip", bytes: 32, every: 10 }] });
		const patient = await raw(cluster, machines);

		cluster.fail({ kind: "drip", bytes: 32, every: 700 });
		const impatient = await raw(cluster, machines, "--request-timeout=1s");

		expect(list(patient.stdout).items).toHaveLength(1);
		expect(impatient).toEqual({
			exitCode: 1,
			stdout: expect.stringMatching(/^\{"kind":"MachineList"/) as string,
			stderr: expect.stringMatching(
				/^error: (?:context deadline exceeded|net\/http: request canceled)(?: \(.* while reading body\))?$/,
			) as string,
		});
	});
});

describe.concurrent("connections", () => {
	const tls = /^Unable to connect to the server: (?:tls: failed to verify certificate: )?x509: /.source;
	test.each<[Transport, RegExp]>([
		[
			"refused",
			/^The connection to the server 127\.0\.0\.1:\d+ was refused - did you specify the right host or port\?$/,
		],
		[
			"deaf",
			/^Unable to connect to the server: (?:context deadline exceeded|net\/http: request canceled while waiting)/,
		],
		["hangs-up", /^Unable to connect to the server: (?:EOF|read tcp .*: connection reset by peer)$/],
		["plain-http", /^Unable to connect to the server: http: server gave HTTP response to HTTPS client$/],
		["other-authority", new RegExp(`${tls}certificate signed by unknown authority`)],
		["expired", new RegExp(`${tls}certificate has expired or is not yet valid: current time \\S+ is after \\S+$`)],
		[
			"not-yet-valid",
			new RegExp(`${tls}certificate has expired or is not yet valid: current time \\S+ is before \\S+$`),
		],
		["other-name", new RegExp(`${tls}certificate is valid for 10\\.10\\.10\\.10, not 127\\.0\\.0\\.1$`)],
	])("%s, until it is mended", async (transport, message) => {
		const cluster = await start();
		await cluster.setTransport(transport);

		const args = transport === "deaf" ? ["--request-timeout=300ms"] : [];
		const { exitCode, stderr } = await raw(cluster, "/version", ...args);
		expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(message) as string });

		await cluster.mend();
		expect((await raw(cluster, "/version")).exitCode).toBe(0);
	});

	test("what broke can be broken from the start", async () => {
		const cluster = await start({ transport: "refused" });

		expect((await raw(cluster, "/version")).stderr).toContain("was refused");
	});
});

describe.concurrent("kubeconfigs", () => {
	test.each<[string, () => Promise<string> | string, RegExp]>([
		["nobody listens", closedServer, /^The connection to the server 127\.0\.0\.1:\d+ was refused/],
		[
			"no such name",
			() => unresolvableServer,
			/^Unable to connect to the server: dial tcp: lookup management\.example\.invalid/,
		],
	])("a server where %s", async (_, server, message) => {
		const cluster = await start();
		const kubeconfig = await cluster.writeKubeconfig({ server: await server() });

		expect(await version(cluster, kubeconfig)).toEqual({
			exitCode: 1,
			stderr: expect.stringMatching(message) as string,
		});
	});

	test("an authority that is left out is not trusted", async () => {
		const cluster = await start();
		const kubeconfig = await cluster.writeKubeconfig({ authority: undefined });

		expect((await version(cluster, kubeconfig)).stderr).toMatch(/x509: certificate signed by unknown authority/);
	});

	test("a wrong token, and none", async () => {
		const cluster = await start();
		const wrong = await cluster.writeKubeconfig({ user: { token: "wrong" } });
		const none = await cluster.writeKubeconfig({ user: {} });

		expect((await version(cluster, wrong)).stderr).toBe("error: You must be logged in to the server (Unauthorized)");
		expect(await version(cluster, none)).toEqual({ exitCode: 1, stderr: "error: EOF" });
		expect((await request(cluster, "/version", "", null)).status).toBe(200);
		expect((await request(cluster, "/api", "", null)).body).toContain('User \\"system:anonymous\\" cannot get path');
	});

	test.each<[string, ExecPlugin, RegExp]>([
		[
			"is missing",
			missingPlugin,
			/^Unable to connect to the server: getting credentials: exec: executable capmox-doctor-no-such-plugin not found\n[^]*Install the plugin/,
		],
		[
			"fails",
			failingPlugin,
			/^ERROR: token expired, run: cloud login\nUnable to connect to the server: getting credentials: exec: executable sh failed with exit code 1$/,
		],
	])("a credential plugin that %s", async (_, exec, message) => {
		const cluster = await start();
		const kubeconfig = await cluster.writeKubeconfig({ user: { exec } });

		expect(await version(cluster, kubeconfig)).toEqual({
			exitCode: 1,
			stderr: expect.stringMatching(message) as string,
		});
	});

	test("a credential plugin that works", async () => {
		const cluster = await start();
		const kubeconfig = await cluster.writeKubeconfig({ user: { exec: workingPlugin(cluster.token) } });

		expect(await version(cluster, kubeconfig)).toEqual({ exitCode: 0, stderr: "" });
	});

	test("a credential plugin that waits for a person is not bounded by the request's timeout", async () => {
		const cluster = await start();
		const kubeconfig = await cluster.writeKubeconfig({ user: { exec: waitingPlugin } });
		const args = ["--kubeconfig", kubeconfig, "--request-timeout=200ms", "get", "--raw", "/version"];
		const child = execa(binary, args, { env: cluster.environment, stdin: "ignore", reject: false, detached: true });
		let stderr = "";
		child.stderr.on("data", (chunk: Buffer) => (stderr += String(chunk)));

		await vi.waitUntil(() => stderr.includes("enter the code ABCD-EFGH"), patience);
		await sleep(500);

		expect(child.exitCode).toBeNull();
		expect(cluster.requests).toEqual([]);
		process.kill(-child.pid!, "SIGKILL");
		expect(await child).toMatchObject({ isTerminated: true });
	});

	test("contexts: unknown, none, several", async () => {
		const [one, two] = await Promise.all([start({ context: "one" }), start({ version: "v1.30.1" })]);
		const unknown = await one.writeKubeconfig({ currentContext: "production" });
		const none = await one.writeKubeconfig({ currentContext: null });
		const others = { two: { server: two.url, authority: two.authority, user: { token: two.token } } };
		const several = await one.writeKubeconfig({ others, namespace: "capi" });

		expect((await version(one, unknown)).stderr).toBe(
			"Error in configuration: context was not found for specified context: production",
		);
		expect((await version(one, several, "--context=three")).stderr).toBe('error: context "three" does not exist');
		expect((await version(one, none)).stderr).toMatch(/^The connection to the server localhost:8080 was refused/);
		expect((await kubectl(one, "--kubeconfig", several, "--context=two", "get", "--raw", "/version")).stdout).toContain(
			"v1.30.1",
		);
		expect((await kubectl(one, "--kubeconfig", several, "config", "get-contexts", "-o", "name")).stdout).toBe(
			"one\ntwo",
		);
	});

	test("files: missing, broken, none at all", async () => {
		const cluster = await start();
		const broken = join(cluster.environment.HOME, "broken");
		await writeFile(broken, "apiVersion: v1\nkind: Config\nclusters: [\n");
		const unset = await kubectl(
			{ environment: { ...cluster.environment, KUBECONFIG: "" } },
			"get",
			"--raw",
			"/version",
		);

		expect((await version(cluster, "/nonexistent")).stderr).toBe("error: stat /nonexistent: no such file or directory");
		expect((await version(cluster, broken)).stderr).toMatch(
			/^error: error loading config file ".*\/broken": yaml: line 3: did not find/,
		);
		expect(unset.stderr).toMatch(/^The connection to the server localhost:8080 was refused/);
	});

	async function version(cluster: Kubernetes, kubeconfig: string, ...args: string[]) {
		const { exitCode, stderr } = await kubectl(
			cluster,
			"--kubeconfig",
			kubeconfig,
			...args,
			"get",
			"--raw",
			"/version",
		);
		return { exitCode, stderr };
	}
});

const deployment: KubernetesObject = {
	apiVersion: "apps/v1",
	kind: "Deployment",
	metadata: { name: "d", namespace: "capmox-system" },
	spec: { template: { metadata: {}, spec: { containers: [{ name: "manager" }] } } },
};

interface List {
	readonly metadata: { readonly continue?: string; readonly resourceVersion: string };
	readonly items: readonly KubernetesObject[];
}

const list = (text: string) => JSON.parse(text) as List;
const names = (objects: readonly KubernetesObject[]) => objects.map(({ metadata }) => metadata.name).sort();

function machine(name: string, metadata: object = {}, status?: object): KubernetesObject {
	return {
		apiVersion: "cluster.x-k8s.io/v1beta1",
		kind: "Machine",
		metadata: { ...metadata, name },
		spec: { clusterName: "prod" },
		...(status !== undefined && { status }),
	};
}

function definition(versions: Readonly<Record<string, boolean>>): KubernetesObject {
	return {
		apiVersion: "apiextensions.k8s.io/v1",
		kind: "CustomResourceDefinition",
		metadata: { name: "machines.cluster.x-k8s.io" },
		spec: {
			group: "cluster.x-k8s.io",
			names: { kind: "Machine", plural: "machines" },
			scope: "Namespaced",
			versions: Object.entries(versions).map(([name, served]) => ({ name, served })),
		},
	};
}

async function start(options: KubernetesOptions = {}): Promise<Kubernetes> {
	const cluster = await startKubernetes(options);
	open.push(cluster);
	return cluster;
}

async function raw(cluster: Kubernetes, path: string, ...args: string[]) {
	return kubectl(cluster, ...args, "get", "--raw", path);
}

async function kubectl({ environment }: Pick<Kubernetes, "environment">, ...args: string[]) {
	const options = { env: environment, stdin: "ignore", reject: false, timeout: 15_000 } as const;
	const { exitCode, stdout, stderr } = await execa(binary, args, options);
	return { exitCode, stdout, stderr };
}

async function clientMinor(): Promise<number> {
	const { stdout } = await execa(binary, ["version", "--client", "-o", "json"]);
	return Number.parseInt((JSON.parse(stdout) as { clientVersion: { minor: string } }).clientVersion.minor, 10);
}

/** What no kubectl shows: status codes and headers; `null` asks without a token. */
async function request(
	cluster: Kubernetes,
	path: string,
	accept = "application/json",
	token: string | null = cluster.token,
): Promise<{ status: number | undefined; date: string; body: string }> {
	const headers = { accept, ...(token !== null && { authorization: `Bearer ${token}` }) };
	return new Promise((resolve, reject) => {
		get(`${cluster.url}${path}`, { ca: cluster.authority, headers }, (response) => {
			let body = "";
			response.setEncoding("utf8");
			response.on("data", (chunk: string) => (body += chunk));
			response.on("end", () => {
				resolve({ status: response.statusCode, date: response.headers.date ?? "", body });
			});
		}).on("error", reject);
	});
}
