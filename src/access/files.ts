import { constants } from "node:fs";
import { type FileHandle, open, opendir, readdir, readlink, realpath, stat, statfs } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ProbeError } from "../errors.ts";

/** A file system as statfs(2) tells it: the type's magic number and, on a live host, its space. */
export interface FileSystem {
	readonly type: number;
	/** Bytes that this user may still write. */
	readonly availableBytes?: number;
	readonly totalBytes?: number;
}

export interface FileStatus {
	/** Permission bits: `0o644`. */
	readonly mode: number;
	/** It is a regular file. */
	readonly isFile: boolean;
	/** Absent where a copied tree does not tell. */
	readonly sizeBytes?: number;
	/** On the disk; less than its size where it has holes. */
	readonly allocatedBytes?: number;
}

/** Reads files below a root, so that a copied tree can stand in for `/`. Links are resolved inside of it. Every method throws ProbeError. */
export interface Files {
	/**
	 * UTF-8 text of at most `maxBytes` (default 1 MiB); `undefined` where there is no such file. Throws where there is a
	 * directory (see isDirectoryError).
	 */
	readText(path: string, options?: { maxBytes?: number }): Promise<string | undefined>;
	/** `undefined` where there is nothing. */
	stat(path: string): Promise<FileStatus | undefined>;
	/** Names in a directory; `undefined` where there is none. */
	list(path: string): Promise<readonly string[] | undefined>;
	/** The name that the file system itself lists first; `undefined` where there is no directory, or nothing in it. */
	firstEntry(path: string): Promise<string | undefined>;
	/** Where a symbolic link points; `undefined` where there is none. */
	readLink(path: string): Promise<string | undefined>;
	/** The file system at a path; `undefined` where there is nothing, or where a copied tree does not tell. */
	statfs(path: string): Promise<FileSystem | undefined>;
}

export function createFiles(root = "/"): Files {
	const at = root === "/" ? (path: string) => Promise.resolve(resolve(path)) : createLocator(root);
	return {
		readText: (path, { maxBytes = 1_048_576 } = {}) =>
			unlessAbsent(path, async () => readAtMost(await at(path), maxBytes, path)),
		stat: (path) =>
			unlessAbsent(path, async () => {
				const found = await stat(await at(path));
				return {
					mode: found.mode & 0o777,
					isFile: found.isFile(),
					sizeBytes: found.size,
					// stat(2): blocks of 512 bytes, whatever the file system's are.
					allocatedBytes: found.blocks * 512,
				};
			}),
		list: (path) => unlessAbsent(path, async () => readdir(await at(path))),
		// readdir(3) as it comes: list() is sorted by Node.
		firstEntry: (path) =>
			unlessAbsent(path, async () => {
				const directory = await opendir(await at(path));
				const first = await directory.read();
				await directory.close();
				return first?.name;
			}),
		readLink: (path) => unlessAbsent(path, async () => readlink(join(await at(dirname(path)), basename(path)))),
		statfs: (path) =>
			unlessAbsent(path, async () => {
				const { type, bavail, blocks, bsize } = await statfs(await at(path));
				return { type, availableBytes: bavail * bsize, totalBytes: blocks * bsize };
			}),
	};
}

/** As many as Linux follows: path_resolution(7). */
const maxLinks = 40;

/** Where a path of a copied tree lies, links resolved as they were on the host that was copied: none leads out of the tree. */
function createLocator(root: string): (path: string) => Promise<string> {
	const links = new Map<string, Promise<string | undefined>>();
	const linkAt = (path: string): Promise<string | undefined> => {
		// No link, or nothing there: whoever opens it finds out.
		const found = links.get(path) ?? readlink(join(root, path)).catch(() => undefined);
		links.set(path, found);
		return found;
	};

	return async (path) => {
		let at = "/";
		let followed = 0;
		const rest = path.split("/");
		for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
			const next = join(at, name);
			const target = name === "" || name === "." || name === ".." ? undefined : await linkAt(next);
			if (target === undefined) {
				at = next;
				continue;
			}

			if (++followed > maxLinks) {
				throw new ProbeError("unreadable", `${path} is a symbolic link that leads round in a circle`);
			}

			rest.unshift(...target.split("/"));
			at = target.startsWith("/") ? "/" : at;
		}

		return join(root, at);
	};
}

/** `readText` met a directory. */
export const isDirectoryError = (error: unknown): boolean =>
	error instanceof ProbeError && hasCode(error.cause, "EISDIR");

/**
 * Reads to the end instead of trusting the size: pipes and everything under /proc report none. Never blocks, because a
 * thread that waits for a named pipe's writer outlives even process.exit.
 */
async function readAtMost(location: string, maxBytes: number, path: string): Promise<string> {
	const handle = await open(location, constants.O_RDONLY | constants.O_NONBLOCK);
	try {
		const chunks: Buffer[] = [];
		let length = 0;
		for (;;) {
			const chunk = await (length === 0 ? readFirst(handle, location, path) : readNext(handle));
			if (chunk.length === 0) {
				return Buffer.concat(chunks).toString("utf8");
			}

			length += chunk.length;
			if (length > maxBytes) {
				throw new ProbeError("unreadable", `${path} is larger than ${maxBytes} bytes`);
			}

			chunks.push(chunk);
		}
	} finally {
		await handle.close();
	}
}

const chunkSize = 65_536;
/** Milliseconds between two looks at a pipe. */
const pause = 20;
/** Milliseconds that a named pipe may be without a writer; less than the environment has as a whole. */
const patience = 1_500;

/** Waits for as long as a pipe has a writer and nothing in it; nothing comes where the end is reached. */
async function readNext(handle: FileHandle): Promise<Buffer> {
	for (;;) {
		try {
			const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, null);
			return buffer.subarray(0, bytesRead);
		} catch (error) {
			if (!hasCode(error, "EAGAIN")) {
				throw error;
			}

			await sleep(pause);
		}
	}
}

/** A named pipe without a writer is at its end before it begins. */
async function readFirst(handle: FileHandle, location: string, path: string): Promise<Buffer> {
	const first = await readNext(handle);
	if (first.length > 0 || !(await handle.stat()).isFIFO() || !(await hasName(location))) {
		return first;
	}

	const end = performance.now() + patience;
	while (performance.now() < end) {
		await sleep(pause);
		const chunk = await readNext(handle);
		if (chunk.length > 0) {
			return chunk;
		}
	}

	throw new ProbeError("timeout", `${path} is a named pipe that nobody writes to`);
}

/** The pipe of a process substitution stands behind /dev/fd, and nobody can open it for writing any more. */
const hasName = (location: string): Promise<boolean> =>
	realpath(location).then(
		() => true,
		() => false,
	);

const hasCode = (error: unknown, code: string): boolean =>
	error instanceof Error && "code" in error && error.code === code;

async function unlessAbsent<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
	try {
		return await read();
	} catch (error) {
		if (error instanceof ProbeError || !(error instanceof Error) || !("code" in error)) {
			throw error;
		}

		if (error.code === "ENOENT" || error.code === "ENOTDIR") {
			return undefined;
		}

		if (error.code === "EISDIR") {
			throw new ProbeError("unreadable", `${path} is a directory`, { cause: error });
		}

		const denied = error.code === "EACCES" || error.code === "EPERM";
		throw new ProbeError(denied ? "forbidden" : "unreadable", `${path} could not be read: ${String(error.code)}`, {
			cause: error,
		});
	}
}
