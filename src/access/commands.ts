import { startDeadline } from "../deadline.ts";
import { ProbeError } from "../errors.ts";

/** What a program that ran to its end printed. A non-zero exit is an answer, not an error. */
export interface Output {
	readonly exitCode: number;
	readonly stdout: string;
	readonly stderr: string;
}

export interface RunOptions {
	readonly signal?: AbortSignal | undefined;
	/** Milliseconds after which the answer is a timeout, whatever the program does; default 2,000. */
	readonly timeout?: number | undefined;
	/** Characters of output after which the program is stopped; default 16 Mi. */
	readonly maxOutput?: number | undefined;
	readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Runs programs: an argument vector, no shell, nothing on stdin. */
export interface Commands {
	/** @throws ProbeError tool-missing, forbidden (not executable), timeout, cancelled, unreadable (too much output, ended by a signal). */
	run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<Output>;
	/**
	 * Starts a program that serves until it is stopped; resolves once it printed a line that `ready` matches.
	 * @throws ProbeError as `run` does; unreadable where it ends before.
	 */
	serve(argv: readonly [string, ...string[]], ready: RegExp, options?: RunOptions): Promise<{ stop(): void }>;
	/** Ends every program that still runs, with its descendants, at once. */
	killAll(): void;
}

/** Milliseconds from SIGTERM to SIGKILL; a fifth of the time where that is short. They are part of the timeout. */
const longestGrace = 200;
/** Milliseconds that the kernel has to end what SIGKILL hit; a program that waits for a dead disk stays. */
const burial = 100;

export function createCommands(): Commands {
	const running = new Set<number>();
	return {
		killAll: () => {
			for (const pid of running) {
				killGroup(pid, "SIGKILL");
			}
		},
		run: async (argv, options = {}) => {
			const [file, ...args] = argv;
			const { signal, timeout = 2_000, maxOutput = 16 * 1_048_576 } = options;
			// Loaded with the first program, for whoever runs none.
			const { execa } = await import("execa");
			if (signal?.aborted === true) {
				throw new ProbeError("cancelled", `${file} was not started`);
			}

			// Detached makes it the leader of a process group, which can be ended with all its descendants.
			const child = execa(file, args, {
				detached: true,
				stdin: "ignore",
				reject: false,
				stripFinalNewline: false,
				maxBuffer: maxOutput,
				env: { LC_ALL: "C", ...options.env },
			});
			const { pid } = child;
			const grace = Math.min(longestGrace, timeout / 5);
			let stoppedBy: "timeout" | "cancelled" | undefined;
			let giveUp: () => void = () => undefined;
			const givenUp = new Promise<undefined>((resolve) => {
				giveUp = () => {
					resolve(undefined);
				};
			});
			const stop = (why: "timeout" | "cancelled") => {
				stoppedBy ??= why;
				if (pid !== undefined) {
					killGroup(pid, "SIGTERM");
					setTimeout(() => {
						killGroup(pid, "SIGKILL");
						child.stdout.destroy();
						child.stderr.destroy();
						setTimeout(giveUp, burial).unref();
					}, grace);
				}
			};
			const onAbort = () => {
				stop("cancelled");
			};
			const callOff = startDeadline(timeout - grace, () => {
				stop("timeout");
			});
			signal?.addEventListener("abort", onAbort, { once: true });
			if (pid !== undefined) {
				running.add(pid);
			}

			const result = await Promise.race([child, givenUp]);
			callOff();
			signal?.removeEventListener("abort", onAbort);
			if (pid !== undefined && result !== undefined) {
				running.delete(pid);
			}

			const shown = argv.slice(0, 4).join(" ");
			if (stoppedBy !== undefined || result === undefined) {
				const said = lastLine(result?.stderr ?? "");
				const waited = stoppedBy === "cancelled" ? "was stopped" : `did not end within ${timeout / 1_000} s`;
				throw new ProbeError(
					stoppedBy ?? "timeout",
					`${shown} ${waited}${said === "" ? "" : `; it last said: ${said}`}`,
				);
			}

			if (result.isMaxBuffer) {
				if (pid !== undefined) {
					killGroup(pid, "SIGKILL");
				}

				throw new ProbeError("unreadable", `${shown} printed more than ${maxOutput} characters and was stopped`);
			}

			if (result.code === "ENOENT") {
				throw new ProbeError("tool-missing", `${file} is not installed, or not in PATH`);
			}

			if (result.code === "EACCES") {
				throw new ProbeError("forbidden", `${file} is there, but may not be executed`);
			}

			if (result.exitCode === undefined) {
				throw new ProbeError("unreadable", `${shown} was ended by ${result.signal ?? result.code ?? "the system"}`);
			}

			return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
		},
		serve: async ([file, ...args], ready, { timeout = 2_000, env } = {}) => {
			const { execa } = await import("execa");
			const child = execa(file, args, {
				detached: true,
				stdin: "ignore",
				reject: false,
				buffer: { stdout: false, stderr: true },
				env: { LC_ALL: "C", ...env },
			});
			const { pid } = child;
			if (pid !== undefined) {
				running.add(pid);
			}

			const stop = () => {
				if (pid !== undefined) {
					killGroup(pid, "SIGKILL");
					running.delete(pid);
				}
			};
			const readied = new Promise<"ready">((resolve) => {
				let printed = "";
				child.stdout.on("data", (chunk: Buffer) => {
					printed += chunk.toString("utf8");
					if (ready.test(printed)) {
						resolve("ready");
					}
				});
			});
			let timer: NodeJS.Timeout | undefined;
			const late = new Promise<"late">((resolve) => {
				timer = setTimeout(() => {
					resolve("late");
				}, timeout);
			});
			const outcome = await Promise.race([readied, late, child]);
			clearTimeout(timer);
			if (outcome === "ready") {
				return { stop };
			}

			stop();
			const { code, stderr } = await child;
			const shown = [file, ...args.slice(0, 1)].join(" ");
			if (code === "ENOENT") {
				throw new ProbeError("tool-missing", `${file} is not installed, or not in PATH`);
			}

			throw outcome === "late"
				? new ProbeError("timeout", `${shown} was not ready within ${timeout / 1_000} s`)
				: new ProbeError("unreadable", `${shown} ended at once; it last said: ${lastLine(stderr)}`);
		},
	};
}

/** The group may be gone already, which is what was wanted. */
function killGroup(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(-pid, signal);
	} catch (error) {
		if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM"))) {
			throw error;
		}
	}
}

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)?.slice(0, 200) ?? "";
