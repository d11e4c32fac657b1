import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openWorld } from "../../src/access/world.ts";
import type { FactName, FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";

/** Recorded hosts and samples, which lie beside the project and not in it. */
export const recordings = new URL("../../../shared/data/host/", import.meta.url);
export const samples = new URL("../../../shared/data/host-samples/", import.meta.url);

export const isThere = (folder: URL): boolean => existsSync(folder);

/** For the name of a test that cannot run: the reason belongs where the reader looks. */
export const unlessThere = (folder: URL): string =>
	isThere(folder) ? "" : ` (SKIPPED: there is no ${fileURLToPath(folder)})`;

export const namesIn = (folder: URL): readonly string[] =>
	isThere(folder)
		? readdirSync(folder, { withFileTypes: true })
				.filter((entry) => entry.isDirectory())
				.map(({ name }) => name)
		: [];

/** Where the folder is missing there is one case, to be skipped: a suite without any test fails. */
export const casesOr = <T>(none: T, cases: readonly T[]): readonly T[] => (cases.length === 0 ? [none] : cases);

/** The facts as `--root` gathers them. */
export const gatherFrom = (root: string, wanted: readonly FactName[]): Promise<FactSheet> =>
	gather(openWorld({ root }), { wanted, signal: new AbortController().signal });
