import { readGiven } from "../access/given-file.ts";
import { writeReportFile } from "../access/secret-file.ts";
import { mapNonEmpty } from "../check.ts";
import { changeFindings, isOpen, type Judgement, type Settled } from "../diagnose.ts";
import type { SettingsInUse } from "./settings.ts";

/** What becomes of findings: how severe they are, which are waived, which are known. */
export interface Acceptance {
	readonly settle: (judgements: readonly Judgement[]) => Settled;
	/** The configuration in use. */
	readonly file?: string;
	/** Writes down what was found, for the next time; absent where nobody asked for that. */
	readonly keep?: (judgements: readonly Judgement[]) => Promise<void>;
}

/** Nothing is accepted. */
export const acceptNothing: Acceptance = { settle: (judgements) => ({ judgements, stale: [] }) };

export interface BaselineOptions {
	/** A file with what is known. */
	readonly baseline?: string;
	/** A file for what is known from now on. */
	readonly writeBaseline?: string;
}

const largest = 8 * 1_048_576;

/** By the settings, and then by the baseline, whose reader is loaded for it. */
export async function acceptance(
	{ baseline, writeBaseline }: BaselineOptions,
	settings: SettingsInUse | undefined,
): Promise<Acceptance> {
	const { settle, ...origin } = settings ?? acceptNothing;
	if (baseline === undefined && writeBaseline === undefined) {
		return { settle, ...origin };
	}

	const { applyBaseline, parseBaseline, renderBaseline } = await import("../baseline.ts");
	const former = baseline === undefined ? undefined : await read(baseline);
	const compare = (judgements: readonly Judgement[]): Settled => {
		const settled = settle(judgements);
		if (former === undefined) {
			return settled;
		}

		const compared = applyBaseline(settled.judgements, former);
		return { judgements: compared.judgements, stale: [...settled.stale, ...compared.stale] };
	};
	return writeBaseline === undefined
		? { settle: compare, ...origin }
		: {
				...origin,
				settle: (judgements) => {
					const settled = compare(judgements);
					return { ...settled, judgements: allKnownFrom(writeBaseline, settled.judgements) };
				},
				keep: async (judgements) => {
					await writeReportFile(writeBaseline, renderBaseline(judgements, former?.entries ?? []));
				},
			};

	async function read(path: string) {
		const { name, text } = await readGiven("--baseline", path, largest);
		return parseBaseline(text, name);
	}
}

const allKnownFrom = (name: string, judgements: readonly Judgement[]): readonly Judgement[] =>
	changeFindings(judgements, (findings) =>
		mapNonEmpty(findings, (finding) => (isOpen(finding) ? { ...finding, knownFrom: name } : finding)),
	);
