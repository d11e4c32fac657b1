import * as z from "zod";
import { baselineSchema } from "../baseline.ts";
import { groups, severities } from "../check.ts";
import { shownVerdicts } from "../diagnose.ts";
import { causes } from "../errors.ts";
import { settingsSchema } from "../settings.ts";
import { explanationSchema } from "./explanation-schema.ts";

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

const missingFact = z.object({
	fact: z.string(),
	cluster: z.string().optional().describe("Of which workload cluster; absent where the whole fact is missing"),
	cause: z.enum(causes),
	lastSeen: z.string(),
});

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
	waived: z
		.object({ reason: z.string(), until: z.string().optional(), from: z.string() })
		.optional()
		.describe("By capmox-doctor.yaml: it counts neither for the verdict nor for the exit code"),
	expired: z
		.array(z.object({ reason: z.string(), until: z.string(), from: z.string() }))
		.optional()
		.describe("Waivers that do not hold any more"),
	knownFrom: z
		.string()
		.optional()
		.describe("The file of --baseline that holds it: it counts neither for the verdict nor for the exit code"),
	remedy: z.array(step).min(1),
});

const snapshot = z
	.object({
		host: z.string(),
		taken: z.string().describe("ISO 8601, in UTC"),
		ageSeconds: z.int().describe("By the clock of the host that judged"),
		doctor: z.string().describe("Version of capmox-doctor that took it"),
		anonymized: z.boolean(),
		notRead: z.array(z.string()).describe("Facts in it that this version does not know"),
	})
	.describe("Only where a snapshot was judged");

/** The JSON report. Within v1 fields are only added. */
const reportSchema = z.object({
	schema: z.literal("capmox-doctor/report/v1"),
	version: z.string().describe("Version of capmox-doctor"),
	snapshot: snapshot.optional(),
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
	stale: z
		.array(
			z.object({
				kind: z.enum(["waiver", "baseline"]),
				from: z.string(),
				code: z.string(),
				about: z.string().optional(),
			}),
		)
		.optional()
		.describe("What accepts a finding that is not there any more"),
	failOn: z.string(),
	exitCode: z.int(),
});
export type Report = z.infer<typeof reportSchema>;

const differenceSchema = z.object({
	schema: z.literal("capmox-doctor/diff/v1"),
	version: z.string().describe("Version of capmox-doctor"),
	before: snapshot.optional(),
	after: snapshot.optional().describe("Absent where it is what was there at that moment"),
	byCode: z.boolean().describe("One of them is anonymized, so findings were compared by their codes alone"),
	new: z.array(finding),
	worse: z.array(finding).describe("They were warnings, and are errors"),
	gone: z.array(finding),
	unchanged: z.array(finding),
	outOfSight: z
		.array(z.object({ check: z.string(), missing: z.array(missingFact), findings: z.array(finding) }))
		.describe("Checks that cannot see any more what they saw, and what they had found"),
	versions: z.array(z.object({ fact: z.string(), what: z.string(), before: z.string(), after: z.string() })),
	notCompared: z.array(z.string()).describe("Checks whose facts one of the two does not hold"),
	exitCode: z.int(),
});
export type DifferenceReport = z.infer<typeof differenceSchema>;

export const documents = ["report", "diff", "explain", "config", "baseline"] as const;
export type DocumentName = (typeof documents)[number];
const schemas = {
	report: reportSchema,
	diff: differenceSchema,
	explain: explanationSchema,
	config: settingsSchema,
	baseline: baselineSchema,
} as const;

/** The JSON Schema of what `--format json` prints, or of capmox-doctor.yaml, for `capmox-doctor schema` and the package. */
export const renderSchema = (name: DocumentName = "report"): string =>
	`${JSON.stringify({ $id: `capmox-doctor/${name}/v1`, title: `capmox-doctor ${name}`, ...z.toJSONSchema(schemas[name], { io: name === "config" ? "input" : "output" }) }, null, 2)}\n`;
