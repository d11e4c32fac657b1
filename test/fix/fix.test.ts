import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { doctor, pathWithoutTools } from "../support/doctor.ts";
import { type Proxmox, startProxmox } from "../support/proxmox/proxmox.ts";
import { goodToken } from "../support/proxmox/state.ts";
import { keys, openScreen } from "../support/pty.ts";

const target = "token/readable-by-others";
let proxmox: Proxmox;
let cwd: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
	proxmox = await startProxmox({ delay: 0 });
});
afterAll(async () => {
	await proxmox.close();
});

/** A secret that everybody may read: a finding whose remedy runs here, changes one thing, and can be taken back. */
beforeEach(() => {
	cwd = mkdtempSync(join(tmpdir(), "fix-"));
	env = { XDG_STATE_HOME: join(cwd, "state"), HOME: cwd };
	const lines = { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: goodToken.id, PROXMOX_SECRET: goodToken.secret };
	writeFileSync(
		join(cwd, "envfile"),
		Object.entries(lines)
			.map(([name, value]) => `export ${name}='${value}'\n`)
			.join(""),
	);
	chmodSync(join(cwd, "envfile"), 0o644);
	return () => {
		rmSync(cwd, { recursive: true, force: true });
	};
});

const mode = (): string => (statSync(join(cwd, "envfile")).mode & 0o777).toString(8);
const fixes = (): string => join(cwd, "state", "capmox-doctor", "fixes");
const journals = (): readonly string[] => readdirSync(fixes()).filter((name) => name !== "lock");
const journal = (): string => readFileSync(join(fixes(), journals()[0] ?? "", "journal.jsonl"), "utf8");

describe("without a terminal", () => {
	test("it refuses, unless told not to ask", async () => {
		const { exitCode, stderr } = await doctor(["fix", target], { cwd, env });
		expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^capmox-doctor: fix asks .*--yes.*--dry-run.*\n$/)]);
		expect(mode()).toBe("644");
	});

	test("--dry-run shows the plan and changes nothing", async () => {
		const { exitCode, stdout } = await doctor(["fix", target, "--dry-run"], { cwd, env });
		expect([exitCode, stdout]).toEqual([
			0,
			expect.stringContaining("chmod 600 envfile".replace("envfile", join(cwd, "envfile"))),
		]);
		expect(stdout).toContain("Nothing was done");
		expect(mode()).toBe("644");
		expect(readdirSync(cwd)).toEqual(["envfile"]);
	});

	test("--yes mends, keeps a journal for its owner alone, and --undo takes it back", async () => {
		const { exitCode, stdout } = await doctor(["fix", target, "--yes"], { cwd, env });
		expect([exitCode, stdout]).toEqual([0, expect.stringContaining("\nconfirmed: ")]);
		expect(mode()).toBe("600");
		expect(stdout + journal()).not.toContain(goodToken.secret);
		expect(statSync(join(fixes(), journals()[0] ?? "")).mode & 0o777).toBe(0o700);
		const listed = await doctor(["fix", "--list"], { cwd, env });
		expect(listed.stdout).toMatch(/^\S+Z {2}token\/readable-by-others {2}confirmed, 1 step done {2}/);
		const before = journal();
		const shown = await doctor(["fix", "--undo", journals()[0] ?? "", "--dry-run"], { cwd, env });
		expect([shown.exitCode, shown.stdout]).toEqual([
			0,
			expect.stringMatching(/ {4}chmod 644 \S+envfile\nNothing was taken back \(--dry-run\)\.\n$/),
		]);
		expect([mode(), journal(), readdirSync(fixes())]).toEqual(["600", before, [journals()[0]]]);
		const undone = await doctor(["fix", "--undo", journals()[0] ?? "", "--yes"], { cwd, env });
		expect(undone.exitCode).toBe(0);
		expect(mode()).toBe("644");
		const again = await doctor(["fix", "--undo", journals()[0] ?? "", "--yes"], { cwd, env });
		expect(again.stdout).toContain("changed nothing that is not taken back already");
	});

	test("what is fine is left alone", async () => {
		chmodSync(join(cwd, "envfile"), 0o600);
		const { exitCode, stdout } = await doctor(["fix", target, "--yes"], { cwd, env });
		expect([exitCode, stdout]).toEqual([0, expect.stringContaining("Proxmox accepts the API token")]);
	});

	test("one at a time; a lock of a process that is gone holds nobody", async () => {
		mkdirSync(fixes(), { recursive: true });
		const start =
			readFileSync("/proc/self/stat", "utf8")
				.replace(/^.*\) /s, "")
				.split(" ")[19] ?? "";
		writeFileSync(join(fixes(), "lock"), `${process.pid} ${start}`);
		const held = await doctor(["fix", target, "--yes"], { cwd, env });
		expect([held.exitCode, held.stderr]).toEqual([
			2,
			expect.stringContaining(`another fix runs, as process ${process.pid}`),
		]);
		writeFileSync(join(fixes(), "lock"), `${process.pid} 1`);
		expect((await doctor(["fix", target, "--yes"], { cwd, env })).exitCode).toBe(0);
		expect(readdirSync(fixes())).not.toContain("lock");
	});

	test("without a place for the journal nothing is changed", async () => {
		writeFileSync(join(cwd, "state"), "a file");
		const { exitCode, stderr } = await doctor(["fix", target, "--yes"], { cwd, env });
		expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/cannot be written, .*XDG_STATE_HOME\n$/)]);
		expect(mode()).toBe("644");
	});

	test("what was done is told where it cannot be written down any more, and taken back all the same", async () => {
		const spoil = `cd ${fixes()}; cp */journal.jsonl kept; for each in lock */journal.jsonl; do rm $each; mkdir $each; done`;
		const PATH = slowChmod(spoil);
		const { exitCode, stdout, stderr } = await doctor(["fix", target, "--yes"], { cwd, env: { ...env, PATH } });
		expect([exitCode, stderr, mode()]).toEqual([0, "", "600"]);
		expect(stdout).toMatch(/\nWhat came of it could not be written down in \S+: EISDIR[^]*\nconfirmed: /);
		const id = readdirSync(fixes()).find((name) => /^\d/.test(name)) ?? "";
		rmSync(join(fixes(), "lock"), { recursive: true });
		rmSync(join(fixes(), id, "journal.jsonl"), { recursive: true });
		// A line that a crash cut off inside a character, too.
		const torn = Buffer.from('{"event":"finished","at":"é').subarray(0, -1);
		writeFileSync(join(fixes(), id, "journal.jsonl"), Buffer.concat([readFileSync(join(fixes(), "kept")), torn]));
		expect((await doctor(["fix", "--list"], { cwd, env })).stdout).toContain("interrupted, 0 steps done");
		const undone = await doctor(["fix", "--undo", id, "--yes"], { cwd, env });
		expect([undone.exitCode, mode()]).toEqual([0, "644"]);
		const again = await doctor(["fix", "--undo", id, "--yes"], { cwd, env });
		expect(again.stdout).toContain("changed nothing that is not taken back already");
	});

	test.each([
		["fix", "tokn"],
		["fix", "token/readable"],
		["fix"],
		["fix", "--undo", "2020"],
		["fix", "token", "--from", "x.yaml"],
		["fix", "token", "--report", "json=x.json"],
		["fix", "--list", "--undo", "2020"],
		["fix", "token", "--format", "json"],
	])("%s %s is one line", async (...words) => {
		const { exitCode, stderr } = await doctor([...words, "--yes"], { cwd, env });
		expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^capmox-doctor: .+\n$/)]);
	});

	test("what was interrupted is gone on with, and nothing is done twice; what was taken back is begun anew", async () => {
		const again = (...words: readonly string[]) => doctor(["fix", target, "--yes", ...words], { cwd, env });
		expect((await again()).exitCode).toBe(0);
		const [id = ""] = journals();
		writeFileSync(join(fixes(), id, "journal.jsonl"), journal().replace(/^.*"ended".*\n/m, ""));
		chmodSync(join(cwd, "envfile"), 0o644);
		const elsewhere = await again("--namespace", "other");
		expect(elsewhere.stdout).not.toContain("Goes on");
		chmodSync(join(cwd, "envfile"), 0o644);
		const resumed = await again();
		expect([resumed.exitCode, resumed.stdout]).toEqual([4, expect.stringContaining(`Goes on with fix ${id}`)]);
		expect(resumed.stdout).toContain("after 1 step; these are not done again");
		expect(mode()).toBe("644");
		writeFileSync(join(fixes(), id, "journal.jsonl"), journal().replace(/^.*"ended".*\n/m, ""));
		await doctor(["fix", "--undo", id, "--yes"], { cwd, env });
		const anew = await again();
		expect([anew.exitCode, anew.stdout]).toEqual([0, expect.not.stringContaining("Goes on")]);
	});

	test("each of two files that others can read", async () => {
		mkdirSync(join(cwd, ".cluster-api"));
		const other = join(cwd, ".cluster-api", "clusterctl.yaml");
		writeFileSync(other, `PROXMOX_SECRET: ${goodToken.secret}\n`, { mode: 0o644 });
		const { exitCode } = await doctor(["fix", target, "--yes"], { cwd, env });
		expect([exitCode, mode(), statSync(other).mode & 0o777]).toEqual([0, "600", 0o600]);
	});

	test("two at the same instant: one runs, the other says which", async () => {
		const bin = slowChmod("sleep 2");
		const started: (number | undefined)[] = [];
		const both = await Promise.all(
			[1, 2].map(() =>
				doctor(["fix", target, "--yes"], {
					cwd,
					env: { ...env, PATH: bin },
					onStart: ({ pid }) => {
						started.push(pid);
					},
				}),
			),
		);
		const [winner, loser] = both[0]?.exitCode === 0 ? [0, 1] : [1, 0];
		expect([both[winner]?.exitCode, both[loser]?.exitCode]).toEqual([0, 2]);
		expect(both[loser]?.stderr).toBe(
			`capmox-doctor: another fix runs, as process ${started[winner] ?? ""}; one at a time\n`,
		);
		expect(readdirSync(fixes())).toHaveLength(1);
	});
});

/** A PATH where chmod first does this. */
function slowChmod(first: string): string {
	const bin = join(cwd, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "chmod"), `#!/bin/sh\n${first}\nexec /bin/chmod "$@"\n`, { mode: 0o755 });
	return `${bin}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
}

describe("on a terminal", () => {
	const ready = /Run it\?[\s\S]*stop/;

	test("it asks, runs, and looks again", async () => {
		const screen = openScreen(["fix", target], { cwd, env });
		await screen.until(ready);
		expect(mode()).toBe("644");
		screen.type(keys.enter);
		await screen.until(/confirmed: /);
		expect(await screen.ended).toBe(0);
		expect(mode()).toBe("600");
	});

	test("Ctrl-C at the question changes nothing", async () => {
		const screen = openScreen(["fix", target], { cwd, env });
		await screen.until(ready);
		screen.type(keys.interrupt);
		expect(await screen.ended).toBe(4);
		expect(mode()).toBe("644");
	});

	test("shows more, and skips", async () => {
		const screen = openScreen(["fix", target], { cwd, env });
		await screen.until(ready);
		screen.type(`${keys.down}${keys.down}${keys.enter}`);
		await screen.until(/envfile: mode 644 \(expected: mode 600\)[\s\S]*Run it\?[\s\S]*stop/);
		screen.type(`${keys.down}${keys.enter}`);
		await screen.until(/uncertain: nothing was changed from here, so the check did not look again\./);
		expect(await screen.ended).toBe(4);
		expect(mode()).toBe("644");
	});

	test("stops", async () => {
		const screen = openScreen(["fix", target], { cwd, env });
		await screen.until(ready);
		screen.type(`${keys.down.repeat(3)}${keys.enter}`);
		expect(await screen.ended).toBe(4);
		expect(mode()).toBe("644");
		expect(journal()).toMatch(/"began"[^\n]*\n[^\n]*"ended"[^\n]*\n$/);
	});

	test("Ctrl-C in the middle of a command ends it, though it will not; the journal is whole, and the next run goes on", async () => {
		const waiting = `[ -e ${join(cwd, "fast")} ] || { trap '' INT TERM HUP; echo $$ >${join(cwd, "pid")}; echo at work; exec sleep 60; }`;
		const PATH = slowChmod(waiting);
		const screen = openScreen(["fix", target], { cwd, env: { ...env, PATH } });
		await screen.until(ready);
		screen.type(keys.enter);
		await screen.until(/at work/);
		screen.type(keys.interrupt);
		expect(await screen.ended).toBe(130);
		expect(() => process.kill(Number(readFileSync(join(cwd, "pid"), "utf8")), 0)).toThrow("ESRCH");
		expect(mode()).toBe("644");
		expect(screen.raw().lastIndexOf("\u001B[?25h")).toBeGreaterThan(screen.raw().lastIndexOf("\u001B[?25l"));
		const events = () => [...journal().matchAll(/"event":"(\w+)"/g)].map(([, event]) => event);
		expect(events()).toEqual(["began", "started"]);
		expect(readdirSync(fixes())).not.toContain("lock");
		writeFileSync(join(cwd, "fast"), "");
		const next = await doctor(["fix", target, "--yes"], { cwd, env: { ...env, PATH } });
		expect([next.exitCode, next.stdout]).toEqual([0, expect.stringContaining("Goes on with fix")]);
		expect(mode()).toBe("600");
		expect(events()).toEqual(["began", "started", "started", "finished", "ended"]);
		expect(journals()).toHaveLength(1);
	});
});

test("what is waived is left out, unless it is named", async () => {
	writeFileSync(
		join(cwd, "capmox-doctor.yaml"),
		`waivers:\n  - { code: ${target}, reason: a host of one user, permanent: true }\n`,
	);
	const whole = await doctor(["fix", "token", "--dry-run"], { cwd, env });
	expect(whole.stdout).not.toContain("chmod");
	const named = await doctor(["fix", target, "--dry-run"], { cwd, env });
	expect(named.stdout).toContain("Nothing was done (--dry-run).");
	expect(named.stdout).toContain("chmod");
});

test("settings that cannot be read keep nobody from what was done before", async () => {
	writeFileSync(join(cwd, "capmox-doctor.yaml"), "waivers: [\n");
	const refused = await doctor(["fix", target, "--dry-run"], { cwd, env });
	expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("capmox-doctor.yaml, line ")]);
	const list = await doctor(["fix", "--list"], { cwd, env });
	expect([list.exitCode, list.stderr]).toEqual([0, ""]);
	const undo = await doctor(["fix", "--undo", "2026-01-01T00-00-00Z", "--yes"], { cwd, env });
	expect(undo.stderr).not.toContain("capmox-doctor.yaml");
});

test("the menu offers what is not waived, and a broken file of settings is a line", async () => {
	const offered = async (end: RegExp) => {
		const screen = openScreen([], { cwd, env: { ...env, PATH: pathWithoutTools() } });
		await screen.until(/Quit/);
		screen.type(`${keys.down.repeat(2)}${keys.enter}`);
		await screen.until(end);
		screen.type(keys.interrupt);
		await screen.ended;
		return screen.raw();
	};
	const asked = /What shall be mended\?[\s\S]*token\//;
	expect(await offered(asked)).toContain(target);
	const waiver = `waivers:\n  - { code: ${target}, reason: a host of one user, permanent: true }\n`;
	writeFileSync(join(cwd, "capmox-doctor.yaml"), waiver);
	expect(await offered(asked)).not.toContain(target);
	writeFileSync(join(cwd, "capmox-doctor.yaml"), "waivers: [\n");
	expect(await offered(/capmox-doctor: capmox-doctor\.yaml, line \d/)).not.toContain("    at ");
});
