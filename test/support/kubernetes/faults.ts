import type { ServerResponse } from "node:http";
import { type Answer, forbidden, json, text, type World } from "./api.ts";
import type { ApiRequest } from "./request.ts";
import { qualifiedName } from "./resources.ts";
import { type ApiError, continueExpired, failure, noSuchPath, unauthorized } from "./status.ts";

/** Which requests go wrong: those that meet every condition given; all of them when none is. */
export interface Where {
	/** Begins the path: `/apis/cluster.x-k8s.io/`. */
	readonly path?: string;
	/** Qualified: `machines.cluster.x-k8s.io`, `secrets`; in any namespace. */
	readonly resource?: string;
	readonly method?: string;
	/** Is part of the query: `continue=` picks every page but the first. */
	readonly query?: string;
	/** Only so many of these requests; then they are answered as if nothing had been. */
	readonly times?: number;
}

export type Effect =
	/** A refusal in the words of a real API server, unless `message` gives others. */
	| {
			readonly kind: "status";
			readonly code: 401 | 403 | 404 | 409 | 410 | 429 | 500 | 503 | 504;
			readonly message?: string;
			/** Seconds, as the Retry-After header; kubectl waits as long and tries again, up to ten times. */
			readonly retryAfter?: number;
	  }
	/** Never answers. */
	| { readonly kind: "hang" }
	/** Sends the real answer `bytes` at a time, with `every` milliseconds in between. */
	| { readonly kind: "drip"; readonly bytes: number; readonly every: number }
	/** Sends half of the real answer, then drops the connection. */
	| { readonly kind: "cut" }
	/** Sends half of the real answer as if it were all. */
	| { readonly kind: "truncated" }
	/** A page for people: a captive portal's (200) or a load balancer's (502, 503). */
	| { readonly kind: "html"; readonly code?: 200 | 502 | 503 }
	/** Bytes that are neither JSON nor text, announced as JSON. */
	| { readonly kind: "garbage" }
	| { readonly kind: "empty" }
	/** Valid JSON of so many bytes. */
	| { readonly kind: "huge"; readonly bytes: number };

export type Fault = Where & Effect;

/** Faults in force; the one added last is the one that counts. */
export class Faults {
	#faults: { readonly fault: Fault; left: number }[] = [];

	/** Returns a function that takes the fault away. */
	add(fault: Fault): () => void {
		const entry = { fault, left: fault.times ?? Infinity };
		this.#faults.unshift(entry);
		return () => {
			this.#faults = this.#faults.filter((other) => other !== entry);
		};
	}

	clear(): void {
		this.#faults = [];
	}

	/** The fault that this request meets, which uses it up by one. */
	meet(request: ApiRequest): Effect | undefined {
		const entry = this.#faults.find(({ fault, left }) => left > 0 && isHit(fault, request));
		if (entry === undefined) {
			return undefined;
		}

		entry.left -= 1;
		return entry.fault;
	}
}

/** Sends the answer the way the fault has it. */
export async function misbehave(
	effect: Effect,
	response: ServerResponse,
	{ sound, request, world, hangUp }: { sound: Answer; request: ApiRequest; world: World; hangUp: () => void },
): Promise<void> {
	const body = Buffer.from(sound.body);
	const half = body.subarray(0, Math.ceil(body.length / 2));
	switch (effect.kind) {
		case "status":
			send(response, refuse(effect, request, world));
			return;
		case "hang":
			return;
		case "drip":
			response.writeHead(sound.status, { ...sound.headers, "content-length": body.length });
			for (let sent = 0; sent < body.length && !response.destroyed; sent += effect.bytes) {
				response.write(body.subarray(sent, sent + effect.bytes));
				await pause(effect.every);
			}

			response.end();
			return;
		case "cut":
			response.writeHead(sound.status, { ...sound.headers, "content-length": body.length });
			response.write(half);
			// Time for what was sent to arrive: a reset at once would discard it.
			await pause(30);
			hangUp();
			return;
		case "truncated":
			send(response, { ...sound, body: half });
			return;
		case "html":
			send(response, renderPage(effect.code ?? 200));
			return;
		case "garbage":
			send(response, { status: 200, headers: jsonType, body: Buffer.from([0x00, 0xff, 0xfe, 0x1b, 0x5b, 0x80, 0x7b]) });
			return;
		case "empty":
			send(response, { status: 200, headers: jsonType, body: "" });
			return;
		case "huge":
			await sendHuge(response, effect.bytes);
			return;
	}
}

export function send(
	response: ServerResponse,
	{ status, headers, body }: Omit<Answer, "body"> & { readonly body: string | Buffer },
): void {
	response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
	response.end(body);
}

const jsonType = { "content-type": "application/json" };

function isHit({ path, resource, method, query }: Fault, request: ApiRequest): boolean {
	return (
		(path === undefined || request.path.startsWith(path)) &&
		(method === undefined || request.method === method) &&
		(query === undefined || request.query.toString().includes(query)) &&
		(resource === undefined || (request.target !== undefined && qualifiedName(request.target) === resource))
	);
}

function refuse(
	{ code, message, retryAfter }: Extract<Effect, { kind: "status" }>,
	request: ApiRequest,
	world: World,
): Answer {
	const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
	const refusal = message === undefined ? usualRefusal(code, request, world) : failure(code, reasons[code], message);
	const answer = typeof refusal === "string" ? text(code, refusal) : json(code, refusal.status);
	return { ...answer, headers: { ...answer.headers, ...headers } };
}

const reasons = {
	401: "Unauthorized",
	403: "Forbidden",
	404: "NotFound",
	409: "Conflict",
	410: "Expired",
	429: "TooManyRequests",
	500: "InternalError",
	503: "ServiceUnavailable",
	504: "Timeout",
} as const;

function usualRefusal(code: keyof typeof reasons, request: ApiRequest, world: World): ApiError | string {
	switch (code) {
		case 401:
			return unauthorized();
		case 403:
			return forbidden(world, request);
		case 404:
			return noSuchPath();
		case 409:
			return failure(409, "Conflict", "Operation cannot be fulfilled: the object has been modified");
		case 410:
			return continueExpired(request.query.get("continue") ?? "");
		case 429:
			// Priority and fairness answers in plain text: apiserver, server/filters/maxinflight.go tooManyRequests.
			return "Too many requests, please try again later.";
		case 500:
			return failure(500, "InternalError", "Internal error occurred: etcdserver: request timed out", {
				details: { causes: [{ message: "etcdserver: request timed out" }] },
			});
		case 503:
			return failure(503, "ServiceUnavailable", "the server is currently unable to handle the request");
		case 504:
			return failure(
				504,
				"Timeout",
				"Timeout: request did not complete within the requested timeout - context deadline exceeded",
				{ details: {} },
			);
	}
}

function renderPage(code: 200 | 502 | 503): Answer {
	const title = { 200: "Sign in to the network", 502: "502 Bad Gateway", 503: "503 Service Unavailable" }[code];
	return {
		status: code,
		headers: { "content-type": "text/html" },
		body: `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`,
	};
}

async function sendHuge(response: ServerResponse, bytes: number): Promise<void> {
	const [head, tail] = ['{"kind":"List","apiVersion":"v1","metadata":{"padding":"', '"},"items":[]}'];
	response.writeHead(200, { ...jsonType, "content-length": bytes });
	response.write(head);
	const piece = Buffer.alloc(65_536, "x");
	let left = bytes - head.length - tail.length;
	while (left > 0 && !response.destroyed) {
		const isFull = !response.write(piece.subarray(0, Math.min(left, piece.length)));
		left -= piece.length;
		if (isFull) {
			await drained(response);
		}
	}

	response.end(tail);
}

async function drained(response: ServerResponse): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			response.off("drain", done);
			response.off("close", done);
			resolve();
		};
		response.on("drain", done);
		response.on("close", done);
	});
}

const pause = async (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
