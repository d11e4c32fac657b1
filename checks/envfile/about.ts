import { found, type Step } from "../../src/check.ts";
import type { EnvfileCode, EnvfileFinding } from "./findings.ts";
import { formOf } from "./forms.ts";
import type { Given } from "./reading.ts";

/** One finding about one value. */
export const about = (
	code: EnvfileCode,
	given: Given,
	summary: string,
	step: Step,
	expected = formOf(given.name),
): EnvfileFinding =>
	found(code, summary, { from: given.from, saw: given.value === "" ? "nothing" : given.value, expected }, step);
