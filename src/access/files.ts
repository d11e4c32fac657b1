import { open, readdir, readlink, stat, statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ProbeError } from "../errors.ts";

/** A file system as statfs(2) tells it: the type's magic number and, on a live host, its space. */
export interface FileSystem {
	readonly type: number;
	/** Bytes that this user may still write. */
	readonly availableBytes?: number;
	readonly totalBytes?: number;
}

/** Reads files below a root, so that a copied tree can stand in for `/`. Every method throws ProbeError. */
export interface Files {
	/** UTF-8 text of at most `maxBytes` (default 1 MiB); `undefined` where there is no such file. */
	readText(path: string, options?: { maxBytes?: number }): Promise<string | undefined>;
	/** Permission bits (`0o644`) and whether it is a regular file; `undefined` where there is nothing. */
	stat(path: string): Promise<{ readonly mode: number; readonly isFile: boolean } | undefined>;
	/** Names in a directory; `undefined` where there is none. */
	list(path: string): Promise<readonly string[] | undefined>;
	/** Where a symbolic link points; `undefined` where there is none. */
	readLink(path: string): Promise<string | undefined>;
	/** The file system at a path; `undefined` where there is nothing, or where a copied tree does not tell. */
	statfs(path: string): Promise<FileSystem | undefined>;
}

export function createFiles(root = "/"): Files {
	const locate = (path: string) => (root === "/" ? resolve(path) : join(root, path));
	return {
		readText: (path, { maxBytes = 1_048_576 } = {}) =>
			unlessAbsent(path, () => readAtMost(locate(path), maxBytes, path)),
		stat: (path) =>
			unlessAbsent(path, async () => {
				const found = await stat(locate(path));
				return { mode: found.mode & 0o777, isFile: found.isFile() };
			}),
		list: (path) => unlessAbsent(path, () => readdir(locate(path))),
		readLink: (path) => unlessAbsent(path, () => readlink(locate(path))),
		statfs: (path) =>
			unlessAbsent(path, async () => {
				const { type, bavail, blocks, bsize } = await statfs(locate(path));
				return { type, availableBytes: bavail * bsize, totalBytes: blocks * bsize };
			}),
	};
}

/** Reads to the end instead of trusting the size: pipes and everything under /proc report none. */
async function readAtMost(location: string, maxBytes: number, path: string): Promise<string> {
	const handle = await open(location, "r");
	try {
		const chunks: Buffer[] = [];
		let length = 0;
		for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
			length += chunk.length;
			if (length > maxBytes) {
				throw new ProbeError("unreadable", `${path} is larger than ${maxBytes} bytes`);
			}

			chunks.push(chunk);
		}

		return Buffer.concat(chunks).toString("utf8");
	} finally {
		await handle.close();
	}
}

async function unlessAbsent<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
	try {
		return await read();
	} catch (error) {
		if (error instanceof ProbeError || !(error instanceof Error) || !("code" in error)) {
			throw error;
		}

		if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "EISDIR") {
			return undefined;
		}

		const denied = error.code === "EACCES" || error.code === "EPERM";
		throw new ProbeError(denied ? "forbidden" : "unreadable", `${path} could not be read: ${String(error.code)}`, {
			cause: error,
		});
	}
}
