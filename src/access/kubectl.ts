import { homedir } from "node:os";
import { join } from "node:path";
import { type Cause, ProbeError } from "../errors.ts";
import type { Commands, Output } from "./commands.ts";
import type { Files } from "./files.ts";

export interface KubectlOptions {
	readonly kubeconfig?: string | undefined;
	readonly context?: string | undefined;
	readonly processEnvironment: Readonly<Record<string, string | undefined>>;
}

interface AskOptions {
	readonly signal?: AbortSignal | undefined;
	/** Milliseconds until the API server must have answered; default 8,000. */
	readonly timeout?: number | undefined;
}

/** The Kubernetes API through the user's own kubectl: their kubeconfig, context and credential plugins. Only reads. */
export interface Kubectl {
	/**
	 * The JSON at an API path, by `kubectl get --raw`, which needs no discovery.
	 * @throws ProbeError with `not-set-up` where there is no kubeconfig at all.
	 */
	get(path: string, options?: AskOptions): Promise<unknown>;
	/** All items of a list, page by page (`pageSize` each, default 500). */
	list(path: string, options?: AskOptions & { pageSize?: number }): Promise<readonly unknown[]>;
}

/** kubectl ends its own request first, so that its message tells where it stood; the rest is left for a credential plugin. */
const spare = 2_000;
const largestAnswer = 256 * 1_048_576;

export function createKubectl(commands: Commands, files: Files, options: KubectlOptions): Kubectl {
	const selection = [
		...(options.kubeconfig === undefined ? [] : [`--kubeconfig=${options.kubeconfig}`]),
		...(options.context === undefined ? [] : [`--context=${options.context}`]),
	];

	async function get(path: string, { signal, timeout = 8_000 }: AskOptions = {}): Promise<unknown> {
		await requireKubeconfig(files, options);
		const argv = [
			"kubectl",
			...selection,
			"get",
			"--raw",
			path,
			`--request-timeout=${Math.max(1, Math.round(timeout / 1_000))}s`,
		] as const;
		const output = await runKubectl(argv, { signal, timeout: timeout + spare, maxOutput: largestAnswer });
		if (output.exitCode !== 0) {
			throw failure(path, output.stderr);
		}

		return parseJson(path, output.stdout);
	}

	async function runKubectl(
		argv: readonly [string, ...string[]],
		runOptions: { signal: AbortSignal | undefined; timeout: number; maxOutput: number },
	): Promise<Output> {
		try {
			return await commands.run(argv, runOptions);
		} catch (error) {
			// Had the server been silent, kubectl's own, shorter timeout would have spoken.
			if (error instanceof ProbeError && error.reason === "timeout" && (await usesPlugin())) {
				throw new ProbeError(
					"needs-login",
					`kubectl did not come back within ${runOptions.timeout / 1_000} s: the credential plugin of this context seems to wait for a person`,
					{ cause: error },
				);
			}

			throw error;
		}
	}

	/** Read here, because asking kubectl would start the plugin once more. */
	async function usesPlugin(): Promise<boolean> {
		const texts = await Promise.all(kubeconfigsOf(options).map((path) => files.readText(path)));
		return texts.some((text) => /^\s*"?exec"?:/m.test(text ?? ""));
	}

	async function list(
		path: string,
		{ pageSize = 500, ...ask }: AskOptions & { pageSize?: number } = {},
	): Promise<readonly unknown[]> {
		const separator = path.includes("?") ? "&" : "?";
		const items: unknown[] = [];
		let next = "";
		do {
			const query = `limit=${pageSize}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`;
			let page: Page;
			try {
				page = parsePage(path, await get(`${path}${separator}${query}`, ask));
			} catch (error) {
				// The server forgets a continue token after some minutes; the whole list in one answer has none.
				if (next !== "" && error instanceof ProbeError && /expired|too old/i.test(error.message)) {
					return parsePage(path, await get(path, ask)).items;
				}

				throw error;
			}

			items.push(...page.items);
			next = page.next;
		} while (next !== "");

		return items;
	}

	return { get, list };
}

interface Page {
	readonly items: readonly unknown[];
	readonly next: string;
}

/** A list without items is `[]` or `null`; anything without that key is not a list, and no evidence of emptiness. */
function parsePage(path: string, value: unknown): Page {
	if (
		typeof value !== "object" ||
		value === null ||
		!("items" in value) ||
		!(Array.isArray(value.items) || value.items === null)
	) {
		throw new ProbeError("unreadable", `GET ${path}: the answer is not a list`);
	}

	const metadata: unknown = "metadata" in value ? value.metadata : undefined;
	const next = typeof metadata === "object" && metadata !== null && "continue" in metadata ? metadata.continue : "";
	return { items: value.items ?? [], next: typeof next === "string" ? next : "" };
}

function parseJson(path: string, text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch (error) {
		const kind = /^\s*</.test(text) ? "HTML" : `no complete JSON (${text.length} characters)`;
		throw new ProbeError("unreadable", `GET ${path}: the server answered ${kind}`, { cause: error });
	}
}

/** The files that kubectl reads, as client-go looks for them. */
export function kubeconfigsOf({ kubeconfig, processEnvironment }: KubectlOptions): readonly string[] {
	const { HOME: home = homedir(), KUBECONFIG: list = "" } = processEnvironment;
	const named = list.split(":").filter((path) => path !== "");
	return kubeconfig !== undefined ? [kubeconfig] : named.length > 0 ? named : [join(home, ".kube", "config")];
}

/** Without any kubeconfig kubectl asks localhost:8080, and its "connection refused" would blame a cluster that does not exist. */
async function requireKubeconfig(files: Files, options: KubectlOptions): Promise<void> {
	const { kubeconfig, processEnvironment } = options;
	if (kubeconfig !== undefined) {
		if ((await files.stat(kubeconfig)) === undefined) {
			throw new ProbeError("misconfigured", `--kubeconfig: there is no file ${kubeconfig}`);
		}

		return;
	}

	const candidates = kubeconfigsOf(options);
	const found = await Promise.all(candidates.map((path) => files.stat(path)));
	if (found.some((file) => file !== undefined) || (processEnvironment["KUBERNETES_SERVICE_HOST"] ?? "") !== "") {
		return;
	}

	throw (processEnvironment["KUBECONFIG"] ?? "") !== ""
		? new ProbeError("misconfigured", `KUBECONFIG names ${candidates.join(" and ")}, but there is no such file`)
		: new ProbeError("not-set-up", "there is no kubeconfig: neither --kubeconfig, nor KUBECONFIG, nor ~/.kube/config");
}

/** kubectl's own words for each cause, as kubectl 1.20 to 1.34 print them; first match wins. */
const wordings: readonly (readonly [RegExp, Cause])[] = [
	[/getting credentials: exec|exec plugin|interactive|stdin is unavailable/i, "needs-login"],
	// Without credentials kubectl asks for a user name, and there is nobody on stdin.
	[/must be logged in|\(Unauthorized\)|Unauthorized|^error: EOF$/i, "unauthorized"],
	[/\(Forbidden\)|forbidden/i, "forbidden"],
	[/\(NotFound\)|could not find the requested resource/i, "not-found"],
	// A kubeconfig without a current context leads to kubectl's built-in address.
	[/localhost:8080 was refused/i, "misconfigured"],
	[
		/context .* does not exist|context was not found|no context exists|error loading config|invalid configuration|no configuration has been provided|unable to (?:read|load)|no such file/i,
		"misconfigured",
	],
	[
		/context deadline exceeded|Client\.Timeout|request canceled|i\/o timeout|TLS handshake timeout|\(Timeout\)/i,
		"timeout",
	],
	[
		/refused|no such host|no route to host|network is unreachable|x509|tls:|certificate|connection reset|EOF|Unable to connect/i,
		"unreachable",
	],
	[/TooManyRequests|InternalError|ServiceUnavailable|Error from server/i, "server-error"],
];

/** The line that names the cause; kubectl may well go on with advice after it. */
function failure(path: string, stderr: string): ProbeError {
	const lines = stderr
		.trim()
		.split("\n")
		.map((line) => line.trim());
	for (const [pattern, cause] of wordings) {
		const said = lines.find((line) => pattern.test(line));
		if (said !== undefined) {
			return new ProbeError(cause, `GET ${path}: kubectl said: ${said.slice(0, 300)}`);
		}
	}

	const last = lines.at(-1) ?? "";
	return new ProbeError("unreadable", `GET ${path}: kubectl said: ${last === "" ? "nothing" : last.slice(0, 300)}`);
}
