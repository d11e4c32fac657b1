import { fileURLToPath } from "node:url";
import { UsageError } from "../errors.ts";
import { createFiles } from "./files.ts";

/** The text of the table of versions. */
export interface Knowledge {
	/** "the built-in table", or the file as the user wrote it. */
	readonly from: string;
	readonly text: string;
	readonly isOwn: boolean;
}

/** In src as in dist, whichever of its folders this was bundled into. */
const shipped = new URL("../knowledge/compatibility.yaml", import.meta.url);

/** @throws UsageError where the user's file is not there. */
export async function readKnowledge(path: string | undefined): Promise<Knowledge> {
	const text = await createFiles().readText(path ?? fileURLToPath(shipped), { maxBytes: 1_048_576 });
	if (text !== undefined) {
		return { from: path ?? "the built-in table", text, isOwn: path !== undefined };
	}

	throw path === undefined
		? new Error(`the package lacks ${shipped.pathname}`)
		: new UsageError(`--knowledge: there is no file ${path}`);
}
