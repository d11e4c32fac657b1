import { dirname } from "node:path";
import { spawn } from "@lydell/node-pty";
import { bundle } from "./doctor.ts";

export interface Screen {
	/** All that was printed so far, without escape sequences. */
	text(): string;
	raw(): string;
	/** Resolves once what was printed since the last call matches. */
	until(pattern: RegExp): Promise<void>;
	type(keys: string): void;
	readonly ended: Promise<number>;
	kill(signal: string): void;
}

export const keys = { enter: "\r", down: "\u001B[B", escape: "\u001B", interrupt: "\u0003" } as const;

/** Runs capmox-doctor on a pseudo-terminal of 80 columns. */
export function openScreen(
	words: readonly string[],
	{ env = {}, cwd }: { readonly env?: Readonly<Record<string, string>>; readonly cwd: string },
): Screen {
	const terminal = spawn(bundle, [...words], {
		name: env["TERM"] ?? "xterm-256color",
		cols: 80,
		rows: 40,
		cwd,
		env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, HOME: cwd, NO_COLOR: "1", ...env },
	});
	let printed = "";
	let seen = 0;
	const waiting = new Set<() => void>();
	const wake = () => {
		for (const each of waiting) {
			each();
		}
	};
	terminal.onData((data) => {
		printed += data;
		wake();
	});
	const plain = () => printed.replace(/\u001B(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007|[()][A-Z0-9])/g, "");
	const ended = new Promise<number>((resolve) => {
		terminal.onExit(({ exitCode, signal }) => {
			resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal);
			wake();
		});
	});
	return {
		text: plain,
		raw: () => printed,
		until: (pattern) =>
			new Promise((resolve, reject) => {
				const timer = setTimeout(() => {
					waiting.delete(look);
					reject(new Error(`never saw ${String(pattern)} in:\n${plain().slice(seen)}`));
				}, 15_000);
				const look = () => {
					const match = pattern.exec(plain().slice(seen));
					if (match !== null) {
						seen += match.index + match[0].length;
						clearTimeout(timer);
						waiting.delete(look);
						resolve();
					}
				};
				waiting.add(look);
				look();
			}),
		type: (text) => {
			terminal.write(text);
		},
		ended,
		kill: (signal) => {
			terminal.kill(signal);
		},
	};
}
