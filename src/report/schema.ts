import * as z from "zod";
import { groups, severities } from "../check.ts";
import { shownVerdicts } from "../diagnose.ts";
import { causes } from "../errors.ts";

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
	evidence: z
		.array(
			z.object({
				from: z.string(),
				saw: z.string(),
				expected: z.string().optional(),
				lines: z.array(z.string()).optional().describe("What was seen, line by line, such as a tree"),
			}),
		)
		.min(1),
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

/** The JSON Schema of the report, for `capmox-doctor schema` and the package. */
export const renderSchema = (): string =>
	`${JSON.stringify({ $id: "capmox-doctor/report/v1", title: "capmox-doctor report", ...z.toJSONSchema(reportSchema) }, null, 2)}\n`;
