import * as z from "zod";
import { mapNonEmpty } from "./check.ts";
import {
	changeFindings,
	findingsOf,
	isOpen,
	type Judgement,
	lookedForAmong,
	placesOf,
	type ReportedFinding,
	type Settled,
} from "./diagnose.ts";
import { UsageError } from "./errors.ts";

const entry = z.strictObject({
	code: z.string().describe("check/code, as reports show it"),
	places: z.array(z.string()).min(1).describe("Where it was read, without numbers of lines"),
	summary: z.string().describe("Without what time changes, such as an age or the space that is left"),
});
type Entry = z.infer<typeof entry>;

/** What was found before, and is not new. */
export const baselineSchema = z.strictObject({
	schema: z.literal("capmox-doctor/baseline/v1"),
	findings: z.array(entry),
});

export interface Baseline {
	/** Of the file. */
	readonly name: string;
	readonly entries: readonly Entry[];
}

/** @throws UsageError where it is no baseline. */
export function parseBaseline(text: string, name: string): Baseline {
	const refuse = (why: string): never => {
		throw new UsageError(`--baseline: ${name} is no baseline of capmox-doctor: ${why}; --write-baseline writes one`);
	};
	const { data, error } = baselineSchema.safeParse(parseJson(text, refuse));
	const [issue] = error?.issues ?? [];
	return data === undefined
		? refuse(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`.replace(/^: /, ""))
		: { name, entries: data.findings };
}

function parseJson(text: string, refuse: (why: string) => never): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return refuse("it is not JSON");
	}
}

/** Marks as known what the baseline holds, each entry once, and tells which entries match nothing any more. */
export function applyBaseline(judgements: readonly Judgement[], { name, entries }: Baseline): Settled {
	const left = new Map<string, Entry[]>();
	for (const each of entries) {
		left.set(keyOf(each), [...(left.get(keyOf(each)) ?? []), each]);
	}

	const applied = changeFindings(judgements, (findings) =>
		mapNonEmpty(findings, (finding) => {
			const isKnown = left.get(keyOf(entryOf(finding)))?.pop() !== undefined;
			return isKnown && isOpen(finding) ? { ...finding, knownFrom: name } : finding;
		}),
	);
	const missed = lookedForAmong([...left.values()].flat(), judgements);
	return {
		judgements: applied,
		stale: missed.map(({ code, summary }) => ({ kind: "baseline", from: name, code, about: summary })),
	};
}

/**
 * A baseline of all that is open now, or known from the former one. Of the former one stays, too, what was not looked
 * at: nobody knows whether it is gone.
 */
export function renderBaseline(judgements: readonly Judgement[], former: readonly Entry[]): string {
	const seen = new Set(lookedForAmong(former, judgements));
	const now = findingsOf(judgements)
		.filter(({ waived }) => waived === undefined)
		.map(entryOf);
	const known = new Set(now.map(keyOf));
	const kept = former.filter((each) => !seen.has(each) && !known.has(keyOf(each)));
	const findings = [...now, ...kept].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
	return `${JSON.stringify({ schema: "capmox-doctor/baseline/v1", findings }, null, 2)}\n`;
}

const keyOf = ({ code, places, summary }: Entry): string => JSON.stringify([code, ...places, summary]);

const entryOf = (finding: ReportedFinding): Entry => ({
	code: finding.code,
	places: [...placesOf(finding)],
	summary: withoutMeasures(finding.summary),
});

/** "in deletion for 1 h 5 min", "2.5 GiB are left", "and 13 more": what is wrong stays the same while they change. */
const withoutMeasures = (summary: string): string => summary.replace(measures, "…");
const measure = String.raw`\d+(?:[.,]\d+)* ?(?:%|(?:ms|s|min|h|d|seconds?|minutes?|hours?|days?|bytes|[KMGT]i?B|more)\b)`;
const measures = new RegExp(String.raw`(?<![\w.:/-])${measure}(?: ${measure})*`, "g");
