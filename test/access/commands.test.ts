import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCommands } from "../../src/access/commands.ts";
import { type Cause, ProbeError } from "../../src/errors.ts";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "commands-"));
});
afterAll(() => {
	rmSync(folder, { recursive: true });
});

const commands = createCommands();

async function causeOf(running: Promise<unknown>): Promise<readonly [Cause, string]> {
	const error: unknown = await running.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	if (!(error instanceof ProbeError)) {
		throw new Error(`expected a ProbeError, got ${String(error)}`);
	}

	return [error.reason, error.message];
}

test("gives what was printed; a non-zero exit is an answer", async () => {
	const output = await commands.run(["sh", "-c", "echo out; echo err >&2; exit 3"]);
	expect(output).toEqual({ exitCode: 3, stdout: "out\n", stderr: "err\n" });
});

test("words are words, not shell text", async () => {
	const output = await commands.run(["printf", "%s|", "a b", "$HOME", "`id`", "!"]);
	expect(output.stdout).toBe("a b|$HOME|`id`|!|");
});

test("nothing is on stdin", async () => {
	expect((await commands.run(["cat"])).stdout).toBe("");
});

describe("what can go wrong has a cause", () => {
	test("the program is missing", async () => {
		expect(await causeOf(commands.run(["no-such-program"]))).toEqual([
			"tool-missing",
			"no-such-program is not installed, or not in PATH",
		]);
	});

	test("it may not be executed", async () => {
		const file = join(folder, "plain");
		writeFileSync(file, "#!/bin/sh\n");
		chmodSync(file, 0o644);
		expect((await causeOf(commands.run([file])))[0]).toBe("forbidden");
	});

	test("it hangs: the last words are told", async () => {
		const started = performance.now();
		const [cause, message] = await causeOf(
			commands.run(["sh", "-c", "echo waiting for you >&2; sleep 60"], { timeout: 300 }),
		);
		expect(cause).toBe("timeout");
		expect(message).toContain("it last said: waiting for you");
		expect(performance.now() - started).toBeLessThan(2_000);
	});

	test("it hangs and ignores SIGTERM", async () => {
		const started = performance.now();
		const stubborn = causeOf(commands.run(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], { timeout: 1_000 }));
		expect(await stubborn).toEqual(["timeout", expect.stringContaining("did not end within 1 s")]);
		expect(performance.now() - started).toBeLessThan(1_300);
	});

	test("its child holds the pipe in a session of its own", async () => {
		const started = performance.now();
		expect((await causeOf(commands.run(["sh", "-c", "setsid sleep 5 & sleep 60"], { timeout: 1_000 })))[0]).toBe(
			"timeout",
		);
		expect(performance.now() - started).toBeLessThan(1_300);
	});

	test("it prints without end", async () => {
		const [cause, message] = await causeOf(commands.run(["yes"], { maxOutput: 100_000, timeout: 5_000 }));
		expect(cause).toBe("unreadable");
		expect(message).toContain("printed more than 100000 characters");
	});

	test("a signal ends it", async () => {
		expect(await causeOf(commands.run(["sh", "-c", "kill -SEGV $$"]))).toEqual([
			"unreadable",
			"sh -c kill -SEGV $$ was ended by SIGSEGV",
		]);
	});

	test("the run is cancelled, before or meanwhile", async () => {
		expect((await causeOf(commands.run(["true"], { signal: AbortSignal.abort() })))[0]).toBe("cancelled");
		const controller = new AbortController();
		const running = causeOf(commands.run(["sleep", "60"], { signal: controller.signal, timeout: 50_000 }));
		setTimeout(() => {
			controller.abort();
		}, 100);
		expect((await running)[0]).toBe("cancelled");
	});
});

test("descendants end with it", async () => {
	const mark = join(folder, "mark");
	await causeOf(commands.run(["sh", "-c", `(sleep 1; touch '${mark}') & wait`], { timeout: 200 }));
	await wait(1_300);
	expect(existsSync(mark)).toBe(false);
});
