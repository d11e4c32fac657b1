import * as z from "zod";
import { causes } from "../errors.ts";
import type { FactSheet } from "../facts/sheet.ts";

export const format = "capmox-doctor/snapshot/v1";

/** Above the facts. Within v1 fields are only added. */
export const header = z.object({
	schema: z.literal(format),
	/** Version of capmox-doctor that looked. */
	doctor: z.string(),
	taken: z.iso.datetime(),
	/** Name of the host that was looked at. */
	host: z.string(),
	/** Names and addresses are stand-ins. */
	anonymized: z.literal(true).optional(),
});
export type Header = z.infer<typeof header>;

/** A fact as it stands in a file; its value is judged by the fact's own schema. */
export const state = z.discriminatedUnion("state", [
	z.strictObject({ state: z.literal("known"), value: z.unknown() }),
	z.strictObject({ state: z.literal("unavailable"), cause: z.enum(causes), lastSeen: z.string() }),
]);

/** What was seen, where and when: a fact sheet that can be judged anywhere. */
export interface Snapshot {
	readonly header: Header;
	readonly sheet: FactSheet;
}

/** Bytes of the largest file that is read. */
export const largest = 200 * 1_048_576;
