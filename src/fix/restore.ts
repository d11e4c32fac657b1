import { isDeepStrictEqual } from "node:util";

/** Of a JSON patch, RFC 6902. */
interface Operation {
	readonly op: "test" | "add" | "remove" | "replace";
	readonly path: string;
	readonly value?: unknown;
}

/** One field that a command changed; `undefined` where there was, or is, no such field. */
interface Change {
	readonly path: readonly string[];
	readonly before: unknown;
	readonly after: unknown;
}

/** What people write; the rest of `metadata`, and `status`, are the server's and the controllers'. */
const written: readonly (readonly string[])[] = [["spec"], ["metadata", "annotations"], ["metadata", "labels"]];

/**
 * The patch that brings back an object of Kubernetes as it was `before` a command, if every field that the command changed
 * still is as it was right `after` it; other fields are left alone. `as-it-was`: nothing is to be done. `changed`: somebody
 * else wrote one of them. `elsewhere`: the command changed none that is compared here. The server compares once more, by the
 * patch's own tests.
 */
export function restore(
	before: unknown,
	after: unknown,
	now: unknown,
): readonly Operation[] | "as-it-was" | "changed" | "elsewhere" {
	const changes = written.flatMap((path) => differences(valueAt(before, path), valueAt(after, path), path));
	if (changes.length === 0) {
		return "elsewhere";
	}

	if (changes.every((change) => isDeepStrictEqual(valueAt(now, change.path), change.before))) {
		return "as-it-was";
	}

	return changes.every((change) => isStill(change, valueAt(now, change.path)))
		? [
				{ op: "test", path: "/metadata/uid", value: valueAt(before, ["metadata", "uid"]) },
				...changes.flatMap(operationsFor),
			]
		: "changed";
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** A list that grew or shrank is one field, because its positions mean something else afterwards. */
function differences(before: unknown, after: unknown, path: readonly string[]): readonly Change[] {
	if (isDeepStrictEqual(before, after)) {
		return [];
	}

	const within = (keys: readonly string[]) =>
		keys.flatMap((key) => differences(valueAt(before, [key]), valueAt(after, [key]), [...path, key]));
	if (isRecord(before) && isRecord(after)) {
		return within([...new Set([...Object.keys(before), ...Object.keys(after)])]);
	}

	return Array.isArray(before) && Array.isArray(after) && before.length === after.length
		? within(before.map((_, index) => String(index)))
		: [{ path, before, after }];
}

const valueAt = (value: unknown, path: readonly string[]): unknown =>
	path.reduce<unknown>(
		(inside, key) =>
			(isRecord(inside) || Array.isArray(inside)) && Object.hasOwn(inside, key)
				? (inside as Readonly<Record<string, unknown>>)[key]
				: undefined,
		value,
	);

/** Of two lists, the items in which they differ. Only these are named: others of a list may hold what is nobody's business. */
function spliceOf({ before, after }: Change) {
	if (!Array.isArray(before) || !Array.isArray(after)) {
		return undefined;
	}

	const [old, fresh] = [before, after] as const satisfies readonly (readonly unknown[])[];
	const shorter = Math.min(old.length, fresh.length);
	let at = 0;
	while (at < shorter && isDeepStrictEqual(old[at], fresh[at])) {
		at++;
	}

	let end = 0;
	while (end < shorter - at && isDeepStrictEqual(old.at(-1 - end), fresh.at(-1 - end))) {
		end++;
	}

	return { at, gone: old.slice(at, old.length - end), come: fresh.slice(at, fresh.length - end) };
}

/** What the command wrote stands there as it wrote it. */
function isStill(change: Change, now: unknown): boolean {
	const splice = spliceOf(change);
	if (splice === undefined || splice.come.length === 0) {
		return isDeepStrictEqual(now, change.after);
	}

	const { at, come } = splice;
	return Array.isArray(now) && isDeepStrictEqual(now.slice(at, at + come.length), come);
}

const pointer = (keys: readonly string[]): string =>
	keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function operationsFor(change: Change): readonly Operation[] {
	const { before, after } = change;
	const path = pointer(change.path);
	const splice = spliceOf(change);
	if (splice !== undefined) {
		const { at, gone, come } = splice;
		return [
			...come.map((value, index): Operation => ({ op: "test", path: `${path}/${at + index}`, value })),
			...come.map((): Operation => ({ op: "remove", path: `${path}/${at}` })),
			...gone.map((value, index): Operation => ({ op: "add", path: `${path}/${at + index}`, value })),
		];
	}

	// That a field is absent is tested by null.
	const test: Operation = { op: "test", path, value: after ?? null };
	return before === undefined
		? [test, { op: "remove", path }]
		: [test, { op: after === undefined ? "add" : "replace", path, value: before }];
}
