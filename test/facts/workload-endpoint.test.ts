import { createServer as createTcpServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { type Knocked, knock } from "../../src/access/knock.ts";
import { ProbeError } from "../../src/errors.ts";
import type { Know } from "../../src/facts/probe.ts";
import { tellingWhere } from "../../src/facts/workload-endpoint.ts";
import { createAuthority } from "../support/certificates.ts";
import { worldWith } from "../support/in-process.ts";

const open: Server[] = [];
afterEach(() => {
	for (const server of open.splice(0)) {
		server.close();
	}
});

async function portOf(server: Server): Promise<number> {
	open.push(server);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const address = server.address();
	return typeof address === "object" && address !== null ? address.port : 0;
}

describe("knocking at a real door", () => {
	test("over TLS, whoever signed the certificate", async () => {
		const { certificate, key } = await (await createAuthority()).issue({ commonName: "x", names: ["127.0.0.1"] });
		const port = await portOf(createTlsServer({ cert: certificate, key }));
		expect(await knock("127.0.0.1", port, 2_000)).toEqual({ kind: "tls" });
	});

	test("which is not opened any further", async () => {
		expect(await knock("127.0.0.1", await portOf(createTcpServer()), 300)).toEqual({ kind: "tcp" });
		const rude = createTcpServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
		expect(await knock("127.0.0.1", await portOf(rude), 2_000)).toEqual({ kind: "tcp" });
	});

	test("where nobody is", async () => {
		const port = await portOf(createTcpServer());
		open.pop()?.close();
		expect(await knock("127.0.0.1", port, 2_000)).toEqual({ kind: "none", code: "ECONNREFUSED" });
	});
});

const object = {
	namespace: "default",
	uid: "",
	finalizers: [],
	owners: [],
	paused: false,
	annotations: {},
	conditions: [],
};
const facts = {
	"management.clusters": {
		items: [
			{
				...object,
				name: "prod",
				infrastructure: { kind: "ProxmoxCluster", name: "prod" },
				endpoint: { host: "10.0.0.5", port: 6443 },
			},
		],
	},
	"management.machines": {
		items: [
			{ ...object, name: "prod-cp-0", cluster: "prod", controlPlane: true, infrastructure: { name: "vm-0" } },
			{ ...object, name: "prod-md-0", cluster: "prod", controlPlane: false, infrastructure: { name: "vm-1" } },
		],
	},
	"management.proxmoxMachines": {
		items: [
			{ ...object, name: "vm-0", addresses: ["10.0.0.11"] },
			{ ...object, name: "vm-1", addresses: ["10.0.0.12"] },
		],
	},
};

/** What kubectl's user is told where these hosts open; all others are silent. */
async function told(opening: readonly string[], error = new ProbeError("unreachable", "no answer")): Promise<string> {
	const asked: string[] = [];
	const world = worldWith({
		variables: {},
		knock: (host): Promise<Knocked> => {
			asked.push(host);
			return Promise.resolve(opening.includes(host) ? { kind: "tls" } : { kind: "none", code: "EHOSTUNREACH" });
		},
	});
	const kubectl = { ...world.kubectl, get: () => Promise.reject(error) };
	const know = ((name: keyof typeof facts) => Promise.resolve(facts[name])) as unknown as Know;
	const telling = tellingWhere(kubectl, world, know, "default/prod");
	const message = await telling.get("/api").catch((thrown: unknown) => (thrown as Error).message);
	await telling.get("/api").catch(() => undefined);
	expect(asked.length).toBeLessThanOrEqual(2);
	return String(message);
}

describe("what kubectl's error says beside", () => {
	test("the nodes answer, and the endpoint does not: kube-vip", async () => {
		const message = await told(["10.0.0.11"]);
		expect(message).toContain("no answer; the endpoint 10.0.0.5:6443 does not answer (EHOSTUNREACH)");
		expect(message).toContain("prod-cp-0 10.0.0.11:6443 answers over TLS: the API servers work");
		expect(message).toContain("capmox-doctor check kube-vip");
		expect(message).not.toContain("10.0.0.12");
	});

	test("nobody answers", async () => {
		expect(await told([])).toContain("no API server answers");
	});

	test("the endpoint answers", async () => {
		expect(await told(["10.0.0.5", "10.0.0.11"])).toContain("the endpoint works");
	});

	test.each([
		["unreachable", "x509: certificate signed by unknown authority", "another machine that has the same address"],
		[
			"unreachable",
			"x509: certificate is valid for 10.0.0.9, not 10.0.0.5",
			"another machine that has the same address",
		],
		["unreachable", "x509: certificate has expired or is not yet valid", "the certificate of the API server is over"],
		["unauthorized", "You must be logged in to the server", "the certificate in that kubeconfig may be over"],
	] as const)("a certificate's fault needs no knocking: %s, %s", async (cause, said, means) => {
		const message = await told([], new ProbeError(cause, said));
		expect(message).toContain(`${said}; `);
		expect(message).toContain(means);
		expect(message).not.toContain("6443");
	});

	test("an answer that is no silence is left as it is", async () => {
		expect(await told([], new ProbeError("forbidden", "may not"))).toBe("may not");
	});
});
