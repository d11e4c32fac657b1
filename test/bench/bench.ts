import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import build from "../support/build.ts";
import { type Proxmox, startProxmox } from "../support/proxmox/proxmox.ts";
import { goodToken } from "../support/proxmox/state.ts";
import { measureExplain } from "./explain.ts";
import { benchManagement } from "./management.ts";
import { benchSnapshot } from "./snapshot.ts";

const bundle = fileURLToPath(new URL("../../dist/main.cjs", import.meta.url));
const demo = fileURLToPath(new URL("../../demo/snapshot.yaml", import.meta.url));
const example = fileURLToPath(new URL("../../envfile.example", import.meta.url));
const empty = fileURLToPath(new URL("../support/empty/", import.meta.url));
const rounds = 25;
let failed = false as boolean;

interface Command {
	readonly argv: readonly [string, ...string[]];
	readonly env?: Readonly<Record<string, string>>;
}

/** Wall time of one run in milliseconds. Throws where it fails: a program that cannot start is fast, too. */
async function time({ argv: [file, ...words], env = {} }: Command): Promise<number> {
	const started = performance.now();
	await execa(file, words, {
		cwd: empty,
		env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, HOME: empty, ...env },
		extendEnv: false,
		stdin: "ignore",
	});
	return performance.now() - started;
}

const median = (values: readonly number[]): number =>
	[...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Runs the commands in turn, so that whatever else the machine does hits all of them alike. */
async function pair(commands: Readonly<Record<string, Command>>): Promise<Readonly<Record<string, number>>> {
	const times = new Map(Object.keys(commands).map((name) => [name, [] as number[]]));
	for (let round = 0; round < rounds; round++) {
		for (const [name, command] of Object.entries(commands)) {
			times.get(name)?.push(await time(command));
		}
	}

	return Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
}

function judge(what: string, value: number, limit: number, unit: string): void {
	const good = value <= limit;
	failed ||= !good;
	console.log(`${good ? "ok  " : "FAIL"} ${what}: ${value.toFixed(2)}${unit}, limit ${limit.toFixed(2)}${unit}`);
}

async function startUp(): Promise<void> {
	const node: Command = { argv: [process.execPath, "-e", "0"] };
	const times = await pair({
		node,
		version: { argv: [bundle, "--version"] },
		help: { argv: [bundle, "--help"] },
		list: { argv: [bundle, "list"] },
		completion: { argv: [bundle, "__complete", "check", "to"] },
		envfile: { argv: [bundle, "check", "envfile", "--env-file", example, "--fail-on", "never"] },
	});
	const base = times["node"] ?? Number.NaN;
	console.log(`node -e 0: ${base.toFixed(1)} ms, median of ${rounds}`);
	judge("--version", (times["version"] ?? 0) / base, 1.35, " × node -e 0");
	judge("--help", (times["help"] ?? 0) / base, 1.35, " × node -e 0");
	judge("list", (times["list"] ?? 0) / base, 1.6, " × node -e 0");
	judge("check envfile", (times["envfile"] ?? Number.NaN) - (times["version"] ?? 0), 40, " ms above --version");
	judge("completion", (times["completion"] ?? Number.NaN) / base, 1.3, " × node -e 0");
}

/** Against the command of the troubleshooting document, with -k for Proxmox VE's own CA. */
async function checkToken(proxmox: Proxmox): Promise<void> {
	const env = { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: goodToken.id, PROXMOX_SECRET: goodToken.secret };
	const header = `Authorization: PVEAPIToken=${goodToken.id}=${goodToken.secret}`;
	const times = await pair({
		node: { argv: [process.execPath, "-e", "0"] },
		curl: { argv: ["curl", "-sk", "-H", header, `${proxmox.url}/api2/json/`] },
		doctor: { argv: [bundle, "check", "token"], env },
	});
	const allowed = (times["curl"] ?? 0) + (times["node"] ?? 0) + 120;
	judge("check token", times["doctor"] ?? Number.NaN, allowed, " ms (curl + node -e 0 + 120 ms)");
}

/** Of a snapshot with findings, so that there is something to report. */
async function reports(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "bench-"));
	const formats = ["json", "junit", "sarif", "html"].map((format) => ["--report", `${format}=${join(folder, format)}`]);
	const run = ["run", "--from", demo, "--fail-on", "never"];
	const times = await pair({
		one: { argv: [bundle, ...run, ...formats.slice(0, 1).flat()] },
		four: { argv: [bundle, ...run, ...formats.flat()] },
	});
	rmSync(folder, { recursive: true });
	judge("four reports", (times["four"] ?? Number.NaN) / (times["one"] ?? Number.NaN), 1.15, " × one");
}

/** The kernel's own count of the largest resident size, as GNU time reads it, too. */
function memory(): void {
	const probe = "process.on('exit', () => process.stderr.write(`\\npeak ${process.resourceUsage().maxRSS}`))";
	const folder = mkdtempSync(join(tmpdir(), "bench-"));
	const hook = join(folder, "peak.mjs");
	writeFileSync(hook, probe);
	const { stderr } = spawnSync(process.execPath, ["--import", hook, "--", bundle, "run"], { encoding: "utf8" });
	rmSync(folder, { recursive: true });
	const peak = Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024;
	judge("peak memory of run, on this machine as it is", peak, 130, " MiB");
}

/** A log of 200 MiB at 50 MiB/s or more; against grep with the same patterns. */
function explain(): void {
	const { doctor, grep, memory: peak } = measureExplain(bundle);
	console.log(
		`explain: ${(200 / doctor).toFixed(0)} MiB/s; grep -E with the same patterns: ${(200 / grep).toFixed(2)} MiB/s`,
	);
	judge("explain, 200 MiB of log", doctor, 4, " s");
	judge("explain, beside grep -E", doctor / grep, 1, " × grep");
	judge("peak memory of explain", peak, 130, " MiB");
}

build();
await startUp();
const proxmox = await startProxmox({ delay: 0 });
await checkToken(proxmox);
await proxmox.close();
await reports();
memory();
explain();
await benchManagement(judge);
await benchSnapshot(judge);
process.exitCode = failed ? 1 : 0;
