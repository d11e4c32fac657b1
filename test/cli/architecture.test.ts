import { ESLint } from "eslint";
import { expect, test } from "vitest";

const eslint = new ESLint({ cwd: new URL("../..", import.meta.url).pathname });

/** Lints a line as if it stood in that file. Rules that need types are not asked: the text is in no project. */
async function complaints(file: string, text: string): Promise<readonly string[]> {
	const [result] = await eslint.lintText(text, { filePath: file });
	return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message);
}

const imports = "@typescript-eslint/no-restricted-imports";

test.each([
	["checks/token.ts", 'import "node:fs";', imports],
	["checks/token.ts", 'import "execa";', imports],
	["checks/token.ts", 'import ky from "ky";', imports],
	["checks/token.ts", 'import process from "node:process";', imports],
	["checks/token.ts", 'import { readProxmoxAccess } from "../src/facts/proxmox.ts";', imports],
	["checks/token.ts", 'import { openWorld } from "../src/access/world.ts";', imports],
	["checks/token.ts", 'import { renderHuman } from "../src/report/human.ts";', imports],
	["checks/token/url.ts", 'import { gather } from "../../src/gather.ts";', imports],
	["checks/token.ts", "export const now = Date.now();", "no-restricted-syntax"],
	["checks/token.ts", "export const now = new Date();", "no-restricted-syntax"],
	["checks/token.ts", "export const home = process.env;", "no-restricted-globals"],
	["checks/token.ts", 'export const later = import("node:fs");', "no-restricted-syntax"],
	["checks/token.ts", "export const x = {} as string;", "@typescript-eslint/consistent-type-assertions"],
	["src/diagnose.ts", 'import { createFiles } from "./access/files.ts";', imports],
	["src/report/human.ts", 'import "node:fs";', imports],
	["src/report/human.ts", "process.exit(1);", "no-restricted-globals"],
	["src/facts/proxmox.ts", 'import "node:fs/promises";', imports],
	["src/facts/proxmox.ts", 'import { checks } from "../../checks/index.ts";', imports],
	["src/facts/proxmox.ts", 'import { renderHuman } from "../report/human.ts";', imports],
	["src/access/files.ts", 'import { diagnose } from "../diagnose.ts";', imports],
	["src/access/files.ts", 'import { schemas } from "../facts/sheet.ts";', imports],
	["src/facts/proxmox.ts", 'import { carryOut } from "../fix/carry-out.ts";', imports],
	["src/access/files.ts", 'import { carryOut } from "../fix/carry-out.ts";', imports],
	["src/fix/undo.ts", 'import { rm } from "node:fs/promises";', imports],
	["src/fix/carry-out.ts", 'import { execa } from "execa";', imports],
	["src/fix/carry-out.ts", 'import { createHands } from "../access/hands.ts";', imports],
	["src/fix/carry-out.ts", 'import { gather } from "../gather.ts";', imports],
	["src/fix/carry-out.ts", 'import { select } from "@clack/prompts";', imports],
	["src/fix/plan.ts", 'import check from "../../checks/token.ts";', imports],
	["src/fix/plan.ts", "export const home = process.env;", "no-restricted-globals"],
	["src/fix/carry-out.ts", "export const now = new Date();", "no-restricted-syntax"],
	["src/commands/run.ts", 'import { readFile } from "node:fs/promises";', imports],
	["src/commands/run.ts", 'import { execa } from "execa";', imports],
	["src/gather.ts", "process.exit(1);", "no-restricted-properties"],
	["src/gather.ts", 'console.log("x");', "no-console"],
])("%s may not say %s", async (file, text, rule) => {
	expect(await complaints(file, `${text}\n`)).toContain(rule);
});

test("what is allowed passes", async () => {
	expect(
		await complaints(
			"checks/token.ts",
			'import type { Facts } from "../src/facts/sheet.ts";\nexport type F = Facts;\n',
		),
	).toEqual([]);
});
