import { chmod, chown, lstat, readFile, realpath, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { ProbeError, UsageError } from "../errors.ts";
import type { Output } from "./commands.ts";
import { replaceFile } from "./secret-file.ts";

/** What `fix` changes the world by; nothing else of this program does. Tests, and `--dry-run`, put others in its place. */
export interface Hands {
	/**
	 * Runs a program in the foreground: no shell, the terminal's input if there is one. `onOutput` hears of what it prints,
	 * in whole lines, as it comes. `limit`: milliseconds after which it is ended; without one it has all the time it takes.
	 * @throws ProbeError tool-missing, forbidden, cancelled, timeout; unreadable where a signal ended it.
	 */
	run(
		argv: readonly [string, ...string[]],
		onOutput: (text: string) => void,
		signal: AbortSignal,
		limit?: number,
	): Promise<Output>;
	/** The whole path of a file as the user wrote it, `~` included. */
	resolve(path: string): string;
	/** `undefined` where there is no such file. @throws UsageError where it cannot be read, or could not be written back byte for byte. */
	read(path: string): Promise<string | undefined>;
	/** Whole or not at all; mode and owner stay, and a new file is for everybody to read. @throws UsageError */
	write(path: string, text: string): Promise<void>;
	/** @throws UsageError */
	remove(path: string): Promise<void>;
}

/** Of a file in another encoding, no byte may be lost; its byte order mark stays in the text. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const createHands = (): Hands => ({
	run: async ([file, ...args], onOutput, signal, limit) => {
		const { execa } = await import("execa");
		const child = execa(file, args, {
			// A sudo asks for its password there.
			stdin: process.stdin.isTTY ? "inherit" : "ignore",
			reject: false,
			stripFinalNewline: false,
			cancelSignal: signal,
			...(limit === undefined ? {} : { timeout: limit }),
			// Before this program itself ends, a second after it was told to: nothing is to go on behind its back.
			forceKillAfterDelay: 500,
			env: { LC_ALL: "C" },
		});
		const last = [inLines(child.stdout, onOutput), inLines(child.stderr, onOutput)];
		const { code, exitCode, signal: endedBy, isCanceled, timedOut, stdout, stderr } = await child;
		for (const handOn of last) {
			handOn();
		}

		if (isCanceled) {
			throw new ProbeError("cancelled", `${file} was stopped`);
		}

		if (timedOut) {
			throw new ProbeError("timeout", `${file} did not end within ${(limit ?? 0) / 1_000} s and was stopped`);
		}

		if (code === "ENOENT" || code === "EACCES") {
			throw code === "ENOENT"
				? new ProbeError("tool-missing", `${file} is not installed, or not in PATH`)
				: new ProbeError("forbidden", `${file} is there, but may not be executed`);
		}

		if (exitCode === undefined) {
			throw new ProbeError(
				endedBy === "SIGINT" ? "cancelled" : "unreadable",
				`${file} was ended by ${endedBy ?? "the system"}`,
			);
		}

		return { exitCode, stdout, stderr };
	},
	resolve: (path) => resolve(path.replace(/^~(?=\/)/, homedir())),
	read: async (path) => {
		try {
			return utf8.decode(await readFile(path));
		} catch (error) {
			if (error instanceof Error && "code" in error && error.code === "ENOENT") {
				return undefined;
			}

			throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
				cause: error,
			});
		}
	},
	write: async (path, text) => {
		const target = await realpath(path).catch(() => path);
		const there = await stat(target).catch(() => undefined);
		if (there?.isFile() === false) {
			throw new UsageError(`${path} is no regular file`);
		}

		await replaceFile(target, text, there === undefined ? 0o644 : there.mode & 0o7777);
		if (there !== undefined) {
			await chown(target, there.uid, there.gid).catch(() => undefined);
			await chmod(target, there.mode & 0o7777);
		}
	},
	remove: async (path) => {
		if ((await lstat(path).catch(() => undefined))?.isFile() === true) {
			await rm(path);
		}
	},
});

/** Milliseconds after which a line without its end is a question that somebody has to see. */
const prompt = 100;

/** A secret that came in two pieces would be known for one in neither. Returns what hands on a last line without its end. */
function inLines(stream: Readable, onOutput: (text: string) => void): () => void {
	const decoder = new TextDecoder();
	let begun = "";
	let timer: NodeJS.Timeout | undefined;
	const rest = () => {
		if (begun !== "") {
			onOutput(begun);
		}

		begun = "";
	};
	stream.on("data", (chunk: Buffer) => {
		clearTimeout(timer);
		const text = begun + decoder.decode(chunk, { stream: true });
		const end = text.lastIndexOf("\n") + 1;
		begun = text.slice(end);
		if (end > 0) {
			onOutput(text.slice(0, end));
		}

		timer = setTimeout(rest, prompt);
	});
	return () => {
		clearTimeout(timer);
		rest();
	};
}
