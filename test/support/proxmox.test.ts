import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority } from "./certificates.ts";
import { type Ask, ask, dataOf, exchange, withToken } from "./proxmox/client.ts";
import { type FaultName, faults } from "./proxmox/faults.ts";
import { type CertificateKind, type Proxmox, type ProxmoxOptions, startProxmox } from "./proxmox/proxmox.ts";
import { goodToken, healthyState, type State } from "./proxmox/state.ts";

const { id, secret } = goodToken;
const delay = 0.002;

/** The set-up the reference's rows were observed on. */
function state(): Partial<State> {
	const token = { secret, privsep: false };
	return {
		delay,
		users: {
			...{ "root@pam": {}, "capmox@pve": {}, "lonely@pve": {} },
			...{ "off@pve": { enabled: false }, "gone@pve": { expire: 1000 } },
		},
		tokens: {
			[id]: token,
			"capmox@pve!sep": { secret },
			"capmox@pve!old": { ...token, expire: 1000 },
			"lonely@pve!none": token,
			"off@pve!capi": token,
			"gone@pve!capi": token,
			"root@pam!full": token,
		},
	};
}

const running: Proxmox[] = [];

async function start(options: ProxmoxOptions = {}): Promise<Proxmox> {
	const proxmox = await startProxmox({ ...state(), ...options });
	running.push(proxmox);
	return proxmox;
}

afterAll(async () => {
	await Promise.all(running.map(async (proxmox) => proxmox.close()));
});

interface Expected {
	readonly status: number;
	readonly reason: string;
	readonly type: string | null;
	/** Text, or what the text means as JSON. */
	readonly body: unknown;
	readonly connection: "close" | "Keep-Alive";
	readonly withheld: boolean;
}

type Row = readonly [what: string, ask: Ask, old: Expected, new_?: Expected];

const jsonType = "application/json;charset=UTF-8";

function found(data: unknown): Expected {
	const body = { data };
	return { status: 200, reason: "OK", type: jsonType, body, connection: "Keep-Alive", withheld: false };
}

/** An error past authentication: the formatter gives it a body. */
function failed(status: number, reason: string, rest: { message?: string; errors?: unknown } = {}): Expected {
	const body = { data: null, message: `${reason}\n`, ...rest };
	return { status, reason, type: jsonType, body, connection: "close", withheld: false };
}

/** An error while authenticating: no body, and late. */
function turnedAway(status: number, reason: string): Expected {
	return { status, reason, type: null, body: "", connection: "close", withheld: true };
}

/** An error of the server itself: plain text of no type. */
function plain(status: number, reason: string, body: string): Expected {
	return { status, reason, type: null, body, connection: "close", withheld: false };
}

const noTicket = turnedAway(401, "No ticket");

function unauthorized(reason: string): [Expected, Expected] {
	return [turnedAway(401, reason), turnedAway(401, "Authentication failed!")];
}

function notATokenId(text: string): [Expected, Expected] {
	return unauthorized(`'${text}' is not a valid token ID - not able to split into user and token parts`);
}

function api(path: string, authorization?: string | null): Ask {
	return { path: `/api2/json${path}`, ...(authorization === undefined ? {} : { authorization }) };
}

const text = expect.any(String) as unknown;
const version = { release: text, repoid: "14a22df35955d97d", version: text };
const index = expect.arrayContaining([{ subdir: "version" }, { subdir: "access" }]) as unknown;
const page = expect.stringContaining("<!DOCTYPE html>") as unknown;
const unknownParameter = "property is not defined in schema and the schema does not allow additional properties";
const unknownNode =
	"hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Name or service not known";
const stale = "PVEAuthCookie=PVE:root@pam:68000000::c2lnbmF0dXJl";
const ticketPath = "/access/ticket";
const needsTicket = `Permission check failed (URI '${ticketPath}' not available with API token, need proper ticket.`;

/** reference/proxmox.md §1.1 and §1.2, row by row. */
const rows: readonly Row[] = [
	["no Authorization header", { authorization: null }, noTicket],
	["another scheme", { authorization: `Bearer ${id}=${secret}` }, noTicket],
	["the scheme in lower case", { authorization: `pveapitoken=${id}=${secret}` }, noTicket],
	["no scheme", { authorization: `${id}=${secret}` }, noTicket],
	["a scheme without value", { authorization: "PVEAPIToken=" }, noTicket],
	["a blank in place of the first =", { authorization: `PVEAPIToken ${id}=${secret}` }, found(version)],
	["%21 in place of !", { authorization: withToken(id.replace("!", "%21")) }, found(version)],
	["no secret", { authorization: `PVEAPIToken=${id}` }, ...unauthorized("no tokenid specified")],
	["no token name", { authorization: withToken("capmox@pve") }, ...notATokenId("capmox@pve")],
	["no realm", { authorization: withToken("capmox!capi") }, ...notATokenId("capmox!capi")],
	["a token name of one character", { authorization: withToken("capmox@pve!c") }, ...notATokenId("capmox@pve!c")],
	["a backslash left in", { authorization: withToken("capmox@pve\\!capi") }, ...notATokenId("capmox@pve\\!capi")],
	["the secret twice", { authorization: withToken(id, `${secret}=${secret}`) }, ...notATokenId(`${id}=${secret}`)],
	["an unknown user", { authorization: withToken("nobody@pve!capi") }, ...unauthorized("no such user ('nobody@pve')")],
	[
		"an unknown realm",
		{ authorization: withToken("capmox@nope!capi") },
		...unauthorized("no such user ('capmox@nope')"),
	],
	[
		"a quoted token",
		{ authorization: `PVEAPIToken="${id}=${secret}"` },
		...unauthorized(`no such user ('"capmox@pve')`),
	],
	[
		"the user twice",
		{ authorization: withToken(`capmox@pve!${id}`) },
		...unauthorized("no such user ('capmox@pve!capmox@pve')"),
	],
	[
		"an unknown token",
		{ authorization: withToken("capmox@pve!nope") },
		...unauthorized("no such token 'nope' for user 'capmox@pve'"),
	],
	["a wrong secret", { authorization: withToken(id, "2") }, ...unauthorized("invalid token value!")],
	["a quoted secret", { authorization: withToken(id, `"${secret}"`) }, ...unauthorized("invalid token value!")],
	["an expired token", { authorization: withToken("capmox@pve!old") }, ...unauthorized("token 'old' access expired")],
	["a disabled user", { authorization: withToken("off@pve!capi") }, ...unauthorized("user 'off@pve' is disabled")],
	["an expired user", { authorization: withToken("gone@pve!capi") }, ...unauthorized("user 'gone@pve' access expired")],
	[
		"a stale cookie",
		{ authorization: null, headers: { cookie: stale } },
		...unauthorized("permission denied - invalid PVE ticket"),
	],
	[
		"a stale ticket as Authorization",
		{ authorization: stale },
		...unauthorized("permission denied - invalid PVE ticket"),
	],
	[
		"a good token beside a stale cookie",
		{ headers: { cookie: stale } },
		...unauthorized("permission denied - invalid PVE ticket"),
	],

	["a separated token without ACL: version", { authorization: withToken("capmox@pve!sep") }, found(version)],
	["the same: permissions", api("/access/permissions", withToken("capmox@pve!sep")), found({})],
	[
		"the same: node status",
		api("/nodes/pve1/status", withToken("capmox@pve!sep")),
		failed(403, "Permission check failed (/nodes/pve1, Sys.Audit)"),
	],
	["the root of the API", { path: "/api2/json" }, found(index)],
	["the root of the API with a slash", { path: "/api2/json/" }, found(index)],
	[
		"the token's own owner's tokens",
		api("/access/users/capmox@pve/token", withToken("lonely@pve!none")),
		failed(403, "Permission check failed"),
	],
	[
		"an endpoint for root@pam only",
		api("/cluster/acme/account/default"),
		failed(403, "Permission check failed (user != root@pam)"),
	],
	[
		"the same with a token of root@pam",
		api("/cluster/acme/account/default", withToken("root@pam!full")),
		failed(403, "Permission check failed (user != root@pam)"),
	],
	[
		"an endpoint that takes no token",
		{ ...api(ticketPath), method: "POST", body: "username=a&password=b" },
		failed(403, needsTicket, { message: `${needsTicket}\n)\n` }),
	],
	[
		"an upload without permission",
		{ ...api("/nodes/pve1/storage/local/upload", withToken("lonely@pve!none")), method: "POST", body: "x" },
		turnedAway(403, "Permission check failed (/storage/local, Datastore.AllocateTemplate)"),
	],
	[
		"an unknown path",
		api("/foo/bar"),
		failed(501, "Method 'GET /foo/bar' not implemented", { message: "Method 'GET /foo/bar' not implemented" }),
	],
	["an unknown path, nobody", api("/foo/bar", null), noTicket],
	["an unknown path, wrong secret", api("/foo/bar", withToken(id, "2")), ...unauthorized("invalid token value!")],
	[
		"the suffix twice",
		api("/api2/json/version"),
		failed(501, "Method 'GET /api2/json/version' not implemented", {
			message: "Method 'GET /api2/json/version' not implemented",
		}),
	],
	[
		"the suffix twice, wrong secret",
		api("/api2/json/version", withToken(id, "2")),
		...unauthorized("invalid token value!"),
	],
	["a double slash", api("//version"), found(version)],
	[
		"a double slash, as a base URL that ends in one gives",
		{ path: "//api2/json/version" },
		plain(500, "no such file '//api2/json/version'", "no such file '//api2/json/version'\n"),
	],
	["an unknown node", api("/nodes/nosuch/status"), failed(500, unknownNode)],
	[
		"a missing VM",
		api("/nodes/pve1/qemu/999/config"),
		failed(500, "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
	],
	[
		"a VM ID below 100",
		api("/nodes/pve1/qemu/99/config"),
		failed(400, "Parameter verification failed.", {
			errors: { vmid: "invalid format - value does not look like a valid VM ID\n" },
		}),
	],
	[
		"an unknown parameter",
		api("/version?foo=1"),
		failed(400, "Parameter verification failed.", { errors: { foo: unknownParameter } }),
	],
	[
		"no /api2/json, nobody",
		{ path: "/version", authorization: null },
		plain(500, "no such file '/version'", "no such file '/version'\n"),
	],
	["no /api2/json", { path: "/version" }, plain(500, "no such file '/version'", "no such file '/version'\n")],
	["/api2", { path: "/api2", authorization: null }, plain(501, "no such uri", "no such uri")],
	["/api2/", { path: "/api2/", authorization: null }, plain(501, "no such uri", "no such uri")],
	[
		"an unknown format",
		{ path: "/api2/foo/version" },
		plain(501, "no formatter for uri /version, foo", "no formatter for uri /version, foo"),
	],
	["an unknown format, nobody", { path: "/api2/foo/version", authorization: null }, noTicket],
	[
		"the web interface",
		{ path: "/", authorization: null },
		{ status: 200, reason: "OK", type: "text/html", body: page, connection: "Keep-Alive", withheld: false },
	],
	["the realms, nobody", api("/access/domains", null), found(healthyState().realms)],
	["the realms, wrong secret", api("/access/domains", withToken(id, "2")), found(healthyState().realms)],
	["HEAD", { method: "HEAD", authorization: null }, plain(501, "method 'HEAD' not available", "")],
	["OPTIONS", { method: "OPTIONS", authorization: null }, plain(501, "method 'OPTIONS' not available", "")],
	[
		"GET with content",
		{ body: "x" },
		plain(501, "Unexpected content for method 'GET'", "Unexpected content for method 'GET'"),
	],
];

async function hear(proxmox: Proxmox, wanted: Ask): Promise<Expected> {
	const seen = proxmox.requests.length;
	const { status, reason, headers, body } = await ask(proxmox, wanted);
	expect(headers).toMatchObject({ server: "pve-api-daemon/3.0", date: text });
	expect(headers["content-length"]).toBe(body === "" ? undefined : String(Buffer.byteLength(body)));
	return {
		status,
		reason,
		type: headers["content-type"] ?? null,
		body: body.startsWith("{") ? (JSON.parse(body) as unknown) : body,
		connection: headers["connection"] as Expected["connection"],
		withheld: proxmox.requests[seen]?.withheld === delay,
	};
}

describe.each(["9.1.4", "9.2.11"])("Proxmox VE %s answers", (generation) => {
	let proxmox: Proxmox;
	beforeAll(async () => {
		proxmox = await start({ generation });
	});

	for (const [what, wanted, old, unified = old] of rows) {
		test(what, async () => {
			expect(await hear(proxmox, wanted)).toEqual(generation === "9.1.4" ? old : unified);
		});
	}

	test("a clone without VM.Allocate: the check is an 'or', so nothing is named", async () => {
		proxmox.state.acls = [{ path: "/", user: "capmox@pve", role: "PVETemplateUser" }];
		const clone = { ...api("/nodes/pve1/qemu/9000/clone"), method: "POST", body: "newid=200" };
		expect(await hear(proxmox, clone)).toEqual(failed(403, "Permission check failed"));
		proxmox.state.acls = healthyState().acls;
	});

	test("a failing pmxcfs, to the open endpoints too", async () => {
		proxmox.state.pmxcfs = "down";
		const reason = "RPCEnvironment init request failed: Unable to load access control list: Connection refused";
		expect(await hear(proxmox, {})).toEqual(turnedAway(500, reason));
		expect(await hear(proxmox, api("/access/domains", null))).toEqual(turnedAway(500, reason));
		proxmox.state.pmxcfs = "up";
	});

	test.each([
		[595, "Connection refused"],
		[595, "No route to host"],
		[595, "Connection timed out"],
		[596, "error:0A000086:SSL routines::certificate verify failed"],
		[596, "Broken pipe"],
		[599, "Too many redirections"],
	])("%i %s for another node, and its own requests as ever", async (status, reason) => {
		const [local, peer] = healthyState().nodes;
		proxmox.state.nodes = [local!, { ...peer!, failure: { status, reason } }];
		expect(await hear(proxmox, api("/nodes/pve2/status"))).toEqual(plain(status, reason, ""));
		expect(await hear(proxmox, api("/nodes/pve1/status"))).toMatchObject({ status: 200 });
		expect(await hear(proxmox, api("/nodes/pve2/status", withToken("lonely@pve!none")))).toMatchObject({ status: 403 });
		proxmox.state.nodes = healthyState().nodes;
	});

	test("595 for a node that is off, which the list of nodes still holds", async () => {
		const [local, peer] = healthyState().nodes;
		proxmox.state.nodes = [local!, { ...peer!, online: false }];
		expect(await hear(proxmox, api("/nodes/pve2/storage"))).toEqual(plain(595, "No route to host", ""));
		expect(await dataOf(proxmox, "/nodes")).toMatchObject([{ status: "online" }, { node: "pve2", status: "offline" }]);
		proxmox.state.nodes = healthyState().nodes;
	});

	test("595 for what pvedaemon does while it is down, and nothing else", async () => {
		proxmox.state.pvedaemon = "down";
		expect(await hear(proxmox, api("/nodes/pve1/storage"))).toEqual(plain(595, "Connection refused", ""));
		expect(await hear(proxmox, {})).toEqual(found(version));
		proxmox.state.pvedaemon = "up";
	});

	test("plain HTTP on the same port with a redirect, before any check", async () => {
		const get = await exchange(proxmox, "GET /api2/json/version?a=1 HTTP/1.1\r\nHost: pve:8006\r\n\r\n", "plain");
		expect(get).toMatch(/^HTTP\/1\.1 301 Moved Permanently\r\n/);
		expect(get).toContain("\r\nLocation: https://pve:8006/api2/json/version?a=1\r\n");
		const post = await exchange(proxmox, "POST /x HTTP/1.1\r\nHost: pve:8006\r\nContent-Length: 0\r\n\r\n", "plain");
		expect(post).toMatch(/^HTTP\/1\.1 308 Permanent Redirect\r\n/);
		expect(proxmox.requests.slice(-2).map(({ secure }) => secure)).toEqual([false, false]);
	});

	test("a blank after the secret as part of it", async () => {
		const head = `GET /api2/json/version HTTP/1.1\r\nConnection: close\r\nAuthorization: ${withToken(id)}`;
		expect(await exchange(proxmox, `${head}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
		expect(await exchange(proxmox, `${head} \r\n\r\n`)).toMatch(/^HTTP\/1\.1 401 /);
	});

	test("chunked content with 501", async () => {
		const head = "POST /api2/json/version HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
		expect(await exchange(proxmox, head)).toMatch(/^HTTP\/1\.1 501 chunked transfer encoding not supported\r\n/);
	});
});

describe("by release", () => {
	test.each([
		["7.4-19", "invalid token value!"],
		["8.4.16", "invalid token value!"],
		["8.4.17", "Authentication failed!"],
		["9.0.3", "invalid token value!"],
		["9.1.5", "Authentication failed!"],
	])("%s says '%s' to a wrong secret", async (generation, reason) => {
		const proxmox = await start({ generation });
		expect((await ask(proxmox, { authorization: withToken(id, "2") })).reason).toBe(reason);
	});

	test("before libpve-http-server-perl 5.2.0 the phrase is the only carrier", async () => {
		const proxmox = await start({ generation: "8.2.4" });
		const denied = await hear(proxmox, api("/nodes/pve1/status", withToken("lonely@pve!none")));
		expect(denied).toEqual({
			...failed(403, "Permission check failed (/nodes/pve1, Sys.Audit)"),
			body: { data: null },
		});
		expect(await hear(proxmox, { path: "/version" })).toEqual(plain(501, "no such file '/version'", ""));
		expect(await hear(proxmox, { path: "/api2" })).toEqual(plain(501, "no such uri", ""));
	});

	test("before 7.4 plain HTTP is cut", async () => {
		const proxmox = await start({ generation: "7.3-6" });
		const request = "GET / HTTP/1.1\r\nHost: pve:8006\r\n\r\n";
		expect(await exchange(proxmox, request, "plain").catch((error: unknown) => error)).toSatisfy(
			(heard) => heard === "" || (heard instanceof Error && "code" in heard && heard.code === "ECONNRESET"),
		);
	});

	test("before 8 bridges are shown to everyone", async () => {
		const proxmox = await start({ generation: "7.4-19", acls: [] });
		expect(await dataOf(proxmox, "/nodes/pve1/network?type=any_bridge")).toMatchObject([{ iface: "vmbr0" }]);
	});

	test.each([
		["8.0.9", "/pools?poolid=capi", 400],
		["8.1.0", "/pools?poolid=capi", 200],
		["8.2.9", `/access/permissions?userid=${id}`, 403],
		["8.3.0", `/access/permissions?userid=${id}`, 200],
	])("%s answers GET %s with %i", async (generation, path, status) => {
		const proxmox = await start({ generation, acls: [] });
		expect(await ask(proxmox, api(path))).toMatchObject({ status });
	});

	test.each([
		["7.4-19", "7.4-19", "7.4"],
		["8.4.17", "8.4.17", "8.4"],
		["9.2.11", "9.2.11", "9.2"],
	])("%s calls itself %s, release %s", async (generation, name, release) => {
		expect(await dataOf(await start({ generation }), "/version")).toMatchObject({ version: name, release });
	});
});

describe("the wire", () => {
	test("a refused token takes as long as the delay, a permission does not", async () => {
		const proxmox = await start({ delay: 0.15 });
		const timed = async (wanted: Ask): Promise<number> => {
			const begun = performance.now();
			await ask(proxmox, wanted);
			return performance.now() - begun;
		};
		await timed({});
		expect(await timed({ authorization: null })).toBeGreaterThan(145);
		expect(proxmox.requests.map(({ withheld }) => withheld)).toEqual([0, 0.15]);
	});

	test("several requests on one connection", async () => {
		const proxmox = await start();
		const [head, last] = ["GET /api2/json/access/domains HTTP/1.1\r\n", "Connection: close\r\n\r\n"];
		const heard = await exchange(proxmox, `${head}\r\n${head}${last}`);
		expect(heard.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
		expect(proxmox.connections).toBe(1);
	});

	test("the clock may be off", async () => {
		const proxmox = await start({ clockSkew: -3600 });
		const { headers } = await ask(proxmox);
		const skew = (Date.parse(headers["date"] ?? "") - Date.now()) / 1000;
		expect(skew).toBeGreaterThan(-3610);
		expect(skew).toBeLessThan(-3590);
	});

	test("long answers are compressed for those who can", async () => {
		const proxmox = await start();
		const wanted = api("/cluster/resources");
		expect((await ask(proxmox, wanted)).headers["content-encoding"]).toBeUndefined();
		const compressed = await ask(proxmox, { ...wanted, headers: { "accept-encoding": "gzip, deflate" } });
		expect(compressed.headers["content-encoding"]).toBe("gzip");
	});

	test("what was asked is on record", async () => {
		const proxmox = await start();
		await ask(proxmox, api("/pools?poolid=capi"));
		await ask(proxmox, api("/version", null));
		expect(proxmox.requests).toEqual([
			{
				...{ method: "GET", target: "/api2/json/pools?poolid=capi", path: "/pools", status: 200 },
				...{ authorization: withToken(id), secure: true, withheld: 0 },
			},
			expect.objectContaining({ path: "/version", authorization: undefined, status: 401 }),
		]);
	});
});

describe("products that sit in its place", () => {
	test("Proxmox Mail Gateway takes no tokens and hides its realms", async () => {
		const proxmox = await start({ product: "pmg" });
		expect(await hear(proxmox, {})).toEqual(turnedAway(401, "API tokens not implemented"));
		expect(await hear(proxmox, api("/access/domains", null))).toEqual(noTicket);
		expect(await dataOf(proxmox, "/access/auth-realm")).toMatchObject([{ type: "pam" }, { type: "pmg" }]);
	});

	test("Proxmox Backup Server explains itself in the body", async () => {
		const proxmox = await start({ product: "pbs" });
		const refused = { status: 401, reason: "Unauthorized", body: "authentication failed" };
		expect(await ask(proxmox)).toMatchObject(refused);
		expect(await ask(proxmox, { authorization: null })).toMatchObject(refused);
		expect(await dataOf(proxmox, "/access/domains")).toMatchObject([{ type: "pam" }, { type: "pbs" }]);
		const good = { authorization: `PBSAPIToken=${id}:${secret}` };
		expect(await ask(proxmox, good)).toMatchObject({ status: 200 });
		expect(await ask(proxmox, { ...good, path: "/version" })).toMatchObject({
			...{ status: 404, reason: "Not Found", body: "Path '/version' not found." },
		});
		expect((await ask(proxmox)).headers["server"]).toBeUndefined();
	});

	test("a reverse proxy sends everyone to its login", async () => {
		const proxmox = await start({ product: "login-proxy" });
		const { status, headers } = await ask(proxmox);
		expect([status, headers["server"]]).toEqual([302, "nginx"]);
		expect(headers["location"]).toBe(`${proxmox.url}/login?rd=%2Fapi2%2Fjson%2Fversion`);
		expect(await ask(proxmox, { path: "/login" })).toMatchObject({ status: 200, body: page });
	});
});

describe("certificates", () => {
	const codes: Record<CertificateKind, readonly [unknown: string, given: string]> = {
		default: ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "200"],
		"full-chain": ["SELF_SIGNED_CERT_IN_CHAIN", "200"],
		"self-signed": ["DEPTH_ZERO_SELF_SIGNED_CERT", "200"],
		expired: ["CERT_HAS_EXPIRED", "CERT_HAS_EXPIRED"],
		"wrong-name": ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ERR_TLS_CERT_ALTNAME_INVALID"],
	};

	test.each(Object.entries(codes))("%s: %s", async (certificate, [unknown, given]) => {
		const proxmox = await start({ certificate: certificate as CertificateKind });
		expect(await outcome(ask(proxmox, {}, { ca: [] }))).toBe(unknown);
		expect(proxmox.requests).toEqual([]);
		expect(await outcome(ask(proxmox))).toBe(given);
	});

	test("an authority may be shared between servers", async () => {
		const authority = await createAuthority();
		const [one, other] = [await start({ authority }), await start({ authority })];
		expect(await outcome(ask(other, {}, { ca: one.ca }))).toBe("200");
	});

	test("the fingerprint in /nodes is that of the certificate in use", async () => {
		const proxmox = await start();
		const [node] = await dataOf<{ ssl_fingerprint: string }[]>(proxmox, "/nodes");
		const info = await dataOf<{ fingerprint: string }[]>(proxmox, "/nodes/pve1/certificates/info");
		expect(info[1]?.fingerprint).toBe(node?.ssl_fingerprint);
	});
});

/** The status, or the code of what went wrong. */
async function outcome(asked: Promise<{ status: number }>): Promise<string> {
	return asked.then(
		({ status }) => String(status),
		(error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
	);
}

describe("faults", () => {
	const soon = async (): Promise<string> => sleep(60, "no answer");
	const outcomes: Record<FaultName, string | readonly [status: number, body: RegExp]> = {
		hangBeforeTls: "no answer",
		refuseSource: "ECONNRESET",
		plainHttp: "EPROTO",
		hang: "no answer",
		slowDrip: "no answer",
		cutBeforeAnswer: "ECONNRESET",
		cutInBody: "ECONNRESET",
		garbage: "HPE_INVALID_CONSTANT",
		garbageJson: [200, /^\{"data".*,\}/],
		truncatedJson: [200, /^\{"data"[^}]*$/],
		htmlLogin: [200, /^<!DOCTYPE html>/],
		redirect: [302, /^$/],
		forbidden: [403, /null/],
		internalError: [500, /null/],
		badGateway: [502, /nginx|502 Bad Gateway/],
		serviceUnavailable: [503, /503 Service/],
		hugeBody: [200, /^\{"data":"x{1000000}/],
	};

	test.each(Object.entries(outcomes))("%s: %s", async (name, expected) => {
		const proxmox = await start({
			faults: { "*": name === "hugeBody" ? faults.hugeBody(2_000_000) : faults[name as FaultName]() },
		});
		if (typeof expected === "string") {
			expect(await Promise.race([outcome(ask(proxmox)), soon()])).toBe(expected);
			return;
		}

		const { status, body } = await ask(proxmox);
		expect(status).toBe(expected[0]);
		expect(body).toMatch(expected[1]);
	});

	test("a slow answer is whole in the end", async () => {
		const proxmox = await start({ faults: { "/cluster/nextid": faults.slowDrip(0) } });
		expect(await dataOf(proxmox, "/cluster/nextid")).toBe("101");
	});

	test("one path fails, others do not, and it can be mended", async () => {
		const proxmox = await start({ faults: { "/nodes": faults.badGateway() } });
		const statuses = async (): Promise<number[]> =>
			Promise.all(["/nodes?x", "/version"].map(async (path) => (await ask(proxmox, api(path))).status));
		expect(await statuses()).toEqual([502, 200]);
		proxmox.faults.clear();
		proxmox.faults.set("/version", faults.serviceUnavailable());
		expect(await statuses()).toEqual([400, 503]);
	});

	test("what never became a request is still a connection", async () => {
		const proxmox = await start({ faults: { "*": faults.refuseSource() } });
		await outcome(ask(proxmox));
		expect([proxmox.connections, proxmox.requests]).toEqual([1, []]);
	});
});
