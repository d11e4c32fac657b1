import { type Stats, statSync } from "node:fs";

/** What is there; `undefined` also where the path leads nowhere: through a file, in a circle, or longer than any can be. */
export function statIfThere(path: string): Stats | undefined {
	try {
		return statSync(path, { throwIfNoEntry: false });
	} catch {
		return undefined;
	}
}
