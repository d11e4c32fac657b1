import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "../errors.ts";

/** A text of any length, to be read once from its begin. */
export interface Log {
	/** As the user wrote it; "the standard input" for `-`. */
	readonly name: string;
	/** Bytes of UTF-8. A chunk is only good until the next one. Throws UsageError where they are no text. */
	chunks(interrupted: AbortSignal): AsyncGenerator<Buffer>;
}

const chunkSize = 262_144;
/** A NUL among the first bytes means that it is no text; later ones are what a power cut leaves in a log. */
const looked = 8_192;

/**
 * What a word names: a file to read, nothing that exists, or something that cannot be read as a log (UsageError).
 * @throws UsageError for a directory, and where reading is not allowed.
 */
export async function openLog(path: string): Promise<Log | undefined> {
	let handle: FileHandle;
	try {
		// Never waits for the writer of a named pipe, because a thread that does outlives even process.exit.
		handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : "";
		if (["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE"].includes(code)) {
			return undefined;
		}

		throw new UsageError(`${path} cannot be read: ${reasons[code] ?? code}`, { cause: error });
	}

	const stat = await handle.stat();
	if (stat.isDirectory()) {
		await handle.close();
		throw new UsageError(`${path} is a directory; name the files in it`);
	}

	return { name: path, chunks: (interrupted) => asText(path, fromFile(path, handle, stat.isFIFO(), interrupted)) };
}

const reasons: Readonly<Record<string, string>> = { EACCES: "permission denied", EPERM: "permission denied" };

/** @throws UsageError where a terminal is in place of a pipe. */
export function openStandardInput(): Log {
	if (process.stdin.isTTY) {
		throw new UsageError("name a check, a finding or a file, quote a text, or pipe a log in");
	}

	const name = "the standard input";
	return { name, chunks: (interrupted) => asText(name, fromStandardInput(interrupted)) };
}

/** A text of the command line. */
export const quotedLog = (text: string): Log => ({
	name: "the text",
	async *chunks() {
		yield await Promise.resolve(Buffer.from(text));
	},
});

/** Ends, too, where the user has seen enough. */
async function* fromStandardInput(interrupted: AbortSignal): AsyncGenerator<Buffer> {
	const { stdin } = process;
	interrupted.addEventListener("abort", () => {
		stdin.destroy();
	});
	try {
		yield* stdin as AsyncIterable<Buffer>;
	} catch (error) {
		if (!interrupted.aborted) {
			throw error;
		}
	}
}

/** Milliseconds between two looks at a pipe, and those that it may be without a writer. */
const pause = 20;
const patience = 1_500;

async function* fromFile(
	path: string,
	handle: FileHandle,
	isPipe: boolean,
	interrupted: AbortSignal,
): AsyncGenerator<Buffer> {
	const space = Buffer.allocUnsafe(chunkSize);
	const giveUp = performance.now() + patience;
	let began = !isPipe;
	try {
		while (!interrupted.aborted) {
			const read = await readInto(space, handle);
			if (read === 0 && began) {
				return;
			}

			if (read > 0) {
				began = true;
				yield space.subarray(0, read);
			} else if (read === 0 && performance.now() > giveUp) {
				throw new UsageError(`${path} is a named pipe that nobody writes to`);
			} else {
				await sleep(pause);
			}
		}
	} finally {
		await handle.close();
	}
}

/** Bytes read, 0 at the end, -1 where a pipe has nothing yet. */
async function readInto(space: Buffer, handle: FileHandle): Promise<number> {
	try {
		return (await handle.read(space, 0, chunkSize, null)).bytesRead;
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "EAGAIN") {
			return -1;
		}

		throw error;
	}
}

/** PowerShell redirects as UTF-16, with a mark at the begin. */
const utf16: Readonly<Record<string, string>> = { fffe: "utf-16le", feff: "utf-16be" };

async function* asText(name: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	let decoder: InstanceType<typeof TextDecoder> | undefined;
	let seen = 0;
	for await (const chunk of chunks) {
		if (seen === 0) {
			const encoding = utf16[chunk.toString("hex", 0, 2)];
			decoder = encoding === undefined ? undefined : new TextDecoder(encoding);
			refusePacked(name, chunk);
		}

		if (decoder === undefined && seen < looked && chunk.subarray(0, looked - seen).includes(0)) {
			throw new UsageError(`${name} is not text`);
		}

		seen += chunk.length;
		yield decoder === undefined ? chunk : Buffer.from(decoder.decode(chunk, { stream: true }));
	}
}

const packed = [
	{ magic: "1f8b", tool: "zcat" },
	{ magic: "28b52ffd", tool: "zstdcat" },
	{ magic: "fd377a585a00", tool: "xzcat" },
	{ magic: "425a68", tool: "bzcat" },
	{ magic: "504b0304", tool: "unzip -p" },
] as const;

function refusePacked(name: string, chunk: Buffer): void {
	const head = chunk.toString("hex", 0, 6);
	const found = packed.find(({ magic }) => head.startsWith(magic));
	if (found !== undefined) {
		const file = name.startsWith("the ") ? "FILE" : name;
		throw new UsageError(`${name} is packed; unpack it first: ${found.tool} ${file} | capmox-doctor explain`);
	}
}
