import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openFixes } from "../../src/access/fixes.ts";
import { createHands } from "../../src/access/hands.ts";
import type { Step } from "../../src/check.ts";
import type { Judgement } from "../../src/diagnose.ts";
import { UsageError } from "../../src/errors.ts";
import { carryOut, type Parts } from "../../src/fix/carry-out.ts";
import { placeOf, putInto, renderEdit } from "../../src/fix/edit.ts";
import { undo } from "../../src/fix/undo.ts";

describe("at the end, what is missing is added", () => {
	test.each([
		["no file", undefined, "a=1\nb=2", "a=1\nb=2\n"],
		["an empty file", "", "a=1", "a=1\n"],
		["other lines", "x=1\n", "a=1", "x=1\na=1\n"],
		["no final newline", "x=1", "a=1", "x=1\na=1\n"],
		["line ends of Windows", "x=1\r\n", "a=1\nb=2", "x=1\r\na=1\r\nb=2\r\n"],
		["a byte order mark", "\uFEFFx=1\n", "a=1", "\uFEFFx=1\na=1\n"],
		["some of them there", "b=2\n", "a=1\nb=2\nc=3", "b=2\na=1\nc=3\n"],
		["all of them there, in another order", "b=2\r\na=1", "a=1\nb=2", "b=2\r\na=1"],
		[
			"the section with something else",
			"[Service]\nUser=x\n[Unit]\n",
			"[Service]\nD=1",
			"[Service]\nUser=x\n[Unit]\n[Service]\nD=1\n",
		],
		[
			"the line in another section",
			"[Service]\n[Unit]\nD=1\n",
			"[Service]\nD=1",
			"[Service]\n[Unit]\nD=1\n[Service]\nD=1\n",
		],
		[
			"the line in its section",
			"[Unit]\n[Service]\nUser=x\nD=1\n",
			"[Service]\nD=1",
			"[Unit]\n[Service]\nUser=x\nD=1\n",
		],
		["the same script", "#!/bin/sh\necho\n", "#!/bin/sh\nmount", "#!/bin/sh\necho\nmount\n"],
		["a script of another shell", "#!/usr/bin/fish\n", "#!/bin/sh\nmount", undefined],
	])("%s", (_, before, lines, after) => {
		expect(putInto(before, lines)).toBe(after);
	});
});

describe("in place of a line, only what sets the same", () => {
	test.each([
		["the same variable", "a\nexport U='x'\nb", "a\nexport U='new'\nb"],
		["line ends of Windows", "a\r\nexport U='x'\r\n", "a\r\nexport U='new'\r\n"],
		["another variable by now", "a\nexport V='x'\n", undefined],
		["a line that is gone", "a", undefined],
		["a value that goes on", "a\nexport U='x\ny'\n", undefined],
		["two in one line", "a\nexport U=1 V=2\n", undefined],
	])("%s", (_, before, after) => {
		expect(putInto(before, "export U='new'", 2)).toBe(after);
	});
});

const line = fc.oneof(
	fc.constantFrom("", "[Service]", "#!/bin/sh", "export A='1'", "A: 1", "a=1", "# a", "ü"),
	fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, "")),
);
const file = fc
	.tuple(fc.boolean(), fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n"))), line)
	.map(([mark, lines, last]) => `${mark ? "\uFEFF" : ""}${lines.flat().join("")}${last}`);
const plain = fc.array(
	line.filter((text) => text !== "" && !text.startsWith("[")),
	{ minLength: 1, maxLength: 4 },
);
const lines = fc
	.tuple(fc.constantFrom<readonly string[]>([], ["[Service]"]), plain)
	.map(([heading, rest]) => [...heading, ...rest].join("\n"));

test("whatever the file and the lines: nothing of it is lost, all of them are in it, and a second time changes nothing", () => {
	fc.assert(
		fc.property(file, lines, (before, added) => {
			const after = putInto(before, added);
			fc.pre(after !== undefined);
			expect(after.startsWith(before)).toBe(true);
			expect(after.split(/\r?\n/)).toEqual(expect.arrayContaining(added.split("\n")));
			expect(putInto(after, added)).toBe(after);
		}),
	);
});

test("whatever the file: of a line that is replaced, no other changes", () => {
	fc.assert(
		fc.property(file, fc.nat(8), (before, at) => {
			const after = putInto(before, "export A='2'", at + 1);
			fc.pre(after !== undefined);
			const [old, now] = [before.split("\n"), after.split("\n")];
			expect(now.length).toBe(old.length);
			expect(now.filter((text, index) => text !== old[index]).length).toBeLessThanOrEqual(1);
			expect(now[at]).toContain("export A='2'");
		}),
	);
});

test("whatever changes: the patch shows all lines that go and come", () => {
	fc.assert(
		fc.property(file, lines, (before, added) => {
			const after = putInto(before, added) ?? before;
			fc.pre(after !== before);
			const [, , ...shown] = renderEdit({ path: "x", before, after }).split("\n");
			const come = shown.filter((text) => text.startsWith("+")).map((text) => text.slice(1));
			expect(after.split(/\r?\n/)).toEqual(expect.arrayContaining(come));
			expect(shown.every((text) => /^[+-]/.test(text))).toBe(true);
		}),
	);
});

test.each([
	["envfile", { path: "envfile" }],
	["/home/me/a, line 2b, line 12", { path: "/home/me/a, line 2b", line: 12 }],
])("%s is a place", (into, place) => {
	expect(placeOf(into)).toEqual(place);
});

describe("through the real file system", () => {
	let folder: string;
	let path: string;
	let said: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "edit-"));
		path = join(folder, "envfile");
		said = "";
		vi.stubEnv("XDG_STATE_HOME", join(folder, "state"));
	});
	afterEach(() => {
		vi.unstubAllEnvs();
		rmSync(folder, { recursive: true, force: true });
	});

	const judgementOf = (step: Step | undefined): Judgement => {
		const check = { id: "c", title: "t", group: "config", documented: "d", findings: {}, needs: [], uses: [] } as const;
		const finding = { code: "c/f", severity: "error", confidence: "certain", summary: "s" } as const;
		const from = [{ from: "x", saw: "y" }] as const;
		return {
			check,
			verdict:
				step === undefined
					? { kind: "pass", summary: "s" }
					: { kind: "problem", findings: [{ ...finding, evidence: from, remedy: [step] }], missing: [] },
		} as unknown as Judgement;
	};
	const parts = (step: Step, between: () => void = () => undefined): Parts => {
		let looks = 0;
		return {
			look: () => Promise.resolve(judgementOf(looks++ === 0 ? step : undefined)),
			hands: createHands(),
			fixes: openFixes(),
			ask: {
				step: () => {
					between();
					return Promise.resolve("run");
				},
				name: () => Promise.resolve(true),
				goOn: () => Promise.resolve(true),
			},
			say: (text) => {
				said += text;
			},
			mask: (text) => text,
			now: () => new Date(),
			pause: () => Promise.resolve(),
			patience: 60_000,
			version: "0",
			width: 80,
			interrupted: new AbortController().signal,
		};
	};
	const put = (text: string, at?: number): Step => ({
		advice: "a",
		put: { line: text, into: `${path}, line ${at ?? 1}` },
		where: "here",
		risk: "changes",
	});
	const order = { target: "c", place: "here", consent: { destroys: false, named: [] } };

	test("put and undone, the file is the same byte for byte", async () => {
		await fc.assert(
			fc.asyncProperty(file, fc.constantFrom("A='1'", "A=1", "export A="), async (rest, first) => {
				const before = Buffer.from(`export ${first.replace("export ", "")}\n${rest}`);
				writeFileSync(path, before);
				const tools = parts(put("export A='2'"));
				const { id, result } = await carryOut(tools, order);
				expect(result).toBe("confirmed");
				expect(readFileSync(path, "utf8").split("\n")[0]).toBe("export A='2'");
				expect(await undo(tools, id!)).toBe(true);
				expect(readFileSync(path).equals(before)).toBe(true);
			}),
			{ numRuns: 15 },
		);
	});

	test("what was edited after the fix is left alone by its undo, and how it was is kept", async () => {
		writeFileSync(path, "export A='1'\n");
		const tools = parts(put("export A='2'"));
		const { id } = await carryOut(tools, order);
		writeFileSync(path, "export A='2'\nexport MINE=1\n");
		expect(await undo(tools, id!)).toBe(false);
		expect(readFileSync(path, "utf8")).toBe("export A='2'\nexport MINE=1\n");
		const [, kept = ""] = /was changed since and is left alone\. How it was is kept in (\S+)\.\n/.exec(said) ?? [];
		expect(readFileSync(kept, "utf8")).toBe("export A='1'\n");
	});

	test("what is edited while the question stands there is not written over", async () => {
		writeFileSync(path, "export A='1'\n");
		await carryOut(
			parts(put("export A='2'"), () => {
				writeFileSync(path, "export A='1'\nexport MINE=1\n");
			}),
			order,
		);
		expect(readFileSync(path, "utf8")).toBe("export A='1'\nexport MINE=1\n");
		expect(said).toContain("changed meanwhile");
	});

	test("a line of the journal that a crash cut off takes no other with it", async () => {
		writeFileSync(path, "export A='1'\n");
		const tools = parts(put("export A='2'"));
		const { id } = await carryOut(tools, order);
		const journal = join(folder, "state/capmox-doctor/fixes", id!, "journal.jsonl");
		const whole = readFileSync(journal, "utf8");
		writeFileSync(journal, `${whole}{"event":"undo`);
		expect(await undo(tools, id!)).toBe(true);
		expect(readFileSync(path, "utf8")).toBe("export A='1'\n");
		expect(await undo(tools, id!)).toBe(true);
		expect(said).toContain("changed nothing that is not taken back already");
	});

	test("a file in another encoding is left to the user: to write it back would lose bytes", async () => {
		const latin1 = Buffer.from("export A='1'\n# f\xFCr alle\n", "latin1");
		writeFileSync(path, latin1);
		const hands = createHands();
		await expect(hands.read(path)).rejects.toThrow(UsageError);
		await carryOut(parts(put("export A='2'")), order);
		expect(readFileSync(path).equals(latin1)).toBe(true);
		expect(said).toContain("Not done from here: copy it.");
	});
});
