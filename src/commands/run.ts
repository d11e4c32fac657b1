import { directory, type Entry, load } from "../../checks/directory.ts";
import type { ClusterOptions } from "../access/world.ts";
import { UsageError } from "../errors.ts";
import { capmoxVersions, flavors } from "../knowledge/templates.ts";
import { acceptance, type BaselineOptions } from "./accept.ts";
import { examine } from "./examine.ts";
import { refuseLookingOptions } from "./looking-options.ts";
import { refuseOverlap } from "./reports.ts";
import { nearest, select } from "./select.ts";
import { type IsGiven, withSettings } from "./settings.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface CheckOptions extends GlobalOptions, BaselineOptions {
	readonly flavor?: string;
	readonly capmoxVersion?: string;
	/** A snapshot to judge in place of what is here. */
	readonly from?: string;
	/** Milliseconds. */
	readonly wait?: number;
	readonly watch?: boolean;
	/** In place of the capmox-doctor.yaml that is found. */
	readonly config?: string;
}

export interface RunOptions extends CheckOptions {
	readonly only?: readonly string[];
	readonly skip?: readonly string[];
}

/** `run`: every check that applies here, or the chosen ones. */
export async function run(
	line: RunOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
	isGiven: IsGiven,
): Promise<number> {
	const { options, settings } = await withSettings(line, isGiven);
	const accepted = await acceptance(options, settings);
	const checks = await load(choose(options));
	return examine({ checks, acceptance: accepted, ...given(options), terminal, interrupted });
}

/** What --only and --skip leave. */
export function choose({ only, skip }: Pick<RunOptions, "only" | "skip">): readonly Entry[] {
	const left = only === undefined ? directory : select(only, directory);
	const skipped = new Set(skip === undefined ? [] : select(skip, directory));
	const chosen = left.filter((check) => !skipped.has(check));
	if (chosen.length === 0) {
		throw new UsageError("--only and --skip leave no check to run; see capmox-doctor list");
	}

	return chosen;
}

/** `check`: the named ones, also where `run` would say that there is nothing set up to look at. */
export async function check(
	words: readonly string[],
	line: CheckOptions,
	terminal: Terminal,
	interrupted: AbortSignal,
	isGiven: IsGiven,
): Promise<number> {
	const { options, settings } = await withSettings(line, isGiven);
	const chosen = select(words, directory);
	const asked = new Set(chosen.map(({ id }) => id).filter((id) => words.includes(id)));
	const accepted = await acceptance(options, settings);
	return examine({ checks: await load(chosen), asked, acceptance: accepted, ...given(options), terminal, interrupted });
}

function given({ from, wait, watch, ...options }: CheckOptions) {
	if (from !== undefined) {
		refuseLookingOptions(options);
	}

	const { report = [], manifest, envFile, config, baseline, writeBaseline, knowledge, kubeconfig } = options;
	refuseOverlap(report, {
		...{ "--from": from, "--manifest": manifest, "--env-file": envFile, "--config": config, "--baseline": baseline },
		...{ "--write-baseline": writeBaseline, "--knowledge": knowledge, "--kubeconfig": kubeconfig },
	});
	return { from, wait, watch, options: withTemplate(options) };
}

/** The words of --flavor and --capmox-version as ones that are known. */
export function withTemplate({
	flavor,
	capmoxVersion,
	...options
}: Omit<CheckOptions, "from">): GlobalOptions & ClusterOptions {
	return {
		...options,
		...(flavor === undefined ? {} : { flavor: oneOf(flavors, flavor, "--flavor", flavor, nearest(flavor, flavors)) }),
		...(capmoxVersion === undefined
			? {}
			: { capmoxVersion: oneOf(capmoxVersions, minorOf(capmoxVersion), "--capmox-version", capmoxVersion) }),
	};
}

function oneOf<T extends string>(known: readonly T[], word: string, option: string, given: string, hint = ""): T {
	const found = known.find((candidate) => candidate === word);
	if (found === undefined) {
		throw new UsageError(`${option}: there is no ${JSON.stringify(given)}${hint}; known are ${known.join(", ")}`);
	}

	return found;
}

/** v0.9.1 and 0.9 have the same templates. */
const minorOf = (version: string): string => version.replace(/^v/, "").replace(/^(\d+\.\d+)\.\d.*$/, "$1");
