import { type RequestOptions, request } from "node:https";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Proxmox } from "./proxmox.ts";
import { goodToken } from "./state.ts";

export interface Ask {
	readonly method?: string;
	/** From the root of the server, `/api2/json` included; `/api2/json/version` unless said otherwise. */
	readonly path?: string;
	/** The whole header; the good token unless said otherwise, nothing if null. */
	readonly authorization?: string | null;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
}

export interface Heard {
	readonly status: number;
	readonly reason: string;
	readonly headers: Readonly<Record<string, string | undefined>>;
	readonly body: string;
}

export function withToken(id: string, secret: string = goodToken.secret): string {
	return `PVEAPIToken=${id}=${secret}`;
}

/** Asks over a connection of its own, trusting the stand-in's authority. */
export async function ask(proxmox: Proxmox, wanted: Ask = {}, options: RequestOptions = {}): Promise<Heard> {
	const { method = "GET", path = "/api2/json/version", body } = wanted;
	const { authorization = withToken(goodToken.id) } = wanted;
	const headers = {
		connection: "keep-alive",
		...(authorization === null ? {} : { authorization }),
		...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
		...wanted.headers,
	};
	return new Promise((resolve, reject) => {
		const asked = request(
			{ host: "127.0.0.1", port: proxmox.port, path, method, headers, ca: proxmox.ca, agent: false, ...options },
			(response) => {
				const chunks: Buffer[] = [];
				response.on("data", (chunk: Buffer) => chunks.push(chunk));
				response.on("error", reject);
				response.on("end", () => {
					asked.destroy();
					resolve({
						status: response.statusCode ?? 0,
						reason: response.statusMessage ?? "",
						headers: response.headers as Record<string, string | undefined>,
						body: Buffer.concat(chunks).toString(),
					});
				});
			},
		);
		asked.on("error", reject);
		asked.end(body);
	});
}

/** `data` of what a path below `/api2/json` answers. */
export async function dataOf<Data>(proxmox: Proxmox, path: string, authorization?: string): Promise<Data> {
	const { body } = await ask(proxmox, {
		path: `/api2/json${path}`,
		...(authorization === undefined ? {} : { authorization }),
	});
	return (JSON.parse(body) as { data: Data }).data;
}

/** Sends bytes as they are, and returns all that comes back until the server hangs up. */
export async function exchange(proxmox: Proxmox, text: string, transport: "tls" | "plain" = "tls"): Promise<string> {
	const place = { host: "127.0.0.1", port: proxmox.port };
	const stream: Duplex = transport === "tls" ? connectTls({ ...place, ca: proxmox.ca }) : connect(place);
	stream.write(text);
	const chunks: Buffer[] = [];
	for await (const chunk of stream) {
		chunks.push(chunk as Buffer);
	}

	return Buffer.concat(chunks).toString("latin1");
}
