import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";
import type { Answer, Request } from "./answer.ts";
import type { Product } from "./products.ts";

/** An answer as bytes. */
export interface Rendered {
	readonly head: Buffer;
	readonly body: Buffer;
	readonly keepsAlive: boolean;
}

const endOfHead = "\r\n\r\n";

/**
 * The requests of one connection, one after the other. Read by hand, because node:http would correct what Proxmox VE
 * takes as it comes: blanks after a header's value, for one, which become part of a token's secret.
 */
export async function* requestsOn(stream: Duplex, secure: boolean): AsyncGenerator<Request, void> {
	let buffer = Buffer.alloc(0);
	for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
		buffer = Buffer.concat([buffer, chunk as Buffer]);
		for (let taken = takeRequest(buffer, secure); taken !== undefined; taken = takeRequest(buffer, secure)) {
			buffer = taken.rest;
			yield taken.request;
		}
	}
}

/** pve-http-server, AnyEvent.pm response. */
export function render(answer: Answer, request: Request, product: Product, now: Date): Rendered {
	const keepsAlive = answer.status < 400 && !/close/i.test(request.headers["connection"] ?? "");
	const plain = Buffer.from(answer.body ?? "");
	const isCompressed =
		product.compresses && plain.length > 1024 && (request.headers["accept-encoding"] ?? "").includes("gzip");
	const body = isCompressed ? gzipSync(plain) : plain;
	const headers: Record<string, string> = {
		...product.headers,
		Date: now.toUTCString(),
		Connection: keepsAlive ? "Keep-Alive" : "close",
		...(isCompressed ? { "Content-Encoding": "gzip" } : {}),
		// A failed authentication has no length either: it ends with the connection.
		...(body.length > 0 ? { "Content-Length": String(body.length) } : {}),
		...answer.headers,
	};
	return { head: renderHead(answer.status, answer.reason, headers), body, keepsAlive };
}

export function renderHead(status: number, reason: string, headers: Readonly<Record<string, string>>): Buffer {
	const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
	return Buffer.from([`HTTP/1.1 ${status} ${reason}`, ...lines, "", ""].join("\r\n"), "latin1");
}

function takeRequest(buffer: Buffer, secure: boolean): { request: Request; rest: Buffer<ArrayBuffer> } | undefined {
	const end = buffer.indexOf(endOfHead);
	if (end === -1) {
		return undefined;
	}

	const [start = "", ...lines] = buffer.subarray(0, end).toString("latin1").split("\r\n");
	const [, method = "", target = "/"] = /^(\S+) (\S+) HTTP\/1\.\d$/.exec(start) ?? [];
	const headers = parseHeaders(lines);
	const bodyStart = end + endOfHead.length;
	const bodyEnd = bodyStart + Number(headers["content-length"] ?? 0);
	if (buffer.length < bodyEnd) {
		return undefined;
	}

	const body = buffer.subarray(bodyStart, bodyEnd);
	return { request: { method, target, headers, body, secure }, rest: Buffer.from(buffer.subarray(bodyEnd)) };
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
	const headers: Record<string, string> = {};
	for (const line of lines) {
		const [, name = "", value = ""] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
		const key = name.toLowerCase();
		headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
	}

	return headers;
}
