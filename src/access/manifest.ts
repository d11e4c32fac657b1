import { ProbeError, UsageError } from "../errors.ts";
import { createFiles } from "./files.ts";

/** A file with Kubernetes objects that the user named. */
export interface Manifest {
	/** As the user wrote it; "the standard input" for `-`. */
	readonly name: string;
	readonly text: string;
}

const largest = 8 * 1_048_576;

/** @throws UsageError where it cannot be read, or nothing is piped in. */
export async function readManifest(path: string): Promise<Manifest> {
	if (path === "-") {
		return { name: "the standard input", text: await readStandardInput() };
	}

	const text = await createFiles()
		.readText(path, { maxBytes: largest })
		.catch((error: unknown) => {
			throw error instanceof ProbeError ? new UsageError(`--manifest: ${error.message}`, { cause: error }) : error;
		});
	if (text === undefined) {
		throw new UsageError(`--manifest: there is no file ${path}`);
	}

	return { name: path, text };
}

async function readStandardInput(): Promise<string> {
	if (process.stdin.isTTY) {
		throw new UsageError("--manifest -: nothing is piped in");
	}

	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > largest) {
			throw new UsageError(`--manifest -: more than ${largest} bytes are piped in`);
		}

		chunks.push(chunk);
	}

	return Buffer.concat(chunks).toString("utf8");
}
