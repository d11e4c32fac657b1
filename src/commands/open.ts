import { readGiven } from "../access/given-file.ts";
import type { FactName, FactSheet } from "../facts/sheet.ts";
import type { SnapshotNote } from "../report/report.ts";
import { parseSnapshot, type ReadSnapshot } from "../snapshot/read.ts";
import { largest } from "../snapshot/snapshot.ts";

export interface Opened {
	readonly sheet: FactSheet;
	readonly note: SnapshotNote;
}

/** The facts of a snapshot that are wanted, and what a report says of it. @throws UsageError where it cannot be read. */
export async function openSnapshot(path: string, wanted: Iterable<FactName>, version: string): Promise<Opened> {
	const snapshot = await readSnapshot("--from", path, version);
	return { sheet: onlyFrom(snapshot, wanted), note: noteOf(snapshot, new Date()) };
}

export async function readSnapshot(option: string, path: string, version: string): Promise<ReadSnapshot> {
	const { name, text } = await readGiven(option, path, largest);
	return await parseSnapshot(text, name, version);
}

/** What the snapshot does not hold is not known, and never looked up here. */
function onlyFrom({ sheet, header: { doctor } }: ReadSnapshot, wanted: Iterable<FactName>): FactSheet {
	return Object.fromEntries(
		[...wanted].map((name) => [
			name,
			sheet[name] ?? {
				state: "unavailable",
				cause: "not-found",
				lastSeen: `the snapshot does not hold ${name}: capmox-doctor ${doctor} was not asked for it, or does not know it`,
			},
		]),
	);
}

export function noteOf(
	{ header: { host, taken, doctor, anonymized }, foreignFacts }: ReadSnapshot,
	now: Date,
): SnapshotNote {
	const ageSeconds = Math.round((now.getTime() - Date.parse(taken)) / 1_000);
	return { host, taken, ageSeconds, doctor, anonymized: anonymized === true, notRead: [...foreignFacts] };
}
