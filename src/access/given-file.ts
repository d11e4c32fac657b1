import { ProbeError, UsageError } from "../errors.ts";
import { createFiles } from "./files.ts";

export interface GivenFile {
	/** As the user wrote it; "the standard input" for `-`. */
	readonly name: string;
	readonly text: string;
}

/**
 * The file that an option names, `-` for the standard input.
 * @throws UsageError where there is none, it cannot be read, is larger than `maxBytes`, or nothing is piped in.
 */
export async function readGiven(option: string, path: string, maxBytes: number): Promise<GivenFile> {
	if (path === "-") {
		return { name: "the standard input", text: await readStandardInput(option, maxBytes) };
	}

	const text = await readFile(option, path, maxBytes);
	if (text === undefined) {
		throw new UsageError(`${option}: there is no file ${path}`);
	}

	return { name: path, text };
}

async function readFile(option: string, path: string, maxBytes: number): Promise<string | undefined> {
	try {
		return await createFiles().readText(path, { maxBytes });
	} catch (error) {
		throw error instanceof ProbeError ? new UsageError(`${option}: ${error.message}`, { cause: error }) : error;
	}
}

async function readStandardInput(option: string, maxBytes: number): Promise<string> {
	if (process.stdin.isTTY) {
		throw new UsageError(`${option} -: nothing is piped in`);
	}

	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > maxBytes) {
			throw new UsageError(`${option} -: more than ${maxBytes} bytes are piped in`);
		}

		chunks.push(chunk);
	}

	return Buffer.concat(chunks).toString("utf8");
}
