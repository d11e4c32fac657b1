import { directory, load } from "../../checks/directory.ts";
import { currentFolder } from "../access/current-folder.ts";
import { readSettingsFile } from "../access/settings-file.ts";
import type { Judgement, Settled } from "../diagnose.ts";
import { toMilliseconds } from "../duration.ts";
import type { RunOptions } from "./run.ts";
import { nearest, select } from "./select.ts";

export interface SettingsInUse {
	/** As the user would write it. */
	readonly file: string;
	readonly settle: (judgements: readonly Judgement[]) => Settled;
}

/** Whether an option stands on the command line, and is no default. */
export type IsGiven = (option: string) => boolean;

/** The options with what capmox-doctor.yaml says where the command line says nothing. Its parser is loaded for the file only. */
export async function withSettings<T extends RunOptions>(
	options: T,
	isGiven: IsGiven,
): Promise<{ readonly options: T; readonly settings?: SettingsInUse }> {
	const file = await readSettingsFile(options.config, currentFolder());
	if (file === undefined) {
		return { options };
	}

	const { applySettings, parseSettings } = await import("../settings.ts");
	const checks = await load(directory);
	const settings = parseSettings(file.text, file.name, {
		codes: checks.flatMap(({ id, findings }) => Object.keys(findings).map((code) => `${id}/${code}`)),
		select: (word) => select([word], directory),
		nearest,
	});
	const { only, skip, timeout, kubeconfig, context, namespace, failOn } = settings;
	const choice = isGiven("only") ? {} : { only, skip };
	// A snapshot was taken of what it was taken of.
	const place = options.from === undefined ? { kubeconfig, context, namespace } : {};
	const told = { ...choice, ...place, failOn, timeout: timeout === undefined ? undefined : toMilliseconds(timeout) };
	const used = Object.entries(told).filter(([name, value]) => value !== undefined && !isGiven(name));
	const today = new Date().toISOString().slice(0, 10);
	return {
		options: { ...options, ...Object.fromEntries(used) },
		settings: { file: file.name, settle: (judgements) => applySettings(judgements, settings, today) },
	};
}
