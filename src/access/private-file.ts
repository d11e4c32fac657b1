import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PrivateFile {
	readonly path: string;
	remove(): void;
}

/** What is interrupted twice, or hangs, ends without coming back to `remove`. */
const folders = new Set<string>();
const removeAll = () => {
	for (const folder of folders) {
		rmSync(folder, { recursive: true, force: true });
	}
};

/** A file that only this user can read, in a folder that only this user can open. Both are gone when the program ends, by a signal, too. */
export function keepPrivately(name: string, text: string): PrivateFile {
	const folder = mkdtempSync(join(tmpdir(), "capmox-doctor-"));
	if (folders.size === 0) {
		process.once("exit", removeAll);
	}

	folders.add(folder);
	const path = join(folder, name);
	writeFileSync(path, text, { mode: 0o600, flag: "wx" });
	return {
		path,
		remove: () => {
			rmSync(folder, { recursive: true, force: true });
			folders.delete(folder);
			if (folders.size === 0) {
				process.removeListener("exit", removeAll);
			}
		},
	};
}
