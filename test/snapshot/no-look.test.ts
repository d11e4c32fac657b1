import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { check, run } from "../../src/commands/run.ts";
import type { Terminal } from "../../src/commands/terminal.ts";

const { broken } = vi.hoisted(() => ({
	broken: (what: string) => () => {
		throw new Error(what);
	},
}));
/** Whatever a program that must not look asks of the world, the test fails. */
vi.mock("../../src/access/world.ts", () => ({ openWorld: broken("the world was opened") }));
vi.mock("node:child_process", () => ({
	spawn: broken("a command was started"),
	execFile: broken("a command was started"),
}));
vi.mock("node:net", () => ({
	connect: broken("a connection was made"),
	createConnection: broken("a connection was made"),
}));
vi.mock("node:dns", () => ({ lookup: broken("a name was looked up") }));

const from = fileURLToPath(new URL("../../demo/snapshot.yaml", import.meta.url));
const options = { timeout: 60_000, format: "human", failOn: "error", verbose: true, quiet: false } as const;
const never = new AbortController().signal;

function listen(): { said: string[]; terminal: Terminal } {
	const said: string[] = [];
	const say = (text: string) => {
		said.push(text);
	};
	return {
		said,
		terminal: {
			version: packageJson.version,
			columns: 80,
			colour: false,
			watched: true,
			interactive: false,
			canAsk: false,
			out: say,
			err: say,
			goOn: () => undefined,
		},
	};
}

describe("with --from nothing is asked of the world", () => {
	test("run", async () => {
		const { said, terminal } = listen();
		expect(await run({ ...options, from }, terminal, never, () => true)).toBe(1);
		expect(said.join("")).toContain("permissions/no-sdn-use");
	});

	test("check", async () => {
		const { said, terminal } = listen();
		expect(await check(["token"], { ...options, from }, terminal, never, () => true)).toBe(0);
		expect(said.join("")).toContain("token/untrusted-ca");
	});

	test("whereas without it, it is", async () => {
		await expect(run(options, listen().terminal, never, () => true)).rejects.toThrow("the world was opened");
	});
});
