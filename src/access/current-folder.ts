import { homedir } from "node:os";
import { UsageError } from "../errors.ts";

/** Deleted under a shell that still stands in it, it has no name any more. */
export function currentFolder(): string {
	try {
		return process.cwd();
	} catch (error) {
		throw new UsageError("the current folder does not exist any more; change to another one", { cause: error });
	}
}

/** What `~` stands for. */
export const homeFolder = (): string => homedir();
