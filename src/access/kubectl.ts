import { homedir } from "node:os";
import { join } from "node:path";
import { type Cause, ProbeError } from "../errors.ts";
import { limit } from "../in-turn.ts";
import type { Commands, Output } from "./commands.ts";
import type { Files } from "./files.ts";
import { type Page, parseJson, parsePage } from "./kubernetes-list.ts";

export interface KubectlOptions {
	readonly kubeconfig?: string | undefined;
	readonly context?: string | undefined;
	/** What the user gave the kubeconfig by, for messages; default `--kubeconfig`. */
	readonly option?: string | undefined;
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
	/** What is at an API path and no JSON, such as a container's log. */
	getText(path: string, options?: AskOptions): Promise<string>;
	/** The JSON at an API path together with the server's clock, where kubectl shows it. */
	getDated(path: string, options?: AskOptions): Promise<{ readonly value: unknown; readonly date: Date | undefined }>;
	/** All items of a list, page by page (`pageSize` each, default 500). */
	list(path: string, options?: AskOptions & { pageSize?: number }): Promise<readonly unknown[]>;
	/** The same, with what `keep` makes of each item as its page arrives, so that no more than one page is held as a whole. */
	listKept<T>(
		path: string,
		keep: (item: unknown) => T,
		options?: AskOptions & { pageSize?: number },
	): Promise<readonly T[]>;
	/**
	 * A short list that several facts are made of: asked for once in a run, whoever comes first, and kept as a whole.
	 * It ends at its own `timeout`, not with one of those who wait for it.
	 */
	listOnce(path: string, options?: Omit<AskOptions, "signal"> & { pageSize?: number }): Promise<readonly unknown[]>;
	/** A list of which the server sends nothing but each item's `metadata`: for Secrets, whose values must not travel. */
	listMetadata(path: string, options?: AskOptions): Promise<readonly unknown[]>;
}

/** kubectl ends its own request first, so that its message tells where it stood; the rest is left for a credential plugin. */
const spare = 2_000;
const largestAnswer = 256 * 1_048_576;
/** Each kubectl takes some 50 MB and a handshake. */
const mostAtOnce = 4;
/** kubectl copies one answer and ends: collecting garbage on several threads is a quarter of what it costs. */
const shortLived = { GOMAXPROCS: "1", GOGC: "off", GOMEMLIMIT: "256MiB" };

export function createKubectl(commands: Commands, files: Files, options: KubectlOptions): Kubectl {
	const selection = [
		...(options.kubeconfig === undefined ? [] : [`--kubeconfig=${options.kubeconfig}`]),
		...(options.context === undefined ? [] : [`--context=${options.context}`]),
	];

	const inTurn = limit(mostAtOnce);

	async function ask(
		path: string,
		{ signal, timeout = 8_000 }: AskOptions,
		...flags: readonly string[]
	): Promise<Pick<Output, "stdout" | "stderr">> {
		await requireKubeconfig(files, options);
		const argv = [
			"kubectl",
			...selection,
			"get",
			"--raw",
			path,
			`--request-timeout=${Math.max(1, Math.round(timeout / 1_000))}s`,
			...flags,
		] as const;
		const output = await inTurn(() => runKubectl(argv, { signal, timeout: timeout + spare, maxOutput: largestAnswer }));
		if (output.exitCode !== 0) {
			throw failure(path, withoutLog(output.stderr));
		}

		return output;
	}

	const get = async (path: string, askOptions: AskOptions = {}): Promise<unknown> =>
		parseJson(path, (await ask(path, askOptions)).stdout);

	async function getDated(path: string, askOptions: AskOptions = {}) {
		// From this level on kubectl shows the headers of the answer; it masks those of the request.
		const { stdout, stderr } = await ask(path, askOptions, "-v=8");
		return { value: parseJson(path, stdout), date: parseDate(stderr) };
	}

	async function runKubectl(
		argv: readonly [string, ...string[]],
		runOptions: { signal: AbortSignal | undefined; timeout: number; maxOutput: number },
	): Promise<Output> {
		try {
			return await commands.run(argv, { ...runOptions, env: shortLived });
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

	async function listKept<T>(
		path: string,
		keep: (item: unknown) => T,
		{ pageSize = 500, ...askOptions }: AskOptions & { pageSize?: number } = {},
	): Promise<readonly T[]> {
		const separator = path.includes("?") ? "&" : "?";
		const kept: T[] = [];
		let next = "";
		do {
			const query = `limit=${pageSize}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`;
			let page: Page;
			try {
				page = parsePage(path, await get(`${path}${separator}${query}`, askOptions));
			} catch (error) {
				// The server forgets a continue token after some minutes; the whole list in one answer has none.
				if (next !== "" && error instanceof ProbeError && /expired|too old/i.test(error.message)) {
					return parsePage(path, await get(path, askOptions)).items.map(keep);
				}

				throw error;
			}

			for (const item of page.items) {
				kept.push(keep(item));
			}

			next = page.next;
		} while (next !== "");

		return kept;
	}

	const list: Kubectl["list"] = (path, listOptions) => listKept(path, (item) => item, listOptions);
	const listed = new Map<string, Promise<readonly unknown[]>>();

	function listOnce(path: string, listOptions?: { timeout?: number | undefined; pageSize?: number }) {
		const running = listed.get(path) ?? list(path, listOptions);
		listed.set(path, running);
		return running;
	}

	return {
		get,
		getText: async (path, askOptions = {}) => (await ask(path, askOptions)).stdout,
		getDated,
		list,
		listKept,
		listOnce,
		listMetadata: async (path, { signal, timeout = 8_000 } = {}) => {
			await requireKubeconfig(files, options);
			const { listMetadata } = await import("./kubectl-metadata.ts");
			return inTurn(() => listMetadata(commands, selection, path, { signal, timeout }));
		},
	};
}

/** In the log of kubectl up to 1.32 each header has a line of its own, later ones indent them. */
function parseDate(log: string): Date | undefined {
	const [, text] = /^(?:I\d{4} .*\])?\s+Date: (.+ GMT)\s*$/m.exec(log) ?? [];
	return text === undefined ? undefined : new Date(text);
}

/** What kubectl says to a person: without its log, whose lines begin with level and date or go on indented. */
function withoutLog(stderr: string): string {
	const said = stderr.replace(/^(?:[IWEF]\d{4} |\t| >).*\n?/gm, "");
	return said.trim() === "" ? stderr : said;
}

/** The files that kubectl reads, as client-go looks for them. */
export function kubeconfigsOf({ kubeconfig, processEnvironment }: KubectlOptions): readonly string[] {
	const { HOME: home = homedir(), KUBECONFIG: list = "" } = processEnvironment;
	const named = list.split(":").filter((path) => path !== "");
	return kubeconfig !== undefined ? [kubeconfig] : named.length > 0 ? named : [join(home, ".kube", "config")];
}

/** Without any kubeconfig kubectl asks localhost:8080, and its "connection refused" would blame a cluster that does not exist. */
async function requireKubeconfig(files: Files, options: KubectlOptions): Promise<void> {
	const { kubeconfig, processEnvironment, option = "--kubeconfig" } = options;
	if (kubeconfig !== undefined) {
		if ((await files.stat(kubeconfig)) === undefined) {
			throw new ProbeError("misconfigured", `${option}: there is no file ${kubeconfig}`);
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
