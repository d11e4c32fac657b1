import * as z from "zod";
import { groups, severities } from "../check.ts";
import { type Judgement, shownAs, shownVerdicts } from "../diagnose.ts";
import { causes } from "../errors.ts";

/** One finished run, as every report format shows it. */
export interface Run {
	readonly version: string;
	readonly judgements: readonly Judgement[];
	readonly failOn: string;
	readonly exitCode: number;
	readonly milliseconds: number;
}

const step = z.object({
	advice: z.string(),
	command: z.array(z.string()).min(1).optional().describe("Argument vector, to be run without a shell"),
	put: z
		.object({ line: z.string(), into: z.string() })
		.optional()
		.describe("A line, or several that belong together, to put into a file"),
	where: z.enum(["here", "proxmox-node", "cluster-node"]),
	risk: z.enum(["safe", "changes", "destroys"]),
	undo: z.string().optional(),
});

const missingFact = z.object({ fact: z.string(), cause: z.enum(causes), lastSeen: z.string() });

const finding = z.object({
	code: z.string().describe("check/code; a code is for ever"),
	severity: z.enum(severities),
	confidence: z.enum(["certain", "likely"]),
	summary: z.string(),
	evidence: z.array(z.object({ from: z.string(), saw: z.string(), expected: z.string().optional() })).min(1),
	remedy: z.array(step).min(1),
});

/** The JSON report. Within v1 fields are only added. */
const reportSchema = z.object({
	schema: z.literal("capmox-doctor/report/v1"),
	version: z.string().describe("Version of capmox-doctor"),
	checks: z.array(
		z.object({
			id: z.string(),
			title: z.string(),
			group: z.enum(groups),
			verdict: z.enum(shownVerdicts),
			reason: z
				.string()
				.optional()
				.describe("Why: what was seen (pass), does not apply (skip), or is missing (unknown)"),
			findings: z.array(finding),
			missing: z.array(missingFact).describe("Facts that could not be looked at"),
		}),
	),
	summary: z.object({
		pass: z.int(),
		warn: z.int(),
		fail: z.int(),
		skip: z.int(),
		unknown: z.int(),
		findings: z.int(),
		milliseconds: z.int(),
	}),
	failOn: z.string(),
	exitCode: z.int(),
});
export type Report = z.infer<typeof reportSchema>;

export const count = (judgements: readonly Judgement[], shown: string): number =>
	judgements.filter(({ verdict }) => shownAs(verdict) === shown).length;

function toReport({ version, judgements, failOn, exitCode, milliseconds }: Run): Report {
	return {
		schema: "capmox-doctor/report/v1",
		version,
		checks: judgements.map(({ check: { id, title, group }, verdict }) => ({
			id,
			title,
			group,
			verdict: shownAs(verdict),
			...reasonOf(verdict),
			findings: verdict.kind === "problem" ? verdict.findings.map(toFinding) : [],
			missing: verdict.kind === "problem" || verdict.kind === "unknown" ? [...verdict.missing] : [],
		})),
		summary: {
			pass: count(judgements, "pass"),
			warn: count(judgements, "warn"),
			fail: count(judgements, "fail"),
			skip: count(judgements, "skip"),
			unknown: count(judgements, "unknown"),
			findings: judgements.reduce(
				(sum, { verdict }) => sum + (verdict.kind === "problem" ? verdict.findings.length : 0),
				0,
			),
			milliseconds: Math.round(milliseconds),
		},
		failOn,
		exitCode,
	};
}

const toFinding = (
	found: Extract<Judgement["verdict"], { kind: "problem" }>["findings"][number],
): z.infer<typeof finding> => ({
	code: found.code,
	severity: found.severity,
	confidence: found.confidence,
	summary: found.summary,
	evidence: [...found.evidence],
	remedy: found.remedy.map(({ command, ...rest }) => ({
		...rest,
		...(command === undefined ? {} : { command: [...command] }),
	})),
});

function reasonOf(verdict: Judgement["verdict"]): { reason?: string } {
	switch (verdict.kind) {
		case "pass":
			return { reason: verdict.summary };
		case "skip":
			return { reason: verdict.reason };
		case "unknown":
			return { reason: [...new Set(verdict.missing.map(({ lastSeen }) => lastSeen))].join("; ") };
		case "crashed":
			return { reason: `bug: ${verdict.message.split("\n")[0] ?? ""}` };
		case "problem":
			return {};
	}
}

export const renderJson = (run: Run): string => `${JSON.stringify(toReport(run), null, 2)}\n`;

/** The JSON Schema of the report, for `capmox-doctor schema` and the package. */
export const renderSchema = (): string =>
	`${JSON.stringify({ $id: "capmox-doctor/report/v1", title: "capmox-doctor report", ...z.toJSONSchema(reportSchema) }, null, 2)}\n`;
