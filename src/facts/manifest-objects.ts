import { type Document, parseAllDocuments } from "yaml";
import * as z from "zod";
import type { Manifest } from "../access/manifest.ts";
import { UsageError } from "../errors.ts";

/** What to do about a `${VARIABLE}` that is left in a manifest. */
export const notRendered = "; give what clusterctl generate cluster makes of it";

/** Every document of a manifest, and every item of its lists. @throws UsageError where it is no YAML. */
export const readValues = ({ name, text }: Manifest): readonly unknown[] =>
	parseAllDocuments(text).flatMap((document) => {
		const [broken] = document.errors;
		if (broken !== undefined) {
			const hint = text.includes("${") ? notRendered : "";
			throw new UsageError(`--manifest: ${name} is not valid YAML: ${broken.message.split("\n")[0] ?? ""}${hint}`);
		}

		return unfold(toValue(document, name));
	});

const anyObject = z.looseObject({ apiVersion: z.string(), kind: z.string() });
export type AnyObject = z.infer<typeof anyObject>;

/** Those of them that are objects of Kubernetes. @throws UsageError where it is no YAML. */
export const readObjects = (manifest: Manifest): readonly AnyObject[] =>
	readValues(manifest).flatMap((value) => anyObject.safeParse(value).data ?? []);

/** Aliases can fail only now: one without an anchor, one within itself, or so many that they fill the memory. */
function toValue(document: Document.Parsed, name: string): unknown {
	try {
		const value: unknown = document.toJS();
		JSON.stringify(value);
		return value;
	} catch (error) {
		const reason = error instanceof ReferenceError ? error.message : "an alias stands for what it is a part of";
		throw new UsageError(`--manifest: ${name} is not valid YAML: ${reason}`, { cause: error });
	}
}

function unfold(value: unknown): readonly unknown[] {
	const list = z.object({ kind: z.string().endsWith("List"), items: z.array(z.unknown()) }).safeParse(value);
	return list.success ? list.data.items : [value];
}
