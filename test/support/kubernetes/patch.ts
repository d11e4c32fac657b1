import { isDeepStrictEqual } from "node:util";
import { isRecord } from "./objects.ts";

/** A JSON patch that cannot be applied to this document. */
export class PatchError extends Error {
	override readonly name = "PatchError";
}

/** RFC 7386. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
	if (!isRecord(patch)) {
		return patch;
	}

	const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
	for (const [key, value] of Object.entries(patch)) {
		if (value === null) {
			Reflect.deleteProperty(merged, key);
		} else {
			merged[key] = applyMergePatch(merged[key], value);
		}
	}

	return merged;
}

/** Lists of a pod's template that are merged item by item, with what tells the items apart: `patchMergeKey` in core/v1/types.go. */
const mergeKeys: Readonly<Record<string, string>> = {
	containers: "name",
	initContainers: "name",
	env: "name",
	volumes: "name",
	volumeMounts: "mountPath",
};

/**
 * What apimachinery's strategicpatch does with what kubectl sends: a merge patch that merges lists by their key, and the
 * directives `$patch: delete` and `$setElementOrder`. Whatever else it knows is refused, so that no test rests on a guess.
 */
export function applyStrategicPatch(target: unknown, patch: unknown): unknown {
	if (!isRecord(patch)) {
		return patch;
	}

	const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
	for (const [key, value] of Object.entries(patch)) {
		if (key.startsWith("$setElementOrder/")) {
			continue;
		}

		if (key.startsWith("$")) {
			throw new PatchError(`the stand-in does not know the directive ${key}`);
		}

		if (value === null) {
			Reflect.deleteProperty(merged, key);
		} else if (Array.isArray(value) && value.some(isRecord)) {
			merged[key] = mergeList(key, merged[key], value, patch[`$setElementOrder/${key}`]);
		} else {
			merged[key] = applyStrategicPatch(merged[key], value);
		}
	}

	return merged;
}

function mergeList(field: string, target: unknown, changes: readonly unknown[], order: unknown): readonly unknown[] {
	const mergeKey = mergeKeys[field];
	if (mergeKey === undefined) {
		throw new PatchError(`the stand-in merges no list called ${field}`);
	}

	const keyOf = (item: unknown): unknown => (isRecord(item) ? item[mergeKey] : undefined);
	const items = new Map((Array.isArray(target) ? target : []).map((item) => [keyOf(item), item as unknown]));
	for (const change of changes) {
		const key = keyOf(change);
		if (key === undefined) {
			throw new PatchError(`an item of ${field} has no ${mergeKey}`);
		}

		if (isRecord(change) && change["$patch"] === "delete") {
			items.delete(key);
		} else {
			items.set(key, applyStrategicPatch(items.get(key), change));
		}
	}

	if (!Array.isArray(order)) {
		return [...items.values()];
	}

	const places = order.map(keyOf);
	if ([...items.keys()].some((key) => !places.includes(key))) {
		throw new PatchError(`the stand-in orders ${field} only where every item is named`);
	}

	return [...items].sort(([one], [other]) => places.indexOf(one) - places.indexOf(other)).map(([, item]) => item);
}

/** RFC 6902, with the strictness of evanphx/json-patch: `remove` and `replace` need something to act on. */
export function applyJsonPatch(document: unknown, operations: readonly unknown[]): unknown {
	let root = structuredClone(document);
	for (const operation of operations) {
		if (!isRecord(operation) || typeof operation["path"] !== "string") {
			throw new PatchError("an operation needs a path");
		}

		root = applyOperation(root, operation, operation["path"]);
	}

	return root;
}

function applyOperation(root: unknown, operation: Record<string, unknown>, path: string): unknown {
	switch (operation["op"]) {
		case "add":
			return add(root, path, operation["value"]);
		case "remove":
			return remove(root, path);
		case "replace":
			read(root, path);
			return path === "" ? operation["value"] : add(remove(root, path), path, operation["value"]);
		case "move": {
			const from = String(operation["from"]);
			const value = read(root, from);
			return add(remove(root, from), path, value);
		}
		case "copy":
			return add(root, path, structuredClone(read(root, String(operation["from"]))));
		case "test":
			return test(root, path, operation["value"]);
		default:
			throw new PatchError(`unexpected kind: ${String(operation["op"])}`);
	}
}

function test(root: unknown, path: string, expected: unknown): unknown {
	const isAbsent = expected === null && !exists(root, path);
	if (!isAbsent && !isDeepStrictEqual(read(root, path), expected)) {
		throw new PatchError(`testing value ${path} failed`);
	}

	return root;
}

function add(root: unknown, path: string, value: unknown): unknown {
	if (path === "") {
		return value;
	}

	const { parent, key } = locate(root, path);
	if (!Array.isArray(parent)) {
		parent[key] = value;
		return root;
	}

	const index = key === "-" ? parent.length : Number(key);
	if (!Number.isInteger(index) || index < 0 || index > parent.length) {
		throw new PatchError(`index ${key} is out of bounds`);
	}

	parent.splice(index, 0, value);
	return root;
}

function remove(root: unknown, path: string): unknown {
	read(root, path);
	const { parent, key } = locate(root, path);
	if (Array.isArray(parent)) {
		parent.splice(Number(key), 1);
	} else {
		Reflect.deleteProperty(parent, key);
	}

	return root;
}

function exists(root: unknown, path: string): boolean {
	const { parent, key } = locate(root, path);
	return Object.hasOwn(parent, key);
}

function read(root: unknown, path: string): unknown {
	if (path === "") {
		return root;
	}

	const { parent, key } = locate(root, path);
	if (!Object.hasOwn(parent, key)) {
		throw new PatchError(`there is nothing at ${path}`);
	}

	return Array.isArray(parent) ? parent[Number(key)] : parent[key];
}

/** The container that a pointer's last part (RFC 6901) is a key of. */
function locate(root: unknown, path: string): { parent: Record<string, unknown> | unknown[]; key: string } {
	const keys = path
		.split("/")
		.slice(1)
		.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
	const key = keys.pop() ?? "";
	let parent = root;
	for (const step of keys) {
		parent = isRecord(parent) || Array.isArray(parent) ? (parent as Record<string, unknown>)[step] : undefined;
	}

	if (!isRecord(parent) && !Array.isArray(parent)) {
		throw new PatchError(`there is no parent of ${path}`);
	}

	return { parent, key };
}
