import { fileURLToPath } from "node:url";
import { createFiles } from "../access/files.ts";
import type { Terminal } from "./terminal.ts";

export type Shell = "bash" | "zsh" | "fish";

/** `completion`: what a shell reads to complete the program's commands, options and names. */
export async function completion(shell: Shell, terminal: Terminal): Promise<number> {
	const file = fileURLToPath(new URL(`../shell/capmox-doctor.${shell}`, import.meta.url));
	const script = await createFiles().readText(file);
	if (script === undefined) {
		throw new Error(`the package lacks ${file}`);
	}

	terminal.out(script);
	return 0;
}
