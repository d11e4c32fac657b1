import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { known } from "../support/explain.ts";

const mebibyte = 1_048_576;

export interface Throughput {
	/** Seconds for 200 MiB of log, start included. */
	readonly doctor: number;
	/** What `grep -E -i -c` would take with the same patterns, by what it takes for a small part. */
	readonly grep: number;
	/** The largest resident size, in MiB. */
	readonly memory: number;
}

const size = 200;
/** MiB for grep, which tries every pattern on every line. */
const part = 1 / 16;

/** Of the signatures, one in so many stands in the log: 300 different failures are more than any cluster has at once. */
const share = 5;
/** Plain lines for each file of good lines, which are mostly those that look like failures: of real logs those are a few in a hundred. */
const plain = 80;

/** A log of this size: what the programs say when all is well, and in between messages that are known. */
function writeLog(path: string, size: number): void {
	const folder = new URL("../explain/innocent/", import.meta.url);
	const innocent = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), "utf8"));
	const samples = known.signatures.filter((_, index) => index % share === 0).flatMap((signature) => signature.samples);
	const file = openSync(path, "w");
	for (let written = 0, round = 0; written < size; round++) {
		const time = new Date(Date.UTC(2026, 7, 1) + round * 1_000).toISOString();
		const filler = `I0801 10:00:00.${String(round % 1_000_000).padStart(6, "0")}       1 controller.go:114] "Reconciling" controller="proxmoxmachine" ProxmoxMachine="default/prod-md-0-${round}" reconcileID="${round}"\n`;
		const sample = samples[round % samples.length] ?? "";
		written += writeSync(file, `${innocent[round % innocent.length] ?? ""}${filler.repeat(plain)}${time} ${sample}\n`);
	}

	closeSync(file);
}

/** The patterns in grep's tongue, which looks neither ahead nor behind. */
function toGrep(pattern: string): string {
	let text = pattern;
	for (let at = text.search(/\(\?<?[=!]/); at !== -1; at = text.search(/\(\?<?[=!]/)) {
		let depth = 0;
		let end = at;
		do {
			const character = text[end];
			depth += character === "(" && text[end - 1] !== "\\" ? 1 : character === ")" && text[end - 1] !== "\\" ? -1 : 0;
			end++;
		} while (depth > 0);
		text = text.slice(0, at) + text.slice(end);
	}

	return text
		.replaceAll("(?:", "(")
		.replace(/\\d/g, "[0-9]")
		.replace(/\[([^\]]*)\\w([^\]]*)\]/g, "[$1[:alnum:]_$2]")
		.replace(/\\([/"'-])/g, "$1");
}

const seconds = (started: number): number => (performance.now() - started) / 1_000;

export function measureExplain(bundle: string): Throughput {
	const folder = mkdtempSync(join(tmpdir(), "bench-explain-"));
	const [log, small, patterns, hook] = ["log", "small", "patterns", "peak.mjs"].map((name) => join(folder, name)) as [
		string,
		string,
		string,
		string,
	];
	writeLog(log, size * mebibyte);
	writeLog(small, part * mebibyte);
	writeFileSync(patterns, `${known.signatures.map(({ pattern }) => toGrep(pattern)).join("\n")}\n`);
	writeFileSync(hook, "process.on('exit', () => process.stderr.write(`\\npeak ${process.resourceUsage().maxRSS}`))");
	const started = performance.now();
	const { stderr, status } = spawnSync(process.execPath, ["--import", hook, "--", bundle, "explain", log], {
		encoding: "utf8",
	});
	const doctor = seconds(started);
	if (status !== 0) {
		throw new Error(`explain failed: ${stderr}`);
	}

	const grepStarted = performance.now();
	const grep = spawnSync("grep", ["-E", "-i", "-c", "-f", patterns, small], { encoding: "utf8", env: { LC_ALL: "C" } });
	const estimate = (seconds(grepStarted) * size) / part;
	rmSync(folder, { recursive: true });
	if (grep.status !== 0) {
		throw new Error(`grep failed: ${grep.stderr}`);
	}

	return { doctor, grep: estimate, memory: Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1_024 };
}
