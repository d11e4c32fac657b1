import { type Document, isNode, LineCounter, parseAllDocuments } from "yaml";
import * as z from "zod";
import type { Manifest } from "../access/manifest.ts";
import { UsageError } from "../errors.ts";

/** What to do about a `${VARIABLE}` that is left in a manifest. */
export const notRendered = "; give what clusterctl generate cluster makes of it";

/** What stands in a manifest, and the line where it begins, counted from 1. */
export interface Placed {
	readonly value: unknown;
	readonly line: number;
}

/** Every document of a manifest, and every item of its lists. @throws UsageError where it is no YAML. */
export function readPlaced({ name, text }: Manifest): readonly Placed[] {
	const lineCounter = new LineCounter();
	return parseAllDocuments(text, { lineCounter }).flatMap((document) => {
		const [broken] = document.errors;
		if (broken !== undefined) {
			const hint = text.includes("${") ? notRendered : "";
			throw new UsageError(`--manifest: ${name} is not valid YAML: ${broken.message.split("\n")[0] ?? ""}${hint}`);
		}

		const value = toValue(document, name);
		const lineAt = (path: readonly (string | number)[]): number => {
			const node = document.getIn(path, true);
			return lineCounter.linePos((isNode(node) ? node : document.contents)?.range?.[0] ?? 0).line;
		};
		return (
			itemsOf(value)?.map((item, index) => ({ value: item, line: lineAt(["items", index]) })) ?? [
				{ value, line: lineAt([]) },
			]
		);
	});
}

const anyObject = z.looseObject({ apiVersion: z.string(), kind: z.string() });
export type AnyObject = z.infer<typeof anyObject>;

/** Those of them that are objects of Kubernetes. */
export const objectsAmong = (placed: readonly Placed[]): readonly AnyObject[] =>
	placed.flatMap(({ value }) => anyObject.safeParse(value).data ?? []);

const named = z.object({
	kind: z.string(),
	metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
});

/** The line where an object of this name begins; undefined where there is none. */
export function lineOf(
	placed: readonly Placed[],
	object: { readonly kind: string; readonly namespace?: string | undefined; readonly name: string },
): number | undefined {
	return placed.find(({ value }) => {
		const { kind, metadata } = named.safeParse(value).data ?? {};
		return kind === object.kind && metadata?.name === object.name && metadata.namespace === object.namespace;
	})?.line;
}

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

/** Of a list; undefined for anything else. */
const itemsOf = (value: unknown): readonly unknown[] | undefined =>
	z.object({ kind: z.string().endsWith("List"), items: z.array(z.unknown()) }).safeParse(value).data?.items;
