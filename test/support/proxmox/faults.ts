import type { Socket } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Rendered, renderHead } from "./wire.ts";

/** An answer about to be sent. What a fault makes of it ends the connection, or leaves it hanging. */
export interface Delivery extends Rendered {
	readonly stream: Duplex;
}

/** Something that goes wrong between client and server, before TLS or in place of an answer. */
export type Fault =
	| { readonly stage: "connection"; apply(socket: Socket): void }
	| { readonly stage: "answer"; apply(delivery: Delivery): void | Promise<void> };

/** Every fault by name; each takes its measure as an optional argument. */
export const faults = {
	/** The connection is accepted, and nothing is ever said. */
	hangBeforeTls: () => onConnection((socket) => socket.resume()),
	/** What pveproxy does to a source that ALLOW_FROM/DENY_FROM keep out (AnyEvent.pm accept_connections). */
	refuseSource: () => onConnection((socket) => socket.destroy()),
	/** A server that does not speak TLS at all. */
	plainHttp: () => onConnection((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))),

	/** The request is taken, and never answered. */
	hang: () => onAnswer(() => undefined),
	slowDrip: (milliseconds = 100) =>
		onAnswer(({ stream, head, body }) => send(stream, drops(Buffer.concat([head, body]), milliseconds))),
	cutBeforeAnswer: () => onAnswer(({ stream }) => void stream.destroy()),
	/** The head promises the whole body, half of it comes. */
	cutInBody: () =>
		onAnswer(({ stream, head, body }) => {
			const half = body.subarray(0, Math.floor(body.length / 2));
			stream.write(Buffer.concat([head, half]), () => stream.destroy());
		}),
	garbage: () => onAnswer(({ stream }) => void stream.end("SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n")),
	garbageJson: () => instead(200, "OK", json, '{"data":[{"node":"pve1",}}\u0000'),
	/** Well-formed HTTP around half a document. */
	truncatedJson: () =>
		onAnswer(({ stream, body }) => {
			writeAnswer(stream, 200, "OK", json, body.subarray(0, Math.floor(body.length / 2)));
		}),
	/** What a reverse proxy with a login of its own shows to anyone. */
	htmlLogin: () => instead(200, "OK", html, "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"),
	redirect: (location = "https://login.example.com/") => instead(302, "Found", { ...html, Location: location }, ""),
	/** Refused with a reason, as Proxmox VE does where a privilege is missing. */
	forbidden: () => instead(403, "Permission check failed", json, '{"data":null}'),
	internalError: () => instead(500, "got no worker upid - start worker failed", json, '{"data":null}'),
	badGateway: () => instead(502, "Bad Gateway", html, gatewayPage("502 Bad Gateway")),
	serviceUnavailable: () =>
		instead(503, "Service Unavailable", html, gatewayPage("503 Service Temporarily Unavailable")),
	/** A valid document of so many bytes. */
	hugeBody: (bytes = 64 * 2 ** 20) => onAnswer(async ({ stream }) => send(stream, hugeDocument(bytes))),
} as const;

export type FaultName = keyof typeof faults;

const html = { Server: "nginx", "Content-Type": "text/html" } as const;
const json = { Server: "pve-api-daemon/3.0", "Content-Type": "application/json;charset=UTF-8" } as const;

function onConnection(apply: (socket: Socket) => void): Fault {
	return { stage: "connection", apply };
}

function onAnswer(apply: (delivery: Delivery) => void | Promise<void>): Fault {
	return { stage: "answer", apply };
}

function instead(status: number, reason: string, headers: Readonly<Record<string, string>>, body: string): Fault {
	return onAnswer(({ stream }) => {
		writeAnswer(stream, status, reason, headers, Buffer.from(body));
	});
}

function writeAnswer(
	stream: Duplex,
	status: number,
	reason: string,
	headers: Readonly<Record<string, string>>,
	body: Buffer,
): void {
	const head = renderHead(status, reason, { ...headers, Connection: "close", "Content-Length": String(body.length) });
	stream.end(Buffer.concat([head, body]));
}

function gatewayPage(title: string): string {
	return `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`;
}

async function* drops(bytes: Buffer, milliseconds: number): AsyncGenerator<Buffer> {
	for (const [index] of bytes.entries()) {
		yield bytes.subarray(index, index + 1);
		await sleep(milliseconds, undefined, { ref: false });
	}
}

function* hugeDocument(bytes: number): Generator<Buffer> {
	const [start, end] = [Buffer.from('{"data":"'), Buffer.from('"}')];
	yield renderHead(200, "OK", { ...json, Connection: "close", "Content-Length": String(bytes) });
	yield start;
	const chunk = Buffer.alloc(2 ** 16, "x");
	for (let left = bytes - start.length - end.length; left > 0; left -= chunk.length) {
		yield chunk.subarray(0, left);
	}

	yield end;
}

/** A client that has heard enough hangs up, which is no error here. */
async function send(stream: Duplex, chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
	await pipeline(Readable.from(chunks), stream).catch(() => stream.destroy());
}
