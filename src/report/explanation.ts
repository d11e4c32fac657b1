import type { ChalkInstance } from "chalk";
import type { Explanation, Recognised, Seen } from "../explain/explanation.ts";
import type { Timelines } from "../explain/timeline.ts";
import type { ExplanationReport } from "./explanation-schema.ts";
import { grouped, prose } from "./prose.ts";
import { renderTimelines } from "./timeline.ts";

/** One explanation, as every format shows it. */
export interface Explained {
	readonly version: string;
	readonly sources: readonly string[];
	readonly explanation: Explanation;
	/** How many signatures were looked for. */
	readonly known: number;
	readonly exitCode: number;
	/** Where the logs are of a cluster that runs. */
	readonly live?: LiveLogs;
}

export interface LiveLogs extends Timelines {
	/** What the logs are, in words: "5 pods, since 1h ago". */
	readonly place: string;
	/** What could not be looked at, and why. */
	readonly unread: readonly { readonly name: string; readonly reason: string }[];
	/** Logs of which only the newest lines were read. */
	readonly cut: readonly string[];
}

export interface ExplanationOptions {
	readonly paint: ChalkInstance;
	readonly width: number;
	readonly verbose: boolean;
	readonly quiet: boolean;
}

export function renderExplanation(explained: Explained, options: ExplanationOptions): string {
	const { recognised, ended, notes } = explained.explanation;
	const shown = recognised.filter(({ kind, wraps }) => kind !== "wrapper" || wraps.length === 0);
	const parts = [
		options.quiet ? "" : headline(explained, options),
		...shown.map((item) => renderRecognised(item, explained, options)),
		...(options.quiet
			? []
			: [
					recognised
						.filter((item) => !shown.includes(item))
						.map((item) => renderWrapper(item, options))
						.join("\n"),
					ended.map((item) => renderEnded(item, explained, options)).join("\n"),
					recognised.length === 0 ? "" : notes.map((item) => renderNote(item, options)).join("\n"),
					renderUnrecognised(explained, options),
				]),
		...(explained.live === undefined ? [] : renderLive(explained.live, options)),
	].filter((part) => part !== "");
	return parts.length === 0 ? "" : `${parts.join("\n\n")}\n`;
}

const counted = (value: number, word: string): string => `${grouped(value)} ${word}${value === 1 ? "" : "s"}`;

const onlyNewest = "only the newest lines were read; give a shorter --since";

/** What could not be read is said even to those who want to see findings only: it may hold some. */
const renderLive = (live: LiveLogs, options: ExplanationOptions): readonly string[] => [
	...(options.quiet ? [] : renderTimelines(live, options)),
	...[
		...live.unread.map(({ name, reason }) => `? Could not look at ${name}: ${reason}`),
		...live.cut.map((name) => `? Could not look at all of ${name}: ${onlyNewest}`),
	].map((text) => options.paint.yellow(prose(text, 0, options))),
];

function headline({ explanation, sources, known, live }: Explained, options: ExplanationOptions): string {
	const { recognised, ended, lines } = explanation;
	const from = live?.place ?? sources.join(", ");
	const place = `${counted(lines, "line")} of ${from}`;
	const failures = recognised.filter(({ kind }) => kind !== "wrapper");
	if (lines === 0) {
		return prose(`There was nothing to read in ${from}.`, 0, options);
	}

	if (recognised.length === 0) {
		const well = ended.length === 0 ? "" : " but retries that ended well";
		return prose(`None of the ${known} known messages is in ${place}${well}.`, 0, options);
	}

	return failures.length === 0
		? prose(`${place}: only messages that hand on an error which is not known.`, 0, options)
		: prose(
				`${counted(failures.length, "known message")} in ${place}${failures.length > 1 ? ", the deepest cause first" : ""}.`,
				0,
				options,
			);
}

const standing: Readonly<Record<Recognised["kind"], string>> = {
	cause: "",
	symptom: "A symptom; these lines do not say what is behind it.",
	consequence: "A consequence; its cause is not in these lines.",
	general: "Nothing more is known of this message.",
	waiting: "It waits, which is harmless unless it stays.",
	wrapper: "It only hands on an error that is not known.",
	note: "",
};

function renderRecognised(item: Recognised, { sources }: Explained, options: ExplanationOptions): string {
	const { signature, kind, follows, wraps, lines } = item;
	const { paint, width } = options;
	const colour = kind === "cause" ? paint.red : kind === "symptom" ? paint.yellow : paint.magenta;
	const mark = kind === "cause" || kind === "symptom" ? "✘" : kind === "waiting" ? "…" : "↳";
	const title = `${mark} ${signature.id}`;
	const gap = " ".repeat(Math.max(2, width - title.length - signature.component.length));
	const stands = follows.length > 0 && kind !== "cause" ? `It follows from ${follows.join(", ")}.` : standing[kind];
	const check = signature.check ?? signature.finding?.split("/")[0];
	return [
		`${colour(title)}${gap}${paint.dim(signature.component)}`,
		prose(`${signature.cause}${stands === "" ? "" : ` ${stands}`}`, 4, options),
		labelled("seen", seen(item, sources.length > 1), options),
		...lines.slice(0, options.verbose ? 3 : 1).map((line) => labelled("line", excerpt(line, options), options)),
		...(wraps.length === 0 ? [] : [labelled("also", `in some lines it hands on ${wraps.join(", ")}`, options)]),
		labelled("to do", signature.remedy, options),
		...(signature.versions === undefined ? [] : [labelled("versions", signature.versions, options)]),
		...(check === undefined ? [] : [command("prove it", `capmox-doctor check ${check}`, options)]),
		...(signature.finding === undefined
			? []
			: [command("more", `capmox-doctor explain ${signature.finding}`, options)]),
		...(signature.source === undefined || !options.verbose ? [] : [labelled("source", signature.source, options)]),
	].join("\n");
}

function seen({ count, first, last }: Recognised, named: boolean): string {
	const times = count === 1 ? "once" : `${grouped(count)} times`;
	return count === 1
		? `${times}, ${where(first, named)}`
		: `${times}, first ${where(first, named)}, last ${where(last, named)}`;
}

const where = ({ time, line, source }: Seen, named: boolean): string =>
	`${time === undefined ? "" : `at ${time} `}${time === undefined ? "in " : "("}${named ? `${source} ` : ""}line ${grouped(line)}${time === undefined ? "" : ")"}`;

/** Two lines of a screen; the message is near the begin. */
function excerpt(line: string, { width, verbose }: ExplanationOptions): string {
	const room = verbose ? 1_000 : Math.max(160, (width - 16) * 4);
	return line.length > room ? `${line.slice(0, room - 1)}…` : line;
}

const renderWrapper = ({ signature, count, wraps }: Recognised, options: ExplanationOptions): string =>
	options.paint.dim(
		prose(
			`· ${signature.id} (${count === 1 ? "once" : `${grouped(count)} times`}) only hands on ${wraps.join(", ")}.`,
			0,
			options,
		),
	);

const renderEnded = (item: Recognised, { sources }: Explained, options: ExplanationOptions): string =>
	options.paint.dim(
		prose(
			`✔ ${item.signature.id} ended well (${seen(item, sources.length > 1)}), so that there is nothing to mend.`,
			0,
			options,
		),
	);

const renderNote = ({ signature, lines }: Recognised, options: ExplanationOptions): string =>
	options.paint.dim(prose(`Note: ${signature.cause} (${lines[0] ?? ""})`, 0, options));

const fewest = 5;
const most = 50;

function renderUnrecognised({ explanation }: Explained, options: ExplanationOptions): string {
	const { unrecognised, unrecognisedKinds, unrecognisedLines, recognised } = explanation;
	if (unrecognisedLines === 0) {
		return "";
	}

	const shown = unrecognised.slice(0, options.verbose ? most : fewest);
	const more = unrecognisedKinds - shown.length;
	const kinds = unrecognisedKinds === 1 ? "" : ` of ${grouped(unrecognisedKinds)} kinds`;
	return [
		prose(
			`Not recognised: ${counted(unrecognisedLines, recognised.length === 0 ? "line" : "other line")}${kinds} that may be errors.${more > 0 ? " The most frequent:" : ""}`,
			0,
			options,
		),
		...shown.map(
			({ line, count }) =>
				`${options.paint.dim(`${grouped(count).padStart(7)}×  `)}${prose(excerpt(line, options), 10, options).trimStart()}`,
		),
		...(more > 0 && !options.verbose
			? [options.paint.dim(`          … ${grouped(more)} more; -v shows up to ${most}`)]
			: []),
	].join("\n");
}

const labelled = (label: string, text: string, options: ExplanationOptions): string =>
	`      ${options.paint.dim(label.padEnd(10))}${prose(text, 16, options).trimStart()}`;

const command = (label: string, text: string, { paint }: ExplanationOptions): string =>
	`      ${paint.dim(label.padEnd(10))}${paint.cyan(text)}`;

export function explanationJson({ version, sources, explanation, exitCode, live }: Explained): string {
	const { recognised, ended, notes, unrecognised, unrecognisedLines, lines, bytes } = explanation;
	const report: ExplanationReport = {
		schema: "capmox-doctor/explain/v1",
		version,
		recognised: recognised.map(toItem),
		ended: ended.map(toItem),
		notes: notes.map(toItem),
		unrecognised: unrecognised.map(({ line, count }) => ({ line, count })),
		...(live === undefined
			? {}
			: {
					timelines: live.timelines.map((timeline) => ({ ...timeline, events: [...timeline.events] })),
					unread: [
						...live.unread.map(({ name, reason }) => ({ name, reason })),
						...live.cut.map((name) => ({ name, reason: onlyNewest })),
					],
				}),
		summary: {
			sources: [...sources],
			lines,
			bytes,
			unrecognised: unrecognisedLines,
		},
		exitCode,
	};
	return `${JSON.stringify(report, null, 2)}\n`;
}

function toItem({
	signature,
	kind,
	count,
	first,
	last,
	lines,
	wraps,
	follows,
}: Recognised): ExplanationReport["recognised"][number] {
	const { id, component, cause, remedy, finding, versions, source } = signature;
	const check = signature.check ?? finding?.split("/")[0];
	return {
		id,
		...(finding === undefined ? {} : { finding }),
		...(check === undefined ? {} : { check }),
		kind,
		component,
		cause,
		remedy,
		count,
		first,
		last,
		lines: [...lines],
		wraps: [...wraps],
		follows: [...follows],
		...(versions === undefined ? {} : { versions }),
		...(source === undefined ? {} : { source }),
	};
}
