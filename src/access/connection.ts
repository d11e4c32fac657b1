import { Agent } from "node:https";
import { isIP } from "node:net";
import {
	type ConnectionOptions,
	checkServerIdentity,
	connect,
	type DetailedPeerCertificate,
	rootCertificates,
	type TLSSocket,
} from "node:tls";

export type Stage = "dns" | "tcp" | "tls" | "http";

/** A connection that did not come about, or broke: how far it got, and the code that Node or OpenSSL gives. */
export class ConnectionError extends Error {
	override readonly name = "ConnectionError";

	readonly stage: Stage;
	/** `ENOTFOUND`, `ECONNREFUSED`, `ERR_SSL_WRONG_VERSION_NUMBER` …, or `TIMEOUT`. */
	readonly code: string;

	constructor(stage: Stage, code: string, message: string, options?: ErrorOptions) {
		super(message, options);
		this.stage = stage;
		this.code = code;
	}
}

/** What the server showed of itself in the TLS handshake, judged against `trust`. */
export interface Peer {
	/** OpenSSL's verdict on the chain, such as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`; absent where it holds. */
	readonly chainError?: string;
	readonly nameMatches: boolean;
	/** DNS names and IP addresses of the certificate. */
	readonly names: readonly string[];
	readonly subject: string;
	readonly issuer: string;
	readonly notBefore: Date;
	readonly notAfter: Date;
	/** SHA-256, upper-case and colon-separated, as Proxmox prints it. */
	readonly fingerprint: string;
}

export interface Trust {
	/** PEM of further roots, added to Node's own; as Go has it, any certificate among them is an anchor, and be it a leaf. */
	readonly roots?: string | undefined;
	/** Decides, before a single byte of HTTP is written, whether to go on with this peer. */
	accepts(peer: Peer): boolean;
}

/** An untrusted server was refused before anything was sent to it. */
export class UntrustedPeerError extends Error {
	override readonly name = "UntrustedPeerError";
}

/** To one server at a time. */
export const maxConnections = 4;

/** Keeps connections, so that two requests cost one handshake. `onPeer` hears of each handshake. */
export function createAgent(trust: Trust, connectTimeout: number, onPeer: (peer: Peer) => void): Agent {
	const agent = new Agent({ keepAlive: true, maxSockets: maxConnections });
	agent.createConnection = (options, callback) => {
		const { host = "", port } = options as { host?: string | null; port?: number | string | null };
		const name = String(host).replace(/^\[|\]$/g, "");
		connectVerified({ host: name, port: Number(port), timeout: connectTimeout }, trust.roots).then(
			(socket) => {
				const peer = describePeer(socket, name);
				onPeer(peer);
				if (trust.accepts(peer)) {
					callback?.(null, socket);
					return;
				}

				socket.destroy();
				callback?.(new UntrustedPeerError(`${name} is not trusted`), socket);
			},
			(error: unknown) => {
				callback?.(error as Error, undefined as never);
			},
		);
		return undefined;
	};
	return agent;
}

interface Target {
	readonly host: string;
	readonly port: number;
	/** Milliseconds for each attempt. */
	readonly timeout: number;
}

/**
 * With Node's own roots only where one of them could have signed: to read them takes Node 30 ms, as long as all the rest
 * of a handshake. Else a second one tells whether the chain holds; nothing is sent before.
 */
async function connectVerified(target: Target, given: string | undefined): Promise<TLSSocket> {
	if (given !== undefined) {
		return openConnection(target, { ca: [...rootCertificates, given], allowPartialTrustChain: true });
	}

	const socket = await openConnection(target, { ca: [] });
	if (isSignedByCluster(socket)) {
		return socket;
	}

	socket.destroy();
	return openConnection(target, {});
}

/** By the authority that every Proxmox VE cluster makes for itself: pve-cluster, PVE/Cluster/Setup.pm, gen_pveca_cert. */
const isSignedByCluster = (socket: TLSSocket): boolean =>
	[socket.getPeerCertificate().issuer.O].flat().includes("PVE Cluster Manager CA");

function openConnection({ host, port, timeout }: Target, anchors: ConnectionOptions): Promise<TLSSocket> {
	return new Promise((resolve, reject) => {
		let stage: Stage = isIP(host) === 0 ? "dns" : "tcp";
		const socket = connect({
			host,
			port,
			servername: isIP(host) === 0 ? host : "",
			// The verdict is read from the socket: what the certificate lacks is a finding, not the end of the look.
			rejectUnauthorized: false,
			...anchors,
		});
		const timer = setTimeout(() => {
			fail(
				new ConnectionError(
					stage,
					"TIMEOUT",
					`no ${stage === "tls" ? "TLS handshake" : "connection"} within ${timeout / 1_000} s`,
				),
			);
		}, timeout);
		const fail = (error: Error) => {
			clearTimeout(timer);
			socket.destroy();
			reject(
				error instanceof ConnectionError
					? error
					: new ConnectionError(stage, codeOf(error), error.message, { cause: error }),
			);
		};
		socket.once("lookup", (error: Error | null) => {
			stage = error === null ? "tcp" : "dns";
		});
		socket.once("connect", () => {
			stage = "tls";
		});
		socket.once("error", fail);
		socket.once("close", () => {
			fail(new ConnectionError(stage, "ECONNRESET", "the connection was closed"));
		});
		socket.once("secureConnect", () => {
			clearTimeout(timer);
			socket.removeAllListeners("close");
			socket.removeListener("error", fail);
			resolve(socket);
		});
	});
}

/** The first error of an attempt on several addresses stands for all of them. */
export function codeOf(error: unknown): string {
	if (error instanceof AggregateError) {
		return codeOf(error.errors[0]);
	}

	return error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
}

function describePeer(socket: TLSSocket, host: string): Peer {
	const certificate: DetailedPeerCertificate = socket.getPeerCertificate(true);
	const mismatch = checkServerIdentity(host, certificate);
	const chainError = chainErrorOf(socket);
	return {
		...(chainError === undefined ? {} : { chainError }),
		nameMatches: mismatch === undefined,
		names: (certificate.subjectaltname ?? "")
			.split(", ")
			.filter((name) => name !== "")
			.map((name) => name.replace(/^(?:DNS|IP Address):/, "")),
		subject: commonName(certificate.subject),
		issuer: commonName(certificate.issuer),
		notBefore: new Date(certificate.valid_from),
		notAfter: new Date(certificate.valid_to),
		fingerprint: certificate.fingerprint256,
	};
}

/** Typed as an Error; at run time it is the code as a string wherever there is one. */
function chainErrorOf({ authorized, authorizationError }: TLSSocket): string | undefined {
	const error: unknown = authorizationError;
	const code = typeof error === "string" ? error : codeOf(error);
	return authorized || code === "ERR_TLS_CERT_ALTNAME_INVALID" ? undefined : code;
}

const commonName = (name: { CN?: string | string[]; O?: string | string[] } | undefined): string =>
	[name?.CN ?? name?.O ?? "(no name)"].flat().join(", ");
