import { ProbeError } from "../errors.ts";

/** A part of a list, and where the next one begins; empty where it was the last. */
export interface Page {
	readonly items: readonly unknown[];
	readonly next: string;
}

/** A list without items is `[]` or `null`; anything without that key is not a list, and no evidence of emptiness. */
export function parsePage(path: string, value: unknown): Page {
	if (
		typeof value !== "object" ||
		value === null ||
		!("items" in value) ||
		!(Array.isArray(value.items) || value.items === null)
	) {
		throw new ProbeError("unreadable", `GET ${path}: the answer is not a list`);
	}

	const metadata: unknown = "metadata" in value ? value.metadata : undefined;
	const next = typeof metadata === "object" && metadata !== null && "continue" in metadata ? metadata.continue : "";
	return { items: value.items ?? [], next: typeof next === "string" ? next : "" };
}

/** The answer to a GET. @throws ProbeError unreadable */
export function parseJson(path: string, text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch (error) {
		const kind = /^\s*</.test(text) ? "HTML" : `no complete JSON (${text.length} characters)`;
		throw new ProbeError("unreadable", `GET ${path}: the server answered ${kind}`, { cause: error });
	}
}
