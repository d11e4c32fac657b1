import { randomUUID } from "node:crypto";

/** A line of a list is not cut as long as it is no longer than this. */
const room = 240;

/** JSON, one item to a line; it is YAML, too, where every line stands deeper than its key. */
export function renderFlow(value: unknown, indent: string): string {
	const line = JSON.stringify(value);
	if (line.length <= room || typeof value !== "object" || value === null) {
		return line;
	}

	const deeper = `${indent}  `;
	const inside = Array.isArray(value)
		? value.map((item) => deeper + renderFlow(item, deeper))
		: Object.entries(value)
				.filter(([, item]) => item !== undefined)
				.map(([key, item]) => `${deeper}${JSON.stringify(key)}: ${renderFlow(item, deeper)}`);
	const [open, close] = Array.isArray(value) ? "[]" : "{}";
	return `${open ?? ""}\n${inside.join(",\n")}\n${indent}${close ?? ""}`;
}

/** How deep a value in this form stands in a snapshot. */
export const flowIndent = "      ";
const beginning = `\n    value:\n${flowIndent}`;

/** There are fewer facts. A text that is full of beginnings must not take for ever. */
const most = 500;

/**
 * Takes the values in this form out of a text, and leaves a name in the place of each: they are what makes a snapshot
 * large, and YAML's parser takes seconds for a megabyte. Only what `renderFlow` wrote in exactly this way is taken, so that nothing is read otherwise than as YAML.
 */
export function extractFlows(text: string): { readonly rest: string; readonly values: ReadonlyMap<string, unknown> } {
	const values = new Map<string, unknown>();
	// Nobody who writes a file knows this name.
	const run = randomUUID();
	const rest: string[] = [];
	let done = 0;
	let at = text.indexOf(beginning);
	for (let tried = 0; at !== -1 && tried < most; tried++) {
		const start = at + beginning.length - flowIndent.length;
		const close = text[start + flowIndent.length] === "[" ? "]" : "}";
		const end = text.indexOf(`\n${flowIndent}${close}\n`, start) + flowIndent.length + 2;
		const value = end > start ? parseFlow(text.slice(start, end)) : undefined;
		if (value !== undefined) {
			const name = `flow-${run}-${values.size}`;
			values.set(name, value);
			rest.push(text.slice(done, start), flowIndent, name);
			done = end;
		}

		at = text.indexOf(beginning, Math.max(done, at + 1));
	}

	return { rest: [...rest, text.slice(done)].join(""), values };
}

function parseFlow(flow: string): unknown {
	try {
		const value: unknown = JSON.parse(flow);
		// A key that stands there twice would be gone here, and the text not the same.
		return flowIndent + renderFlow(value, flowIndent) === flow ? value : undefined;
	} catch {
		return undefined;
	}
}
