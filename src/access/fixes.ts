import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { UsageError } from "../errors.ts";

/** A line of a journal. */
const entry = z.discriminatedUnion("event", [
	z.object({ event: z.literal("began"), at: z.string(), target: z.string(), place: z.string(), version: z.string() }),
	z.object({
		event: z.literal("started"),
		at: z.string(),
		key: z.string(),
		advice: z.string(),
		risk: z.enum(["safe", "changes", "destroys"]),
		command: z.array(z.string()).optional(),
		/** The file that was written, and the copies of how it was before, if it was there, and afterwards. */
		file: z.object({ path: z.string(), before: z.string().optional(), after: z.string() }).optional(),
		/** The copy of the objects as they were before. */
		objects: z.string().optional(),
		undo: z.union([z.string(), z.tuple([z.string()], z.string())]).optional(),
	}),
	z.object({
		event: z.literal("finished"),
		at: z.string(),
		key: z.string(),
		exitCode: z.number().int(),
		/** The end of what it printed. */
		output: z.string(),
		/** The copy of the objects as they were right afterwards. */
		objects: z.string().optional(),
	}),
	/** It ended without an answer: nobody knows whether it was done. */
	z.object({ event: z.literal("uncertain"), at: z.string(), key: z.string(), output: z.string() }),
	z.object({ event: z.literal("undone"), at: z.string(), key: z.string() }),
	z.object({ event: z.literal("ended"), at: z.string(), result: z.string() }),
]);
export type JournalEntry = z.infer<typeof entry>;
export type StartedEntry = Extract<JournalEntry, { event: "started" }>;

export interface Fix {
	readonly id: string;
	/** Its folder. */
	readonly folder: string;
	readonly entries: readonly JournalEntry[];
}

/** One fix as it is carried out: what is appended is on the disk when the call returns. */
export interface OpenFix {
	readonly id: string;
	readonly folder: string;
	append(entry: JournalEntry): Promise<void>;
	/** Keeps a text in the fix's folder; returns the file's name. */
	keep(name: string, text: string): Promise<string>;
}

/** `$XDG_STATE_HOME/capmox-doctor/fixes`: a folder for each fix, all for this user only. */
export interface Fixes {
	/** @throws UsageError where the folder cannot be written. */
	begin(at: Date): Promise<OpenFix>;
	/** The one of this name, to go on with its journal. */
	reopen(fix: Fix): OpenFix;
	/** The newest first; what is no journal is left out. */
	list(): Promise<readonly Fix[]>;
	/** Held until `release`. @throws UsageError where another process holds it. */
	lock(): Promise<{ release(): Promise<void> }>;
}

const folderMode = 0o700;
const fileMode = 0o600;
const journalName = "journal.jsonl";

export function openFixes(): Fixes {
	const { XDG_STATE_HOME: given = "" } = process.env;
	// The XDG base directory specification treats a relative path as invalid.
	const root = join(given.startsWith("/") ? given : join(homedir(), ".local", "state"), "capmox-doctor", "fixes");
	const writable = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
		try {
			return await work();
		} catch (error) {
			if (error instanceof UsageError) {
				throw error;
			}

			throw new UsageError(
				`${what} cannot be written, and fix changes nothing without its journal and copies: ${error instanceof Error ? error.message : String(error)}; name another place with XDG_STATE_HOME`,
				{ cause: error },
			);
		}
	};
	const reopen = ({ id, folder }: Pick<Fix, "id" | "folder">): OpenFix => ({
		id,
		folder,
		append: (line) =>
			writable(folder, async () => {
				const path = join(folder, journalName);
				// What a crash cut off must not take the next line with it.
				const cutOff = /[^\n]$/.test(await readFile(path, "utf8").catch(() => "")) ? "\n" : "";
				const file = await open(path, "a", fileMode);
				try {
					await file.writeFile(`${cutOff}${JSON.stringify(line)}\n`);
					await file.sync();
				} finally {
					await file.close();
				}
			}),
		keep: (name, text) =>
			writable(folder, async () => {
				await writeFile(join(folder, name), text, { mode: fileMode, flag: "wx" });
				return name;
			}),
	});
	return {
		reopen,
		begin: (at) =>
			writable(root, async () => {
				await mkdir(root, { recursive: true, mode: folderMode });
				const id = at
					.toISOString()
					.replace(/:/g, "")
					.replace(/\.(\d+)Z$/, "-$1Z");
				const folder = join(root, id);
				await mkdir(folder, { mode: folderMode });
				return reopen({ id, folder });
			}),
		list: async () => {
			const names = await readdir(root).catch(() => []);
			const read = await Promise.all(
				names.sort().map(async (id): Promise<Fix | undefined> => {
					const folder = join(root, id);
					const text = await readFile(join(folder, journalName), "utf8").catch(() => undefined);
					return text === undefined ? undefined : { id, folder, entries: parseJournal(text) };
				}),
			);
			return read.filter((fix) => fix !== undefined).reverse();
		},
		lock: () => writable(root, () => takeLock(root)),
	};
}

/** A line that a crash cut off is left out. */
const parseJournal = (text: string): readonly JournalEntry[] =>
	text.split("\n").flatMap((line) => {
		try {
			const parsed = entry.safeParse(JSON.parse(line));
			return parsed.success ? [parsed.data] : [];
		} catch {
			return [];
		}
	});

/** A lock whose process is gone, or whose number another process bears by now, is nobody's. */
async function takeLock(root: string): Promise<{ release(): Promise<void> }> {
	await mkdir(root, { recursive: true, mode: folderMode });
	const path = join(root, "lock");
	const own = `${path}.${process.pid}`;
	try {
		await writeFile(own, `${process.pid} ${(await startOf(process.pid)) ?? ""}`, { mode: fileMode });
		while (!(await isLinked(own, path))) {
			await putAside(path);
		}
	} finally {
		await rm(own, { force: true });
	}

	return {
		release: async () => {
			await rm(path, { force: true });
		},
	};
}

/** A link is there whole or not at all, so that nobody reads a lock that is half written. */
async function isLinked(from: string, to: string): Promise<boolean> {
	try {
		await link(from, to);
		return true;
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "EEXIST") {
			return false;
		}

		throw error;
	}
}

async function putAside(path: string): Promise<void> {
	const holder = await readFile(path, "utf8").catch(() => undefined);
	if (holder === undefined) {
		return;
	}

	const [pid = "", start = ""] = holder.split(" ");
	if (isAlive(Number(pid)) && (start === "" || (await startOf(Number(pid))) === start)) {
		throw new UsageError(`another fix runs, as process ${pid}; one at a time`);
	}

	// Of two that find it stale, the later may have moved the earlier one's own.
	const aside = `${path}.stale.${process.pid}`;
	await rename(path, aside).catch(() => undefined);
	if ((await readFile(aside, "utf8").catch(() => holder)) !== holder) {
		await isLinked(aside, path);
	}

	await rm(aside, { force: true });
}

function isAlive(pid: number): boolean {
	try {
		return pid > 0 && process.kill(pid, 0);
	} catch (error) {
		return error instanceof Error && "code" in error && error.code === "EPERM";
	}
}

/** When a process began, in ticks since the boot, proc(5); `undefined` where there is none, or no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
	const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
	// The name, in brackets, may hold blanks.
	return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
