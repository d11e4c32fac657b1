import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { pathOf, type Request } from "./answer.ts";
import type { Fault } from "./faults.ts";
import type { Product } from "./products.ts";
import { render, requestsOn } from "./wire.ts";
import type { World } from "./world.ts";

/** A request the server has seen. */
export interface RecordedRequest {
	readonly method: string;
	/** As sent, with its query. */
	readonly target: string;
	/** Below `/api2/json`, without query: what faults are selected by. */
	readonly path: string;
	/** The raw value, absent if none was sent. */
	readonly authorization: string | undefined;
	readonly secure: boolean;
	/** The status that was meant to be answered, whatever a fault made of it. */
	readonly status: number;
	/** Seconds the answer was kept back. */
	readonly withheld: number;
}

export interface Listener {
	readonly port: number;
	readonly requests: readonly RecordedRequest[];
	connections(): number;
	close(): Promise<void>;
}

const firstByteOfTls = 0x16;

/** Listens on 127.0.0.1. TLS and plain HTTP share the port, as they do on pveproxy: the first byte tells them apart. */
export async function listen(options: {
	readonly world: World;
	readonly product: Product;
	readonly key: string;
	readonly chain: string;
	readonly faults: ReadonlyMap<string, Fault>;
	readonly port: number;
}): Promise<Listener> {
	const { world, product, key, chain, faults } = options;
	const requests: RecordedRequest[] = [];
	const sockets = new Set<Socket>();
	let connections = 0;

	const serve = async (stream: Duplex, secure: boolean): Promise<void> => {
		for await (const request of requestsOn(stream, secure)) {
			const answer = product.answer(world, request);
			const path = endpointOf(request);
			const withheld = answer.withheld === true ? world.state.delay : 0;
			requests.push({
				method: request.method,
				target: request.target,
				path,
				authorization: request.headers["authorization"],
				secure,
				status: answer.status,
				withheld,
			});
			await sleep(withheld * 1000, undefined, { ref: false });
			const rendered = render(answer, request, product, new Date(Date.now() + world.state.clockSkew * 1000));
			const fault = faults.get(path) ?? faults.get("*");
			if (fault?.stage === "answer") {
				await fault.apply({ ...rendered, stream });
				return;
			}

			const bytes = Buffer.concat([rendered.head, rendered.body]);
			// A redirected client is sent away at once, whatever the head says (AnyEvent.pm ensure_tls_connection).
			if (!rendered.keepsAlive || !secure) {
				stream.end(bytes);
				return;
			}

			stream.write(bytes);
		}
	};

	const start = (stream: Duplex, secure: boolean): void => {
		stream.on("error", () => stream.destroy());
		serve(stream, secure).catch(() => stream.destroy());
	};
	const tls = createTlsServer({ key, cert: chain }, (socket) => {
		start(socket, true);
	});
	tls.on("tlsClientError", (_, socket) => socket.destroy());

	const listener = createServer({ noDelay: true }, (socket) => {
		connections += 1;
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
		socket.on("error", () => socket.destroy());
		const fault = faults.get("*");
		if (fault?.stage === "connection") {
			fault.apply(socket);
			return;
		}

		socket.once("data", (first: Buffer) => {
			socket.pause();
			socket.unshift(first);
			if (first[0] === firstByteOfTls) {
				tls.emit("connection", socket);
			} else if (world.generation.redirectsPlainHttp) {
				start(socket, false);
			} else {
				socket.destroy();
			}
		});
	});
	await new Promise<void>((resolve, reject) => {
		listener.once("error", reject);
		listener.listen(options.port, "127.0.0.1", resolve);
	});

	const address = listener.address();
	return {
		port: typeof address === "object" && address !== null ? address.port : options.port,
		requests,
		connections: () => connections,
		close: async () => {
			for (const socket of sockets) {
				socket.destroy();
			}

			await new Promise((resolve) => listener.close(resolve));
		},
	};
}

/** `/api2/json/nodes?x=1` → `/nodes` */
function endpointOf({ target }: Request): string {
	return pathOf(target).replace(/^\/api2\/json(?=\/|$)/, "") || "/";
}
