import { resolve } from "node:path";
import { Chalk } from "chalk";
import { appendReportFile, writeReportFile } from "../access/secret-file.ts";
import { UsageError } from "../errors.ts";
import { renderHuman } from "../report/human.ts";
import type { Run } from "../report/report.ts";
import type { ReportFormat, ReportTarget, Terminal } from "./terminal.ts";

/** What a report is rendered with, besides the run. */
interface Look {
	readonly terminal: Terminal;
	readonly verbose: boolean;
	readonly quiet: boolean;
	/** It goes to the terminal or into a pipe, not into a file. */
	readonly shown: boolean;
}

type Render = (run: Run, look: Look) => string;

const renderers: Readonly<Record<ReportFormat, () => Promise<Render>>> = {
	human: () =>
		Promise.resolve((run, { terminal, verbose, quiet, shown }) =>
			renderHuman(run, {
				paint: new Chalk({ level: shown && terminal.colour ? 1 : 0 }),
				width: shown ? terminal.columns : 80,
				verbose,
				quiet,
			}),
		),
	json: async () => (await import("../report/report.ts")).renderJson,
	junit: async () => (await import("../report/junit.ts")).renderJunit,
	sarif: async () => (await import("../report/sarif.ts")).renderSarif,
	github: async () => (await import("../report/github.ts")).renderGithub,
	markdown: async () => {
		const { renderMarkdown } = await import("../report/markdown.ts");
		return (run) => renderMarkdown(run);
	},
	html: async () => (await import("../report/html.ts")).renderHtml,
};

/** The targets, and the one for the terminal: `format`, unless a report without a file takes its place. */
export function targetsOf(format: ReportFormat, reports: readonly ReportTarget[]): readonly ReportTarget[] {
	const shown = reports.filter(({ file }) => file === undefined);
	if (shown.length > 1) {
		throw new UsageError(
			`--report: only one report can go to the standard output; give ${shown[1]?.format ?? "the other"} a file, as in ${shown[1]?.format ?? "json"}=FILE`,
		);
	}

	return shown.length === 1 ? reports : [{ format }, ...reports];
}

/** @throws UsageError where two reports have one file, or one would take the place of what the run reads. */
export function refuseOverlap(
	reports: readonly ReportTarget[],
	others: Readonly<Record<string, string | undefined>>,
): void {
	const owners = new Map(
		Object.entries(others).flatMap(([option, path]) => (path === undefined ? [] : [[resolve(path), option] as const])),
	);
	for (const { format, file } of reports) {
		const owner = file === undefined ? undefined : owners.get(resolve(file));
		if (owner !== undefined) {
			throw new UsageError(`--report: ${file ?? ""} cannot hold ${format}, because ${owner} has that file already`);
		}

		if (file !== undefined) {
			owners.set(resolve(file), format);
		}
	}
}

/** Writes every report. One that cannot be written keeps no other from it. @throws UsageError for the first of those. */
export async function writeReports(
	run: Run,
	targets: readonly ReportTarget[],
	look: Omit<Look, "shown">,
): Promise<void> {
	const results = await Promise.allSettled(
		targets.map(async ({ format, file }) => {
			const render = await renderers[format]();
			const text = render(run, { ...look, shown: file === undefined });
			if (file === undefined) {
				look.terminal.out(text);
			} else {
				await writeReportFile(file, text);
			}

			if (format === "github") {
				await appendSummary(run, look.terminal);
			}
		}),
	);
	const failed = results.find((result) => result.status === "rejected");
	if (failed !== undefined) {
		throw failed.reason;
	}
}

/** GitHub takes 1 MiB of a step, whatever it has run, and else shows nothing at all. */
const largestSummary = 900_000;

async function appendSummary(run: Run, { stepSummary }: Terminal): Promise<void> {
	if (stepSummary !== undefined) {
		const { renderMarkdown } = await import("../report/markdown.ts");
		await appendReportFile(stepSummary, (there) => renderMarkdown(run, largestSummary - there));
	}
}
