import type { Fix, Fixes, JournalEntry, OpenFix } from "../access/fixes.ts";
import type { Hands } from "../access/hands.ts";
import type { Judgement } from "../diagnose.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { placeOf, putInto, renderEdit } from "./edit.ts";
import { isRestorable, readObjects, uidsIn } from "./objects.ts";
import { areNamed, type PlannedStep, planAfter, planOf } from "./plan.ts";
import { renderPlan, renderStep } from "./show.ts";

/** What the person at the terminal says to a step. */
export interface Asker {
	step(step: PlannedStep): Promise<"run" | "skip" | "more" | "stop">;
	/** Something that cannot be taken back: is its name typed right? */
	name(names: readonly string[]): Promise<boolean>;
	/** A step was shown that belongs elsewhere. */
	goOn(): Promise<boolean>;
}

/** What is carried out without being asked for. */
export interface Consent {
	readonly destroys: boolean;
	/** Objects that may be destroyed, as `namespace/name`. */
	readonly named: readonly string[];
}

export interface Parts {
	/** Looks anew, and judges the check. */
	readonly look: () => Promise<Judgement>;
	readonly hands: Hands;
	readonly fixes: Fixes;
	/** Absent where consent was given beforehand. */
	readonly ask?: Asker | undefined;
	readonly say: (text: string) => void;
	/** Hides the secrets that are known here. */
	readonly mask: (text: string) => string;
	readonly now: () => Date;
	readonly pause: (milliseconds: number) => Promise<void>;
	/** Milliseconds for one command of kubectl that changes something. */
	readonly patience: number;
	readonly version: string;
	/** Columns for prose. */
	readonly width: number;
	readonly interrupted: AbortSignal;
}

export interface Order {
	/** `check` or `check/code`, as the user named it. */
	readonly target: string;
	/** Where it looks. A fix that was interrupted is gone on with only there: elsewhere the same names are other things. */
	readonly place: string;
	/** Whole codes; absent: all of the check. */
	readonly codes?: ReadonlySet<string> | undefined;
	readonly consent: Consent;
}

/** `unchanged`: there was nothing to be done, or nothing was; `judgement` says which. */
export type Result = "confirmed" | "uncertain" | "failed" | "unchanged";

export interface Outcome {
	readonly result: Result;
	/** Why it is called so, as a sentence without its full stop. */
	readonly because: string;
	/** The last one. */
	readonly judgement: Judgement;
	/** The fix whose journal was written. */
	readonly id?: string;
}

/** What became of one step. `uncertain`: it may have been done. */
type Done = "done" | "skipped" | "left" | "failed" | "uncertain" | "stopped";

/** Carries the plan out step by step, and makes it anew after each: what is shown is what is true then. */
export async function carryOut(parts: Parts, order: Order): Promise<Outcome> {
	const { look, say, interrupted } = parts;
	let judgement = await look();
	let plan = planOf(judgement, order.codes);
	if (plan.length === 0) {
		return { result: "unchanged", because: "there is nothing to be done", judgement };
	}

	say(renderPlan(plan, parts.width));
	const { fix, settled } = await openFix(parts, order);
	const fates = new Map<string, Done>();
	let isSettling = false;
	let isLookedAtAgain = false;
	for (let next = plan.find(isOpen); next !== undefined; next = plan.find(isOpen)) {
		const fate: Done = interrupted.aborted ? "stopped" : await takeStep(parts, order, fix, next, { fates, isSettling });
		isSettling ||= fate === "done" && next.step.risk === "changes";
		settled.add(next.key);
		fates.set(next.key, fate);
		if (fate === "stopped") {
			break;
		}

		// Who goes on after a step that is done elsewhere may have done it.
		const isElsewhere = fate === "left" && next.way === "copy" && parts.ask !== undefined;
		const isBroken = fate === "failed" || fate === "uncertain";
		if (isBroken || ((fate === "done" || isElsewhere) && next.step.risk !== "safe")) {
			judgement = await look();
			isLookedAtAgain = true;
			plan = planAfter(plan, planOf(judgement, order.codes), ({ key }) => fates.get(key) === "done");
		}

		if (isBroken) {
			break;
		}
	}

	function isOpen({ key }: PlannedStep): boolean {
		return !settled.has(key);
	}

	if (interrupted.aborted) {
		say(`Stopped. The next capmox-doctor fix ${order.target} goes on here.\n`);
		return { result: "uncertain", because: "it was interrupted", judgement, id: fix.id };
	}

	if (isLookedAtAgain) {
		judgement = await settle(parts, order, judgement);
	}

	const outcome = outcomeOf(judgement, order, [...fates.values()], isLookedAtAgain);
	await fix.append({ event: "ended", at: parts.now().toISOString(), result: outcome.result });
	return { ...outcome, judgement, id: fix.id };
}

/** What was told to change may take its time. */
async function settle({ look, pause, interrupted }: Parts, { codes }: Order, first: Judgement): Promise<Judgement> {
	let judgement = first;
	for (let round = 0; round < 3 && planOf(judgement, codes).length > 0 && !interrupted.aborted; round++) {
		await pause(1_000);
		judgement = await look();
	}

	return judgement;
}

/** Says no more than what was seen since the last step. */
function outcomeOf(
	judgement: Judgement,
	{ codes }: Order,
	fates: readonly Done[],
	isLookedAtAgain: boolean,
): Pick<Outcome, "result" | "because"> {
	const { verdict } = judgement;
	if (verdict.kind === "unknown" || verdict.kind === "crashed") {
		return { result: "uncertain", because: "the check could not look again" };
	}

	if (verdict.kind === "skip") {
		return { result: "uncertain", because: `the check has nothing to look at any more: ${verdict.reason}` };
	}

	if (planOf(judgement, codes).length === 0) {
		// Beside other findings, what could not be looked at may be just what was to be mended.
		return verdict.kind === "problem" && verdict.missing.length > 0
			? { result: "uncertain", because: "the check does not find it any more, but could not look at everything" }
			: { result: "confirmed", because: "the check does not find it any more" };
	}

	if (!isLookedAtAgain) {
		return { result: "uncertain", because: "nothing was changed from here, so the check did not look again" };
	}

	if (fates.includes("failed")) {
		return { result: "failed", because: "a step failed, and the check still finds it" };
	}

	if (fates.includes("uncertain")) {
		return { result: "uncertain", because: "nobody knows whether a step was done, and the check still finds it" };
	}

	return fates.every((fate) => fate === "done")
		? { result: "failed", because: "the check still finds it" }
		: { result: "uncertain", because: "not everything was done, and the check still finds it" };
}

/** The one of the same target and place that was interrupted, with what it finished; otherwise a new one. */
async function openFix({ fixes, now, version, say }: Parts, { target, place }: Order) {
	const interrupted = (await fixes.list()).find(
		(fix) => isInterrupted(fix, { target, place }) && now().getTime() - lastAt(fix) < memory,
	);
	if (interrupted !== undefined) {
		const finished = finishedKeys(interrupted);
		say(
			`Goes on with fix ${interrupted.id}, which was interrupted${finished.length === 0 ? "" : ` after ${finished.length} ${finished.length === 1 ? "step" : "steps"}; these are not done again`}.\n`,
		);
		return { fix: fixes.reopen(interrupted), settled: new Set(finished) };
	}

	const fix = await fixes.begin(now());
	await fix.append({ event: "began", at: now().toISOString(), target, place, version });
	return { fix, settled: new Set<string>() };
}

/** Milliseconds; after that, what was done may be the case no more, and is done again where the check asks for it. */
const memory = 3_600_000;
const lastAt = ({ entries }: Fix): number => Date.parse(entries.at(-1)?.at ?? "");

/** What was taken back since is no beginning to go on from. */
const isInterrupted = ({ entries }: Fix, { target, place }: Pick<Order, "target" | "place">): boolean =>
	entries.some((entry) => entry.event === "began" && entry.target === target && entry.place === place) &&
	!entries.some(({ event }) => event === "ended" || event === "undone");

const finishedKeys = ({ entries }: Fix): readonly string[] =>
	entries.flatMap((entry) => (entry.event === "finished" && entry.exitCode === 0 ? [entry.key] : []));

/** What this run did before a step. */
interface SoFar {
	readonly fates: ReadonlyMap<string, Done>;
	/** Something was changed that a controller has to act on, which may take minutes. */
	readonly isSettling: boolean;
}

const settling = "what was changed before may make it needless; give it some minutes, and run this fix again";

async function takeStep(parts: Parts, order: Order, fix: OpenFix, planned: PlannedStep, soFar: SoFar): Promise<Done> {
	const { say, ask } = parts;
	const { way, step } = planned;
	// Without somebody who reads it, a look is of no use.
	if (way === "read" || (way === "run" && step.risk === "safe" && ask === undefined)) {
		say(renderStep(planned, parts.width));
		return "skipped";
	}

	const prepared = way === "write" ? await prepare(parts, planned) : undefined;
	if (way === "copy" || prepared === "not-possible") {
		const kubeconfig = kubeconfigFor(planned);
		if (
			kubeconfig !== undefined &&
			(await missingKubeconfig(parts.hands, [`--kubeconfig=${kubeconfig}`])) === undefined
		) {
			say(`${renderStep(planned, parts.width)}${kubeconfig} is here already.\n`);
			return "skipped";
		}

		say(`${renderStep(planned, parts.width)}Not done from here: copy it.\n`);
		return ask === undefined || (await ask.goOn()) ? "left" : "stopped";
	}

	if (prepared === "there") {
		return "done";
	}

	say(
		prepared === undefined
			? renderStep(planned, parts.width)
			: renderStep(planned, parts.width, parts.mask(renderEdit(prepared))),
	);
	const refusal = ask === undefined ? refusalOf(order.consent, planned, soFar) : undefined;
	if (refusal !== undefined) {
		say(`Not done: ${refusal}.\n`);
		return "left";
	}

	if (ask !== undefined && step.risk === "destroys" && soFar.isSettling) {
		say(`Better not yet: ${settling}.\n`);
	}

	const answer = ask === undefined ? "run" : await askFor(parts, ask, planned);
	if (answer !== "run") {
		return answer === "stop" ? "stopped" : "left";
	}

	if (ask !== undefined && step.risk === "destroys" && !(await ask.name(namesOf(planned)))) {
		say("That is not its name; nothing was done.\n");
		return "left";
	}

	return prepared === undefined ? await run(parts, fix, planned) : await write(parts, fix, planned, prepared);
}

async function askFor({ say }: Parts, ask: Asker, planned: PlannedStep): Promise<"run" | "skip" | "stop"> {
	for (;;) {
		const answer = await ask.step(planned);
		if (answer !== "more") {
			return answer;
		}

		say(
			`${planned.finding.summary}\n${planned.finding.evidence.map(({ from, saw, expected }) => `  ${from}: ${saw}${expected === undefined ? "" : ` (expected: ${expected})`}`).join("\n")}\n`,
		);
	}
}

/** What kubectl is told to destroy, or the last word of another command. */
const namesOf = ({ subject, step }: PlannedStep): readonly string[] =>
	subject?.names ?? (step.command ?? []).filter((word) => !word.startsWith("-")).slice(-1);

/** Why a step is not carried out though nobody is asked; `undefined` where it is. */
function refusalOf(
	{ destroys, named }: Consent,
	planned: PlannedStep,
	{ fates, isSettling }: SoFar,
): string | undefined {
	const { step, finding, isAlternative, subject } = planned;
	const before = [...fates].filter(([key]) => key.startsWith(`${finding.code}: `)).map(([, fate]) => fate);
	if (step.risk !== "safe" && before.includes("left")) {
		return "a step before it was not done";
	}

	if (isAlternative && before.includes("done")) {
		return "it is another way to what was done already";
	}

	if (step.risk !== "destroys") {
		return undefined;
	}

	if (isSettling) {
		return settling;
	}

	const names = namesOf(planned);
	const isNamed = subject === undefined ? names.every((name) => named.includes(name)) : areNamed(subject, named);
	return destroys && isNamed
		? undefined
		: `it destroys ${subject === undefined ? "" : `${subject.resource} `}${names.join(", ")}, which --yes does not cover; add --allow destroys --machine ${names.join(" ")}`;
}

interface Prepared {
	readonly path: string;
	readonly before?: string | undefined;
	readonly after: string;
}

async function prepare({ hands }: Parts, { step: { put } }: PlannedStep): Promise<Prepared | "there" | "not-possible"> {
	if (put === undefined) {
		return "not-possible";
	}

	const { path: given, line } = placeOf(put.into);
	const path = hands.resolve(given);
	try {
		const before = await hands.read(path);
		const after = putInto(before, put.line, line);
		return after === undefined ? "not-possible" : after === before ? "there" : { path, before, after };
	} catch (error) {
		if (error instanceof UsageError) {
			return "not-possible";
		}

		throw error;
	}
}

const started = (
	{ now, mask }: Parts,
	{ key, step: { advice, risk, undo } }: PlannedStep,
	what: Pick<Extract<JournalEntry, { event: "started" }>, "command" | "file" | "objects">,
): JournalEntry => ({
	event: "started",
	at: now().toISOString(),
	key,
	advice: mask(advice),
	risk,
	...what,
	...(undo === undefined ? {} : { undo: typeof undo === "string" ? undo : [undo[0], ...undo.slice(1)] }),
});

async function write(
	{ hands, say, ...parts }: Parts,
	fix: OpenFix,
	planned: PlannedStep,
	{ path, before, after }: Prepared,
): Promise<Done> {
	// Somebody may have edited it while the question stood there.
	if ((await hands.read(path)) !== before) {
		say(`Not done: ${path} changed meanwhile; run this fix again.\n`);
		return "left";
	}

	const number = String(parts.now().getTime());
	const copies = {
		...(before === undefined ? {} : { before: await fix.keep(`${number}-before`, before) }),
		after: await fix.keep(`${number}-after`, after),
	};
	await fix.append(started({ hands, say, ...parts }, planned, { file: { path, ...copies } }));
	let exitCode = 0;
	let output = "";
	try {
		await hands.write(path, after);
	} catch (error) {
		if (!(error instanceof UsageError)) {
			throw error;
		}

		exitCode = 1;
		output = error.message;
	}

	await fix.append({ event: "finished", at: parts.now().toISOString(), key: planned.key, exitCode, output });
	say(
		exitCode === 0 ? `Written. How it was is kept in ${fix.folder}.\n` : `${output}. Put it there yourself, as root.\n`,
	);
	return exitCode === 0 ? "done" : "left";
}

/** Characters of output that the journal keeps. */
const kept = 4_000;

async function run(parts: Parts, fix: OpenFix, planned: PlannedStep): Promise<Done> {
	const { hands, say, mask, now, interrupted } = parts;
	const { command } = planned.step;
	if (command === undefined) {
		return "left";
	}

	const kubeconfig = await missingKubeconfig(hands, command);
	if (kubeconfig !== undefined) {
		say(`Not done: there is no file ${kubeconfig} here yet.\n`);
		return "left";
	}

	const copy = await copyObjects(parts, fix, planned);
	if (copy.kind !== "copied") {
		say(`${copy.why}\n`);
		return copy.kind === "gone" ? "skipped" : copy.kind === "other" ? "left" : "failed";
	}

	const { objects } = copy;
	await fix.append(started(parts, planned, { command: [...command], ...(objects === undefined ? {} : { objects }) }));
	let printed = "";
	let exitCode = 1;
	let isAnswered = true;
	try {
		const output = await hands.run(
			command,
			(text) => {
				printed += text;
				say(mask(text));
			},
			interrupted,
			planned.subject === undefined ? undefined : parts.patience,
		);
		({ exitCode } = output);
		isAnswered = planned.subject === undefined || exitCode === 0 || !unanswered.test(output.stderr);
	} catch (error) {
		if (!(error instanceof ProbeError)) {
			throw error;
		}

		printed += error.message;
		say(`${mask(error.message)}\n`);
		if (error.reason === "cancelled") {
			return "stopped";
		}

		// Of a command that was ended nobody knows how far it came; one that was never started did nothing.
		isAnswered = error.reason === "tool-missing" || error.reason === "forbidden";
	}

	const ended = { at: now().toISOString(), key: planned.key, output: mask(printed).slice(-kept) };
	if (!isAnswered) {
		await fix.append({ event: "uncertain", ...ended });
		say("Nobody knows whether it was done, because no answer came; what comes after it was not done.\n");
		return "uncertain";
	}

	const after = exitCode === 0 ? await keepChanged(parts, fix, planned) : undefined;
	await fix.append({ event: "finished", ...ended, exitCode, ...(after === undefined ? {} : { objects: after }) });
	// Many that only look end so where there is nothing to be seen.
	if (exitCode === 0 || planned.step.risk === "safe") {
		return "done";
	}

	say(`It failed (exit code ${exitCode}); what comes after it was not done.\n`);
	return "failed";
}

/** kubectl was not told how it ended: the connection broke, or something between it and the API server had enough. */
const unanswered =
	/\bEOF\b|connection (?:reset|lost)|broken pipe|timed? ?out|deadline exceeded|request canceled|bad gateway/i;

/** One that an earlier step tells the user to keep. */
async function missingKubeconfig(hands: Hands, command: readonly string[]): Promise<string | undefined> {
	const path = kubeconfigIn(command);
	return path === undefined || (await hands.read(hands.resolve(path))) !== undefined ? undefined : path;
}

function kubeconfigIn(command: readonly string[]): string | undefined {
	const flag = "--kubeconfig";
	const joined = command.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
	return joined ?? (command.includes(flag) ? command[command.indexOf(flag) + 1] : undefined);
}

/** Where the step prints a kubeconfig for those behind it: the file that they name. */
function kubeconfigFor({ step, finding }: PlannedStep): string | undefined {
	const [program, ...words] = step.command ?? [];
	// Itself it may name that of the management cluster.
	const own = kubeconfigIn(words);
	return program === "clusterctl" && words.includes("kubeconfig")
		? finding.remedy
				.map(({ command }) => kubeconfigIn(command ?? []))
				.find((path) => path !== undefined && path !== own)
		: undefined;
}

type Copy =
	| { readonly kind: "copied"; readonly objects?: string }
	| { readonly kind: "gone" | "other" | "unreadable"; readonly why: string };

/** The objects as they are, whole, before they are changed; without that copy nothing is. */
async function copyObjects(parts: Parts, fix: OpenFix, { step, subject }: PlannedStep): Promise<Copy> {
	if (subject === undefined || step.risk === "safe") {
		return { kind: "copied" };
	}

	const read = await readObjects(parts, subject);
	if (read.kind !== "read") {
		return read.kind === "gone"
			? { kind: "gone", why: "It is gone already." }
			: { kind: "unreadable", why: `Not done, because no copy of it could be made: ${read.why}` };
	}

	const strangers = step.of === undefined ? [] : uidsIn(read.text).filter((uid) => step.of?.includes(uid) === false);
	return strangers.length > 0
		? {
				kind: "other",
				why: "Not done: it is another object of that name. It was made anew meanwhile, or the kubeconfig leads to another cluster; run this fix again.",
			}
		: { kind: "copied", objects: await fix.keep(`${parts.now().getTime()}-objects.yaml`, read.text) };
}

/** What an undo compares with: only what still is as the step left it is put back. */
async function keepChanged(parts: Parts, fix: OpenFix, { step, subject }: PlannedStep): Promise<string | undefined> {
	if (subject === undefined || !isRestorable(subject) || step.risk !== "changes") {
		return undefined;
	}

	const read = await readObjects(parts, subject);
	return read.kind === "read" ? await fix.keep(`${parts.now().getTime()}-changed.yaml`, read.text) : undefined;
}
