import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Chalk } from "chalk";
import { directory, load } from "../../checks/directory.ts";
import { createFiles } from "../access/files.ts";
import { type Log, openLog, openStandardInput, quotedLog } from "../access/log.ts";
import { type Cause, ProbeError, UsageError } from "../errors.ts";
import { explain as judge } from "../explain/explanation.ts";
import { compile, createRecogniser } from "../explain/recogniser.ts";
import { maskShapes } from "../explain/secrets.ts";
import type { Signatures } from "../explain/signature.ts";
import { createTimelines } from "../explain/timeline.ts";
import { explanationJson, renderExplanation } from "../report/explanation.ts";
import { renderPage } from "../report/page.ts";
import type { Live, LiveOptions } from "./live.ts";
import { masking } from "./look.ts";
import { nearest } from "./select.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

/** `explain`: the page of a check or finding, or what is known of the messages in a log. */
export async function explain(
	words: readonly string[],
	options: LiveOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
): Promise<number> {
	const [word = ""] = words;
	if (options.live) {
		return await explainLive(words, options, terminal, interrupted);
	}

	if (words.length === 1 && directory.some(({ id }) => id === word.split("/")[0]) && !/\s/.test(word)) {
		return await showPage(word, terminal);
	}

	return await explainLogs(await logsOf(words), options, terminal, interrupted);
}

/** Causes that the sentence itself says. */
const selfEvident: readonly Cause[] = ["not-set-up", "misconfigured", "not-found", "tool-missing", "timeout"];

/** Returns 3 where the logs are not to be had. */
async function explainLive(
	[word]: readonly string[],
	options: LiveOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
): Promise<number> {
	if (word !== undefined) {
		throw new UsageError(`--live reads the logs of the cluster, and takes no file, text or check beside: ${word}`);
	}

	const { readLive } = await import("./live.ts");
	let live: Live;
	try {
		live = await readLive(options, terminal, interrupted);
	} catch (error) {
		if (!(error instanceof ProbeError)) {
			throw error;
		}

		const mask = await masking(options);
		const cause = selfEvident.includes(error.reason) ? "" : ` (${error.reason})`;
		if (!interrupted.aborted) {
			terminal.err(`capmox-doctor: the logs cannot be read: ${maskShapes(mask(error.message))}${cause}\n`);
		}

		return 3;
	}

	return await explainLogs(live.logs, options, terminal, interrupted, live);
}

async function showPage(word: string, terminal: Terminal): Promise<number> {
	const [id = "", code] = word.split("/");
	const page = await createFiles().readText(fileURLToPath(new URL(`../../checks/${id}.md`, import.meta.url)));
	const text = page === undefined || code === undefined ? page : sectionOf(page, code);
	if (text === undefined) {
		throw await unknown(word);
	}

	terminal.out(
		terminal.interactive || terminal.colour
			? renderPage(text, { paint: new Chalk({ level: terminal.colour ? 1 : 0 }), width: terminal.columns })
			: `${text.trim()}\n`,
	);
	return 0;
}

/** From the heading `### code` to the next heading. */
export function sectionOf(page: string, code: string): string | undefined {
	const [, ...sections] = page.split(/^(?=#{1,3} )/m);
	return sections.find((section) => section.startsWith(`### ${code}\n`));
}

async function unknown(word: string): Promise<UsageError> {
	const checks = await load(directory);
	const known = checks.flatMap((check) => [
		check.id,
		...Object.keys(check.findings).map((name) => `${check.id}/${name}`),
	]);
	return new UsageError(
		`there is no check or finding ${JSON.stringify(word)}${nearest(word, known)}; see capmox-doctor list --findings`,
	);
}

/** What the words name: files, `-`, or a text. */
async function logsOf(words: readonly string[]): Promise<readonly Log[]> {
	const option = words.find((word) => /^-[^\s]+$/.test(word));
	if (option !== undefined) {
		throw new UsageError(`unknown option '${option}'; a text that begins with it goes behind --`);
	}

	if (words.length === 0) {
		return [openStandardInput()];
	}

	const opened = await Promise.all(words.map(open));
	const logs = opened.filter((log) => log !== undefined);
	if (logs.length === words.length) {
		return logs;
	}

	const missing = words.find((_, index) => opened[index] === undefined) ?? "";
	if (logs.length > 0 || (!/\s/.test(missing) && looksLikePath(missing))) {
		throw new UsageError(`there is no file ${missing}`);
	}

	const text = words.join(" ");
	if (text.trim() === "") {
		throw new UsageError("the text is empty");
	}

	if (words.length === 1 && /^[a-z0-9-]+(?:\/[a-z0-9-]*)?$/i.test(text)) {
		throw await unknown(text);
	}

	return [quotedLog(text)];
}

const open = async (word: string): Promise<Log | undefined> =>
	word === "-" ? openStandardInput() : /[\n\r]/.test(word) ? undefined : await openLog(word);

const looksLikePath = (word: string): boolean =>
	/^[.~/]|[/\\].*\.|\.(?:log|txt|out|json|ya?ml|gz|xz|zst|\d)$/.test(word);

async function explainLogs(
	logs: readonly Log[],
	options: GlobalOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
	live?: Live,
): Promise<number> {
	// A pattern that is tried often would be kept twice, as bytecode and as machine code: 24 MiB for all of them.
	setFlagsFromString("--no-regexp-tier-up");
	const signatures = await readSignatures();
	const timelines = live === undefined ? undefined : createTimelines(live.known);
	const recogniser = createRecogniser(compile(signatures), timelines);
	for (const log of logs) {
		recogniser.begin(log.name);
		for await (const chunk of log.chunks(interrupted)) {
			recogniser.feed(chunk);
			if (interrupted.aborted) {
				break;
			}
		}
	}

	if (interrupted.aborted) {
		return 0;
	}

	const hideKnown = await masking(options);
	const mask = (text: string) => maskShapes(hideKnown(text));
	const explanation = judge(recogniser.end(), mask);
	const unseen = live !== undefined && live.unread.length + live.cut.length > 0;
	const explained = {
		version: terminal.version,
		sources: logs.map(({ name }) => name),
		explanation,
		known: signatures.signatures.length,
		exitCode: explanation.lines === 0 || unseen ? 3 : 0,
		...(live === undefined || timelines === undefined
			? {}
			: {
					live: {
						...timelines.end(mask),
						place: live.place,
						unread: live.unread.map(({ name, reason }) => ({ name, reason: mask(reason) })),
						cut: live.cut,
					},
				}),
	};
	terminal.out(
		options.format === "json"
			? explanationJson(explained)
			: renderExplanation(explained, {
					paint: new Chalk({ level: terminal.colour ? 1 : 0 }),
					width: terminal.columns,
					verbose: options.verbose,
					quiet: options.quiet,
				}),
	);
	return explained.exitCode;
}

/** The build turns the YAML into JSON, which is read in a tenth of the time. */
async function readSignatures(): Promise<Signatures> {
	const read = (name: string) =>
		createFiles().readText(fileURLToPath(new URL(`../knowledge/${name}`, import.meta.url)));
	const built = await read("signatures.json");
	if (built !== undefined) {
		return JSON.parse(built) as Signatures;
	}

	const { parse } = await import("../yaml.ts");
	return parse((await read("signatures.yaml")) ?? "") as Signatures;
}
