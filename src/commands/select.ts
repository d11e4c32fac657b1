import { distance } from "fastest-levenshtein";
import { type Check, groups } from "../check.ts";
import { UsageError } from "../errors.ts";

/** Words for several checks of a group, as globs over their ids. */
const families: Readonly<Record<string, string>> = { cgroups: "cgroup-*" };

type Named = Pick<Check, "id" | "group">;

/** The checks that a word names: an id, a group, a family such as `cgroups`, or a glob over ids (`cgroup-*`). */
export function select<T extends Named>(words: readonly string[], checks: readonly T[]): readonly T[] {
	const chosen = new Set(words.flatMap((word) => selectOne(word, checks)));
	return checks.filter((check) => chosen.has(check));
}

function selectOne<T extends Named>(word: string, checks: readonly T[]): readonly T[] {
	const pattern = new RegExp(
		`^${(families[word] ?? word)
			.replace(/[\\^$.+()[\]{}|]/g, "\\$&")
			.replaceAll("*", ".*")
			.replaceAll("?", ".")}$`,
	);
	const found = checks.filter(({ id, group }) => group === word || pattern.test(id));
	if (found.length > 0) {
		return found;
	}

	if ((groups as readonly string[]).includes(word)) {
		throw new UsageError(`group ${word} has no checks yet; see capmox-doctor list`);
	}

	const known = [...checks.map(({ id }) => id), ...groups, ...Object.keys(families)];
	throw new UsageError(
		`there is no check or group ${JSON.stringify(word)}${nearest(word, known)}; see capmox-doctor list`,
	);
}

/** `, did you mean a or b?` for the closest few of the known words. */
export function nearest(word: string, known: readonly string[]): string {
	const close = known
		.map((candidate) => ({ candidate, away: distance(word.toLowerCase(), candidate) }))
		.filter(
			({ candidate, away }) =>
				away <= Math.max(2, candidate.length * 0.4) || (word.length > 2 && candidate.startsWith(word)),
		)
		.sort((a, b) => a.away - b.away)
		.slice(0, 3)
		.map(({ candidate }) => candidate);
	return close.length === 0 ? "" : `, did you mean ${close.join(" or ")}?`;
}
