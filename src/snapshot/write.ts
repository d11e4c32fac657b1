import { stringify } from "yaml";
import type { FactSheet } from "../facts/sheet.ts";
import { flowIndent, renderFlow } from "./flow.ts";
import type { Snapshot } from "./snapshot.ts";

/** A value with more characters is written as JSON, which is read a hundred times faster. */
const large = 16_384;

/** The text of a snapshot. */
export function renderSnapshot({ header, sheet }: Snapshot): string {
	return [
		"# What capmox-doctor saw. To judge it, anywhere: capmox-doctor run --from FILE\n",
		renderYaml(header),
		renderFacts(sheet),
		"# How many facts stand above; without this line the file was cut off.\n",
		renderYaml({ count: Object.keys(sheet).length }),
	].join("");
}

/** `facts:` and what is below, as a snapshot and a test situation have it. */
export const renderFacts = (sheet: FactSheet): string =>
	Object.keys(sheet).length === 0
		? "facts: {}\n"
		: `facts:\n${Object.entries(sheet)
				.map(([name, state]) => renderFact(name, state))
				.join("")}`;

function renderFact(name: string, state: unknown): string {
	const isLarge = JSON.stringify(state).length > large;
	if (isLarge && typeof state === "object" && state !== null && "value" in state) {
		return `  ${name}:\n    state: known\n    value:\n${flowIndent}${renderFlow(state.value, flowIndent)}\n`;
	}

	return renderYaml({ facts: { [name]: state } }).slice("facts:\n".length);
}

/** Without anchors, which make a puzzle of it, and with each text on one line: folding has its own ideas of blanks. */
const renderYaml = (value: unknown): string =>
	stringify(value, {
		aliasDuplicateObjects: false,
		blockQuote: false,
		doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
		lineWidth: 0,
	});
