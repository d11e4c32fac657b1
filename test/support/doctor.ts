import { spawn } from "node:child_process";
import { mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The bundle that ships. */
export const bundle = fileURLToPath(new URL("../../dist/main.cjs", import.meta.url));
/** A folder without an envfile; tests that need one make their own. */
const emptyFolder = fileURLToPath(new URL("empty/", import.meta.url));

/** PATH of a workstation where no tool is installed: only Node, which the program itself needs. */
export function pathWithoutTools(): string {
	const folder = mkdtempSync(join(tmpdir(), "capmox-doctor-path-"));
	symlinkSync(process.execPath, join(folder, "node"));
	return folder;
}

export interface DoctorResult {
	readonly exitCode: number | null;
	readonly stdout: string;
	readonly stderr: string;
	readonly milliseconds: number;
}

export interface DoctorOptions {
	/** Replaces the environment but for PATH; HOME is a folder where nothing is set up. */
	readonly env?: Readonly<Record<string, string>>;
	readonly cwd?: string;
	/** What is piped in; nothing otherwise. */
	readonly input?: string;
	/** Called once the process runs. */
	readonly onStart?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs capmox-doctor as a user would, piped, on a workstation where nothing is set up unless the test says so. */
export function doctor(
	words: readonly string[],
	{ env = {}, cwd = emptyFolder, input, onStart }: DoctorOptions = {},
): Promise<DoctorResult> {
	const started = performance.now();
	// By its first line, as npm's links run it, and with the Node that runs the tests.
	const child = spawn(bundle, words, {
		cwd,
		env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, HOME: emptyFolder, ...env },
		stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
	});
	child.stdin?.end(input);
	let stdout = "";
	let stderr = "";
	child.stdout?.setEncoding("utf8").on("data", (text: string) => {
		stdout += text;
	});
	child.stderr?.setEncoding("utf8").on("data", (text: string) => {
		stderr += text;
	});
	onStart?.(child);
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (exitCode) => {
			resolve({ exitCode, stdout, stderr, milliseconds: performance.now() - started });
		});
	});
}
