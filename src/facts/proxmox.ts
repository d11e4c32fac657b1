import * as z from "zod";
import { ConnectionError, type Peer, UntrustedPeerError } from "../access/connection.ts";
import type { Environment } from "../access/environment.ts";
import type { Answer, ProxmoxApi } from "../access/proxmox-api.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { parseUrl } from "./environment.ts";
import { unquote } from "./environment.ts";
import type { Know } from "./probe.ts";

const timestamp = z.iso.datetime();

/** An answer of the server to one GET, or how far the attempt got. */
const exchange = z.discriminatedUnion("kind", [
	z.object({
		kind: z.literal("answered"),
		status: z.number().int(),
		/** The reason phrase, where Proxmox VE puts its error message. */
		reason: z.string(),
		server: z.string().optional(),
		location: z.string().optional(),
		body: z.enum(["json", "html", "text", "empty"]),
		/** The beginning of a body that is not the JSON asked for. */
		text: z.string().optional(),
		milliseconds: z.number(),
	}),
	z.object({
		kind: z.literal("failed"),
		stage: z.enum(["dns", "tcp", "tls", "http"]),
		/** `ENOTFOUND`, `ECONNREFUSED`, `ERR_SSL_WRONG_VERSION_NUMBER`, `TIMEOUT` … */
		code: z.string(),
		message: z.string(),
	}),
	/** Nothing was sent: the certificate is not trusted and CAPMOX would not go on either. */
	z.object({ kind: z.literal("refused-untrusted") }),
	/** Nothing was sent; `because` completes "the token was not sent: …". */
	z.object({ kind: z.literal("not-sent"), because: z.string() }),
]);
export type Exchange = z.infer<typeof exchange>;

/** Fact `proxmox.access`: one look at the API without, then with the token; at most two requests. */
export const proxmoxAccess = z.object({
	/** Where was asked: PROXMOX_URL without userinfo and `/api2/json`. */
	url: z.string(),
	/** CAPMOX would go on with an untrusted certificate. */
	insecure: z.boolean(),
	/** Roots of the user's own were given. */
	ownRoots: z.boolean(),
	certificate: z
		.object({
			chainError: z.string().optional(),
			nameMatches: z.boolean(),
			names: z.array(z.string()),
			subject: z.string(),
			issuer: z.string(),
			notBefore: timestamp,
			notAfter: timestamp,
			fingerprint: z.string(),
		})
		.optional(),
	/** `GET /access/domains` without credentials, which Proxmox VE answers to anyone. */
	open: exchange,
	realms: z.array(z.object({ realm: z.string(), type: z.string() })).optional(),
	/** `GET /version` with the token. */
	authenticated: exchange,
	version: z.object({ version: z.string(), release: z.string().optional() }).optional(),
	/** Seconds by which the server's clock is ahead of this one; whole seconds are all that `Date` carries. */
	clockAhead: z.number().optional(),
});
export type ProxmoxAccess = z.infer<typeof proxmoxAccess>;

export async function readProxmoxAccess(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<ProxmoxAccess> {
	const shapes = await know("environment.proxmox");
	const environment = await world.environment();
	const given = [shapes.url, shapes.token, shapes.secret];
	if (given.every(({ presence }) => presence === "unset")) {
		throw new ProbeError("not-set-up", "no PROXMOX_URL, PROXMOX_TOKEN or PROXMOX_SECRET is set anywhere");
	}

	const url = addressOf(shapes.url);
	if (url === undefined) {
		throw new ProbeError(
			"misconfigured",
			`PROXMOX_URL is ${shapes.url.presence === "set" ? "not a URL" : shapes.url.presence}`,
		);
	}

	// k8s.io/utils/env takes an empty value for none; the default is "true".
	const insecure = shapes.insecure.text === undefined || shapes.insecure.text === "true";
	const roots = await readRoots(world, environment);
	const api = world.proxmox({
		url,
		trust: { roots, accepts: (peer) => insecure || (peer.chainError === undefined && peer.nameMatches) },
	});
	try {
		note(`GET ${url}/api2/json/access/domains`);
		const open = await ask(api, "access/domains", signal);
		const reachable = open.exchange.kind === "answered";
		const credentials = credentialsOf(environment);
		let authenticated: Exchange = { kind: "not-sent", because: "the server could not be asked at all" };
		let version: ProxmoxAccess["version"];
		if (reachable && !speaksProxmox(open)) {
			authenticated = { kind: "not-sent", because: "what answered does not look like a Proxmox API" };
		} else if (reachable && typeof credentials !== "string") {
			authenticated = { kind: "not-sent", because: credentials.because };
		} else if (reachable && typeof credentials === "string") {
			note(`GET ${url}/api2/json/version`);
			const answer = await ask(api, "version", signal, `PVEAPIToken=${credentials}`);
			authenticated = answer.exchange;
			version = parseVersion(answer.body);
		}

		const peer = api.peer();
		const realms = parseRealms(open.body);
		return {
			url,
			insecure,
			ownRoots: roots !== undefined,
			...(peer === undefined ? {} : { certificate: describe(peer) }),
			open: open.exchange,
			...(realms === undefined ? {} : { realms }),
			authenticated,
			...(version === undefined ? {} : { version }),
			...(open.date === undefined
				? {}
				: { clockAhead: Math.round((open.date.getTime() - world.now().getTime()) / 1_000) }),
		};
	} finally {
		api.close();
	}
}

/** Without userinfo, `/api2/json`, query and fragment; a reverse proxy may well have a path of its own. */
function addressOf(url: ReturnType<typeof parseUrl> & { presence: string }): string | undefined {
	if (url.presence !== "set" || url.malformed || url.host === undefined) {
		return undefined;
	}

	const scheme = url.scheme === "http" ? "http" : "https";
	const prefix = (url.path ?? "")
		.replace(/[?#].*$/, "")
		.replace(/\/api2(?:\/.*)?$/, "")
		.replace(/\/+$/, "");
	return `${scheme}://${url.host}${url.port === undefined ? "" : `:${url.port}`}${prefix}`;
}

async function readRoots(world: World, environment: Environment): Promise<string | undefined> {
	const [file] = environment.lookUp("PROXMOX_ROOT_CERT_FILE");
	if (file === undefined || file.value === "") {
		return undefined;
	}

	const text = await world.files.readText(file.value);
	if (text === undefined) {
		throw new ProbeError("misconfigured", `PROXMOX_ROOT_CERT_FILE (${file.origin}): there is no file ${file.value}`);
	}

	if (!text.includes("-----BEGIN CERTIFICATE-----")) {
		throw new ProbeError(
			"misconfigured",
			`PROXMOX_ROOT_CERT_FILE (${file.origin}): ${file.value} holds no PEM certificate`,
		);
	}

	return text;
}

/** The header's value without blemishes, so that what else is wrong comes to light; or why none can be sent. */
function credentialsOf(environment: Environment): string | { readonly because: string } {
	const token = unquote(environment.lookUp("PROXMOX_TOKEN")[0]?.value ?? "");
	const secret = unquote(environment.lookUp("PROXMOX_SECRET")[0]?.value ?? "");
	if (token === "" || secret === "") {
		return { because: `${token === "" ? "PROXMOX_TOKEN" : "PROXMOX_SECRET"} is not set` };
	}

	const value = `${token}=${secret}`;
	return /^[\x20-\x7E\x80-\xFF]+$/.test(value)
		? value
		: { because: "it holds characters that no HTTP header can carry" };
}

interface Asked {
	readonly exchange: Exchange;
	/** The JSON, where the status is 200 and there is some. */
	readonly body?: unknown;
	readonly date?: Date;
}

async function ask(api: ProxmoxApi, path: string, signal: AbortSignal, authorization?: string): Promise<Asked> {
	try {
		const answer = await api.get(path, { signal, ...(authorization === undefined ? {} : { authorization }) });
		return parseAnswer(answer);
	} catch (error) {
		if (error instanceof UntrustedPeerError) {
			return { exchange: { kind: "refused-untrusted" } };
		}

		if (error instanceof ConnectionError) {
			return { exchange: { kind: "failed", stage: error.stage, code: error.code, message: error.message } };
		}

		throw error;
	}
}

function parseAnswer(answer: Answer): Asked {
	const json = parseJson(answer.body);
	const text = answer.body.trim();
	const body = json !== undefined ? "json" : text === "" ? "empty" : text.startsWith("<") ? "html" : "text";
	return {
		exchange: {
			kind: "answered",
			status: answer.status,
			reason: answer.reason,
			...(answer.server === undefined ? {} : { server: answer.server }),
			...(answer.location === undefined ? {} : { location: answer.location }),
			body,
			...(body === "html" || body === "text" ? { text: text.slice(0, 120) } : {}),
			milliseconds: answer.milliseconds,
		},
		...(answer.status === 200 && json !== undefined ? { body: json } : {}),
		...(answer.date === undefined ? {} : { date: answer.date }),
	};
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}

/**
 * pveproxy names itself in every answer, also in a 401; a reverse proxy may drop the name but not the realms. Proxmox
 * Backup Server lists realms, too, but none of type pve. A redirect is no answer.
 */
function speaksProxmox({ exchange, body }: Asked): boolean {
	const realms = parseRealms(body);
	if (realms !== undefined) {
		return realms.some(({ type }) => type === "pve");
	}

	return (
		exchange.kind === "answered" &&
		exchange.server?.startsWith("pve-api-daemon") === true &&
		exchange.location === undefined
	);
}

const domains = z.object({ data: z.array(z.object({ realm: z.string(), type: z.string() })) });
const parseRealms = (body: unknown): ProxmoxAccess["realms"] => domains.safeParse(body).data?.data;

const versionAnswer = z.object({ data: z.object({ version: z.string().min(1), release: z.string().optional() }) });
const parseVersion = (body: unknown): ProxmoxAccess["version"] => versionAnswer.safeParse(body).data?.data;

const describe = (peer: Peer): NonNullable<ProxmoxAccess["certificate"]> => ({
	...peer,
	names: [...peer.names],
	notBefore: peer.notBefore.toISOString(),
	notAfter: peer.notAfter.toISOString(),
});
