import { type DocumentName, renderSchema } from "../report/schema.ts";
import type { Terminal } from "./terminal.ts";

/** `schema`: the JSON Schema of what `--format json` prints. */
export function schema(terminal: Pick<Terminal, "out">, name?: DocumentName): number {
	terminal.out(renderSchema(name));
	return 0;
}
