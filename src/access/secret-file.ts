import { constants, openSync, writeFileSync } from "node:fs";
import { appendFile, link, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../errors.ts";

export interface SecretFileOptions {
	/** Replace what is there. */
	readonly force: boolean;
}

/**
 * Writes a file that only its owner can read, whole or not at all. Without `force` never over another file, not even
 * one that appears in the same moment.
 * @throws UsageError where it may not or cannot be written.
 */
export async function writeSecretFile(path: string, text: string, { force }: SecretFileOptions): Promise<void> {
	const there = await lstat(resolve(path)).catch(() => undefined);
	if (force && there?.isFile() === false) {
		throw new UsageError(`${path} is no regular file, and --force replaces only such`);
	}

	await writeWhole(path, text, { force, mode: 0o600 });
}

/**
 * Writes a report, whole or not at all, over the former one. A device or a named pipe is written to as it is, and what
 * is open already is gone on with: whoever redirected it has the file, not its name.
 * @throws UsageError where it cannot be written.
 */
export async function writeReportFile(path: string, text: string): Promise<void> {
	const there = await stat(path).catch(() => undefined);
	const descriptor = descriptorOf(path);
	if (there === undefined || (there.isFile() && descriptor === undefined)) {
		// Through a link, so that it stays one.
		await writeWhole(await realpath(path).catch(() => path), text, { force: true, mode: 0o666 });
		return;
	}

	try {
		if (there.isFIFO()) {
			await writeToPipe(path, text);
		} else {
			writeFileSync(descriptor ?? path, text, { flag: "a" });
		}
	} catch (error) {
		throw new UsageError(`${path} cannot be written: ${reasonOf(error)}`, { cause: error });
	}
}

function descriptorOf(path: string): number | undefined {
	const [, number = path === "/dev/stderr" ? "2" : undefined] = /^\/dev\/fd\/(\d+)$/.exec(path) ?? [];
	return number === undefined ? undefined : Number(number);
}

/** Past Node's files: while one of those waits for a reader, no signal ends the program. */
async function writeToPipe(path: string, text: string): Promise<void> {
	const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
	const { Socket } = await import("node:net");
	await new Promise<void>((resolve, reject) => {
		new Socket({ fd, readable: false, writable: true })
			.once("error", (error) => {
				// Who reads no further has seen enough.
				if (isCode(error, "EPIPE")) {
					resolve();
				} else {
					reject(error);
				}
			})
			.end(text, resolve);
	});
}

/** Writes a file with this mode, whole or not at all, over the former one. @throws UsageError where it cannot be written. */
export const replaceFile = (path: string, text: string, mode: number): Promise<void> =>
	writeWhole(path, text, { force: true, mode });

/** `render` is told how many bytes are there. @throws UsageError where it cannot be written. */
export async function appendReportFile(path: string, render: (there: number) => string): Promise<void> {
	try {
		await appendFile(path, render((await stat(path).catch(() => undefined))?.size ?? 0));
	} catch (error) {
		throw new UsageError(`${path} cannot be written: ${reasonOf(error)}`, { cause: error });
	}
}

async function writeWhole(
	path: string,
	text: string,
	{ force, mode }: { force: boolean; mode: number },
): Promise<void> {
	const target = resolve(path);
	const beside = join(dirname(target), `.${basename(target)}.${crypto.randomUUID()}`);
	try {
		await writeNew(beside, text, mode);
		try {
			await (force ? rename(beside, target) : link(beside, target));
		} catch (error) {
			// FAT and some network file systems know no hard links.
			if (force || !isCode(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) {
				throw error;
			}

			await writeNew(target, text, mode);
		}
	} catch (error) {
		throw isCode(error, "EEXIST")
			? new UsageError(`${path} exists already; --force replaces it`, { cause: error })
			: new UsageError(`${path} cannot be written: ${reasonOf(error)}`, { cause: error });
	} finally {
		// Where it could not be made, removing it says the same once more, and less well.
		await rm(beside, { force: true }).catch(() => undefined);
	}
}

/** `wx` fails where anything is there already, a dangling link included. */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
	const handle = await open(path, "wx", mode);
	try {
		await handle.writeFile(text);
		await handle.sync();
	} finally {
		await handle.close();
	}
}

const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
	error instanceof Error && "code" in error && codes.includes(String(error.code));

const reasons: Readonly<Record<string, string>> = {
	ENOENT: "its folder does not exist",
	ENOTDIR: "its folder is no folder",
	EISDIR: "it is a folder",
	EACCES: "permission denied",
	ENAMETOOLONG: "its name is too long",
	ELOOP: "its links lead in a circle",
	EROFS: "the file system is read-only",
	ENOSPC: "the disk is full",
	ENXIO: "nobody reads it",
};

function reasonOf(error: unknown): string {
	const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
	return reasons[code] ?? code;
}
