import { randomBytes } from "node:crypto";
import { load } from "../../checks/directory.ts";
import { writeSecretFile } from "../access/secret-file.ts";
import type { Check } from "../check.ts";
import { diagnose, type Judgement } from "../diagnose.ts";
import { UsageError } from "../errors.ts";
import type { FactSheet } from "../facts/sheet.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { renderFacts, renderSnapshot } from "../snapshot/write.ts";
import { wantedBy } from "./examine.ts";
import { refuseLookingOptions } from "./looking-options.ts";
import { choose, type RunOptions, withTemplate } from "./run.ts";
import { type IsGiven, withSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export interface SnapshotOptions extends RunOptions {
	readonly output?: string;
	readonly force: boolean;
	readonly anonymize: boolean;
	/** What is the case, for the name of a test situation; `true` without a word. */
	readonly forTest?: string | true;
}

/** `snapshot`: what the checks would judge, as a file that can be judged elsewhere. */
export async function snapshot(
	line: SnapshotOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
	isGiven: IsGiven,
): Promise<number> {
	const { options } = await withSettings(line, isGiven);
	const entries = choose(options);
	if (options.forTest !== undefined && options.output !== undefined) {
		throw new UsageError("--for-test finds the place by itself, so --output has no effect");
	}

	if (typeof options.forTest === "string" && !/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(options.forTest)) {
		throw new UsageError(`--for-test: ${JSON.stringify(options.forTest)} is no word of small letters and hyphens`);
	}

	const checks = await load(entries);
	const seen = await take(checks, options, terminal, interrupted);
	const taken = options.anonymize ? await anonymized(seen, checks, terminal) : seen;
	if (interrupted.aborted) {
		return 130;
	}

	return options.forTest === undefined
		? await save(taken, options, terminal)
		: await saveSituations(taken, checks, { force: options.force, what: options.forTest }, terminal);
}

async function take(
	checks: readonly Check[],
	{ from, ...options }: SnapshotOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
): Promise<Snapshot> {
	const wanted = wantedBy(checks);
	if (from === undefined) {
		const { look } = await import("./look.ts");
		return await look({ wanted, options: withTemplate(options), terminal, interrupted });
	}

	refuseLookingOptions(options);
	const { readSnapshot } = await import("./open.ts");
	const { header, sheet } = await readSnapshot("--from", from, terminal.version);
	return { header, sheet: Object.fromEntries(Object.entries(sheet).filter(([name]) => isIn(wanted, name))) };
}

const isIn = (names: ReadonlySet<string>, name: string): boolean => names.has(name);

/** With stand-ins for names and addresses; says where that changed what a check finds, which it must not. */
async function anonymized(seen: Snapshot, checks: readonly Check[], terminal: Terminal): Promise<Snapshot> {
	const { anonymize } = await import("../anonymize/anonymize.ts");
	const changed = anonymize(seen, randomBytes(32));
	const after = diagnose(checks, changed.sheet).map(outcomeOf);
	const other = diagnose(checks, seen.sheet).filter((judgement, index) => outcomeOf(judgement) !== after[index]);
	if (other.length > 0) {
		terminal.err(
			`With the stand-ins these checks judge otherwise, which is a bug of capmox-doctor: ${other.map(({ check }) => check.id).join(", ")}.\n`,
		);
	}

	return changed;
}

const outcomeOf = ({ verdict }: Judgement): string =>
	verdict.kind === "problem"
		? verdict.findings.map(({ code, severity }) => `${code} ${severity}`).join()
		: verdict.kind;

async function save(taken: Snapshot, { output, force }: SnapshotOptions, terminal: Terminal): Promise<number> {
	const text = renderSnapshot(taken);
	if (terminal.watched) {
		terminal.err(renderContents(taken.sheet));
	}

	if (output === "-") {
		terminal.out(text);
		return 0;
	}

	const file = output ?? `capmox-doctor-${taken.header.taken.replace(/\.\d+/, "").replaceAll(":", "-")}.yaml`;
	await writeSecretFile(file, text, { force });
	const states = Object.values(taken.sheet);
	const known = states.filter(({ state }) => state === "known").length;
	terminal.out(
		[
			`Wrote ${file}, readable only by you, with ${known} facts and the reasons why ${states.length - known} others are not known.`,
			"It holds no secret, but the names and addresses of your set-up" +
				(taken.header.anonymized === true
					? " as stand-ins. A name that stands only in a message may be left: read the file before you pass it on."
					: ". With --anonymize they would be stand-ins."),
			`To judge it, anywhere: capmox-doctor run --from ${file}`,
			"",
		].join("\n"),
	);
	return 0;
}

/** What the file is going to hold. */
function renderContents(sheet: FactSheet): string {
	const states = Object.entries(sheet);
	const width = Math.max(0, ...states.map(([name]) => name.length));
	const lines = states.map(([name, state]) =>
		state.state === "known"
			? `  ${name.padEnd(width)}  known, ${JSON.stringify(state.value).length} characters`
			: `  ${name.padEnd(width)}  not known (${state.cause}): ${state.lastSeen}`,
	);
	return `The snapshot holds:\n${lines.join("\n")}\n`;
}

const kinds = { pass: "healthy", problem: "problem", skip: "skip", unknown: "unknown", crashed: "unknown" } as const;

interface Place {
	readonly force: boolean;
	readonly what: string | true;
}

/** One situation for each check: the facts that it reads, in a file whose name is the verdict. */
async function saveSituations(
	{ sheet }: Snapshot,
	checks: readonly Check[],
	{ force, what }: Place,
	terminal: Terminal,
): Promise<number> {
	for (const judgement of diagnose(checks, sheet)) {
		const file = `test/situations/${judgement.check.id}/${nameOf(judgement, what)}.yaml`;
		const wanted = wantedBy([judgement.check]);
		const own = Object.fromEntries(Object.entries(sheet).filter(([name]) => isIn(wanted, name)));
		await writeSecretFile(file, renderFacts(own), { force });
		terminal.out(`Wrote ${file}\n`);
	}

	return 0;
}

/** `problem.CODE.WHAT`, `healthy.WHAT`. */
function nameOf({ check, verdict }: Judgement, what: string | true): string {
	const code = verdict.kind === "problem" ? [verdict.findings[0].code.replace(`${check.id}/`, "")] : [];
	if (code.length === 0 && what === true) {
		throw new UsageError(
			`--for-test: ${check.id} finds no problem, so say in a word what is the case: --for-test WORD`,
		);
	}

	return [kinds[verdict.kind], ...code, ...(what === true ? [] : [what])].join(".");
}
