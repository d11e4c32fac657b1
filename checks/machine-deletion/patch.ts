import type { NonEmpty, Step } from "../../src/check.ts";
import { nameOf, type Thing } from "./estate.ts";
import { advise, destroy } from "./findings.ts";
import { inNamespace, ownFinalizers, resources } from "./resources.ts";

interface Operation {
	readonly op: "test" | "remove";
	readonly path: string;
	readonly value?: string;
}

/** Takes its provider's finalizer off this very object, and nothing where it changed since it was read. */
function guardedPatch(thing: Thing): NonEmpty<string> | undefined {
	const { uid, resourceVersion, finalizers } = thing.object;
	const index = finalizers.findIndex((each) => ownFinalizers[thing.kind].includes(each));
	const finalizer = finalizers[index];
	if (uid === "" || resourceVersion === undefined || finalizer === undefined) {
		return undefined;
	}

	const path = `/metadata/finalizers/${index}`;
	const operations: readonly Operation[] = [
		{ op: "test", path: "/metadata/uid", value: uid },
		{ op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
		{ op: "test", path, value: finalizer },
		{ op: "remove", path },
	];
	return [
		"kubectl",
		"patch",
		resources[thing.kind],
		thing.object.name,
		...inNamespace(thing),
		"--type=json",
		`-p=${JSON.stringify(operations)}`,
	];
}

/** The last resort for one object; says so where it cannot be guarded. */
export function takeOff(thing: Thing, consequence: string): Step {
	const command = guardedPatch(thing);
	return command === undefined
		? advise(`${nameOf(thing)} has no finalizer that could be taken off safely; look at it again.`)
		: destroy(
				`Take the finalizer off ${nameOf(thing)}. ${consequence} If it says that a test failed, the object changed meanwhile: run this check again.`,
				...command,
			);
}
