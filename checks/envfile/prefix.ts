import { bitsOf, type Family, parseAddress } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import type { EnvfileFinding } from "./findings.ts";
import { numberOf, readOtherwise } from "./numbers.ts";
import { type Given, mend } from "./reading.ts";

export function prefixOf(
	given: Given | undefined,
	family: Family,
): { readonly prefix?: number; readonly findings: readonly EnvfileFinding[] } {
	if (given === undefined || given.value === "") {
		return { findings: [] };
	}

	const bits = bitsOf(family);
	const prefix = numberOf(given);
	if (prefix !== undefined && prefix >= 1 && prefix <= bits) {
		return { prefix, findings: readOtherwise(given, prefix) };
	}

	return {
		findings: [
			found(
				"invalid-prefix",
				`${given.name} must be the length of the subnet's prefix, for IPv${family} a number from 1 to ${bits}.`,
				{ from: given.from, saw: given.value, expected: `1 to ${bits}` },
				mend(
					"Write the number of bits: a netmask of 255.255.255.0 is 24.",
					given,
					bitsIn(given.value),
					family === 4 ? "24" : "64",
				),
			),
		],
	};
}

/** `/24` and `255.255.255.0` both mean 24. */
function bitsIn(text: string): string | undefined {
	const mask = parseAddress(text);
	const bits = mask?.family === 4 ? mask.value.toString(2).padStart(32, "0") : "";
	return (
		/^\/([1-9]\d*)$/.exec(text)?.[1] ?? (/^1+0*$/.test(bits) ? String(bits.replaceAll("0", "").length) : undefined)
	);
}
