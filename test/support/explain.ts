import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { type Explanation, explain } from "../../src/explain/explanation.ts";
import { compile, createRecogniser, type Rules } from "../../src/explain/recogniser.ts";
import type { Signature, Signatures } from "../../src/explain/signature.ts";

interface WithSamples extends Signatures {
	readonly signatures: readonly (Signature & { readonly samples: readonly string[] })[];
}

/** As the file has them, with their samples. */
export const known = parse(
	readFileSync(new URL("../../src/knowledge/signatures.yaml", import.meta.url), "utf8"),
) as WithSamples;

const rules = compile(known);

/** What is made of a text that comes in these pieces. */
export function explainText(text: string | readonly Buffer[], from: Rules = rules): Explanation {
	const recogniser = createRecogniser(from);
	recogniser.begin("log");
	for (const chunk of typeof text === "string" ? [Buffer.from(text)] : text) {
		recogniser.feed(chunk);
	}

	return explain(recogniser.end(), (line) => line);
}

/** Ids in the order of the report; notes come last. */
export function idsIn(text: string): readonly string[] {
	const { recognised, notes } = explainText(text);
	return [...recognised, ...notes].map(({ signature }) => signature.id);
}
