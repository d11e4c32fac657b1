import { writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { announceNewest, isQuietPlace } from "./access/newest-release.ts";
import { runCli } from "./cli.ts";

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** FORCE_COLOR and NO_COLOR as force-color.org and no-color.org have them; the option comes first. */
function wantsColour(words: readonly string[]): boolean {
	const { FORCE_COLOR, NO_COLOR, TERM } = process.env;
	if (words.includes("--no-color")) {
		return false;
	}

	if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") {
		return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
	}

	return (NO_COLOR === undefined || NO_COLOR === "") && process.stdout.isTTY && TERM !== "dumb";
}

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

/** A report that is lost must not look like a good one; but a reader such as `head` may have seen enough. */
function endForWriteError(error: NodeJS.ErrnoException): void {
	if (error.code !== "EPIPE") {
		process.exitCode = 2;
		try {
			writeSync(2, `capmox-doctor: the output could not be written: ${error.message}\n`);
		} catch {
			// Then there is nobody left to tell, but the exit code.
		}
	}

	process.exit(process.exitCode);
}

/** Node builds a stream when it is first asked for, which `--version` does not do for stderr. */
function write(stream: NodeJS.WriteStream, text: string, done?: (error?: Error | null) => void): void {
	if (stream.listenerCount("error") === 0) {
		stream.on("error", endForWriteError);
	}

	stream.write(text, done);
}

/** A message may quote what it choked on. */
function withoutSecrets(text: string): string {
	const secrets = Object.entries(process.env).filter(([name]) => /SECRET|TOKEN|PASSWORD/.test(name));
	return secrets.reduce((rest, [, value = ""]) => (value.length < 4 ? rest : rest.replaceAll(value, "[secret]")), text);
}

/** Only to people: on a terminal, and not in CI. */
function announce(): void {
	const isUnwanted = ["--offline", "-q", "--quiet"].some((option) => words.includes(option));
	if (!process.stdout.isTTY || !process.stderr.isTTY || isUnwanted || isQuietPlace(process.env)) {
		return;
	}

	const line = announceNewest(version, { environment: process.env, now: Date.now(), askLater: askForNewest });
	if (line !== undefined) {
		write(process.stderr, line);
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

async function main(): Promise<void> {
	try {
		process.exitCode = await runCli(
			words,
			{
				version,
				get columns() {
					return process.stdout.isTTY ? Math.min(process.stdout.columns, 100) : 80;
				},
				get colour() {
					return wantsColour(words);
				},
				get interactive() {
					return process.stdout.isTTY;
				},
				get watched() {
					return process.stderr.isTTY && process.env["TERM"] !== "dumb";
				},
				stepSummary: process.env["GITHUB_STEP_SUMMARY"],
				out: (text) => {
					write(process.stdout, text);
				},
				err: (text) => {
					write(process.stderr, text);
				},
			},
			interruption.signal,
		);
		if (endedBy !== undefined) {
			write(process.stderr, "Interrupted.\n");
			process.exitCode = signals[endedBy];
		} else {
			announce();
		}
	} catch (error) {
		const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
		write(
			process.stderr,
			`capmox-doctor ${version} failed by a bug of its own; please report this:\n${withoutSecrets(stack)}\n`,
		);
		process.exitCode = 70;
	}

	// A hung name look-up or an open socket must not keep the answer waiting.
	write(process.stdout, "", (error) => {
		if (error) {
			endForWriteError(error);
		}

		process.exit();
	});
}

void main();
