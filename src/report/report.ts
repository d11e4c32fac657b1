import { type Judgement, type Stale, shownAs } from "../diagnose.ts";
import { undoLine } from "./plain.ts";
import type { Report } from "./schema.ts";

/** One finished run, as every report format shows it. */
export interface Run {
	readonly version: string;
	readonly judgements: readonly Judgement[];
	readonly failOn: string;
	readonly exitCode: number;
	readonly milliseconds: number;
	/** Where a snapshot was judged, and nothing here was looked at. */
	readonly snapshot?: SnapshotNote;
	/** The file that told where to look, where one did: for findings outside of any file. */
	readonly settingsFile?: string;
	/** What `~` stands for in places, where they are of this host. */
	readonly home?: string;
	/** What accepts something that is not there any more. */
	readonly stale?: readonly Stale[];
}

export type SnapshotNote = NonNullable<Report["snapshot"]>;

export const count = (judgements: readonly Judgement[], shown: string): number =>
	judgements.filter(({ verdict }) => shownAs(verdict) === shown).length;

function toReport({ version, judgements, failOn, exitCode, milliseconds, snapshot, stale = [] }: Run): Report {
	return {
		schema: "capmox-doctor/report/v1",
		version,
		...(snapshot === undefined ? {} : { snapshot }),
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
		stale: [...stale],
		failOn,
		exitCode,
	};
}

export const toFinding = (
	found: Extract<Judgement["verdict"], { kind: "problem" }>["findings"][number],
): Report["checks"][number]["findings"][number] => ({
	code: found.code,
	severity: found.severity,
	confidence: found.confidence,
	summary: found.summary,
	evidence: found.evidence.map(({ lines, ...rest }) => ({
		...rest,
		...(lines === undefined ? {} : { lines: [...lines] }),
	})),
	...(found.waived === undefined ? {} : { waived: found.waived }),
	...(found.expired === undefined ? {} : { expired: [...found.expired] }),
	...(found.knownFrom === undefined ? {} : { knownFrom: found.knownFrom }),
	remedy: found.remedy.map(({ advice, command, put, where, risk, undo }) => ({
		advice,
		...(command === undefined ? {} : { command: [...command] }),
		...(put === undefined ? {} : { put: { line: put.line, into: put.into } }),
		where,
		risk,
		...(undo === undefined ? {} : { undo: undoLine(undo) }),
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
