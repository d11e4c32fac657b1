import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ask, ask, withToken } from "./client.ts";
import { type Proxmox, startProxmox } from "./proxmox.ts";
import { goodToken, healthyState } from "./state.ts";

/** Answers of Proxmox VE's own Perl code, kept outside this repository; not everyone has them. */
const recordings = ["9.1.4", "9.2.11"].map((generation) => ({
	generation,
	file: new URL(`../../../../shared/data/proxmox/responses-${generation}.txt`, import.meta.url),
}));

const { id, secret } = goodToken;
const token = { secret, privsep: false };
const separated = { secret };

/** The users, tokens and ACLs of the recorded server. It had five endpoints, and one node that answered. */
const recordedSetUp = {
	version: { version: "9.2.11", release: "9.2" },
	users: {
		...{ "root@pam": {}, "capmox@pve": {}, "lonely@pve": {} },
		...{ "off@pve": { enabled: false }, "gone@pve": { expire: 1000 } },
	},
	tokens: {
		...{ [id]: token, "capmox@pve!sep": separated, "capmox@pve!sepok": separated },
		"capmox@pve!old": { ...token, expire: 1000 },
		...{ "lonely@pve!t1": token, "off@pve!t1": token, "gone@pve!t1": token },
		...{ "root@pam!full": token, "root@pam!sep": separated },
	},
	acls: [
		{ path: "/", user: "capmox@pve", role: "PVEVMAdmin" },
		{ path: "/nodes", user: "capmox@pve", role: "PVEAuditor" },
		{ path: "/vms/100", token: "capmox@pve!sepok", role: "PVEVMAdmin", propagate: false },
	],
	pools: {},
	nodes: [
		{ node: "pve1", status: { memory: { total: 1 }, pveversion: "pve-manager/9" } },
		{ node: "pve2", failure: { status: 595, reason: "Connection refused" } },
	],
	delay: 0.001,
};

function as(tokenId: string, path: string): Ask {
	return { path: `/api2/json${path}`, authorization: withToken(tokenId) };
}

function raw(path: string, isAuthorized: boolean): Ask {
	return { path, ...(isAuthorized ? {} : { authorization: null }) };
}

const permissions = "/access/permissions";

/** What was asked, by the recording's own names. */
const asked: Record<string, Ask> = {
	"no auth header": { authorization: null },
	Bearer: { authorization: `Bearer ${id}=${secret}` },
	"lowercase scheme": { authorization: `pveapitoken=${id}=${secret}` },
	"space instead of =": { authorization: `PVEAPIToken ${id}=${secret}` },
	"no prefix": { authorization: `${id}=${secret}` },
	"empty token value": { authorization: "PVEAPIToken=" },
	"no secret part": { authorization: `PVEAPIToken=${id}` },
	"no !tokenid": { authorization: withToken("capmox@pve") },
	"no realm": { authorization: withToken("capmox!capi") },
	"1-char token id": { authorization: withToken("capmox@pve!c") },
	"unknown user": { authorization: withToken("nobody@pve!capi") },
	"unknown realm": { authorization: withToken("capmox@nope!capi") },
	"unknown token id": { authorization: withToken("capmox@pve!nope") },
	"wrong secret": { authorization: withToken(id, "22222222-2222-4222-8222-222222222222") },
	// Node trims the header, so that the server never saw the blank.
	"secret w/ trailing space": { authorization: withToken(id, secret) },
	// The stand-in's secret has no letter that could change its case.
	"secret upper-case": { authorization: withToken(id, "ABCDEF") },
	"quoted token": { authorization: `PVEAPIToken="${id}=${secret}"` },
	"quoted secret": { authorization: withToken(id, `"${secret}"`) },
	"backslash !": { authorization: withToken("capmox@pve\\!capi") },
	"url-encoded !": { authorization: withToken("capmox@pve%21capi") },
	"secret put twice tokenid=secret=secret": { authorization: withToken(id, `${secret}=${secret}`) },
	"token id given is userid!tok as user part": { authorization: withToken(`capmox@pve!${id}`) },
	"expired token": { authorization: withToken("capmox@pve!old") },
	"disabled user": { authorization: withToken("off@pve!t1") },
	"expired user": { authorization: withToken("gone@pve!t1") },
	"bad ticket in Authorization": { authorization: "PVEAuthCookie=PVE:capmox@pve:68000000::c2ln" },
	"privsep no ACL: version": as("capmox@pve!sep", "/version"),
	"privsep no ACL: permissions": as("capmox@pve!sep", permissions),
	"lonely: permissions": as("lonely@pve!t1", permissions),
	"sepok: permissions": as("capmox@pve!sepok", permissions),
	"capi: permissions": as(id, permissions),
	"capi: permissions?path": as(id, `${permissions}?path=/vms/4711`),
	"capi: permissions?path sdn": as(id, `${permissions}?path=/sdn/zones/localnetwork/vmbr0`),
	"capi: permissions?userid=owner": as(id, `${permissions}?userid=capmox@pve`),
	"root full: permissions path": as("root@pam!full", `${permissions}?path=/pool/x`),
	"root sep: permissions": as("root@pam!sep", permissions),
	"capi: own token list": as(id, "/access/users/capmox@pve/token"),
	"root full: token list": as("root@pam!full", "/access/users/capmox@pve/token"),
	"capi: root path": { path: "/api2/json" },
	"capi: / trailing": { path: "/api2/json/" },
	"sep: node status": as("capmox@pve!sep", "/nodes/pve1/status"),
	"capi: node status": as(id, "/nodes/pve1/status"),
	"capi: node unknown": as(id, "/nodes/nosuch/status"),
	"capi: node pve2 (conn refused)": as(id, "/nodes/pve2/status"),
	"capi: root-only endpoint": as(id, "/cluster/acme/account/default"),
	"root full: root-only endpoint": as("root@pam!full", "/cluster/acme/account/default"),
	"capi: vm missing": as(id, "/nodes/pve1/qemu/999/config"),
	"capi: vmid bad": as(id, "/nodes/pve1/qemu/99/config"),
	"capi: extra param": as(id, "/version?foo=1"),
	"unknown path": as(id, "/foo/bar"),
	"double api2/json": as(id, "/api2/json/version"),
	"double slash": as(id, "//version"),
	...Object.fromEntries(
		["/version", "/api2", "/api2/", "/api2/foo/version", "/api2/extjs/version", "/"].flatMap((path) =>
			[true, false].map((isAuthorized) => [`RAW ${path} auth=${isAuthorized}`, raw(path, isAuthorized)]),
		),
	),
};

const notReplayed: Record<string, string> = {
	"RAW /api2/html/version auth=false": "the stand-in has no HTML formatter",
	"RAW /api2/html/version auth=true": "the stand-in has no HTML formatter",
};

/** What differs because the recorded server had another tree of endpoints or another page. */
const otherBody = new Set(["capi: root path", "capi: / trailing", "RAW / auth=false", "RAW / auth=true"]);

interface Recorded {
	readonly what: string;
	readonly status: number;
	readonly reason: string;
	readonly type: string | null;
	readonly length?: string | null;
	readonly connection?: string;
	/** The start of it: recordings end after 400 characters. */
	readonly body: string;
	readonly seconds: number;
}

/** `label => status | "reason" | ct=… cl=… conn=… | "body" | 0.0s` */
function parseLine(line: string): Recorded {
	const pattern = /^(.*) => (\d+) \| (".*?[^\\]") \| ct=(\S+)(?: cl=(\S+) conn=(\S+))? \| (".*") \| ([\d.]+)s$/;
	const [, what = "", status, reason = '""', type, length, connection, body = '""', seconds] = pattern.exec(line) ?? [];
	return {
		what,
		status: Number(status),
		reason: JSON.parse(reason) as string,
		type: type === "null" ? null : (type ?? null),
		...(length === undefined ? {} : { length: length === "null" ? null : length }),
		...(connection === undefined ? {} : { connection }),
		body: JSON.parse(body) as string,
		seconds: Number(seconds),
	};
}

function parseRecording(file: URL): Recorded[] {
	return readFileSync(file, "utf8")
		.split("\n")
		.filter((line) => line !== "")
		.map(parseLine);
}

/** Perl's hashes have no order, so neither have the keys of an object; nor has the one list made from a hash. */
function meaningOf(text: string): unknown {
	if (!/^[[{]/.test(text)) {
		return text;
	}

	const value = JSON.parse(text) as { data: unknown };
	const isTokenList = Array.isArray(value.data) && text.includes('"tokenid"');
	const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
	const sortedKeys = (entry: object): unknown => Object.fromEntries(Object.entries(entry).sort(byText));
	return isTokenList ? { data: (value.data as object[]).map(sortedKeys).sort(byText) } : value;
}

for (const { generation, file } of recordings) {
	const isMissing = !existsSync(file);
	const lines = isMissing ? [] : parseRecording(file);

	describe(`recorded answers of ${generation}`, () => {
		let proxmox: Proxmox;
		beforeAll(async () => {
			proxmox = await startProxmox({ ...healthyState(), ...recordedSetUp, generation });
		});
		afterAll(async () => proxmox.close());

		test.skipIf(isMissing)(
			isMissing ? "skipped: the recordings are not beside this checkout" : "are all known by name",
			() => {
				expect(lines.map(({ what }) => what).sort()).toEqual(
					[...Object.keys(asked), ...Object.keys(notReplayed)].sort(),
				);
			},
		);

		for (const recorded of lines) {
			const { what } = recorded;
			const reason = notReplayed[what];
			test.skipIf(reason !== undefined)(reason === undefined ? what : `${what}, skipped: ${reason}`, async () => {
				const wanted = asked[what] ?? {};
				const isCompressed = what === "capi: permissions";
				const headers = isCompressed ? { "accept-encoding": "gzip" } : {};
				const heard = await ask(proxmox, { ...wanted, headers });
				expect({ status: heard.status, reason: heard.reason }).toEqual({
					status: recorded.status,
					reason: recorded.reason,
				});
				expect(heard.headers["content-type"] ?? null).toBe(recorded.type);
				expect((proxmox.requests.at(-1)?.withheld ?? 0) > 0).toBe(recorded.seconds >= 3);
				if (recorded.connection !== undefined) {
					expect(heard.headers["connection"]).toBe(recorded.connection);
				}

				if (isCompressed) {
					expect(heard.headers["content-encoding"]).toBe("gzip");
				} else if (!otherBody.has(what)) {
					expectSameBody(heard, recorded);
				}
			});
		}
	});
}

/** Cut recordings are compared by the length the server declared, which a privilege more or less would change. */
function expectSameBody(
	heard: { body: string; headers: Readonly<Record<string, string | undefined>> },
	recorded: Recorded,
): void {
	if (recorded.length !== undefined) {
		expect(heard.headers["content-length"] ?? null).toBe(recorded.length);
	}

	const isWhole = !recorded.body.startsWith("{") || recorded.body.endsWith("}");
	if (isWhole) {
		expect(meaningOf(heard.body)).toEqual(meaningOf(recorded.body));
	}
}
