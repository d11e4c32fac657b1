import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Commands, createCommands } from "../../src/access/commands.ts";
import { createFiles } from "../../src/access/files.ts";
import { createKubectl, type Kubectl, type KubectlOptions } from "../../src/access/kubectl.ts";
import { type Cause, ProbeError } from "../../src/errors.ts";
import {
	closedServer,
	failingPlugin,
	missingPlugin,
	unresolvableServer,
	waitingPlugin,
	workingPlugin,
} from "../support/kubernetes/kubeconfig.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import { type Kubernetes, startKubernetes } from "../support/kubernetes/server.ts";

const machines = "/apis/cluster.x-k8s.io/v1beta2/machines";
const machine = (index: number) => ({
	apiVersion: "cluster.x-k8s.io/v1beta2",
	kind: "Machine",
	metadata: { name: `worker-${index}`, namespace: "default" },
	spec: { clusterName: "prod" },
});

let cluster: Kubernetes;
let commands: Commands;
let folder: string;
beforeAll(async () => {
	const PATH = `${dirname(await findKubectl())}:${process.env["PATH"] ?? ""}`;
	const real = createCommands();
	commands = {
		...real,
		run: (argv, options = {}) =>
			real.run(argv, { ...options, env: { ...options.env, PATH, HOME: cluster.environment.HOME } }),
	};
	cluster = await startKubernetes({ objects: Array.from({ length: 7 }, (_, index) => machine(index)) });
	folder = mkdtempSync(join(tmpdir(), "kubectl-"));
});
beforeEach(() => cluster.mend());
afterAll(async () => {
	rmSync(folder, { recursive: true });
	await cluster.close();
});

const kubectl = (options: Partial<KubectlOptions> = {}): Kubectl =>
	createKubectl(commands, createFiles(), { kubeconfig: cluster.kubeconfig, processEnvironment: {}, ...options });

async function causeOf(asking: Promise<unknown>): Promise<Cause> {
	const error: unknown = await asking.then(
		(value) => value,
		(reason: unknown) => reason,
	);
	if (!(error instanceof ProbeError)) {
		throw new Error(`expected a ProbeError, got ${JSON.stringify(error)}`);
	}

	expect(error.message).not.toContain("\n");
	return error.reason;
}

const names = (items: readonly unknown[]) =>
	items.map((item) => (item as { metadata: { name: string } }).metadata.name);

describe("asks a server through the real kubectl", () => {
	test("for one path, in one request", async () => {
		const before = cluster.requests.length;
		expect(await kubectl().get(`${machines}?limit=1`)).toMatchObject({ kind: "MachineList" });
		// Some builds of kubectl ask for the server's version first; none needs discovery.
		const paths = cluster.requests.slice(before).map(({ path }) => path);
		expect(paths.filter((path) => path !== "/version")).toEqual([machines]);
	});

	test("for a list, page by page", async () => {
		const before = cluster.requests.length;
		expect(names(await kubectl().list(machines, { pageSize: 3 }))).toHaveLength(7);
		const pages = cluster.requests.slice(before).filter(({ path }) => path === machines);
		expect(pages.map(({ query }) => query["limit"])).toEqual(["3", "3", "3"]);
	});

	test("for a list that has a query already", async () => {
		expect(await kubectl().list(`${machines}?labelSelector=none%3Dsuch`, { pageSize: 3 })).toEqual([]);
	});

	test("again as a whole, where a page has expired meanwhile", async () => {
		cluster.fail({ kind: "status", code: 410, query: "continue=", times: 1 });
		expect(names(await kubectl().list(machines, { pageSize: 3 }))).toHaveLength(7);
	});

	test("with a credential plugin that works, and a context of one's own", async () => {
		const access = { server: cluster.url, authority: cluster.authority, user: { exec: workingPlugin(cluster.token) } };
		const kubeconfig = await cluster.writeKubeconfig({ context: "other", ...access, currentContext: null });
		expect(await kubectl({ kubeconfig, context: "other" }).get("/version")).toMatchObject({ gitVersion: "v1.33.2" });
	});
});

describe("tells why it could not", () => {
	test.each([
		["401", { kind: "status", code: 401 }, "unauthorized"],
		["403", { kind: "status", code: 403 }, "forbidden"],
		["404", { kind: "status", code: 404 }, "not-found"],
		["429", { kind: "status", code: 429 }, "server-error"],
		["500", { kind: "status", code: 500 }, "server-error"],
		["503", { kind: "status", code: 503 }, "server-error"],
		["no answer", { kind: "hang" }, "timeout"],
		["HTML", { kind: "html" }, "unreadable"],
		["HTML of a load balancer", { kind: "html", code: 502 }, "server-error"],
		["truncated JSON", { kind: "truncated" }, "unreadable"],
		["garbage", { kind: "garbage" }, "unreadable"],
		["nothing", { kind: "empty" }, "unreadable"],
	] as const)("%s", async (_, fault, cause) => {
		cluster.fail(fault);
		expect(await causeOf(kubectl().list(machines, { timeout: 1_500 }))).toBe(cause);
	});

	test("an answer that is cut off is no answer, however it is told", async () => {
		cluster.fail({ kind: "cut" });
		expect(["unreachable", "unreadable"]).toContain(await causeOf(kubectl().list(machines)));
	});

	test("a page that is cut off spoils the whole list", async () => {
		cluster.fail({ kind: "truncated", query: "continue=" });
		expect(await causeOf(kubectl().list(machines, { pageSize: 3 }))).toBe("unreadable");
	});

	test("an answer that is no list is no empty list", async () => {
		expect(await causeOf(kubectl().list("/version"))).toBe("unreadable");
	});

	test.each([
		["refused", "unreachable"],
		["deaf", "timeout"],
		["hangs-up", "unreachable"],
		["plain-http", "unreachable"],
		["other-authority", "unreachable"],
		["expired", "unreachable"],
		["other-name", "unreachable"],
	] as const)("a connection that is %s", async (transport, cause) => {
		await cluster.setTransport(transport);
		expect(await causeOf(kubectl().get("/version", { timeout: 1_500 }))).toBe(cause);
		await cluster.setTransport("sound");
	});

	test.each([
		["nobody listens", closedServer, "unreachable"],
		["the name does not resolve", () => Promise.resolve(unresolvableServer), "unreachable"],
	] as const)("%s", async (_, server, cause) => {
		const kubeconfig = await cluster.writeKubeconfig({ server: await server() });
		expect(await causeOf(kubectl({ kubeconfig }).get("/version", { timeout: 2_000 }))).toBe(cause);
	});

	test.each([
		["waits for a person", waitingPlugin, "needs-login"],
		["fails", failingPlugin, "needs-login"],
		["is not installed", missingPlugin, "needs-login"],
	] as const)("a credential plugin that %s", async (_, exec, cause) => {
		const kubeconfig = await cluster.writeKubeconfig({ user: { exec } });
		expect(await causeOf(kubectl({ kubeconfig }).get("/version", { timeout: 1_000 }))).toBe(cause);
	});

	test("a context that is not there", async () => {
		expect(await causeOf(kubectl({ context: "nowhere" }).get("/version"))).toBe("misconfigured");
	});

	test("no context at all", async () => {
		const kubeconfig = await cluster.writeKubeconfig({ currentContext: null });
		expect(await causeOf(kubectl({ kubeconfig }).get("/version"))).toBe("misconfigured");
	});

	test("no credentials", async () => {
		const kubeconfig = await cluster.writeKubeconfig({ user: {} });
		expect(await causeOf(kubectl({ kubeconfig }).list(machines))).toBe("unauthorized");
	});

	test("a kubeconfig that is no YAML", async () => {
		const file = join(folder, "broken");
		writeFileSync(file, "apiVersion: v1\nclusters: [\n");
		expect(await causeOf(kubectl({ kubeconfig: file }).get("/version"))).toBe("misconfigured");
	});

	test("a kubeconfig that is not there: by flag, by KUBECONFIG, or none at all", async () => {
		const nowhere = join(folder, "nowhere");
		expect(await causeOf(kubectl({ kubeconfig: nowhere }).get("/version"))).toBe("misconfigured");
		expect(
			await causeOf(kubectl({ kubeconfig: undefined, processEnvironment: { KUBECONFIG: nowhere } }).get("/version")),
		).toBe("misconfigured");
		expect(
			await causeOf(kubectl({ kubeconfig: undefined, processEnvironment: { HOME: folder } }).get("/version")),
		).toBe("not-set-up");
	});

	test("no kubectl", async () => {
		const without = createKubectl(
			{ ...commands, run: () => createCommands().run(["no-such-kubectl"]) },
			createFiles(),
			{ kubeconfig: cluster.kubeconfig, processEnvironment: {} },
		);
		expect(await causeOf(without.get("/version"))).toBe("tool-missing");
	});
});

test("only ever reads", () => {
	expect(new Set(cluster.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
});
