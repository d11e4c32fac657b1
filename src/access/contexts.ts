import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { statIfThere } from "./stat.ts";

/** Text of a kubeconfig → names of its contexts; takes its time, and may throw. */
type Parse = (text: string) => Promise<readonly string[]>;

/**
 * Names of the contexts in a kubeconfig, or in those that kubectl would merge. Someone waits at a half-typed line, so
 * kubectl is not started, `parse` is asked only where it must be, and what cannot be read has no contexts.
 */
export async function readContexts(kubeconfig: string | undefined, parse: Parse): Promise<readonly string[]> {
	const names = await Promise.all(filesFor(kubeconfig).map((file) => contextsIn(file, parse)));
	return [...new Set(names.flat())];
}

function filesFor(kubeconfig: string | undefined): readonly string[] {
	if (kubeconfig !== undefined) {
		return [kubeconfig.replace(/^~(?=\/)/, homedir())];
	}

	const listed = (process.env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
	return listed.length > 0 ? listed : [join(homedir(), ".kube", "config")];
}

async function contextsIn(file: string, parse: Parse): Promise<readonly string[]> {
	// A named pipe would keep the line waiting.
	if (statIfThere(file)?.isFile() !== true) {
		return [];
	}

	try {
		const text = readFileSync(file, "utf8");
		return contextsAsWritten(text) ?? (await parse(text));
	} catch {
		return [];
	}
}

/** As kubectl writes it; undefined where someone else wrote it differently, and only a YAML parser can tell. */
export function contextsAsWritten(text: string): readonly string[] | undefined {
	const block = /^contexts:\n((?:[ -].*\n)*)(?=[a-z]|$)/m.exec(text)?.[1] ?? "";
	const items = block.match(/^- /gm)?.length ?? 0;
	const names = [...block.matchAll(/^(?:- | {2})name: ([\w@][\w@:./+-]*)$/gm)].map(([, name = ""]) => name);
	return items > 0 && names.length === items ? names : undefined;
}
