import { isUtf8 } from "node:buffer";
import { type IncomingMessage, type RequestOptions, request as requestPlain } from "node:http";
import { type Agent, request as requestOverTls } from "node:https";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ConnectionError, codeOf, UntrustedPeerError } from "./connection.ts";

/** More than any answer the Proxmox API gives to the questions asked here. */
const maxBody = 8 * 1_048_576;

/** What Go reads is to be read: it takes headers of up to 1 MiB (net/http, MaxResponseHeaderBytes) and lines that end in LF. */
const leniency = { insecureHTTPParser: true, maxHeaderSize: 1_048_576 };

/** The server closed an idle connection while the request was on its way: nothing says that it was read. */
class StaleConnectionError extends Error {
	override readonly name = "StaleConnectionError";
}

interface Received {
	readonly incoming: IncomingMessage;
	readonly body: Buffer;
}

/**
 * A `fetch` over node:https, for ky, and for requests without a body. The built-in one hides the reason phrase's origin
 * (HTTP/2), cannot show the peer certificate and follows redirects with the credentials dropped.
 * Rejects with ConnectionError, UntrustedPeerError, or the reason of the signal.
 */
export function createHttpsFetch(agent: Agent): typeof fetch {
	return async (input, init) => {
		const asked = new Request(input, init);
		return toResponse(await sendOnLiveConnection(asked, agent));
	};
}

/** As Go's transport does: a connection kept from an earlier answer may be gone, a fresh one has no such excuse. */
async function sendOnLiveConnection(asked: Request, agent: Agent): Promise<Received> {
	const overTls = asked.url.startsWith("https:");
	try {
		return await send(asked, overTls ? { agent } : {});
	} catch (error) {
		if (error instanceof StaleConnectionError) {
			const createConnection = agent.createConnection.bind(agent);
			return send(asked, overTls ? { createConnection, defaultPort: 443 } : { agent: false });
		}

		throw error;
	}
}

function send(asked: Request, way: RequestOptions): Promise<Received> {
	const { signal } = asked;
	return new Promise((resolve, reject) => {
		const request = asked.url.startsWith("https:") ? requestOverTls : requestPlain;
		const headers = Object.fromEntries(asked.headers);
		const outgoing = request(asked.url, { method: asked.method, headers, ...leniency, ...way });
		let bytesBefore = 0;
		const onAbort = () => {
			reject(signal.reason as Error);
			outgoing.destroy();
		};
		const fail = (error: Error) => {
			signal.removeEventListener("abort", onAbort);
			const known = error instanceof ConnectionError || error instanceof UntrustedPeerError;
			reject(known ? error : new ConnectionError("http", codeOf(error), error.message, { cause: error }));
		};
		signal.addEventListener("abort", onAbort, { once: true });
		outgoing.once("socket", (socket) => {
			bytesBefore = socket.bytesRead;
		});
		outgoing.once("error", (error) => {
			if (outgoing.reusedSocket && outgoing.socket?.bytesRead === bytesBefore) {
				signal.removeEventListener("abort", onAbort);
				reject(new StaleConnectionError(error.message, { cause: error }));
				return;
			}

			fail(error);
		});
		outgoing.once("response", (incoming) => {
			const chunks: Buffer[] = [];
			let length = 0;
			incoming.once("error", fail);
			incoming.once("aborted", () => {
				fail(new ConnectionError("http", "ECONNRESET", "the answer was cut off"));
			});
			incoming.on("data", (chunk: Buffer) => {
				length += chunk.length;
				chunks.push(chunk);
				if (length > maxBody) {
					incoming.destroy();
					fail(tooLarge());
				}
			});
			incoming.once("end", () => {
				signal.removeEventListener("abort", onAbort);
				resolve({ incoming, body: Buffer.concat(chunks) });
			});
		});
		outgoing.end();
	});
}

const tooLarge = (options?: ErrorOptions) =>
	new ConnectionError("http", "TOO_LARGE", `the answer is larger than ${maxBody} bytes`, options);

/** The constructor takes no status outside 200–599 and no reason phrase beyond Latin-1; servers send both. */
async function toResponse({ incoming, body }: Received): Promise<Response> {
	const { statusCode: status = 0, statusMessage = "", headersDistinct } = incoming;
	const decoded = await decompress(body, incoming.headers["content-encoding"]);
	const response = new Response(decoded.length === 0 ? null : decoded, { headers: acceptable(headersDistinct) });
	return Object.defineProperties(response, {
		ok: { value: status >= 200 && status <= 299 },
		status: { value: status },
		statusText: { value: decodeUtf8(statusMessage).replace(controls, " ") },
	});
}

/** As Go's transport does, which knows of gzip and of nothing else. */
async function decompress(body: Buffer, encoding: string | undefined): Promise<Buffer> {
	if (encoding?.toLowerCase() !== "gzip" || body.length === 0) {
		return body;
	}

	try {
		return await promisify(gunzip)(body, { maxOutputLength: maxBody });
	} catch (error) {
		if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") {
			throw tooLarge({ cause: error });
		}

		throw new ConnectionError("http", codeOf(error), "the answer's gzip encoding is broken", { cause: error });
	}
}

const controls = /(?!\t)\p{Cc}/gu;

/** A lenient parser lets names and values through that Headers refuses. */
function acceptable(headers: NodeJS.Dict<string[]>): [string, string][] {
	return Object.entries(headers)
		.filter(([name]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name))
		.flatMap(([name, values = []]) => values.map((value): [string, string] => [name, value.replace(/[\0\r\n]/g, " ")]));
}

/** Node takes the bytes of header lines for Latin-1; where they are UTF-8, that is what was meant. */
export function decodeUtf8(text: string): string {
	const bytes = Buffer.from(text, "latin1");
	return isUtf8(bytes) ? bytes.toString() : text;
}
