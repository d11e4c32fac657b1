import { expect, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import { readObjects } from "../../src/facts/manifest-objects.ts";

test.each([
	["an alias within itself", "kind: A\nspec: &a { b: *a }"],
	["an alias without an anchor", "kind: A\nspec: *a"],
	["a bracket that stays open", "kind: ["],
])("%s is the user's mistake", (_, text) => {
	expect(() => readObjects({ name: "a.yaml", text })).toThrow(UsageError);
});
