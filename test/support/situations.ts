import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Chalk } from "chalk";
import { parse } from "yaml";
import { checks } from "../../checks/index.ts";
import type { Check } from "../../src/check.ts";
import { diagnose, exitCode, type Judgement } from "../../src/diagnose.ts";
import { loadSchemas } from "../../src/facts/probe.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { compatibility } from "../../src/knowledge/compatibility.ts";
import { renderHuman } from "../../src/report/human.ts";
import { parseSituation } from "../../src/snapshot/read.ts";

const situationsFolder = new URL("../situations/", import.meta.url);

export interface Situation {
	readonly check: Check;
	/** `problem.wrong-secret.old-server`, without `.yaml`. */
	readonly name: string;
	/** First part of the name: problem, healthy, skip or unknown. */
	readonly expected: string;
	/** Second part of the name: for a problem the code of its first finding, otherwise what is the case. */
	readonly what: string;
	readonly url: URL;
}

/** Every file below `test/situations/<check>/`. */
export function findSituations(): readonly Situation[] {
	return readdirSync(situationsFolder).flatMap((id) => {
		const check = checks.find((candidate) => candidate.id === id);
		if (check === undefined) {
			throw new Error(`test/situations/${id}: there is no such check`);
		}

		const folder = new URL(`${id}/`, situationsFolder);
		return readdirSync(folder)
			.filter((file) => file.endsWith(".yaml"))
			.map((file) => {
				const name = file.replace(/\.yaml$/, "");
				const [expected = "", what = ""] = name.split(".");
				return { check, name, expected, what, url: new URL(file, folder) };
			});
	});
}

/** Stands in where a situation does not bring a table of its own: the one that ships, on a day soon after it was checked. */
const table = {
	state: "known",
	value: {
		from: "the built-in table",
		today: "2026-09-15T08:00:00.000Z",
		table: compatibility.parse(
			parse(readFileSync(new URL("../../src/knowledge/compatibility.yaml", import.meta.url), "utf8")),
		),
	},
} as const;

export interface Judged {
	readonly judgement: Judgement;
	/** Full codes of the findings, in order. */
	readonly codes: readonly string[];
	/** What a user sees at 80 columns. */
	readonly text: string;
}

const schemas = await loadSchemas();

export const withTable = ({ sheet, asked }: ReturnType<typeof parseSituation>) => ({
	sheet: { "knowledge.compatibility": table, ...sheet },
	asked,
});

export const readSituation = ({
	url,
}: Pick<Situation, "url">): { readonly sheet: FactSheet; readonly asked: boolean } =>
	withTable(parseSituation(readFileSync(url, "utf8"), fileURLToPath(url), schemas));

export function judgeSituation(check: Check, sheet: FactSheet, asked: boolean): Judged {
	const judgements = diagnose([check], sheet, { asked: asked ? new Set([check.id]) : new Set() });
	const [judgement] = judgements;
	if (judgement === undefined) {
		throw new Error("diagnose returned nothing");
	}

	const { verdict } = judgement;
	const run = { version: "0.0.0", judgements, failOn: "error", exitCode: exitCode(judgements), milliseconds: 0 };
	return {
		judgement,
		codes: verdict.kind === "problem" ? verdict.findings.map(({ code }) => code) : [],
		text: renderHuman(run, { paint: new Chalk({ level: 0 }), width: 80, verbose: true }),
	};
}
