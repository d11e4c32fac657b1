import { type Document, isAlias, isCollection, isScalar, parseDocument, visit } from "yaml";
import * as z from "zod";
import { UsageError } from "../errors.ts";
import { isFactName, loadSchemas } from "../facts/probe.ts";
import type { FactSheet } from "../facts/sheet.ts";
import { changeTexts, withoutControls } from "../texts.ts";
import { extractFlows } from "./flow.ts";
import { format, header, type Snapshot, state } from "./snapshot.ts";

/** A snapshot as read, and what of it this version does not know. */
export interface ReadSnapshot extends Snapshot {
	readonly foreignFacts: readonly string[];
}

const sheetText = z.record(z.string(), state);
const snapshotText = header.extend({ facts: sheetText, count: z.int() });
const situationText = z.strictObject({
	...header.partial().shape,
	asked: z.boolean().optional(),
	facts: sheetText,
	count: z.int().optional(),
});

/** `name` says in messages which file it is. @throws UsageError where it is no snapshot that can be read. */
export async function parseSnapshot(text: string, name: string, version: string): Promise<ReadSnapshot> {
	requireOurs(text, name);
	const { facts, count, ...rest } = conform(snapshotText, readTree(text, name), name);
	const found = Object.keys(facts).length;
	if (found !== count) {
		throw new UsageError(`${name} should hold ${count} facts, and holds ${found}: something is missing or was added`);
	}

	const known = Object.entries(facts).flatMap(([fact, found]) => (isFactName(fact) ? [[fact, found] as const] : []));
	return {
		header: rest,
		sheet: toSheet(known, await loadSchemas(known.map(([fact]) => fact)), name, {
			sameVersion: rest.doctor === version,
			doctor: rest.doctor,
		}),
		foreignFacts: Object.keys(facts).filter((fact) => !isFactName(fact)),
	};
}

/** A test situation: the same form, of which only the facts must be there, and `asked`: the user named the check. */
export function parseSituation(text: string, name: string, schemas: Schemas): { sheet: FactSheet; asked: boolean } {
	const { facts, asked = false } = conform(situationText, readTree(text, name), name);
	const foreign = Object.keys(facts).find((fact) => !isFactName(fact));
	if (foreign !== undefined) {
		throw new UsageError(`${name}: there is no fact ${JSON.stringify(foreign)}`);
	}

	return { sheet: toSheet(Object.entries(facts), schemas, name, { sameVersion: true, doctor: "" }), asked };
}

/** What is wrong with a file as a whole is said before what is wrong with a line of it. */
function requireOurs(text: string, name: string): void {
	if (text.trim() === "") {
		throw new UsageError(`${name} is empty`);
	}

	const beginning = text.slice(0, 4_096);
	const [, kind, version] = /^\s*"?schema"?: *["']?capmox-doctor\/([a-z-]+)\/v(\d+)\b/m.exec(beginning) ?? [];
	if (kind === undefined || kind !== "snapshot") {
		const what = kind === undefined ? "" : `: it is a ${kind} of capmox-doctor`;
		throw new UsageError(`${name} is no snapshot${what}; capmox-doctor snapshot writes one`);
	}

	if (`capmox-doctor/snapshot/v${version ?? ""}` !== format) {
		throw new UsageError(
			`${name} is in format v${version ?? ""}, which only a newer capmox-doctor can read; update it`,
		);
	}

	if (!/^count: *\d+\s*$/m.test(text.slice(-512))) {
		throw new UsageError(`${name} is cut off: its last line, with the number of facts, is missing`);
	}
}

/** Characters that YAML's parser is given: a megabyte takes it two seconds, and more than 100 MB of memory. */
const mostYaml = 4 * 1_048_576;

function readTree(text: string, name: string): unknown {
	// Mail and Windows end lines in their own way.
	const { rest, values } = extractFlows(text.replaceAll("\r\n", "\n"));
	if (rest.length > mostYaml) {
		throw new UsageError(`${name} was changed by hand or by another program, and is too large to be read so`);
	}

	return guard(name, () => {
		const tree = toTree(rest, name);
		refuseKeys(tree, name);
		const clean = changeTexts(tree, withoutControls, withoutControls);
		putBack(clean, values, name);
		return clean;
	});
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The values that were taken out, each where its name stands now. */
function putBack(tree: unknown, values: ReadonlyMap<string, unknown>, name: string): void {
	const facts = isObject(tree) && isObject(tree["facts"]) ? Object.values(tree["facts"]) : [];
	for (const fact of facts.filter(isObject)) {
		const value = typeof fact["value"] === "string" ? values.get(fact["value"]) : undefined;
		if (value !== undefined) {
			refuseKeys(value, name);
			fact["value"] = changeTexts(value, withoutControls, withoutControls);
		}
	}
}

/** Both parsers call themselves for what lies deeper, and so does whoever reads what they found. */
function guard<T>(name: string, read: () => T): T {
	try {
		return read();
	} catch (error) {
		if (error instanceof RangeError) {
			throw new UsageError(`${name} is nested too deep to be a snapshot`, { cause: error });
		}

		throw error;
	}
}

function toTree(text: string, name: string): unknown {
	const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, merge: false, schema: "core" });
	const [problem] = [...document.errors, ...document.warnings];
	// The parser takes a full stack for a fault of the line.
	if (problem?.message.includes("call stack") === true) {
		throw new RangeError(problem.message);
	}

	if (problem !== undefined) {
		const line = problem.linePos?.[0].line;
		const what = withoutControls(problem.message.split("\n")[0] ?? "")
			.replace(/ at line \d+, column \d+:?$/, "")
			.replace(/; please use YAML\..*$/, "");
		throw new UsageError(`${name} is not valid YAML${line === undefined ? "" : `, line ${line}`}: ${what}`);
	}

	refuseReferences(document, name);
	return document.toJS({ maxAliasCount: 0 });
}

/** No snapshot has any; a few lines of them can describe terabytes. */
function refuseReferences(document: Document.Parsed, name: string): void {
	visit(document, (_, node) => {
		if (isAlias(node) || ((isScalar(node) || isCollection(node)) && node.anchor !== undefined)) {
			throw new UsageError(`${name} holds anchors or aliases (& and *), which no snapshot does`);
		}
	});
}

/** A text under the other two is an annotation that somebody may well have; an object is an attempt at the prototypes. */
const isForbidden = (key: string, value: unknown): boolean =>
	key === "__proto__" || (["constructor", "prototype"].includes(key) && isObject(value) && !Array.isArray(value));

function refuseKeys(value: unknown, name: string): void {
	if (!isObject(value)) {
		return;
	}

	for (const [key, item] of Object.entries(value)) {
		if (isForbidden(key, item)) {
			throw new UsageError(`${name} holds a key ${key}, which no snapshot does`);
		}

		refuseKeys(item, name);
	}
}

function conform<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
	const { data, error } = guard(name, () => schema.safeParse(value));
	if (error !== undefined) {
		throw new UsageError(`${name} is not in the form of a snapshot: ${firstIssue(error)}`);
	}

	return data;
}

const firstIssue = ({ issues: [issue] }: z.ZodError): string =>
	issue === undefined ? "" : `${issue.path.join(".")}: ${withoutControls(issue.message)}`;

interface Writer {
	readonly sameVersion: boolean;
	readonly doctor: string;
}

type State = z.infer<typeof state>;
type Schemas = Readonly<Partial<Record<string, z.ZodType>>>;

/** A fact that another version wrote in another form is not known here; one of this version was damaged. */
function toSheet(
	facts: readonly (readonly [string, State])[],
	schemas: Schemas,
	name: string,
	{ sameVersion, doctor }: Writer,
): FactSheet {
	const states = facts.map(([fact, found]): [string, State] => {
		if (found.state === "unavailable") {
			return [fact, found];
		}

		const { data, error } = guard(name, () => (schemas[fact] ?? z.never()).safeParse(found.value));
		if (error === undefined) {
			return [fact, { state: "known", value: data }];
		}

		if (sameVersion) {
			throw new UsageError(`${name}: ${fact} is not in its form: ${firstIssue(error)}`);
		}

		const lastSeen = `capmox-doctor ${doctor} wrote ${fact} in a form that this version does not read (${firstIssue(error)})`;
		return [fact, { state: "unavailable", cause: "unreadable", lastSeen }];
	});
	return Object.fromEntries(states);
}
