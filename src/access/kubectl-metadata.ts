import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cause, ProbeError } from "../errors.ts";
import type { Commands } from "./commands.ts";
import { parseJson, parsePage } from "./kubernetes-list.ts";

interface MetadataOptions {
	readonly signal?: AbortSignal | undefined;
	/** Milliseconds, for kubectl to start and for the answer each. */
	readonly timeout: number;
}

/**
 * Metadata of the objects in a list, and nothing else of them: the server leaves it out, so that the value of a Secret
 * reaches neither this program nor kubectl. `kubectl get` cannot ask for that, `kubectl proxy` passes it on; it listens
 * on a socket in a folder that only this user may enter, lets only this path through, and no other method.
 */
export async function listMetadata(
	commands: Commands,
	selection: readonly string[],
	path: string,
	options: MetadataOptions,
): Promise<readonly unknown[]> {
	const folder = mkdtempSync(join(tmpdir(), "capmox-doctor-"));
	const socket = join(folder, "kubectl");
	try {
		const proxy = await commands.serve(
			[
				"kubectl",
				...selection,
				"proxy",
				`--unix-socket=${socket}`,
				`--accept-paths=^${path.replace(/\?.*$/s, "").replaceAll(/[.\\+*?()|[\]{}^$]/g, "\\$&")}$`,
				"--reject-methods=^(?:POST|PUT|PATCH|DELETE|CONNECT)$",
			],
			/^Starting to serve/m,
			{ timeout: options.timeout },
		);
		try {
			return await listAll(socket, path, options);
		} finally {
			proxy.stop();
		}
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function listAll(socket: string, path: string, options: MetadataOptions): Promise<readonly unknown[]> {
	const items: unknown[] = [];
	let next = "";
	do {
		const query = `limit=500${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`;
		const { status, body } = await ask(socket, `${path}${path.includes("?") ? "&" : "?"}${query}`, options);
		if (status !== 200) {
			throw new ProbeError(causes[status] ?? "server-error", `GET ${path}: the server answered ${status}`);
		}

		const answer = parseJson(path, body);
		if (!(typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === expectedKind)) {
			throw new ProbeError("unreadable", `GET ${path}: the answer is no list of metadata`);
		}

		const page = parsePage(path, answer);
		items.push(...page.items);
		next = page.next;
	} while (next !== "");

	return items;
}

const expectedKind = "PartialObjectMetadataList";
/** Without a second choice behind it, so that a server that does not know it answers 406 and no objects. */
const onlyMetadata = `application/json;as=${expectedKind};g=meta.k8s.io;v=v1`;

const causes: Readonly<Record<number, Cause>> = {
	401: "unauthorized",
	403: "forbidden",
	404: "not-found",
	502: "unreachable",
	504: "timeout",
};

function ask(
	socketPath: string,
	path: string,
	{ signal, timeout }: MetadataOptions,
): Promise<{ status: number; body: string }> {
	return new Promise((resolve, reject) => {
		const failed = (error: Error) => {
			const cause = signal?.aborted === true ? "cancelled" : "unreachable";
			reject(new ProbeError(cause, `GET ${path} by kubectl proxy: ${error.message}`, { cause: error }));
		};
		const asking = request(
			{
				socketPath,
				path,
				headers: { host: "localhost", accept: onlyMetadata },
				signal,
				timeout,
			},
			(response) => {
				let body = "";
				response.setEncoding("utf8");
				response.on("data", (chunk: string) => {
					body += chunk;
				});
				response.on("error", failed);
				response.on("end", () => {
					resolve({ status: response.statusCode ?? 0, body });
				});
			},
		);
		asking.on("timeout", () => {
			reject(new ProbeError("timeout", `GET ${path} by kubectl proxy: no answer within ${timeout / 1_000} s`));
			asking.destroy();
		});
		asking.on("error", failed);
		asking.end();
	});
}
