import { expect, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import { lineOf, readPlaced } from "../../src/facts/manifest-objects.ts";

test.each([
	["an alias within itself", "kind: A\nspec: &a { b: *a }"],
	["an alias without an anchor", "kind: A\nspec: *a"],
	["a bracket that stays open", "kind: ["],
])("%s is the user's mistake", (_, text) => {
	expect(() => readPlaced({ name: "a.yaml", text })).toThrow(UsageError);
});

const text = `# rendered
kind: Cluster
apiVersion: v1
metadata: { name: a }
---
apiVersion: v1
kind: List
items:
  - kind: Cluster
    apiVersion: v1
    metadata: { name: a, namespace: b }
  - kind: Node
    apiVersion: v1
    metadata:
      name: c
`;

test.each([
	[{ kind: "Cluster", name: "a" }, 2],
	[{ kind: "Cluster", name: "a", namespace: "b" }, 9],
	[{ kind: "Node", name: "c" }, 12],
	[{ kind: "Node", name: "a" }, undefined],
])("%j begins on line %j", (object, line) => {
	expect(lineOf(readPlaced({ name: "a.yaml", text }), object)).toBe(line);
});
