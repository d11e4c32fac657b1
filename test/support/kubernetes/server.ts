import { mkdtemp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "../certificates.ts";
import { type Answer, answer, json, type WatchAnswer, type World } from "./api.ts";
import { type Fault, Faults, misbehave, send } from "./faults.ts";
import { type Access, writeKubeconfig } from "./kubeconfig.ts";
import { type KubernetesObject, parseObjects } from "./objects.ts";
import { readRequest } from "./request.ts";
import { listResources, resourceOf } from "./resources.ts";
import { failure, tooLarge } from "./status.ts";
import { Store } from "./store.ts";
import { type Handler, type Incoming, type Listener, listen, type Transport } from "./transport.ts";

export interface KubernetesOptions {
	/** Objects, or YAML of any number of documents, as for `kubectl apply`. */
	readonly objects?: string | readonly KubernetesObject[];
	/** Group versions of providers that are installed though no object of theirs is loaded: `cluster.x-k8s.io/v1beta2`. */
	readonly serves?: readonly string[];
	readonly version?: string;
	/** The name of the context in the kubeconfig. */
	readonly context?: string;
	/** Whom a valid token belongs to. */
	readonly user?: string;
	/** No page of a list is longer, even where the client asks for more. A real server has no such limit; tests save objects with it. */
	readonly pageLimit?: number;
	/**
	 * Logs by `namespace/pod` (the only container), `namespace/pod/container` and `namespace/pod previous`. A line may
	 * begin with the time at which the node took it, RFC 3339 in UTC, and a blank; it is shown with `timestamps` only.
	 */
	readonly logs?: Readonly<Record<string, string>>;
	/** Milliseconds that the server's clock is ahead. */
	readonly clockSkew?: number;
	readonly faults?: readonly Fault[];
	readonly transport?: Transport;
}

export interface RecordedRequest {
	readonly method: string;
	readonly path: string;
	readonly query: Readonly<Record<string, string>>;
	/** Media types that the client takes, such as metadata alone. */
	readonly accept: string;
}

export interface Kubernetes {
	readonly url: string;
	/** The authority that signs the server's certificate, PEM. */
	readonly authority: string;
	/** A bearer token that the server takes. */
	readonly token: string;
	/** Path of a kubeconfig that works. */
	readonly kubeconfig: string;
	/** For kubectl: this kubeconfig, and a home of its own, where it keeps its cache. */
	readonly environment: Readonly<Record<"HOME" | "KUBECONFIG", string>>;
	/** Every request that arrived, answered or not. */
	readonly requests: readonly RecordedRequest[];
	objects(): readonly KubernetesObject[];
	/** Creates or overwrites an object as another client would. */
	put(object: KubernetesObject): KubernetesObject;
	/** From now on no list that has begun can be continued: 410 Expired. */
	compact(): void;
	setClockSkew(milliseconds: number): void;
	/** Puts a fault in force; the function returned takes it away. */
	fail(fault: Fault): () => void;
	/** Changes how connections go, from now on; those that are open are dropped. */
	setTransport(transport: Transport): Promise<void>;
	/** Takes away every fault. */
	mend(): Promise<void>;
	/** Writes another kubeconfig. What is left out is as in the one that works; `others` are further contexts. */
	writeKubeconfig(
		variant?: Partial<Access> & {
			readonly context?: string;
			/** `null` for none; a name that is not among the contexts for an unknown one. */
			readonly currentContext?: string | null;
			readonly others?: Readonly<Record<string, Access>>;
		},
	): Promise<string>;
	close(): Promise<void>;
}

/** Stands in for a Kubernetes API server, over TLS, as far as kubectl can tell. */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
	const { version = "v1.33.2", context = "management", user = "doctor", pageLimit, logs = {} } = options;
	// Grows only: a kind is served on when the last object of it has gone.
	const seen = [...parseObjects(options.objects ?? [])];
	let resources = listResources(seen, options.serves);
	let clockSkew = options.clockSkew ?? 0;
	const now = () => new Date(Date.now() + clockSkew);
	const store = new Store(now);
	for (const object of seen) {
		store.put(resourceOf(resources, object), object);
	}

	const faults = new Faults();
	for (const fault of [...(options.faults ?? [])].reverse()) {
		faults.add(fault);
	}

	const token = "9a08jv.c0izixklcxtmnze7";
	const requests: RecordedRequest[] = [];
	const authority = await createAuthority({ commonName: "kubernetes", organization: "Kubernetes" });
	const directory = await mkdtemp(join(tmpdir(), "capmox-doctor-kubernetes-"));
	let port = 0;
	const address = () => `127.0.0.1:${port}`;
	const world: World = {
		store,
		resources: () => resources,
		version,
		address,
		tokens: [token],
		user,
		pageLimit,
		logs,
		now,
	};
	const handler: Handler = (request, response) => {
		response.setHeader("date", now().toUTCString());
		serve(request, response, { world, faults, requests }).catch((error: unknown) => {
			// The stand-in's own bug, or what it does not know: said aloud, as a real server's panic is.
			send(response, json(500, failure(500, "InternalError", `Internal error occurred: ${String(error)}`).status));
		});
	};

	let listener: Listener | undefined = await listen("sound", 0, authority, handler);
	port = listener.port;
	const setTransport = async (transport: Transport) => {
		await listener?.close();
		listener = undefined;
		listener = transport === "refused" ? undefined : await listen(transport, port, authority, handler);
	};
	if (options.transport !== undefined) {
		await setTransport(options.transport);
	}

	const url = `https://${address()}`;
	const access = { server: url, authority: authority.certificate, user: { token } };
	const kubeconfig = await writeKubeconfig(join(directory, "kubeconfig"), { [context]: access }, context);
	let variants = 0;
	return {
		url,
		authority: authority.certificate,
		token,
		kubeconfig,
		environment: { HOME: directory, KUBECONFIG: kubeconfig },
		requests,
		objects: () => store.all(),
		put: (object) => {
			seen.push(object);
			resources = listResources(seen, options.serves);
			return store.put(resourceOf(resources, object), object);
		},
		compact: () => {
			store.compact();
		},
		setClockSkew: (milliseconds) => {
			clockSkew = milliseconds;
		},
		fail: (fault) => faults.add(fault),
		setTransport,
		mend: async () => {
			faults.clear();
			await setTransport("sound");
		},
		writeKubeconfig: async ({ context: name = context, currentContext = name, others = {}, ...variant } = {}) => {
			variants += 1;
			return writeKubeconfig(
				join(directory, `kubeconfig-${variants}`),
				{ ...others, [name]: { ...access, ...variant } },
				currentContext ?? undefined,
			);
		},
		close: async () => {
			await listener?.close();
			await rm(directory, { recursive: true, force: true });
		},
	};
}

/** apiserver, server/config.go MaxRequestBodyBytes. */
const maxBody = 3 * 1_048_576;

async function serve(
	incoming: Incoming,
	response: ServerResponse,
	{ world, faults, requests }: { world: World; faults: Faults; requests: RecordedRequest[] },
): Promise<void> {
	const body = await readBody(incoming);
	const request = readRequest(incoming.method ?? "GET", incoming.url ?? "/", flatten(incoming.headers), body);
	const { method, path, query } = request;
	requests.push({ method, path, query: Object.fromEntries(query), accept: request.headers["accept"] ?? "" });

	const effect = faults.meet(request);
	if (effect?.kind === "hang") {
		return;
	}

	const reply = body.length > maxBody ? refuseBody() : answer(world, request);
	if ("describe" in reply && effect === undefined) {
		sendChanges(response, reply, world);
		return;
	}

	const sound: Answer = "describe" in reply ? { status: 200, headers: jsonType, body: reply.initial.join("") } : reply;
	if (effect === undefined) {
		send(response, sound);
	} else {
		await misbehave(effect, response, { sound, request, world, hangUp: incoming.hangUp });
	}
}

const jsonType = { "content-type": "application/json" };

function sendChanges(
	response: ServerResponse,
	{ initial, describe, timeoutSeconds }: WatchAnswer,
	{ store }: World,
): void {
	response.writeHead(200, jsonType);
	// An empty write sends the headers, which kubectl waits for.
	response.write(initial.join(""));
	const stop = store.watch((change) => {
		const line = describe(change);
		if (line !== undefined) {
			response.write(line);
		}
	});
	const timer =
		timeoutSeconds === undefined
			? undefined
			: setTimeout(() => {
					response.end();
				}, timeoutSeconds * 1_000);
	response.on("close", () => {
		stop();
		clearTimeout(timer);
	});
}

/** Stops keeping what comes once it is too much, but reads on, so that the client gets to the answer. */
async function readBody(incoming: Incoming): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of incoming) {
		length += chunk.length;
		if (length - chunk.length <= maxBody) {
			chunks.push(chunk);
		}
	}

	return Buffer.concat(chunks);
}

function refuseBody(): Answer {
	const { status } = tooLarge(maxBody);
	return json(status.code, status);
}

function flatten(headers: Incoming["headers"]): Readonly<Record<string, string>> {
	const entries = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
	return Object.fromEntries(
		entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : (value ?? "")]),
	);
}
