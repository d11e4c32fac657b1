import { createServer as createPlainServer } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { ConnectionError } from "../../src/access/connection.ts";
import { createProxmoxApi, type ProxmoxApi } from "../../src/access/proxmox-api.ts";
import { gather } from "../../src/gather.ts";
import { createAuthority } from "../support/certificates.ts";
import { worldWith } from "../support/in-process.ts";

const authority = await createAuthority();
const leaf = await authority.issue({ commonName: "pve", names: ["127.0.0.1"] });

const open: { close(): void }[] = [];
afterEach(() => {
	for (const one of open.splice(0)) {
		one.close();
	}
});

/** A TLS server that is told of every request by its number on the connection and over all; it writes what it likes. */
async function serve(
	answer: (socket: TLSSocket, onConnection: number, overall: number) => void,
	roots = authority.certificate,
): Promise<ProxmoxApi & { readonly url: string; connections: () => number; mostAtOnce: () => number }> {
	let connections = 0;
	let now = 0;
	let most = 0;
	let overall = 0;
	const sockets = new Set<TLSSocket>();
	const server = createServer({ cert: leaf.certificate, key: leaf.key }, (socket) => {
		sockets.add(socket);
		connections += 1;
		now += 1;
		most = Math.max(most, now);
		let onConnection = 0;
		socket.on("error", () => undefined);
		socket.on("close", () => {
			now -= 1;
		});
		socket.on("data", () => {
			onConnection += 1;
			overall += 1;
			answer(socket, onConnection, overall);
		});
	});
	server.on("tlsClientError", () => undefined);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	const url = `https://127.0.0.1:${port}`;
	const api = createProxmoxApi({
		url,
		trust: { roots, accepts: (peer) => peer.chainError === undefined && peer.nameMatches },
	});
	open.push(api, server, {
		close: () => {
			for (const socket of sockets) {
				socket.destroy();
			}
		},
	});
	return { ...api, url, connections: () => connections, mostAtOnce: () => most };
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("a connection that the server closed while it was idle", () => {
	test.each([
		["destroyed", (socket: TLSSocket) => socket.destroy()],
		["closed in order", (socket: TLSSocket) => socket.end()],
	])("%s: the request is sent once more, on a fresh one", async (_, close) => {
		const api = await serve((socket, onConnection) => (onConnection === 1 ? socket.write(ok) : close(socket)));
		await api.get("version");
		expect(await api.get("version")).toMatchObject({ status: 200, body: "ok" });
		expect(api.connections()).toBe(2);
	});

	test("several idle ones: one fresh connection is enough for each request", async () => {
		const api = await serve((socket, onConnection) => (onConnection === 1 ? socket.write(ok) : socket.destroy()));
		await Promise.all(["a", "b", "c", "d"].map((path) => api.get(path)));
		expect(await api.get("version")).toMatchObject({ status: 200 });
		expect(api.connections()).toBe(5);
	});

	test("not once part of the answer has come", async () => {
		let requests = 0;
		const api = await serve((socket, onConnection) => {
			requests += 1;
			if (onConnection === 1) {
				socket.write(ok);
			} else {
				socket.write("HTTP/1.1 200 O", () => socket.destroy());
			}
		});
		await api.get("version");
		await expect(api.get("version")).rejects.toMatchObject({ stage: "http", code: "ECONNRESET" });
		expect(requests).toBe(2);
	});

	test("nor on a connection that was fresh", async () => {
		const api = await serve((socket) => socket.destroy());
		await expect(api.get("version")).rejects.toMatchObject({ stage: "http", code: "ECONNRESET" });
		expect(api.connections()).toBe(1);
	});

	test("nor more than once", async () => {
		const api = await serve((socket, _, overall) => (overall === 1 ? socket.write(ok) : socket.destroy()));
		await api.get("version");
		await expect(api.get("version")).rejects.toMatchObject({ stage: "http", code: "ECONNRESET" });
		expect(api.connections()).toBe(2);
	});

	test("reset, and without TLS, too", async () => {
		const server = createPlainServer((socket) => {
			let requests = 0;
			socket.on("error", () => undefined);
			socket.on("data", () => (++requests === 1 ? socket.write(ok) : socket.resetAndDestroy()));
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const { port } = server.address() as { port: number };
		const api = createProxmoxApi({ url: `http://127.0.0.1:${port}`, trust: { accepts: () => true } });
		open.push(api, server);
		await api.get("version");
		expect(await api.get("version")).toMatchObject({ status: 200 });
	});
});

describe("own roots", () => {
	const broken = authority.certificate.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
	const withoutEnd = authority.certificate.replace(/-----END[^]*/, "");

	test("the leaf itself is an anchor", async () => {
		const api = await serve((socket) => socket.write(ok), leaf.certificate);
		expect(await api.get("version")).toMatchObject({ status: 200 });
		expect(api.peer()?.chainError).toBeUndefined();
	});

	test("another leaf of the same authority is none", async () => {
		const other = await authority.issue({ commonName: "pve2", names: ["127.0.0.1"] });
		const api = await serve((socket) => socket.write(ok), other.certificate);
		await expect(api.get("version")).rejects.toMatchObject({ name: "UntrustedPeerError" });
	});

	/** What the bundle is worth where the program reads it from PROXMOX_ROOT_CERT_FILE. */
	async function accessWith(bundle: string) {
		const api = await serve((socket) => socket.write(ok));
		const world = worldWith({
			variables: {
				PROXMOX_URL: api.url,
				PROXMOX_TOKEN: "capmox@pve!capi",
				PROXMOX_SECRET: "11111111-1111-4111-8111-111111111111",
				PROXMOX_INSECURE: "false",
				PROXMOX_ROOT_CERT_FILE: "roots.pem",
			},
		});
		const files = { ...world.files, readText: () => Promise.resolve(bundle) };
		const { signal } = new AbortController();
		const sheet = await gather({ ...world, files }, { wanted: new Set(["proxmox.access"]), signal });
		return sheet["proxmox.access"];
	}

	test.each([
		["a good one", authority.certificate],
		["a broken one before a good one", `${broken}\n${authority.certificate}`],
		["a broken one after a good one", `${authority.certificate}\n${broken}`],
		["one without its end before a good one", `${withoutEnd}${authority.certificate}`],
		["line ends of Windows", authority.certificate.replaceAll("\n", "\r\n")],
		["words around it", `the root\n${authority.certificate}\nthat is all`],
	])("%s: the good one is taken", async (_, bundle) => {
		const access = await accessWith(bundle);
		expect(access).toMatchObject({ state: "known", value: { ownRoots: true, open: { kind: "answered" } } });
	});

	test.each([
		["nothing", ""],
		["broken ones", `${broken}\n${broken}`],
		["no end", withoutEnd],
		["headers in the block", authority.certificate.replace("\n", "\nProc-Type: 4\n\n")],
		["a key", leaf.key],
	])("%s: none can be read", async (_, bundle) => {
		expect(await accessWith(bundle)).toMatchObject({
			cause: "misconfigured",
			lastSeen: "PROXMOX_ROOT_CERT_FILE (envfile, line 1): roots.pem holds no certificate that can be read",
		});
	});
});

describe("answers as Go reads them", () => {
	const status = (code: string) => `HTTP/1.1 ${code} Odd\r\nContent-Length: 2\r\n\r\nok`;
	const long = "x".repeat(100_000);
	test.each<[string, string, object]>([
		["status 600", status("600"), { status: 600, reason: "Odd" }],
		["status 999", status("999"), { status: 999 }],
		["status 099", status("099"), { status: 99 }],
		["status 599", status("599"), { status: 599 }],
		["no content", "HTTP/1.1 204 No Content\r\n\r\n", { status: 204, body: "" }],
		["lines that end in LF", ok.replaceAll("\r\n", "\n"), { status: 200, body: "ok" }],
		["100 KB of headers", ok.replace("\r\n", `\r\nServer: ${long}\r\n`), { status: 200, server: long }],
		["a control character", ok.replace("\r\n", "\r\nServer: a\u0001b\r\n"), { status: 200 }],
		["a reason in UTF-8", ok.replace("OK", "gültig – 秘"), { reason: "gültig – 秘" }],
		["a header in UTF-8", ok.replace("\r\n", "\r\nLocation: /gültig秘\r\n"), { location: "/gültig秘" }],
	])("%s", async (_, bytes, expected) => {
		const api = await serve((socket) => socket.write(bytes));
		expect(await api.get("version")).toMatchObject(expected);
	});

	test("a reason in Latin-1 stays what it is", async () => {
		const api = await serve((socket) => socket.write(Buffer.from(ok.replace("OK", "gültig"), "latin1")));
		expect(await api.get("version")).toMatchObject({ reason: "gültig" });
	});

	test("a length given twice keeps the code of Node's parser, which no option softens", async () => {
		const api = await serve((socket) => socket.write(ok.replace("\r\n", "\r\nContent-Length: 2\r\n")));
		await expect(api.get("version")).rejects.toMatchObject({
			stage: "http",
			code: "HPE_UNEXPECTED_CONTENT_LENGTH",
		});
	});

	test("a space in a header's name is passed over by the parser of Node 20.19 and refused by later ones", async () => {
		const api = await serve((socket) => socket.write(ok.replace("\r\n", "\r\nBad Header: x\r\n")));
		const seen = await api.get("version").catch((error: unknown) => error);
		expect([{ status: 200 }, { code: "HPE_INVALID_HEADER_TOKEN" }]).toContainEqual(
			seen instanceof ConnectionError ? { code: seen.code } : { status: (seen as { status: number }).status },
		);
	});

	const gzipped = (body: Buffer) => (socket: TLSSocket) => {
		socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
		socket.write(body);
	};

	test("a byte order mark stays, since Go's JSON does not take it", async () => {
		const body = Buffer.from('\uFEFF{"data":{}}');
		const api = await serve((socket) => {
			socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
			socket.write(body);
		});
		const answer = await api.get("version");
		expect(answer.body.codePointAt(0)).toBe(0xfeff);
	});

	test("gzip is decoded", async () => {
		const api = await serve(gzipped(gzipSync('{"data":1}')));
		expect(await api.get("version")).toMatchObject({ body: '{"data":1}' });
	});

	test("gzip is not decoded beyond the limit", async () => {
		const api = await serve(gzipped(gzipSync(Buffer.alloc(9 * 1_048_576))));
		await expect(api.get("version")).rejects.toMatchObject({ stage: "http", code: "TOO_LARGE" });
	});

	test("broken gzip is an answer that broke", async () => {
		const api = await serve(gzipped(gzipSync("ok").subarray(0, 12)));
		await expect(api.get("version")).rejects.toMatchObject({ stage: "http", code: "Z_BUF_ERROR" });
	});
});

describe("at most four at once", () => {
	const slow = (socket: TLSSocket) => {
		setTimeout(() => socket.write(ok), 50);
	};

	test("and connections are kept for those that wait", async () => {
		const api = await serve(slow);
		const answers = await Promise.all(Array.from({ length: 14 }, (_, index) => api.get(`nodes/${index}`)));
		expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 14 }, () => 200));
		expect(api.mostAtOnce()).toBe(4);
		expect(api.connections()).toBe(4);
	});

	test("who gives up does not hold up the others", async () => {
		const api = await serve(slow);
		const reason = new Error("enough");
		const first = Array.from({ length: 4 }, (_, index) => api.get(`nodes/${index}`));
		const abort = new AbortController();
		const given = api.get("given-up", { signal: abort.signal });
		const last = api.get("last");
		setTimeout(() => {
			abort.abort(reason);
		}, 10);
		await expect(given).rejects.toBe(reason);
		expect(await Promise.all([...first, last])).toHaveLength(5);
	});
});
