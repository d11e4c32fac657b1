import { renderSchema } from "../report/schema.ts";
import type { Terminal } from "./terminal.ts";

/** `schema`: the JSON Schema of `--format json`. */
export function schema(terminal: Terminal): number {
	terminal.out(renderSchema());
	return 0;
}
