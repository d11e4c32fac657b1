import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { checks } from "../checks/index.ts";
import { sectionOf } from "../src/commands/explain.ts";
import type { FactSheet } from "../src/facts/sheet.ts";
import { findSituations, judgeSituation, readSituation } from "./support/situations.ts";

const situations = findSituations();
const kinds = { problem: "problem", healthy: "pass", skip: "skip", unknown: "unknown" } as const;

describe("a situation's name is its verdict, and the text a user sees lies beside it", () => {
	test.each(situations.map((situation) => [`${situation.check.id}/${situation.name}`, situation] as const))(
		"%s",
		async (_, situation) => {
			const { sheet, asked } = readSituation(situation);
			const { judgement, codes, text } = judgeSituation(situation.check, sheet, asked);
			expect(judgement.verdict.kind).toBe(kinds[situation.expected as keyof typeof kinds]);
			if (situation.expected === "problem") {
				expect(codes[0]).toBe(`${situation.check.id}/${situation.what}`);
			}

			await expect(text).toMatchFileSnapshot(fileURLToPath(situation.url).replace(/yaml$/, "txt"));
		},
	);
});

describe.each(checks.map((check) => [check.id, check] as const))("check %s", (id, check) => {
	const own = situations.filter((situation) => situation.check === check);
	const page = readFileSync(new URL(`../checks/${id}.md`, import.meta.url), "utf8");
	const fired = new Set(
		own.flatMap((situation) => {
			const { sheet, asked } = readSituation(situation);
			return judgeSituation(check, sheet, asked).codes;
		}),
	);

	test.each(Object.keys(check.findings))("%s has a situation in which it fires", (code) => {
		expect(fired).toContain(`${id}/${code}`);
	});

	test.each(Object.keys(check.findings))("%s has a section on the page, with some text", (code) => {
		expect(sectionOf(page, code)?.split("\n").slice(1).join("").trim().length ?? 0).toBeGreaterThan(40);
	});

	test("the page has no section for a code that does not exist", () => {
		const sections = [...page.matchAll(/^### ([a-z0-9-]+)$/gm)].map(([, code]) => code);
		expect(sections.filter((code) => !(code !== undefined && code in check.findings))).toEqual([]);
	});

	test("has a healthy situation", () => {
		expect(own.some(({ expected }) => expected === "healthy")).toBe(true);
	});

	test("reads every fact that it asks for", () => {
		const read = new Set<string | symbol>();
		for (const situation of own) {
			const { sheet } = readSituation(situation);
			const facts = Object.fromEntries(
				Object.entries(sheet).flatMap(([name, state]) => (state.state === "known" ? [[name, state.value]] : [])),
			);
			if (check.needs.every((name) => name in facts)) {
				check.diagnose(
					new Proxy(facts, {
						get: (target, name) => {
							read.add(name);
							return Reflect.get(target, name) as unknown;
						},
					}),
				);
			}
		}

		expect([...check.needs, ...check.uses].filter((name) => !read.has(name))).toEqual([]);
	});

	test("is unknown, never pass, when any fact it asks for is missing", () => {
		const healthy = own
			.filter(({ expected }) => expected === "healthy")
			.map((situation) => readSituation(situation).sheet);
		for (const sheet of healthy) {
			for (const name of [...check.needs, ...check.uses]) {
				const without: FactSheet = {
					...sheet,
					[name]: { state: "unavailable", cause: "timeout", lastSeen: "nothing" },
				};
				expect(judgeSituation(check, without, false).judgement.verdict.kind).not.toBe("pass");
			}
		}
	});
});
