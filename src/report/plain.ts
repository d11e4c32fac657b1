import { type Evidence, type Group, groups, type Step } from "../check.ts";
import {
	findingsOf,
	type Judgement,
	type ReportedFinding,
	type ShownVerdict,
	shownAs,
	type Verdict,
	type Waived,
} from "../diagnose.ts";
import { toShell } from "../shell.ts";
import type { Run, SnapshotNote } from "./report.ts";

const groupTitles: Readonly<Record<Group, string>> = {
	config: "Configuration",
	host: "This host",
	proxmox: "Proxmox",
	management: "Management cluster",
	workload: "Workload clusters",
};

export const titleOf = (group: Group, { snapshot }: Run): string =>
	group === "host" && snapshot !== undefined ? `Host ${snapshot.host}` : groupTitles[group];

/** What stands above everything where a snapshot was judged. */
export const openingOf = ({ snapshot }: Run): string | undefined =>
	snapshot === undefined ? undefined : `${capital(renderNote(snapshot))} Nothing here was looked at.`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What a snapshot is of, as sentences that begin in lower case. */
export function renderNote({ host, taken, ageSeconds, doctor, anonymized, notRead }: SnapshotNote): string {
	const when = `${taken.slice(0, 16).replace("T", " ")} UTC`;
	return [
		`snapshot of ${host}, taken ${age(ageSeconds)} (${when}) by capmox-doctor ${doctor}.`,
		...(anonymized ? ["Names and addresses in it are stand-ins."] : []),
		...(notRead.length === 0 ? [] : [`This version does not know ${notRead.join(", ")}, which it also holds.`]),
	].join(" ");
}

const units = [
	{ name: "day", seconds: 86_400 },
	{ name: "hour", seconds: 3_600 },
	{ name: "minute", seconds: 60 },
] as const;

/** In the largest unit of which there are two; a clock that is behind is said, not hidden. */
function age(seconds: number): string {
	const unit = units.find((each) => Math.abs(seconds) >= 2 * each.seconds);
	if (unit === undefined) {
		return seconds < -60 ? "by a clock that is ahead of this one" : "just now";
	}

	const number = Math.floor(Math.abs(seconds) / unit.seconds);
	return seconds < 0 ? `${number} ${unit.name}s in the future by this clock` : `${number} ${unit.name}s ago`;
}

const places: Readonly<Record<Step["where"], string>> = {
	here: "",
	"proxmox-node": " (on a Proxmox VE node)",
	"cluster-node": " (on the cluster's node)",
};

/** How to take a step back, in a line. */
export const undoLine = (undo: NonNullable<Step["undo"]>): string => (typeof undo === "string" ? undo : toShell(undo));

/** What to type, or to put into a file, which may be several lines, for one step; empty where the step is advice only. */
export const typed = ({ command, put }: Step): readonly string[] => [
	...(command === undefined ? [] : [toShell(command)]),
	...(put === undefined ? [] : [put.line]),
];

/** The step's sentence, with where it is done and what it costs. */
export const adviceOf = ({ advice, where, risk, put }: Step): string =>
	`${advice}${places[where]}${put === undefined ? "" : ` In ${put.into}:`}${risk === "destroys" ? " This destroys something." : ""}`;

/** That a finding is accepted, until when and why, or known before; undefined where it counts. */
export const acceptedLine = ({ waived, knownFrom }: ReportedFinding): string | undefined =>
	waived === undefined ? (knownFrom === undefined ? undefined : `Known before (${knownFrom})`) : waivedLine(waived);

/** How a finding stands: accepted, known, accepted once; empty for most. */
export const standingLines = (finding: ReportedFinding): readonly string[] => {
	const accepted = acceptedLine(finding);
	const expired = (finding.expired ?? []).map(
		({ until, reason, from }) => `Its waiver expired on ${until}: ${reason} (${from})`,
	);
	return [...(accepted === undefined ? [] : [accepted]), ...expired];
};

const waivedLine = ({ reason, until, from }: Waived): string =>
	`Waived ${until === undefined ? "for good" : `until ${until}`}: ${reason} (${from})`;

/** A finding as lines of text, without colour and without wrapping. What was known before is told in short. */
export const findingLines = (finding: ReportedFinding): readonly string[] => [
	finding.summary,
	...standingLines(finding).map((line) => `  ${line}`),
	...(finding.knownFrom === undefined ? detailLines(finding) : []),
	`  more: capmox-doctor explain ${finding.code}`,
];

const detailLines = ({ evidence, remedy }: ReportedFinding): readonly string[] => [
	...evidence.flatMap(({ from, saw, expected, lines = [] }) => [
		`  saw: ${from}: ${saw}`,
		...lines.map((line) => `       ${line}`),
		...(expected === undefined ? [] : [`  expected: ${expected}`]),
	]),
	...remedy.flatMap((step, index) => [
		`  ${index + 1}. ${adviceOf(step)}`,
		...typed(step).flatMap((text) => text.split("\n").map((line) => `       ${line}`)),
		...(step.undo === undefined ? [] : [`     To undo: ${undoLine(step.undo)}`]),
	]),
];

/** What accepts something that is not there any more, one by one. */
export const staleLines = ({ stale = [] }: Pick<Run, "stale">): readonly string[] =>
	stale.map(({ kind, from, code, about }) =>
		kind === "waiver"
			? `Stale: the waiver of ${code}${about === undefined ? "" : ` for ${about}`} (${from}) meets nothing any more`
			: `Stale: ${code} is known before (${from}), and not found any more: ${about ?? ""}`,
	);

/** What is to be said of the run as a whole. */
export const remarksOf = (run: Run): readonly string[] => {
	const opening = openingOf(run);
	return [...(opening === undefined ? [] : [opening]), ...staleLines(run)];
};

/** Why there is no verdict, one reason once; undefined where nothing was left out. */
export function unseen(verdict: Verdict): string | undefined {
	switch (verdict.kind) {
		case "crashed":
			return `a bug of capmox-doctor: ${verdict.message}`;
		case "unknown":
		case "problem":
			return verdict.missing.length === 0
				? undefined
				: [...new Set(verdict.missing.map(({ lastSeen }) => lastSeen))].join("; ");
		case "pass":
		case "skip":
			return undefined;
	}
}

/** Something was found, and all of it is accepted: not broken, and not simply fine. */
export const isAccepted = (verdict: Verdict): boolean => verdict.kind === "problem" && shownAs(verdict) === "pass";

/** How many checks came to what: "2 failed", "1 fine". */
export function tally({ judgements }: Pick<Run, "judgements">): readonly (readonly [ShownVerdict, string])[] {
	const shown = (as: ShownVerdict) => judgements.filter(({ verdict }) => shownAs(verdict) === as);
	const passed = shown("pass");
	const accepted = passed.filter(({ verdict }) => isAccepted(verdict));
	const counts = [
		["fail", shown("fail").length, "failed"],
		["warn", shown("warn").length, "with warnings"],
		["unknown", shown("unknown").length, "could not be looked at"],
		["pass", passed.length - accepted.length, "fine"],
		["pass", accepted.length, "accepted"],
		["skip", shown("skip").length, "not applicable here"],
	] as const;
	return counts.flatMap(([as, number, text]) => (number === 0 ? [] : [[as, `${number} ${text}`] as const]));
}

export const countsOf = (run: Pick<Run, "judgements">): string =>
	[...tally(run).map(([, text]) => text), ...acceptedCounts(run)].join(", ");

/** "1 finding waived", of checks that fail for others, too. */
export function acceptedCounts({ judgements }: Pick<Run, "judgements">): readonly string[] {
	const findings = findingsOf(judgements);
	const kinds = [
		["waived", findings.filter(({ waived }) => waived !== undefined).length],
		["known before", findings.filter(({ knownFrom }) => knownFrom !== undefined).length],
	] as const;
	return kinds.flatMap(([text, number]) =>
		number === 0 ? [] : [`${number} ${number === 1 ? "finding" : "findings"} ${text}`],
	);
}

export const byGroup = (judgements: readonly Judgement[]): readonly (readonly [Group, readonly Judgement[]])[] =>
	groups
		.map((group) => [group, judgements.filter(({ check }) => check.group === group)] as const)
		.filter(([, members]) => members.length > 0);

/** As probes name what was piped in; it is no file that a report could point to. */
const standardInput = "the standard input";

/** The file and line that evidence points to, as origins of variables name them: "envfile, line 3". */
export function placeOf(evidence: readonly Evidence[]): { readonly file: string; readonly line: number } | undefined {
	for (const { from } of evidence) {
		const [, file, line] = /(?:^|\()([^()\s][^()]*?), line (\d+)\)?/.exec(from) ?? [];
		if (file !== undefined && file !== standardInput) {
			return { file, line: Number(line) };
		}
	}

	return undefined;
}

const entities: Readonly<Record<string, string>> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

/** For HTML and XML, text and attribute values alike; what XML 1.0 cannot hold at all becomes U+FFFD. */
export const escapeMarkup = (text: string): string =>
	text
		.replace(/[&<>"']/g, (character) => entities[character] ?? character)
		.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
