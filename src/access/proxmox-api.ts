import { ConnectionError, createAgent, maxConnections, type Peer, type Trust } from "./connection.ts";
import { createHttpsFetch, decodeUtf8 } from "./https-fetch.ts";

/** An HTTP answer, whatever its status. Texts are as received: mask them before they go further. */
export interface Answer {
	readonly status: number;
	/** The reason phrase: where Proxmox VE puts its error message. */
	readonly reason: string;
	readonly server?: string;
	readonly location?: string;
	readonly contentType?: string;
	/** The server's `Date`. */
	readonly date?: Date;
	readonly body: string;
	readonly milliseconds: number;
}

export interface ProxmoxApi {
	/**
	 * GET below `/api2/json`, no redirects, no retries.
	 * @throws ConnectionError, UntrustedPeerError; `code` is `TIMEOUT` where no answer came in time.
	 */
	get(path: string, options?: { authorization?: string; signal?: AbortSignal }): Promise<Answer>;
	/** The server's certificate, once a handshake took place. */
	peer(): Peer | undefined;
	close(): void;
}

export interface ProxmoxOptions {
	/** `https://host:port`, without `/api2/json`. */
	readonly url: string;
	readonly trust: Trust;
	/** Milliseconds; the answer's counts from the request and covers the 3 s for which Proxmox VE withholds a 401. */
	readonly timeouts?: { readonly connect: number; readonly answer: number };
}

export function createProxmoxApi({
	url,
	trust,
	timeouts = { connect: 5_000, answer: 10_000 },
}: ProxmoxOptions): ProxmoxApi {
	let seen: Peer | undefined;
	const turns = createTurns(maxConnections);
	const agent = createAgent(trust, timeouts.connect, (peer) => {
		seen = peer;
	});
	/** Loaded with the first request: ky wakes Node's own fetch, which costs 15 ms where no request is sent. */
	const load = async () => {
		const { default: ky, TimeoutError } = await import("ky");
		return { client: ky.create(settings), TimeoutError };
	};
	const settings = {
		fetch: createHttpsFetch(agent),
		prefixUrl: `${url}/api2/json`,
		retry: 0,
		throwHttpErrors: false,
		timeout: timeouts.answer,
	};
	let loading: ReturnType<typeof load> | undefined;
	return {
		peer: () => seen,
		close: () => {
			agent.destroy();
		},
		get: async (path, { authorization, signal } = {}) => {
			const { client, TimeoutError } = await (loading ??= load());
			await turns.take(signal);
			const started = performance.now();
			try {
				const response = await client.get(path, {
					headers: authorization === undefined ? {} : { authorization },
					...(signal === undefined ? {} : { signal }),
				});
				return {
					status: response.status,
					reason: response.statusText,
					...headerOf(response, "server"),
					...headerOf(response, "location"),
					...headerOf(response, "content-type", "contentType"),
					...dateOf(response),
					// A byte order mark stays: Go's JSON, and so CAPMOX, stumbles over it.
					body: new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.arrayBuffer()),
					milliseconds: Math.round(performance.now() - started),
				};
			} catch (error) {
				if (error instanceof TimeoutError) {
					throw new ConnectionError("http", "TIMEOUT", `no answer within ${timeouts.answer / 1_000} s`, {
						cause: error,
					});
				}

				throw error;
			} finally {
				turns.giveBack();
			}
		},
	};
}

/**
 * Lets as many go on at a time as there are connections, the others in the order they came. The agent's own limit does
 * not see connections that are still being made.
 */
function createTurns(limit: number) {
	const waiting: (() => void)[] = [];
	let free = limit;
	return {
		/** Rejects with the reason of the signal. */
		take: async (signal?: AbortSignal): Promise<void> => {
			signal?.throwIfAborted();
			if (free > 0) {
				free -= 1;
				return;
			}

			await new Promise<void>((resolve, reject) => {
				const admit = () => {
					signal?.removeEventListener("abort", leave);
					resolve();
				};
				const leave = () => {
					waiting.splice(waiting.indexOf(admit), 1);
					reject(signal?.reason as Error);
				};
				signal?.addEventListener("abort", leave, { once: true });
				waiting.push(admit);
			});
		},
		giveBack: (): void => {
			const next = waiting.shift();
			if (next === undefined) {
				free += 1;
			} else {
				next();
			}
		},
	};
}

function headerOf(response: Response, name: string, key = name): Record<string, string> {
	const value = response.headers.get(name);
	return value === null ? {} : { [key]: decodeUtf8(value) };
}

function dateOf(response: Response): { date?: Date } {
	const date = new Date(response.headers.get("date") ?? "");
	return Number.isNaN(date.getTime()) ? {} : { date };
}
