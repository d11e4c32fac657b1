import { join } from "node:path";
import type { Fix, Fixes, StartedEntry } from "../access/fixes.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { toShell } from "../shell.ts";
import type { Parts } from "./carry-out.ts";

type Tools = Pick<Parts, "hands" | "fixes" | "say" | "mask" | "now" | "interrupted"> & {
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
			await journal.append({ event: "undone", at: tools.now().toISOString(), key: step.key });
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

/** What was carried out, changed something, and was not taken back since; also what nobody knows the end of, such as of a fix that was killed. */
function doneSteps({ entries }: Fix): StartedEntry[] {
	const done = new Map<string, StartedEntry>();
	for (const entry of entries) {
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

async function undoStep(tools: Tools, fix: Fix, step: StartedEntry): Promise<boolean> {
	const { say, hands, mask, interrupted, confirm } = tools;
	say(`« ${step.advice}\n`);
	if (step.file !== undefined) {
		return await restore(tools, fix, step.file);
	}

	if (step.undo === undefined || typeof step.undo === "string") {
		const copy = step.objects === undefined ? "" : ` How it was is kept in ${join(fix.folder, step.objects)}.`;
		say(
			step.undo === undefined
				? `  Cannot be taken back: ${toShell(step.command ?? [])}.${copy}\n`
				: `  For you to do: ${step.undo}.${copy}\n`,
		);
		return false;
	}

	const [program = "", ...words] = step.undo;
	if (confirm !== undefined && !(await confirm(toShell(step.undo)))) {
		return false;
	}

	say(`    ${toShell(step.undo)}\n`);
	try {
		const { exitCode } = await hands.run(
			[program, ...words],
			(text) => {
				say(mask(text));
			},
			interrupted,
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
