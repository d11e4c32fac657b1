import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { doctor, pathWithoutTools } from "../support/doctor.ts";
import { keys, openScreen } from "../support/pty.ts";

let cwd: string;
beforeEach(() => {
	cwd = mkdtempSync(join(tmpdir(), "menu-"));
	return () => {
		rmSync(cwd, { recursive: true, force: true });
	};
});

const open = (env: Readonly<Record<string, string>> = {}) =>
	openScreen([], { cwd, env: { PATH: pathWithoutTools(), ...env } });

test("a symptom leads to a check, and the command that does the same is shown", async () => {
	const screen = open();
	await screen.until(/What would you like to do\?[\s\S]*Quit/);
	screen.type(`${keys.down}${keys.enter}`);
	await screen.until(/What do you see\?[\s\S]*paste it/);
	screen.type(`${keys.down.repeat(4)}${keys.enter}`);
	await screen.until(/The same without the menu: capmox-doctor check token permissions\s/);
	await screen.until(/What would you like to do\?[\s\S]*Quit/);
	screen.type(`${keys.down.repeat(4)}${keys.enter}`);
	expect(await screen.ended).toBe(0);
});

test("a log is pasted, and explained", async () => {
	const screen = open();
	await screen.until(/Quit/);
	screen.type(`${keys.down}${keys.enter}`);
	await screen.until(/What do you see\?[\s\S]*paste it/);
	screen.type(`${keys.down.repeat(8)}${keys.enter}`);
	await screen.until(/empty line/);
	screen.type("unable to create new vm: unexpected end of JSON input\rnothing of the kind\r\r");
	await screen.until(/proxmox-client\.empty-answer[\s\S]*The same without the menu: capmox-doctor explain FILE/);
	screen.type(keys.interrupt);
	expect(await screen.ended).toBe(130);
});

test.each([
	["Esc", keys.escape],
	["Ctrl-C", keys.interrupt],
])("%s leaves it, and the terminal is as it was", async (_, key) => {
	const screen = open();
	await screen.until(/Quit/);
	screen.type(key);
	expect(await screen.ended).toBe(130);
	// The cursor is shown again.
	expect(screen.raw().lastIndexOf("\u001B[?25h")).toBeGreaterThan(screen.raw().lastIndexOf("\u001B[?25l"));
});

test("without a terminal: the help, and wrong usage", async () => {
	const { exitCode, stdout, stderr } = await doctor([], { cwd });
	expect([exitCode, stdout]).toEqual([2, ""]);
	expect(stderr).toMatch(/^Usage: capmox-doctor[\s\S]*\ncapmox-doctor: no command given: .*\n$/);
});

test("a terminal that can do nothing gets the help, too", async () => {
	const screen = openScreen([], { cwd, env: { TERM: "dumb" } });
	await screen.until(/no command given/);
	expect(await screen.ended).toBe(2);
});
