import { fileURLToPath } from "node:url";
import { directory, load } from "../../checks/directory.ts";
import { examine } from "./examine.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

/** `demo`: judges the snapshot that comes with the program, of a set-up that is nobody's. */
export async function demo(options: GlobalOptions, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
	const from = fileURLToPath(new URL("../../demo/snapshot.yaml", import.meta.url));
	return examine({ checks: await load(directory), from, options, terminal, interrupted });
}
