import { fstatSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { useKeptCode } from "./access/kept-code.ts";
import { createMask, withoutPasswords } from "./access/mask.ts";
import { announceNewest, isQuietPlace } from "./access/newest-release.ts";
import { runCli } from "./cli.ts";

// A session that is dropped (SIGHUP) must leave no kubeconfig behind either.
const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** FORCE_COLOR and NO_COLOR as force-color.org and no-color.org have them; the option comes first. */
function wantsColour(words: readonly string[]): boolean {
	const { FORCE_COLOR, NO_COLOR, TERM } = process.env;
	if (words.includes("--no-color")) {
		return false;
	}

	if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") {
		return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
	}

	return (NO_COLOR === undefined || NO_COLOR === "") && isTerminal("stdout") && TERM !== "dumb";
}

useKeptCode(__dirname);
const words = process.argv.slice(2);
const interruption = new AbortController();
let endedBy: keyof typeof signals | undefined;

for (const [name, code] of Object.entries(signals)) {
	process.on(name, () => {
		if (endedBy !== undefined) {
			process.exit(code);
		}

		endedBy = name as keyof typeof signals;
		interruption.abort();
		// What does not come back by itself within a moment is left behind.
		setTimeout(() => process.exit(code), 1_000).unref();
	});
}

let crash: unknown;

/** Thrown where nobody waits for it. Node's own way out is exit code 1, which means findings. */
process.on("uncaughtException", (error) => {
	crash ??= error;
	interruption.abort(error);
	setTimeout(() => {
		reportBug(crash);
		process.exit(70);
	}, 1_000).unref();
});

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** What is under way is carried to its end, though nobody reads it any more. */
let isUnderWay = false;

/** A report that is lost must not look like a good one; but a reader such as `head` may have seen enough. */
function endForWriteError(error: unknown): void {
	if (isUnderWay) {
		return;
	}

	if (codeOf(error) !== "EPIPE") {
		process.exitCode = 2;
		try {
			writeSync(
				2,
				`capmox-doctor: the output could not be written: ${error instanceof Error ? error.message : String(error)}\n`,
			);
		} catch {
			// Then there is nobody left to tell, but the exit code.
		}
	}

	process.exit(process.exitCode);
}

type StreamName = "stdout" | "stderr";
const descriptors: Readonly<Record<StreamName, number>> = { stdout: 1, stderr: 2 };

/** Streams that hold what a pipe did not take at once; all that follows goes through them, too. */
const behind = new Set<StreamName>();

/** Past Node's own streams: loading them takes a third of the time that Node takes to start. */
function write(name: StreamName, text: string): void {
	let rest = Buffer.from(text);
	try {
		while (rest.length > 0 && !behind.has(name)) {
			rest = rest.subarray(writeSync(descriptors[name], rest));
		}
	} catch (error) {
		if (codeOf(error) !== "EAGAIN") {
			endForWriteError(error);
			return;
		}

		behind.add(name);
		process[name].on("error", endForWriteError);
	}

	if (rest.length > 0) {
		process[name].write(rest);
	}
}

/** A terminal is a character device, and only for those Node's stream is asked. */
const isTerminal = (name: StreamName): boolean =>
	fstatSync(descriptors[name]).isCharacterDevice() && process[name].isTTY;

/** A message may quote what it choked on. */
function withoutSecrets(text: string): string {
	const secrets = Object.entries(process.env).filter(([name]) => /SECRET|TOKEN|PASSWORD/.test(name));
	return withoutPasswords(createMask(secrets.map(([, value = ""]) => value))(text));
}

/** Only to people: on a terminal, and not in CI. */
function announce(): void {
	const isUnwanted = ["--offline", "-q", "--quiet"].some((option) => words.includes(option));
	if (isUnwanted || !isTerminal("stdout") || !isTerminal("stderr") || isQuietPlace(process.env)) {
		return;
	}

	const line = announceNewest(version, { environment: process.env, now: Date.now(), askLater: askForNewest });
	if (line !== undefined) {
		write("stderr", line);
	}
}

/** Loaded on one run a day. In the user's home, so that no .npmrc of a folder they look into counts. */
function askForNewest(): void {
	const { spawn } = process.getBuiltinModule("node:child_process");
	spawn(process.execPath, ["--", join(__dirname, "ask-newest.cjs")], {
		cwd: homedir(),
		detached: true,
		stdio: "ignore",
	})
		.on("error", () => undefined)
		.unref();
}

function reportBug(error: unknown): void {
	const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
	write(
		"stderr",
		`capmox-doctor ${version} failed by a bug of its own; please report this:\n${withoutSecrets(stack)}\n`,
	);
	process.exitCode = 70;
}

async function main(): Promise<void> {
	try {
		process.exitCode = await runCli(
			words,
			{
				version,
				get columns() {
					return isTerminal("stdout") ? Math.min(process.stdout.columns, 100) : 80;
				},
				get colour() {
					return wantsColour(words);
				},
				get interactive() {
					return isTerminal("stdout");
				},
				get canAsk() {
					return process.stdin.isTTY && isTerminal("stdout") && process.env["TERM"] !== "dumb";
				},
				get watched() {
					return isTerminal("stderr") && process.env["TERM"] !== "dumb";
				},
				stepSummary: process.env["GITHUB_STEP_SUMMARY"],
				out: (text) => {
					write("stdout", text);
				},
				err: (text) => {
					write("stderr", text);
				},
				goOn: () => {
					isUnderWay = true;
				},
			},
			interruption.signal,
		);
		if (crash !== undefined) {
			reportBug(crash);
		} else if (endedBy !== undefined) {
			write("stderr", "Interrupted.\n");
			process.exitCode = signals[endedBy];
		} else {
			announce();
		}
	} catch (error) {
		reportBug(error);
	}

	// A hung name look-up or an open socket must not keep the answer waiting; only the answer itself may.
	await Promise.all(
		[...behind].map(
			async (name) =>
				new Promise<void>((resolve) => {
					process[name].write("", () => {
						resolve();
					});
				}),
		),
	);
	process.exit();
}

void main();
