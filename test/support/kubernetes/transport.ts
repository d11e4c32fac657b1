import type { ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { type Authority, type Certificate, createAuthority } from "../certificates.ts";

/** How a connection goes before anything is asked. */
export type Transport =
	| "sound"
	/** Nobody listens. */
	| "refused"
	/** Accepts connections and never says a word, as a virtual IP without a backend can. */
	| "deaf"
	/** Accepts connections and closes them, as a load balancer without a backend does. */
	| "hangs-up"
	/** Speaks HTTP where TLS is expected. */
	| "plain-http"
	| "other-authority"
	| "expired"
	| "not-yet-valid"
	/** The certificate is valid, for other addresses. */
	| "other-name";

/** Something that has a port, until it is closed with everyone on it. */
export interface Listener {
	readonly port: number;
	close(): Promise<void>;
}

/** What HTTP/1.1 and HTTP/2 requests have in common. */
export interface Incoming extends AsyncIterable<Buffer> {
	readonly method?: string | undefined;
	readonly url?: string | undefined;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	/** Drops the connection without a goodbye. */
	readonly hangUp: () => void;
}

export type Handler = (request: Incoming, response: ServerResponse) => void;

export async function listen(
	transport: Exclude<Transport, "refused">,
	port: number,
	authority: Authority,
	handler: Handler,
): Promise<Listener> {
	if (transport === "deaf" || transport === "hangs-up" || transport === "plain-http") {
		return open(createServer(speechless[transport]), port, new Map());
	}

	const { certificate, key } = await issueFor(transport, authority);
	const connections = new Map<number, Socket>();
	const server = createSecureServer({ cert: certificate, key, allowHTTP1: true }, (request, response) => {
		const { remotePort = 0 } = request.socket;
		const hangUp = () => connections.get(remotePort)?.destroy();
		// Node's two servers share this interface, by documentation and not by type.
		handler(Object.assign(request, { hangUp }), response as unknown as ServerResponse);
	});
	// A client that distrusts the certificate leaves in the middle of the handshake.
	server.on("tlsClientError", () => undefined);
	return open(server, port, connections);
}

async function open(server: Server, port: number, connections: Map<number, Socket>): Promise<Listener> {
	server.on("connection", (socket: Socket) => {
		const { remotePort = 0 } = socket;
		connections.set(remotePort, socket);
		socket.on("error", () => undefined).on("close", () => connections.delete(remotePort));
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject).listen(port, "127.0.0.1", resolve);
	});
	const address = server.address();
	return {
		port: typeof address === "object" && address !== null ? address.port : port,
		close: async () =>
			new Promise((resolve) => {
				server.close(() => {
					resolve();
				});
				for (const socket of connections.values()) {
					socket.destroy();
				}
			}),
	};
}

const speechless = {
	deaf: (socket: Socket) => {
		socket.resume();
	},
	"hangs-up": (socket: Socket) => {
		socket.destroy();
	},
	"plain-http": (socket: Socket) => {
		socket.end("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n");
	},
} as const;

const day = 24 * 60 * 60 * 1000;

async function issueFor(
	transport: "sound" | "other-authority" | "expired" | "not-yet-valid" | "other-name",
	authority: Authority,
): Promise<Certificate> {
	const leaf = { commonName: "kube-apiserver", names: ["127.0.0.1", "localhost", "kubernetes"] };
	const ago = (days: number) => new Date(Date.now() - days * day);
	switch (transport) {
		case "sound":
			return authority.issue(leaf);
		case "other-authority":
			return (await createAuthority({ commonName: "kubernetes", organization: "elsewhere" })).issue(leaf);
		case "expired":
			return authority.issue({ ...leaf, notBefore: ago(366), notAfter: ago(1) });
		case "not-yet-valid":
			return authority.issue({ ...leaf, notBefore: ago(-1) });
		case "other-name":
			return authority.issue({ ...leaf, names: ["10.10.10.10"] });
	}
}
