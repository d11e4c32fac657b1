import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PrivateFile {
	readonly path: string;
	remove(): void;
}

/** A file that only this user can read, in a folder that only this user can open. Both are gone when the program ends, by a signal, too. */
export function keepPrivately(name: string, text: string): PrivateFile {
	const folder = mkdtempSync(join(tmpdir(), "capmox-doctor-"));
	const remove = () => {
		rmSync(folder, { recursive: true, force: true });
		process.removeListener("exit", remove);
	};
	// What is interrupted twice, or hangs, ends without coming back here.
	process.once("exit", remove);
	const path = join(folder, name);
	writeFileSync(path, text, { mode: 0o600, flag: "wx" });
	return { path, remove };
}
