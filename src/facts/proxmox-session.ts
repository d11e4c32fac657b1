import * as z from "zod";
import { readableCertificates } from "../access/certificates.ts";
import { ConnectionError, UntrustedPeerError } from "../access/connection.ts";
import type { Environment } from "../access/environment.ts";
import type { Answer, ProxmoxApi } from "../access/proxmox-api.ts";
import type { World } from "../access/world.ts";
import { type Cause, ProbeError } from "../errors.ts";
import type { parseUrl } from "./environment.ts";
import { unquote } from "./environment.ts";
import type { Know } from "./probe.ts";

/** An answer of the server to one GET, or how far the attempt got. */
export const exchange = z.discriminatedUnion("kind", [
	z.object({
		kind: z.literal("answered"),
		status: z.number().int(),
		/** The reason phrase, where Proxmox VE puts its error message. */
		reason: z.string(),
		server: z.string().optional(),
		location: z.string().optional(),
		body: z.enum(["json", "html", "text", "empty"]),
		/** The beginning of a body that is not the JSON asked for; cut here, after a secret in it was masked as a whole. */
		text: z
			.string()
			.transform((text) => text.slice(0, 120))
			.optional(),
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

export interface ProxmoxSession {
	/** PROXMOX_URL without userinfo and `/api2/json`. */
	readonly url: string;
	/** CAPMOX would go on with an untrusted certificate, and so does `api`. */
	readonly insecure: boolean;
	readonly ownRoots: boolean;
	/** To be closed by who opened it. */
	readonly api: ProxmoxApi;
	/** What stands behind `PVEAPIToken=`, or why there is nothing to send. */
	readonly credentials: string | { readonly because: string };
}

/**
 * The way to the API that the variables describe; connects to nothing yet.
 * @throws ProbeError not-set-up, misconfigured.
 */
export async function openProxmox(world: World, know: Know): Promise<ProxmoxSession> {
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
	const api = await world.proxmox({
		url,
		trust: { roots, accepts: (peer) => insecure || (peer.chainError === undefined && peer.nameMatches) },
	});
	return { url, insecure, ownRoots: roots !== undefined, api, credentials: credentialsOf(environment) };
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

/**
 * `data` of the answer to one GET with the token, in the shape of `schema`.
 * @throws ProbeError for every other answer: what is missing from it is no evidence of absence.
 */
export async function readData<T>(
	{ api, credentials }: ProxmoxSession,
	path: string,
	schema: z.ZodType<T>,
	signal: AbortSignal,
): Promise<T> {
	const shown = `GET /${decodeURIComponent(path)}`;
	if (typeof credentials !== "string") {
		throw new ProbeError("misconfigured", `${shown} was not sent: ${credentials.because}`);
	}

	const { exchange: seen, body } = await ask(api, path, signal, `PVEAPIToken=${credentials}`);
	const cause = causeOf(seen);
	if (cause !== undefined) {
		throw new ProbeError(cause, `${shown} → ${describeExchange(seen)}`);
	}

	const parsed = z.object({ data: schema }).safeParse(body);
	if (!parsed.success) {
		throw new ProbeError("unreadable", `${shown} → 200, but not in the form that Proxmox VE answers in`);
	}

	return parsed.data.data;
}

/** Why an exchange brought no answer that can be read; `undefined` where it did. */
export function causeOf(seen: Exchange): Cause | undefined {
	switch (seen.kind) {
		case "refused-untrusted":
			return "unreachable";
		case "not-sent":
			return "misconfigured";
		case "failed":
			return seen.code === "TIMEOUT" ? "timeout" : "unreachable";
		case "answered":
			return seen.status === 200 ? undefined : causeOfStatus(seen.status);
	}
}

/** 595, 596 and 599: the node that was meant cannot be reached from the one that answers (pve-http-server, AnyEvent.pm). */
function causeOfStatus(status: number): Cause {
	switch (status) {
		case 401:
			return "unauthorized";
		case 403:
			return "forbidden";
		case 404:
		case 501:
			return "not-found";
		case 595:
		case 596:
		case 599:
			return "unreachable";
		default:
			return status >= 500 ? "server-error" : "unreadable";
	}
}

export function describeExchange(seen: Exchange): string {
	switch (seen.kind) {
		case "refused-untrusted":
			return "nothing was sent, because the certificate is not trusted";
		case "not-sent":
			return `not sent: ${seen.because}`;
		case "failed":
			return seen.message;
		case "answered":
			return `${seen.status} ${seen.reason}`.trim();
	}
}

async function readRoots(world: World, environment: Environment): Promise<string | undefined> {
	const [file] = environment.lookUp("PROXMOX_ROOT_CERT_FILE");
	if (file === undefined || file.value === "") {
		return undefined;
	}

	const text = await world.files.readText(file.value).catch((error: unknown) => {
		throw error instanceof ProbeError
			? new ProbeError(error.reason, `PROXMOX_ROOT_CERT_FILE (${file.origin}): ${error.message}`, { cause: error })
			: error;
	});
	if (text === undefined) {
		throw new ProbeError("misconfigured", `PROXMOX_ROOT_CERT_FILE (${file.origin}): there is no file ${file.value}`);
	}

	const certificates = readableCertificates(text);
	if (certificates === undefined) {
		throw new ProbeError(
			"misconfigured",
			`PROXMOX_ROOT_CERT_FILE (${file.origin}): ${file.value} holds no certificate that can be read`,
		);
	}

	return certificates;
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

export interface Asked {
	readonly exchange: Exchange;
	/** The JSON, where the status is 200 and there is some. */
	readonly body?: unknown;
	readonly date?: Date;
}

export async function ask(api: ProxmoxApi, path: string, signal: AbortSignal, authorization?: string): Promise<Asked> {
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
			...(body === "html" || body === "text" ? { text } : {}),
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
