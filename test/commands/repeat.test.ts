import { describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { type Look, transitions, waitUntilFine, watch } from "../../src/commands/repeat.ts";
import type { Verdict } from "../../src/diagnose.ts";
import { doctor } from "../support/doctor.ts";

const token = checks.find(({ id }) => id === "token")!;
const look = (verdict: Verdict, code: number): Look => ({ judgements: [{ check: token, verdict }], code });
const broken = look({ kind: "crashed", message: "x" }, 70);
const fine = look({ kind: "pass", summary: "" }, 0);
const silent = { err: () => undefined, watched: false };

describe("--wait", () => {
	test("ends with the first look that is fine", async () => {
		const looks = [broken, fine, broken];
		const seen = await waitUntilFine(
			() => Promise.resolve(looks.shift()!),
			10_000,
			silent,
			new AbortController().signal,
		);
		expect(seen).toBe(fine);
		expect(looks).toEqual([broken]);
	});

	test("ends with what was seen last, and says so", async () => {
		let said = "";
		const terminal = { ...silent, err: (text: string) => (said += text) };
		const seen = await waitUntilFine(() => Promise.resolve(broken), 50, terminal, new AbortController().signal);
		expect([seen, said]).toEqual([broken, "Waited 0.05 s; this is the last that was seen.\n"]);
	});

	test("ends at once when it is interrupted", async () => {
		const interruption = new AbortController();
		setTimeout(() => {
			interruption.abort();
		}, 50);
		expect(await waitUntilFine(() => Promise.resolve(broken), 60_000, silent, interruption.signal)).toBe(broken);
	});

	test.each([
		[["check", "token", "--wait", "1s", "--from", "x.yaml"], "--from: a snapshot does not change"],
		[["run", "--wait", "1s", "--watch"], "cannot be used with"],
		[["run", "--wait", "soon"], "It takes a duration such as 30s or 2m."],
	] as const)("%j is one line", async (words, said) => {
		const { exitCode, stderr } = await doctor(words);
		expect([exitCode, stderr]).toEqual([2, expect.stringContaining(said)]);
		expect(stderr.trim()).not.toContain("\n");
	});
});

describe("--watch", () => {
	test("tells what is not fine at first, and what changes then", () => {
		const time = new Date("2026-08-20T12:00:00Z");
		expect(transitions(fine, undefined, time)).toBe("");
		expect(transitions(broken, undefined, time)).toBe("2026-08-20T12:00:00.000Z token: unknown\n");
		expect(transitions(fine, broken, time)).toBe("2026-08-20T12:00:00.000Z token: unknown → pass\n");
		expect(transitions(broken, broken, time)).toBe("");
	});

	test("ends when it is interrupted, in the middle of a pause, too", async () => {
		const interruption = new AbortController();
		const shown: Look[] = [];
		const seen = await watch(
			() => Promise.resolve(fine),
			(each) => {
				shown.push(each);
				interruption.abort();
			},
			interruption.signal,
		);
		expect([seen, shown]).toEqual([fine, [fine]]);
	});
});
