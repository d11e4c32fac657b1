import { join } from "node:path";
import type { Fix, Fixes, StartedEntry } from "../access/fixes.ts";
import type { NonEmpty } from "../check.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { toShell } from "../shell.ts";
import type { Parts } from "./carry-out.ts";
import { writeDown } from "./journal.ts";
import { isRestorable, parseObjects, readObjects, uidsIn } from "./objects.ts";
import { subjectOf } from "./plan.ts";
import { restore as restoreObject } from "./restore.ts";

type Tools = Pick<Parts, "hands" | "fixes" | "say" | "mask" | "now" | "interrupted" | "patience"> & {
	/** Absent where consent was given beforehand. */
	readonly confirm?: ((what: string) => Promise<boolean>) | undefined;
};

/** Takes back what a fix did, the last step first; says what cannot be taken back. `false` where something is left. */
export async function undo(tools: Tools, id: string): Promise<boolean> {
	const { fixes, say } = tools;
	const fix = await find(fixes, id);
	const steps = doneSteps(fix);
	if (steps.length === 0) {
		say(`Fix ${fix.id} changed nothing that is not taken back already.\n`);
		return true;
	}

	const journal = fixes.reopen(fix);
	let isWhole = true;
	for (const step of steps.reverse()) {
		if (tools.interrupted.aborted) {
			return false;
		}

		const isUndone = await undoStep(tools, fix, step);
		isWhole &&= isUndone;
		if (isUndone) {
			await writeDown(journal, { event: "undone", at: tools.now().toISOString(), key: step.key }, say);
		}
	}

	return isWhole;
}

async function find(fixes: Fixes, id: string): Promise<Fix> {
	const all = await fixes.list();
	const found = all.find((fix) => fix.id === id);
	if (found === undefined) {
		throw new UsageError(
			`--undo: there is no fix ${id}${all.length === 0 ? "; none was ever carried out here" : "; capmox-doctor fix --list shows them"}`,
		);
	}

	return found;
}

interface DoneStep extends StartedEntry {
	/** The copy of the objects as the step left them. */
	readonly after?: string | undefined;
}

/** What was carried out, changed something, and was not taken back since; also what nobody knows the end of, such as of a fix that was killed. */
function doneSteps({ entries }: Fix): DoneStep[] {
	const done = new Map<string, DoneStep>();
	for (const entry of entries) {
		const before = done.get(entry.event === "finished" ? entry.key : "");
		if (entry.event === "finished" && entry.exitCode === 0 && before !== undefined) {
			done.set(entry.key, { ...before, after: entry.objects });
		}

		if (entry.event === "started" && entry.risk !== "safe") {
			// Behind those that were started before.
			done.delete(entry.key);
			done.set(entry.key, entry);
		} else if (entry.event === "undone" || (entry.event === "finished" && entry.exitCode !== 0)) {
			done.delete(entry.key);
		}
	}

	return [...done.values()];
}

async function undoStep(tools: Tools, fix: Fix, step: DoneStep): Promise<boolean> {
	const { say } = tools;
	say(`« ${step.advice}\n`);
	if (step.file !== undefined) {
		return await restore(tools, fix, step.file);
	}

	const copy = step.objects === undefined ? "" : ` How it was is kept in ${join(fix.folder, step.objects)}.`;
	const way = await wayBack(tools, fix, step);
	if (typeof way !== "string") {
		return await run(tools, way);
	}

	say(way === asItWas ? `  ${way}.\n` : `  ${way}.${copy}\n`);
	return way === asItWas;
}

const asItWas = "It is as it was";

/** The command that takes it back; otherwise, as a sentence without its full stop, why there is none. */
async function wayBack(
	tools: Tools,
	fix: Fix,
	{ undo: told, command = [], objects, after, risk }: DoneStep,
): Promise<NonEmpty<string> | string> {
	const otherwise =
		typeof told === "string" ? `For you to do: ${told}` : (told ?? `Cannot be taken back: ${toShell(command)}`);
	const subject = subjectOf(command);
	if (subject === undefined || objects === undefined || risk === "destroys") {
		return otherwise;
	}

	const now = await readObjects(tools, subject);
	if (now.kind !== "read") {
		return now.kind === "gone" ? "It is gone by now" : `Not taken back, because it could not be looked at: ${now.why}`;
	}

	// The same names may lead to another cluster by now.
	const before = (await tools.hands.read(join(fix.folder, objects))) ?? "";
	const own = uidsIn(before);
	if (own.length === 0 || uidsIn(now.text).some((uid) => !own.includes(uid))) {
		return "Left alone: it was made anew since, or this is another cluster";
	}

	const left = after === undefined ? undefined : await tools.hands.read(join(fix.folder, after));
	if (left === undefined || !isRestorable(subject)) {
		return otherwise;
	}

	const operations = restoreObject(parseObjects(before), parseObjects(left), parseObjects(now.text));
	switch (operations) {
		case "elsewhere":
			return otherwise;
		case "as-it-was":
			return asItWas;
		case "changed":
			return "Left alone: what the step wrote was changed since";
		default:
			return subject.patch(operations);
	}
}

async function run({ say, hands, mask, interrupted, patience, confirm }: Tools, command: NonEmpty<string>) {
	if (confirm !== undefined && !(await confirm(toShell(command)))) {
		return false;
	}

	say(`    ${toShell(command)}\n`);
	try {
		const { exitCode } = await hands.run(
			command,
			(text) => {
				say(mask(text));
			},
			interrupted,
			command[0] === "kubectl" ? patience : undefined,
		);
		say(exitCode === 0 ? "" : `  It failed (exit code ${exitCode}).\n`);
		return exitCode === 0;
	} catch (error) {
		if (!(error instanceof ProbeError)) {
			throw error;
		}

		say(`  ${mask(error.message)}\n`);
		return false;
	}
}

type Written = NonNullable<StartedEntry["file"]>;

async function restore(tools: Tools, fix: Fix, file: Written): Promise<boolean> {
	try {
		return await writeBack(tools, fix, file);
	} catch (error) {
		if (!(error instanceof UsageError)) {
			throw error;
		}

		tools.say(`  ${error.message}\n`);
		return false;
	}
}

async function writeBack({ hands, say, confirm }: Tools, fix: Fix, { path, before, after }: Written): Promise<boolean> {
	const kept = before === undefined ? undefined : await hands.read(join(fix.folder, before));
	const now = await hands.read(path);
	if (now === kept) {
		say(`  ${path} is as it was.\n`);
		return true;
	}

	if (now !== (await hands.read(join(fix.folder, after)))) {
		say(
			`  ${path} was changed since and is left alone.${before === undefined ? "" : ` How it was is kept in ${join(fix.folder, before)}.`}\n`,
		);
		return false;
	}

	if (confirm !== undefined && !(await confirm(before === undefined ? `remove ${path}` : `write ${path} back`))) {
		return false;
	}

	await (kept === undefined ? hands.remove(path) : hands.write(path, kept));
	say(`  ${path} is ${kept === undefined ? "removed" : "as it was"}.\n`);
	return true;
}
