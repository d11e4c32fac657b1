import { checks } from "../../checks/index.ts";
import type { Terminal } from "./terminal.ts";

export interface ListOptions {
	readonly findings?: boolean;
	readonly format: string;
}

/** `list`: the checks, or with `--findings` every code they can report. */
export function list(options: ListOptions, terminal: Terminal): number {
	if (options.format === "json") {
		terminal.out(
			`${JSON.stringify(
				checks.map(({ id, title, group, documented, findings }) => ({ id, title, group, documented, findings })),
				null,
				2,
			)}\n`,
		);
		return 0;
	}

	const rows =
		options.findings === true
			? checks.flatMap(({ id, findings }) =>
					Object.entries(findings).map(([code, { severity, means }]) => [`${id}/${code}`, severity, means] as const),
				)
			: checks.map(({ id, group, title }) => [id, group, title] as const);
	const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? "").length)));
	terminal.out(
		rows
			.map(([first, second, third]) => `${first.padEnd(widths[0] ?? 0)}  ${second.padEnd(widths[1] ?? 0)}  ${third}\n`)
			.join(""),
	);
	return 0;
}
