import { parse } from "yaml";
import * as z from "zod";
import { ProbeError } from "../errors.ts";
import type { Parts } from "./carry-out.ts";
import type { Subject } from "./plan.ts";

export type Objects =
	| { readonly kind: "read"; readonly text: string }
	| { readonly kind: "gone" }
	| { readonly kind: "unreadable"; readonly why: string };

/** What a command of kubectl changes, as YAML, as it is now. */
export async function readObjects(
	{ hands, mask, interrupted, patience }: Pick<Parts, "hands" | "mask" | "interrupted" | "patience">,
	{ get }: Subject,
): Promise<Objects> {
	try {
		const { exitCode, stdout, stderr } = await hands.run(get, () => undefined, interrupted, patience);
		if (exitCode !== 0) {
			return { kind: "unreadable", why: mask(stderr.trim()) };
		}

		// Of several, those that are left.
		return stdout.trim() === "" || isEmptyList(stdout) ? { kind: "gone" } : { kind: "read", text: stdout };
	} catch (error) {
		if (error instanceof ProbeError) {
			return { kind: "unreadable", why: mask(error.message) };
		}

		throw error;
	}
}

/** A command that writes fields, all of which the copies before and after it show. */
export const isRestorable = ({ verb, names }: Subject): boolean =>
	(verb === "patch" || verb === "set") && names.length === 1;

/** YAML as kubectl writes it, which quotes by the rules of 1.1. */
export const parseObjects = (text: string): unknown => parse(text, { version: "1.1" });

const withUid = z.object({ metadata: z.object({ uid: z.string() }) });
const some = z.union([
	z.object({ items: z.array(withUid) }).transform(({ items }) => items),
	withUid.transform((one) => [one]),
]);

const isEmptyList = (text: string): boolean =>
	z.object({ kind: z.literal("List"), items: z.array(z.unknown()).length(0) }).safeParse(parseObjects(text)).success;

/** Of one object, or of a list of them. */
export const uidsIn = (text: string): readonly string[] =>
	(some.safeParse(parseObjects(text)).data ?? []).map(({ metadata }) => metadata.uid);
