import { setTimeout as sleep } from "node:timers/promises";
import { text as askText, select as choose, isCancel } from "@clack/prompts";
import { directory, type Entry } from "../../checks/directory.ts";
import { currentFolder } from "../access/current-folder.ts";
import { type Fix, openFixes } from "../access/fixes.ts";
import { createHands } from "../access/hands.ts";
import { diagnose, exitCode, type Judgement } from "../diagnose.ts";
import { UsageError } from "../errors.ts";
import { type Asker, carryOut, type Outcome, type Parts } from "../fix/carry-out.ts";
import { planOf } from "../fix/plan.ts";
import { renderPlan } from "../fix/show.ts";
import { undo } from "../fix/undo.ts";
import { type Acceptance, acceptNothing } from "./accept.ts";
import { repeatOptions } from "./again.ts";
import { wantedBy } from "./examine.ts";
import { look, masking } from "./look.ts";
import { writeReports } from "./reports.ts";
import { type CheckOptions, withTemplate } from "./run.ts";
import { nearest } from "./select.ts";
import { type IsGiven, withSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export interface FixOptions extends CheckOptions {
	readonly dryRun: boolean;
	readonly yes: boolean;
	readonly allow?: "destroys";
	readonly machine?: readonly string[];
	readonly list: boolean;
	readonly undo?: string;
}

/** `fix`: carries out what the findings of one check say, step by step, and looks whether it helped. */
export async function fix(
	target: string | undefined,
	line: FixOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
	isGiven: IsGiven,
): Promise<number> {
	// What was done is shown and taken back whatever stands in a file of settings by now.
	const isOfBefore = line.list || line.undo !== undefined;
	const { options, settings = acceptNothing } = isOfBefore ? { options: line } : await withSettings(line, isGiven);
	if (line.format === "json" && isGiven("format")) {
		throw new UsageError(
			"--format json: fix prints text alone; its steps are in capmox-doctor check --format json, and what was done is in its journal",
		);
	}

	if (options.from !== undefined || options.root !== undefined) {
		throw new UsageError(`--${options.from === undefined ? "root" : "from"}: only what is here can be mended`);
	}

	const fixes = openFixes();
	if (options.list) {
		terminal.out(renderList(await fixes.list()));
		return 0;
	}

	const isAsked = !options.yes && !options.dryRun;
	if (isAsked && !terminal.canAsk) {
		throw new UsageError(
			"fix asks before each step, and here is no terminal: add --yes to carry the steps out, or --dry-run to see them",
		);
	}

	const tools = {
		hands: createHands(),
		fixes,
		say: (text: string) => {
			terminal.out(text);
		},
		mask: await masking(withTemplate(options)),
		now: () => new Date(),
		interrupted,
		patience: options.timeout,
	};
	if (options.undo !== undefined) {
		const { undo: id, dryRun } = options;
		return dryRun
			? await previewUndo(tools, id)
			: await locked(fixes, terminal, async () =>
					(await undo({ ...tools, ...(isAsked ? { confirm } : {}) }, id)) ? 0 : 4,
				);
	}

	if (target === undefined) {
		throw new UsageError(
			"name a check or a finding, such as capmox-doctor fix kind-host/inotify-limits; --list shows earlier fixes",
		);
	}

	const { entry, code } = await find(target);
	const judge = judging(entry, options, settings.settle, terminal, interrupted);
	const codes = code === undefined ? undefined : new Set([code]);
	if (options.dryRun) {
		return await preview(await judge(), codes, options, terminal);
	}

	const parts: Parts = {
		...tools,
		look: judge,
		ask: isAsked ? asker : undefined,
		pause: async (milliseconds) => {
			await sleep(milliseconds);
		},
		version: terminal.version,
		width: terminal.columns,
	};
	const consent = { destroys: options.allow === "destroys", named: options.machine ?? [] };
	return await locked(fixes, terminal, async () =>
		conclude(await carryOut(parts, { target, place: placeOf(options), codes, consent }), options, terminal),
	);
}

/** One at a time, and to its end. */
async function locked(
	fixes: ReturnType<typeof openFixes>,
	terminal: Terminal,
	work: () => Promise<number>,
): Promise<number> {
	const lock = await fixes.lock();
	terminal.goOn();
	try {
		return await work();
	} finally {
		await lock.release();
	}
}

/** Where the check looks, as far as it was said. */
function placeOf(options: FixOptions): string {
	const { envFile, kubeconfig, context, namespace, workload, workloadKubeconfig, workloadContext, manifest } = options;
	const { KUBECONFIG } = process.env;
	return JSON.stringify({
		folder: currentFolder(),
		...{ envFile, kubeconfig, KUBECONFIG, context, namespace },
		...{ workload, workloadKubeconfig, workloadContext, manifest },
	});
}

/** The check, and the whole code where one was named. */
async function find(target: string): Promise<{ readonly entry: Entry; readonly code?: string }> {
	const [id = "", code] = target.split("/");
	const entry = directory.find((each) => each.id === id);
	if (entry === undefined) {
		throw new UsageError(
			`there is no check ${JSON.stringify(id)}${nearest(
				id,
				directory.map((each) => each.id),
			)}; see capmox-doctor list`,
		);
	}

	const known = Object.keys((await entry.load()).findings);
	if (code !== undefined && !known.includes(code)) {
		throw new UsageError(
			`${id} has no finding ${JSON.stringify(code)}${nearest(code, known)}; see capmox-doctor list --findings`,
		);
	}

	return { entry, ...(code === undefined ? {} : { code: target }) };
}

/** Each time anew: nothing that was seen before the last step counts. */
function judging(
	entry: Entry,
	given: FixOptions,
	settle: Acceptance["settle"],
	terminal: Terminal,
	interrupted: AbortSignal,
) {
	const options = withTemplate(given);
	return async (): Promise<Judgement> => {
		const check = await entry.load();
		const { sheet } = await look({ wanted: wantedBy([check]), options, terminal, interrupted });
		const found = repeatOptions(diagnose([check], sheet, { asked: new Set([check.id]) }), options);
		const [judgement] = settle(found).judgements;
		if (judgement === undefined) {
			throw new Error(`${check.id} was not judged`);
		}

		return judgement;
	};
}

async function preview(
	judgement: Judgement,
	codes: ReadonlySet<string> | undefined,
	options: FixOptions,
	terminal: Terminal,
): Promise<number> {
	const plan = planOf(judgement, codes);
	if (plan.length === 0) {
		return await showAsItIs(judgement, options, terminal);
	}

	terminal.out(`${renderPlan(plan, terminal.columns)}Nothing was done (--dry-run).\n`);
	return 0;
}

/** Looks as the undo itself does, and says no to each thing that it would do. */
async function previewUndo(tools: Parameters<typeof undo>[0], id: string): Promise<number> {
	const { fixes, say } = tools;
	const reopen = (fix: Fix) => ({ ...fixes.reopen(fix), append: () => Promise.resolve() });
	const confirm = (what: string) => {
		say(`    ${what}\n`);
		return Promise.resolve(false);
	};
	await undo({ ...tools, fixes: { ...fixes, reopen }, confirm }, id);
	say("Nothing was taken back (--dry-run).\n");
	return 0;
}

async function conclude(outcome: Outcome, options: FixOptions, terminal: Terminal): Promise<number> {
	const { result, because, judgement, id } = outcome;
	if (result === "unchanged") {
		return await showAsItIs(judgement, options, terminal);
	}

	terminal.out(
		`\n${result}: ${because}.${id === undefined ? "" : ` To take it back: capmox-doctor fix --undo ${id}`}\n`,
	);
	return result === "confirmed" ? 0 : 4;
}

async function showAsItIs(judgement: Judgement, options: FixOptions, terminal: Terminal): Promise<number> {
	const code = exitCode([judgement], options.failOn);
	const run = { version: terminal.version, judgements: [judgement], failOn: options.failOn, exitCode: code };
	const targets = [{ format: "human" }] as const;
	await writeReports({ ...run, milliseconds: 0 }, targets, { terminal, verbose: true, quiet: false });
	return code;
}

function renderList(all: readonly Fix[]): string {
	if (all.length === 0) {
		return "No fix was carried out here yet.\n";
	}

	return all
		.map(({ id, folder, entries }) => {
			const began = entries.find((entry) => entry.event === "began");
			const ended = entries.findLast((entry) => entry.event === "ended");
			const done = entries.filter((entry) => entry.event === "finished" && entry.exitCode === 0).length;
			const undone = entries.filter(({ event }) => event === "undone").length;
			const taken = undone === 0 ? "" : `, ${undone} taken back`;
			return `${id}  ${began?.target ?? "?"}  ${ended?.result ?? "interrupted"}, ${done} ${done === 1 ? "step" : "steps"} done${taken}  ${folder}\n`;
		})
		.join("");
}

const asker: Asker = {
	step: async ({ step }) => {
		const answer = await choose({
			message: step.risk === "destroys" ? "This destroys something. Run it?" : "Run it?",
			options: [
				{ value: "run" as const, label: "run" },
				{ value: "skip" as const, label: "skip" },
				{ value: "more" as const, label: "show more" },
				{ value: "stop" as const, label: "stop" },
			],
			initialValue: step.risk === "destroys" ? ("skip" as const) : ("run" as const),
		});
		return isCancel(answer) ? "stop" : answer;
	},
	name: async (names) => {
		const answer = await askText({ message: `Type ${names.join(" ")} to go on`, placeholder: "" });
		return !isCancel(answer) && answer.trim() === names.join(" ");
	},
	goOn: () => confirm("go on"),
};

async function confirm(what: string): Promise<boolean> {
	const answer = await choose({
		message: `${what}?`,
		options: [
			{ value: true, label: "yes" },
			{ value: false, label: "no" },
		],
	});
	return !isCancel(answer) && answer;
}
