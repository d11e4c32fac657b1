import { checks } from "../../checks/index.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import { diagnose, type Judgement } from "../../src/diagnose.ts";
import { ProbeError } from "../../src/errors.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";

export interface WorldParts extends Partial<Omit<World, "environment" | "manifest">> {
	readonly variables: Readonly<Record<string, string>>;
	/** The text of `--manifest`. */
	readonly manifestText?: string | undefined;
}

/** A world with these variables and without a management cluster, unless the test gives one. */
export function worldWith({ variables, manifestText, ...parts }: WorldParts): World {
	const none = () => Promise.reject(new ProbeError("not-set-up", "there is no kubeconfig"));
	return {
		...openWorld(manifestText === undefined ? {} : { manifest: "cluster.yaml" }),
		kubectl: {
			get: none,
			getText: none,
			getDated: none,
			list: none,
			listKept: none,
			listOnce: none,
			listMetadata: none,
		},
		environment: () =>
			Promise.resolve({
				files: [],
				lookUp: (name) => (name in variables ? [{ value: variables[name]!, origin: "envfile, line 1" }] : []),
			}),
		manifest: () =>
			Promise.resolve(manifestText === undefined ? undefined : { name: "cluster.yaml", text: manifestText }),
		...parts,
	};
}

export interface Examined {
	readonly sheet: FactSheet;
	readonly judgement: Judgement;
	readonly codes: readonly string[];
}

/** Gathers and judges as the program does, for one check. */
export async function examineWith(world: World, id: string): Promise<Examined> {
	const check = checks.find((candidate) => candidate.id === id);
	if (check === undefined) {
		throw new Error(`there is no check ${id}`);
	}

	const sheet = await gather(world, {
		wanted: new Set([...check.needs, ...check.uses]),
		signal: new AbortController().signal,
	});
	const judgement = diagnose([check], sheet)[0]!;
	const { verdict } = judgement;
	return {
		sheet,
		judgement,
		codes: verdict.kind === "problem" ? verdict.findings.map(({ code }) => code.replace(`${id}/`, "")) : [],
	};
}
