import { UsageError } from "../errors.ts";
import type { GlobalOptions } from "./terminal.ts";

/** Options that say where to look; with a snapshot there is nothing to look at. */
const lookingOptions = [
	"envFile",
	"kubeconfig",
	"context",
	"namespace",
	"workload",
	"workloadKubeconfig",
	"workloadContext",
	"knowledge",
	"root",
	"manifest",
	"flavor",
	"capmoxVersion",
] as const;

/** @throws UsageError where an option has no effect beside --from: a wrong verdict would not show it. */
export function refuseLookingOptions(
	options: GlobalOptions & Partial<Record<(typeof lookingOptions)[number], unknown>>,
): void {
	const given = lookingOptions.find((name) => options[name] !== undefined);
	if (given !== undefined) {
		const option = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
		throw new UsageError(`--${option} has no effect on a snapshot: it was decided when it was taken`);
	}
}
