import { writeSync } from "node:fs";
import { readContexts } from "./access/contexts.ts";
import { answer } from "./shell/answer.ts";

/**
 * Prints what may stand in the place of the last word, while someone types. Shells ask by `capmox-doctor __complete`,
 * kubectl runs it as kubectl_complete-capmox_doctor; the words that are typed follow.
 */
async function complete(words: readonly string[]): Promise<void> {
	const text = await answer(words, (kubeconfig) =>
		readContexts(kubeconfig, async (file) => (await import("./commands/contexts.ts")).parseContexts(file)),
	);
	try {
		// Node takes a millisecond to build process.stdout.
		writeSync(1, text);
	} catch {
		// The shell does not wait for it any more.
	}
}

const words = process.argv.slice(2);
void complete(words[0] === "__complete" ? words.slice(1) : words);
