import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { Know } from "./probe.ts";

/** A list of one kind. Where its API is not installed, that is known, and there are no items. */
export const listOf = <T extends z.ZodType>(item: T) =>
	z.object({
		installed: z.boolean(),
		/** The API version that was read. */
		version: z.string().optional(),
		items: z.array(item),
	});

export interface ListOf<T> {
	readonly installed: boolean;
	readonly version?: string;
	readonly items: T[];
}

/** Where the objects of a kind are. */
export interface Place {
	readonly group: string;
	readonly plural: string;
	/** That can be read, the preferred one first. */
	readonly versions: readonly string[];
	/** An object of these versions has another meaning, though it goes by the same name. */
	readonly foreignVersions?: readonly string[];
	readonly namespaced?: boolean;
	/** Only objects with this label. */
	readonly label?: string;
	/** Several facts are made of it, and there are few objects: it is asked for once, and kept as a whole. */
	readonly shared?: boolean;
}

/** How the objects of a kind are asked for, and what is kept of each. */
export interface Kind<Raw, T> extends Place {
	readonly raw: z.ZodType<Raw>;
	readonly read: (raw: Raw) => T;
}

/** What a probe is given. */
export interface Asking {
	readonly world: World;
	readonly know: Know;
	readonly signal: AbortSignal;
	readonly note: (seen: string) => void;
}

/** Milliseconds for one page of a list. */
const pagePatience = 15_000;
/** Some 8 MB of machines, and half of the kubectls that 500 would take. */
const itemsPerPage = 1_000;

/** The probe of a fact that is the list of one kind. */
export const reading =
	<Raw, T>(kind: Kind<Raw, T>) =>
	(world: World, know: Know, signal: AbortSignal, note: (seen: string) => void): Promise<ListOf<T>> =>
		readList(kind, { world, know, signal, note });

/** All objects of a kind, of the namespace that `--namespace` names. @throws ProbeError, also for a version that is not known here. */
export async function readList<Raw, T>(kind: Kind<Raw, T>, asking: Asking): Promise<ListOf<T>> {
	const { versions, certain } = await versionsToAsk(kind, asking.know);
	for (const version of versions) {
		const path = pathOf(kind, version, asking.world.options.namespace);
		asking.note(`GET ${path}`);
		const items = await attempt(list(kind, path, asking));
		if (!(items instanceof ProbeError)) {
			return { installed: true, version, items: [...items] };
		}

		if (items.reason !== "not-found" || certain) {
			throw items;
		}
	}

	return { installed: false, items: [] };
}

async function list<Raw, T>(
	kind: Kind<Raw, T>,
	path: string,
	{ world: { kubectl }, signal }: Asking,
): Promise<readonly T[]> {
	const options = { timeout: pagePatience, pageSize: itemsPerPage };
	const read = (item: unknown) => keep(kind, path, item);
	return kind.shared === true
		? (await kubectl.listOnce(path, options)).map(read)
		: kubectl.listKept(path, read, { ...options, signal });
}

function pathOf({ group, plural, label, namespaced = true }: Place, version: string, namespace?: string): string {
	const within = namespace === undefined || !namespaced ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
	const query = label === undefined ? "" : `?labelSelector=${encodeURIComponent(label)}`;
	return `/apis/${group}/${version}${within}/${plural}${query}`;
}

function keep<Raw, T>({ raw, read, plural }: Kind<Raw, T>, path: string, item: unknown): T {
	const parsed = raw.safeParse(item);
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new ProbeError(
			"unreadable",
			`GET ${path}: one of the ${plural} is not in the form of its API: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
		);
	}

	return read(parsed.data);
}

/** By the CustomResourceDefinitions; where none of the group is seen, by what the server says of it. */
async function versionsToAsk(
	{ group, plural, versions, foreignVersions = [] }: Place,
	know: Know,
): Promise<{ readonly versions: readonly string[]; readonly certain: boolean }> {
	const definitions = await attempt(know("management.definitions"));
	if (definitions instanceof ProbeError && definitions.reason !== "forbidden") {
		throw definitions;
	}

	const inGroup =
		definitions instanceof ProbeError ? [] : definitions.definitions.filter((each) => each.group === group);
	if (inGroup.length === 0) {
		const { groups } = await know("management.groups");
		return { versions: versions.filter((version) => groups[group]?.includes(version) === true), certain: false };
	}

	const served = inGroup
		.filter((definition) => definition.plural === plural)
		.flatMap((definition) => definition.versions.filter((version) => version.served).map(({ name }) => name));
	const readable = versions.filter((version) => served.includes(version));
	const unknown = served.filter((version) => !foreignVersions.includes(version));
	if (readable.length === 0 && unknown.length > 0) {
		throw new ProbeError(
			"unreadable",
			`the management cluster serves ${plural}.${group} as ${unknown.join(", ")}; known here are ${versions.join(", ")}`,
		);
	}

	return { versions: readable.slice(0, 1), certain: true };
}
