import type { NonEmpty, Step } from "../../src/check.ts";
import { ageOf, type Estate, long, moment, soon, type Thing } from "./estate.ts";
import type { Code } from "./findings.ts";

/** Why an object in deletion cannot go on. Those with the same code and group have the same cause, and make one finding. */
export interface Fault {
	readonly code: Code;
	readonly thing: Thing;
	readonly group?: string;
	readonly from: string;
	readonly saw: string;
	readonly expected?: string;
	/** `who` names the object, or how many there are. */
	readonly summary: (who: string) => string;
	readonly steps: () => NonEmpty<Step>;
	/** It cannot end by itself, however long one waits. */
	readonly never?: boolean;
	/** Somebody has to act at once. */
	readonly danger?: boolean;
	/** Nothing shows an error: it may just be slow, so that it is not worth a warning. */
	readonly calm?: boolean;
	readonly likely?: boolean;
	/** Since when it waits for this; since its deletion unless said otherwise. */
	readonly since?: string | undefined;
}

/** How an object in deletion is doing. */
export type State =
	| { readonly kind: "waits"; readonly for: readonly Thing[] }
	| { readonly kind: "blocked"; readonly fault: Fault }
	/** It takes its time, and that is normal. */
	| { readonly kind: "goes-on"; readonly because: string };

export const waits = (...others: readonly Thing[]): State => ({ kind: "waits", for: others });
export const blocked = (fault: Fault): State => ({ kind: "blocked", fault });
export const goesOn = (because: string): State => ({ kind: "goes-on", because });

/** Whether it is time to say so: what never ends at once, the rest after 5 minutes as a warning, after 15 as an error. */
export function severityOf(
	{ thing, never, danger, calm, since }: Fault,
	{ now }: Estate,
): "error" | "warning" | undefined {
	const age = ageOf(thing.object, now);
	if (danger === true) {
		return "error";
	}

	if (never === true) {
		// The lists are read one after the other: what is just going may be in one and not in the next.
		return age >= moment ? "error" : undefined;
	}

	const waiting = since === undefined ? age : Math.min(age, now - Date.parse(since));
	return waiting < soon || (calm === true && age < long) ? undefined : age < long ? "warning" : "error";
}
