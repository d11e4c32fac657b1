import type { Check } from "./check.ts";
import {
	type FailOn,
	findingsOf,
	isOpen,
	type Judgement,
	type MissingFact,
	placesOf,
	type ReportedFinding,
} from "./diagnose.ts";
import type { FactSheet } from "./facts/sheet.ts";

/** A check that cannot see what it saw before. */
export interface Blinded {
	readonly check: string;
	readonly missing: readonly MissingFact[];
	/** What it found before: nobody knows whether that is gone. */
	readonly findings: readonly ReportedFinding[];
}

export interface ChangedVersion {
	readonly fact: string;
	/** Where in the fact: `docker.server.version`. */
	readonly what: string;
	readonly before: string;
	readonly after: string;
}

export interface Difference {
	readonly fresh: readonly ReportedFinding[];
	/** They were warnings, and are errors. */
	readonly worse: readonly ReportedFinding[];
	readonly gone: readonly ReportedFinding[];
	readonly unchanged: readonly ReportedFinding[];
	readonly blinded: readonly Blinded[];
	readonly versions: readonly ChangedVersion[];
}

export interface CompareOptions {
	/** In one of them names are stand-ins, so that a finding is known again by its code alone. */
	readonly byCode: boolean;
}

/** Checks of which both sheets hold, or lack with a reason, all that they ask for. */
export const comparable = (checks: readonly Check[], sheets: readonly FactSheet[]): readonly Check[] =>
	checks.filter(({ needs, uses }) =>
		[...needs, ...uses].every((name) => sheets.every((sheet) => sheet[name] !== undefined)),
	);

/** What became of each finding. Both lists are of the same checks in the same order. */
export function compare(
	before: readonly Judgement[],
	after: readonly Judgement[],
	{ byCode }: CompareOptions,
): Omit<Difference, "versions"> {
	const parts = before.map((judgement, index) => {
		const later = after[index];
		if (later === undefined) {
			throw new Error(`${judgement.check.id} was judged only once`);
		}

		return compareOne(judgement, later, byCode);
	});
	return {
		fresh: parts.flatMap(({ fresh }) => fresh),
		worse: parts.flatMap(({ worse }) => worse),
		gone: parts.flatMap(({ gone }) => gone),
		unchanged: parts.flatMap(({ unchanged }) => unchanged),
		blinded: parts.flatMap(({ blinded }) => blinded),
	};
}

function compareOne(before: Judgement, after: Judgement, byCode: boolean): Omit<Difference, "versions"> {
	const left = new Map<string, ReportedFinding[]>();
	for (const finding of findingsOf([before])) {
		const key = keyOf(finding, byCode);
		left.set(key, [...(left.get(key) ?? []), finding]);
	}

	const fresh: ReportedFinding[] = [];
	const worse: ReportedFinding[] = [];
	const unchanged: ReportedFinding[] = [];
	for (const finding of findingsOf([after])) {
		const same = left.get(keyOf(finding, byCode));
		const former = same?.find(({ summary }) => summary === finding.summary) ?? same?.[0];
		if (former === undefined) {
			fresh.push(finding);
			continue;
		}

		same?.splice(same.indexOf(former), 1);
		(former.severity === "warning" && finding.severity === "error" ? worse : unchanged).push(finding);
	}

	const missed = [...left.values()].flat();
	const unseen = newlyMissing(before, after);
	return unseen === undefined
		? { fresh, worse, unchanged, gone: missed, blinded: [] }
		: {
				fresh,
				worse,
				unchanged,
				gone: [],
				blinded: [{ check: after.check.id, missing: unseen, findings: missed }],
			};
}

/** What is wrong, and with what: the places where it was read stay the same as long as it is the same thing. */
const keyOf = (finding: ReportedFinding, byCode: boolean): string =>
	byCode ? finding.code : JSON.stringify([finding.code, ...placesOf(finding)]);

/** Facts that could be read before; `undefined` where there are none. */
function newlyMissing(before: Judgement, after: Judgement): readonly MissingFact[] | undefined {
	if (after.verdict.kind === "crashed" && before.verdict.kind !== "crashed") {
		return [];
	}

	const known = missingIn(before);
	const missing = missingIn(after).filter(
		({ fact, cluster }) =>
			!known.some((one) => one.fact === fact && (one.cluster === undefined || one.cluster === cluster)),
	);
	return missing.length === 0 ? undefined : missing;
}

const missingIn = ({ verdict }: Judgement): readonly MissingFact[] =>
	verdict.kind === "unknown" || verdict.kind === "problem" ? verdict.missing : [];

/** Every version that both sheets hold and that is not the same; one that several facts repeat is told once. */
export function compareVersions(before: FactSheet, after: FactSheet): readonly ChangedVersion[] {
	const later = new Map(versionsIn(after).map((each) => [`${each.fact} ${each.what}`, each.version]));
	const told = new Set<string>();
	return versionsIn(before).flatMap(({ fact, what, version }) => {
		const now = later.get(`${fact} ${what}`);
		const change = `${what.split(".").at(-1) ?? ""} ${version} ${now ?? ""}`;
		if (now === undefined || now === version || told.has(change)) {
			return [];
		}

		told.add(change);
		return [{ fact, what, before: version, after: now }];
	});
}

interface Version {
	readonly fact: string;
	readonly what: string;
	readonly version: string;
}

const versionsIn = (sheet: FactSheet): readonly Version[] =>
	Object.entries(sheet).flatMap(([fact, state]) =>
		state.state === "known" ? leaves(state.value, []).map((leaf) => ({ fact, ...leaf })) : [],
	);

const tellsVersion = /(?:version|release|kernel)$/i;

/** In lists nothing is found again by its place. */
function leaves(value: unknown, path: readonly string[]): readonly Omit<Version, "fact">[] {
	if (typeof value === "string" || typeof value === "number") {
		const isVersion = path.slice(-2).some((key) => tellsVersion.test(key)) && path.at(-1) !== "origin";
		return isVersion ? [{ what: path.join("."), version: String(value) }] : [];
	}

	return typeof value !== "object" || value === null || Array.isArray(value)
		? []
		: Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
}

/** 1: something got worse, and nobody waived it · 70: a bug of ours · 3: something cannot be seen any more · 0. */
export function exitCodeOf({ fresh, worse, blinded }: Difference, failOn: FailOn): 0 | 1 | 3 | 70 {
	if (failOn !== "never" && [...fresh, ...worse].some(isOpen)) {
		return 1;
	}

	const isBug = blinded.some(({ missing }) => missing.length === 0 || missing.some(({ cause }) => cause === "bug"));
	return isBug ? 70 : blinded.length > 0 ? 3 : 0;
}
