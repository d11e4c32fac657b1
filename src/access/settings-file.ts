import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { UsageError } from "../errors.ts";
import { type GivenFile, readGiven } from "./given-file.ts";
import { statIfThere } from "./stat.ts";

const settingsName = "capmox-doctor.yaml";
const largest = 1_048_576;

/** What `--config` names, else the nearest capmox-doctor.yaml from the folder upwards; undefined where there is none. */
export async function readSettingsFile(given: string | undefined, folder: string): Promise<GivenFile | undefined> {
	const path = given ?? find(folder);
	if (path === undefined) {
		return undefined;
	}

	if (given === undefined && isStrangers(path, folder)) {
		throw new UsageError(
			`${relative(folder, path)} belongs to another user; name it with --config if its settings are to be used`,
		);
	}

	const { name, text } = await readGiven("--config", path, largest);
	return { name: given === undefined ? relative(folder, name) : name, text };
}

/** In a folder such as /tmp anyone may leave one, and the kubeconfig that it names may run commands. */
function isStrangers(path: string, folder: string): boolean {
	const own = process.getuid?.();
	const trusted = [own, 0, statIfThere(folder)?.uid];
	return own !== undefined && !trusted.includes(statIfThere(path)?.uid);
}

function find(folder: string): string | undefined {
	const path = join(folder, settingsName);
	const above = dirname(folder);
	return existsSync(path) ? path : above === folder ? undefined : find(above);
}

/** The first of these that is a file here; `-` is none. */
export const firstFile = (paths: readonly (string | undefined)[]): string | undefined =>
	paths.find((path) => path !== undefined && path !== "-" && statIfThere(path)?.isFile() === true);
