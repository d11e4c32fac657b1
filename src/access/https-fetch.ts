import { request as requestPlain } from "node:http";
import { type Agent, request as requestOverTls } from "node:https";
import { ConnectionError, codeOf, UntrustedPeerError } from "./connection.ts";

/** More than any answer the Proxmox API gives to the questions asked here. */
const maxBody = 8 * 1_048_576;

/**
 * A `fetch` over node:https, for ky. The built-in one hides the reason phrase's origin (HTTP/2), cannot show the peer
 * certificate and follows redirects with the credentials dropped.
 * Rejects with ConnectionError, UntrustedPeerError, or the reason of the signal.
 */
export function createHttpsFetch(agent: Agent): typeof fetch {
	return (input, init) => {
		const asked = new Request(input, init);
		const { signal } = asked;
		return new Promise((resolve, reject) => {
			const options = { method: asked.method, headers: Object.fromEntries(asked.headers) };
			const outgoing = asked.url.startsWith("https:")
				? requestOverTls(asked.url, { ...options, agent })
				: requestPlain(asked.url, options);
			const onAbort = () => {
				outgoing.destroy();
				reject(signal.reason as Error);
			};
			const fail = (error: Error) => {
				const known = error instanceof ConnectionError || error instanceof UntrustedPeerError;
				reject(known ? error : new ConnectionError("http", codeOf(error), error.message, { cause: error }));
			};
			signal.addEventListener("abort", onAbort, { once: true });
			outgoing.once("error", fail);
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
						fail(new ConnectionError("http", "TOO_LARGE", `the answer is larger than ${maxBody} bytes`));
					}
				});
				incoming.once("end", () => {
					signal.removeEventListener("abort", onAbort);
					resolve(toResponse(incoming.statusCode ?? 0, incoming.statusMessage ?? "", incoming.headersDistinct, chunks));
				});
			});
			outgoing.end();
		});
	};
}

function toResponse(status: number, reason: string, headers: NodeJS.Dict<string[]>, chunks: Buffer[]): Response {
	const withoutBody = status === 204 || status === 205 || status === 304;
	const response = new Response(withoutBody || chunks.length === 0 ? null : Buffer.concat(chunks), {
		status: status >= 200 && status <= 599 ? status : 599,
		statusText: reason.replace(/[^\t\x20-\x7E\x80-\xFF]/g, " "),
	});
	for (const [name, values = []] of Object.entries(headers)) {
		for (const value of values) {
			response.headers.append(name, value);
		}
	}

	return response;
}
