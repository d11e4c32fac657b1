import { UsageError } from "../errors.ts";
import { renderExplanationSchema } from "../report/explanation-schema.ts";
import { renderSchema } from "../report/schema.ts";
import type { Terminal } from "./terminal.ts";

const schemas: Readonly<Record<string, () => string>> = {
	run: renderSchema,
	check: renderSchema,
	explain: renderExplanationSchema,
};

/** `schema`: the JSON Schema of a command's `--format json`. */
export function schema(terminal: Pick<Terminal, "out">, of = "run"): number {
	const render = schemas[of];
	if (render === undefined) {
		throw new UsageError(
			`schema: there is none for ${JSON.stringify(of)}; known are ${Object.keys(schemas).join(", ")}`,
		);
	}

	terminal.out(render());
	return 0;
}
