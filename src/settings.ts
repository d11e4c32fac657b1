import { LineCounter, parseDocument } from "yaml";
import * as z from "zod";
import { mapNonEmpty, severities } from "./check.ts";
import {
	changeFindings,
	errorsFirst,
	findingsOf,
	type Judgement,
	lookedForAmong,
	type ReportedFinding,
	type Settled,
} from "./diagnose.ts";
import { toMilliseconds } from "./duration.ts";
import { UsageError } from "./errors.ts";

const waiver = z
	.strictObject({
		code: z.string().describe("check/code, as reports show it"),
		object: z.string().min(1).optional().describe("Only findings that name this, as a whole word"),
		reason: z.string().trim().min(1).describe("Why it is accepted; reports show it"),
		until: z.iso.date().optional().describe("Last day on which it holds, in UTC; then the finding is back"),
		permanent: z.literal(true).optional().describe("In place of until"),
	})
	.refine(({ until, permanent }) => (until === undefined) !== (permanent === undefined), {
		error: "a waiver needs either until: YYYY-MM-DD or permanent: true",
	})
	.meta({ oneOf: [{ required: ["until"] }, { required: ["permanent"] }] });

/** capmox-doctor.yaml; options on the command line win over it. */
export const settingsSchema = z.strictObject({
	only: z.array(z.string()).optional().describe("Only these checks, groups or globs"),
	skip: z.array(z.string()).optional().describe("All but these checks, groups or globs"),
	severities: z.record(z.string(), z.enum(severities)).optional().describe("By check/code"),
	timeout: z
		.string()
		.regex(/^\d+(\.\d+)?(ms|s|m)$/)
		.refine((text) => toMilliseconds(text) !== undefined, { error: "it takes a duration such as 30s or 2m" })
		.optional()
		.describe("Time for the whole run, such as 30s or 2m"),
	kubeconfig: z.string().min(1).optional().describe("Of the management cluster; relative to the working directory"),
	context: z.string().min(1).optional(),
	namespace: z.string().min(1).optional(),
	failOn: z.enum(["error", "warning", "never"]).optional(),
	waivers: z.array(waiver).optional(),
});

type Waiver = z.infer<typeof waiver>;

export interface Settings extends Omit<z.infer<typeof settingsSchema>, "waivers"> {
	/** `from` is the place that says so, such as "capmox-doctor.yaml, line 4". */
	readonly waivers: readonly (Waiver & { readonly from: string })[];
}

/** What the words of a file are held against. `select` throws a UsageError where a word names no check. */
interface Known {
	readonly codes: readonly string[];
	readonly select: (word: string) => unknown;
	/** `, did you mean …?`, or nothing. */
	readonly nearest: (word: string, known: readonly string[]) => string;
}

/** @throws UsageError with the file, the line and what is wrong there. */
export function parseSettings(text: string, name: string, known: Known): Settings {
	const lineCounter = new LineCounter();
	const document = parseDocument(text, { lineCounter });
	const refuse = (line: number, what: string): never => {
		throw new UsageError(`${name}, line ${line}: ${what}`);
	};
	const [broken] = document.errors;
	if (broken !== undefined) {
		refuse(
			lineCounter.linePos(broken.pos[0]).line,
			broken.code === "MULTIPLE_DOCS"
				? "a second document begins, and only one is read"
				: (broken.message.split("\n")[0] ?? "").replace(/ at line .*$/, ""),
		);
	}

	const lineOf = (path: readonly PropertyKey[]): number => {
		for (let length = path.length; length > 0; length--) {
			const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
			if (node?.range?.[0] !== undefined) {
				return lineCounter.linePos(node.range[0]).line;
			}
		}

		return 1;
	};
	const { data, error } = settingsSchema.safeParse(toPlain(document, refuse) ?? {});
	const issue = error?.issues[0];
	if (data === undefined || issue !== undefined) {
		const path = issue?.path ?? [];
		if (issue?.code === "unrecognized_keys") {
			const [key = ""] = issue.keys;
			const keys = Object.keys(path[0] === "waivers" ? waiver.shape : settingsSchema.shape);
			return refuse(lineOf([...path, key]), `there is no setting ${JSON.stringify(key)}${known.nearest(key, keys)}`);
		}

		return refuse(
			lineOf(path),
			`${path.length === 0 ? "" : `${path.join(".")}: `}${issue?.message ?? "cannot be read"}`,
		);
	}

	const requireCode = (code: string, path: readonly PropertyKey[]) => {
		if (!known.codes.includes(code)) {
			refuse(lineOf(path), `there is no finding ${JSON.stringify(code)}${known.nearest(code, known.codes)}`);
		}
	};
	for (const code of Object.keys(data.severities ?? {})) {
		requireCode(code, ["severities", code]);
	}

	for (const list of ["only", "skip"] as const) {
		for (const [index, word] of (data[list] ?? []).entries()) {
			try {
				known.select(word);
			} catch (error) {
				refuse(lineOf([list, index]), error instanceof Error ? error.message : String(error));
			}
		}
	}

	const waivers = (data.waivers ?? []).map((each, index) => {
		requireCode(each.code, ["waivers", index, "code"]);
		return { ...each, from: `${name}, line ${lineOf(["waivers", index])}` };
	});
	return { ...data, waivers };
}

function toPlain(document: ReturnType<typeof parseDocument>, refuse: (line: number, what: string) => never): unknown {
	try {
		return document.toJS() as unknown;
	} catch (error) {
		return refuse(1, error instanceof Error ? error.message : String(error));
	}
}

/** Severities and waivers. `today` is YYYY-MM-DD in UTC. A waiver that has expired is said, and does no more. */
export function applySettings(
	judgements: readonly Judgement[],
	settings: Pick<Settings, "severities" | "waivers">,
	today: string,
): Settled {
	const found = findingsOf(judgements);
	const stale = lookedForAmong(settings.waivers, judgements).filter(
		(waiver) => !found.some((finding) => means(waiver, finding)),
	);
	return {
		judgements: changeFindings(judgements, (findings) =>
			errorsFirst(mapNonEmpty(findings, (finding) => settle(finding, settings, today))),
		),
		stale: stale.map(({ code, object, from }) => ({
			kind: "waiver",
			from,
			code,
			...(object === undefined ? {} : { about: object }),
		})),
	};
}

const means = ({ code, object }: Pick<Waiver, "code" | "object">, finding: ReportedFinding): boolean =>
	code === finding.code && (object === undefined || names(finding, object));

function settle(
	finding: ReportedFinding,
	{ severities: changed, waivers }: Pick<Settings, "severities" | "waivers">,
	today: string,
): ReportedFinding {
	const severity = changed?.[finding.code] ?? finding.severity;
	const meant = waivers.filter((waiver) => means(waiver, finding));
	const valid = meant.find(({ until }) => until === undefined || until >= today);
	if (valid !== undefined) {
		const { reason, until, from } = valid;
		return { ...finding, severity, waived: { reason, from, ...(until === undefined ? {} : { until }) } };
	}

	const [first, ...others] = meant.map(({ reason, until = "", from }) => ({ reason, until, from }));
	return { ...finding, severity, ...(first === undefined ? {} : { expired: [first, ...others] }) };
}

/** As a whole word: machine-1 is not in machine-10, nor in machine-1.example.org. */
function names({ summary, evidence }: ReportedFinding, object: string): boolean {
	const escaped = object.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
	const word = new RegExp(`(?<![\\w-]|\\w\\.)${escaped}(?![\\w-]|\\.\\w)`);
	return [
		summary,
		...evidence.flatMap(({ from, saw, expected = "", lines = [] }) => [from, saw, expected, ...lines]),
	].some((text) => word.test(text));
}
