import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { announceNewest, isQuietPlace, rememberNewest } from "../../src/access/newest-release.ts";
import { bundle, doctor } from "../support/doctor.ts";

const day = 24 * 60 * 60 * 1_000;
let folder: string;
let registry: Server;
let asked: string[];
let answers: boolean;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "newest-"));
	asked = [];
	answers = true;
	registry = createServer((request, response) => {
		asked.push(`${request.method} ${request.url}`);
		if (answers) {
			response.setHeader("content-type", "application/json");
			response.end(
				JSON.stringify({
					name: "capmox-doctor",
					"dist-tags": { latest: "999.1.0" },
					versions: { "999.1.0": { name: "capmox-doctor", version: "999.1.0", dist: {} } },
				}),
			);
		}
	});
	await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
	registry.closeAllConnections();
	registry.close();
	rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const url = () => `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
const file = () => join(folder, "state/capmox-doctor/newest-release.json");
const state = () =>
	existsSync(file()) ? (JSON.parse(readFileSync(file(), "utf8")) as Record<string, unknown>) : undefined;
const keep = (value: unknown) => {
	mkdirSync(dirname(file()), { recursive: true });
	writeFileSync(file(), typeof value === "string" ? value : JSON.stringify(value));
};

/** On a pseudo-terminal, as util-linux' script gives it one; without a setting of the machine that runs the test. */
function onTerminal(
	words: string,
	{ cwd = folder, ...env }: Readonly<Record<string, string>> = {},
): Promise<{ shown: string; took: number }> {
	const started = performance.now();
	return new Promise((resolve) => {
		const child = execFile(
			"script",
			["-qefc", `"${bundle}" ${words}`, "/dev/null"],
			{
				cwd,
				env: {
					PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
					HOME: folder,
					TERM: "xterm",
					XDG_STATE_HOME: join(folder, "state"),
					npm_config_registry: url(),
					npm_config_fetch_retries: "0",
					...env,
				},
			},
			(_, stdout) => {
				resolve({ shown: stdout, took: performance.now() - started });
			},
		);
		child.stdin?.end();
	});
}

describe("on a terminal", () => {
	test("the first run asks and says nothing, the second says, the third neither", { timeout: 60_000 }, async () => {
		expect((await onTerminal("list")).shown).not.toContain("is out");
		await vi.waitFor(() => {
			expect(state()).toMatchObject({ newest: "999.1.0" });
		}, 30_000);
		expect(asked).toEqual(["GET /capmox-doctor"]);
		expect((await onTerminal("list")).shown).toMatch(
			/\r\ncapmox-doctor 999\.1\.0 is out, this is \d+\.\d+\.\d+: npm install --global capmox-doctor\r\n$/,
		);
		expect((await onTerminal("list")).shown).not.toContain("is out");
		expect(asked).toHaveLength(1);
	});

	test("the registry is the one of the user's .npmrc, never of the folder", { timeout: 60_000 }, async () => {
		const work = join(folder, "work");
		mkdirSync(work);
		writeFileSync(join(folder, ".npmrc"), `registry=${url()}\n`);
		writeFileSync(join(work, ".npmrc"), "registry=http://127.0.0.1:1/\n");
		writeFileSync(join(work, "package.json"), "{}");
		await onTerminal("list", { npm_config_registry: "", cwd: work });
		await vi.waitFor(() => {
			expect(state()).toMatchObject({ newest: "999.1.0" });
		}, 30_000);
	});

	test("a registry that does not answer delays nothing", { timeout: 60_000 }, async () => {
		answers = false;
		const without = await onTerminal("list", { CI: "true" });
		const withIt = await onTerminal("list");
		await vi.waitFor(() => {
			expect(asked).toHaveLength(1);
		}, 30_000);
		// npm alone takes longer to start.
		expect(withIt.took - without.took).toBeLessThan(300);
		expect((await onTerminal("list")).shown).not.toContain("is out");
		expect(asked).toHaveLength(1);
	});

	test.each([
		["list --offline", {}],
		["list --quiet", {}],
		["list", { CAPMOX_DOCTOR_OFFLINE: "1" }],
		["list", { NO_UPDATE_NOTIFIER: "1" }],
		["list", { CI: "true" }],
		["list | cat", {}],
		["list 2>/dev/null", {}],
	])("%s with %j neither says nor asks", async (words, env) => {
		keep({ newest: "999.1.0" });
		expect((await onTerminal(words, env)).shown).toMatch(/token.*Proxmox accepts the API token/);
		expect(state()).toEqual({ newest: "999.1.0" });
	});
});

test("off a terminal it neither says nor asks", async () => {
	keep({ newest: "999.1.0" });
	const { stderr } = await doctor(["list"], { env: { HOME: folder, XDG_STATE_HOME: join(folder, "state") } });
	expect(stderr).toBe("");
	expect(state()).toEqual({ newest: "999.1.0" });
});

describe("what is kept", () => {
	const now = Date.UTC(2026, 0, 2);
	const environment = () => ({ XDG_STATE_HOME: join(folder, "state") });
	const announce = (version = "0.1.0") => {
		const askLater = vi.fn<() => void>();
		return {
			line: announceNewest(version, { environment: environment(), now, askLater }),
			asks: askLater.mock.calls.length,
		};
	};

	test.each([
		["nothing", undefined, { line: false, asks: 1 }],
		["told today", { newest: "9.0.0", asked: now - 1, shown: now - 1 }, { line: false, asks: 0 }],
		["told yesterday", { newest: "9.0.0", asked: now - day, shown: now - day }, { line: true, asks: 1 }],
		[
			"a clock that was ahead",
			{ newest: "9.0.0", asked: now + 2 * day, shown: now + 2 * day },
			{ line: true, asks: 1 },
		],
		["the same", { newest: "0.1.0", asked: now }, { line: false, asks: 0 }],
		["an older one", { newest: "0.0.9", asked: now }, { line: false, asks: 0 }],
		["a newer patch", { newest: "0.1.1", asked: now }, { line: true, asks: 0 }],
		["a two-digit one", { newest: "0.10.0", asked: now }, { line: true, asks: 0 }],
		["a preview", { newest: "1.0.0-beta.1", asked: now }, { line: false, asks: 0 }],
		["a sequence for the terminal", { newest: "9.0.0\u001b[2J", asked: now }, { line: false, asks: 0 }],
		["no text", { newest: ["9.0.0"], asked: "yesterday" }, { line: false, asks: 1 }],
		["no JSON", "{", { line: false, asks: 1 }],
		["no object", "null", { line: false, asks: 1 }],
	])("%s", (_, kept, expected) => {
		if (kept !== undefined) {
			keep(kept);
		}

		const { line, asks } = announce();
		expect({ line: line !== undefined, asks }).toEqual(expected);
		expect(announce()).toEqual({ line: undefined, asks: 0 });
	});

	test("what cannot be kept is neither said nor asked for", () => {
		writeFileSync(join(folder, "state"), "a file in the place of the folder");
		expect(announce()).toEqual({ line: undefined, asks: 0 });
	});

	test("an answer does not forget when it was asked and said", () => {
		keep({ newest: "0.1.0", asked: now, shown: now });
		rememberNewest("0.3.0", environment());
		expect(state()).toEqual({ newest: "0.3.0", asked: now, shown: now });
	});

	test("a preview of ours hears of its release no sooner than of the next", () => {
		keep({ newest: "0.2.0", asked: now });
		expect(announce("0.2.0-rc.1").line).toBeUndefined();
		expect(announce("0.1.9-rc.1").line).toBeDefined();
	});

	test.each([
		[{}, false],
		[{ CI: "false" }, false],
		[{ CI: "" }, false],
		[{ NO_UPDATE_NOTIFIER: "" }, false],
		[{ CI: "1" }, true],
		[{ BUILD_NUMBER: "7" }, true],
		[{ TF_BUILD: "True" }, true],
		[{ NO_UPDATE_NOTIFIER: "0" }, true],
	])("%j is a quiet place: %s", (environment, quiet) => {
		expect(isQuietPlace(environment)).toBe(quiet);
	});
});
