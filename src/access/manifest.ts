import { readGiven } from "./given-file.ts";

/** A file with Kubernetes objects that the user named. */
export interface Manifest {
	/** As the user wrote it; "the standard input" for `-`. */
	readonly name: string;
	readonly text: string;
}

const largest = 8 * 1_048_576;

/** @throws UsageError where there is no such file, or nothing is piped in. */
export const readManifest = (path: string): Promise<Manifest> => readGiven("--manifest", path, largest);
