import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseEnvfile } from "../../src/access/envfile.ts";
import { variables } from "../../src/knowledge/variables.ts";

const text = readFileSync(new URL("../../envfile.example", import.meta.url), "utf8");

test("envfile.example names exactly the variables that are read", () => {
	const uncommented = text.replace(/^# (export )/gm, "$1");
	const names = parseEnvfile(uncommented).assignments.map(({ name }) => name);
	expect([...names].sort()).toEqual([...variables].sort());
});

test("a shell and this program read it alike, and it holds no secret", () => {
	const { assignments, problems } = parseEnvfile(text);
	expect(problems).toEqual([]);
	expect(assignments.find(({ name }) => name === "PROXMOX_SECRET")?.value).toBe("");
});
