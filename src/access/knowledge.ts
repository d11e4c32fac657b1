import { fileURLToPath } from "node:url";
import { ProbeError, UsageError } from "../errors.ts";
import { createFiles } from "./files.ts";

/** The text of the table of versions. */
export interface Knowledge {
	/** "the built-in table", or the file as the user wrote it. */
	readonly from: string;
	readonly text: string;
	readonly isOwn: boolean;
}

/** In src as in dist, whichever of its folders this was bundled into; there also as JSON, which is read in a tenth of the time. */
const shipped = ["json", "yaml"].map((ending) => new URL(`../knowledge/compatibility.${ending}`, import.meta.url));

/** @throws UsageError where the user's file is not there, or cannot be read. */
export async function readKnowledge(path: string | undefined): Promise<Knowledge> {
	const files = createFiles();
	for (const file of path === undefined ? shipped.map((url) => fileURLToPath(url)) : [path]) {
		const text = await files.readText(file, { maxBytes: 1_048_576 }).catch((error: unknown) => {
			throw path !== undefined && error instanceof ProbeError
				? new UsageError(`--knowledge: ${error.message}`, { cause: error })
				: error;
		});
		if (text !== undefined) {
			return { from: path ?? "the built-in table", text, isOwn: path !== undefined };
		}
	}

	throw path === undefined
		? new Error("the package lacks its table of versions")
		: new UsageError(`--knowledge: there is no file ${path}`);
}
