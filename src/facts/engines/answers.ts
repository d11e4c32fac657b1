import * as z from "zod";
import type { Output } from "../../access/commands.ts";
import { ProbeError } from "../../errors.ts";

/** What a command printed, or why it did not. */
export type Answered = Output | ProbeError;

export const outputOf = (answer: Answered): string => (answer instanceof ProbeError ? "" : answer.stdout);

/** The JSON in what a command printed; warnings may stand before and behind. */
export function parseJsonIn(text: string): unknown {
	for (const candidate of [
		text,
		text.slice(text.search(/^[{[]/m), Math.max(text.lastIndexOf("}"), text.lastIndexOf("]")) + 1),
	]) {
		try {
			return JSON.parse(candidate) as unknown;
		} catch {
			continue;
		}
	}

	return undefined;
}

export const text = z.string().catch("");
export const flag = z.boolean().catch(false);
export const optionalText = z.string().min(1).optional().catch(undefined);
export const optionalNumber = z.number().positive().optional().catch(undefined);
