import type { JournalEntry, OpenFix } from "../access/fixes.ts";
import { UsageError } from "../errors.ts";

/** What was done stays done where it cannot be written down any more, and is told all the same. `false` where it cannot. */
export async function writeDown(fix: OpenFix, entry: JournalEntry, say: (text: string) => void): Promise<boolean> {
	try {
		await fix.append(entry);
		return true;
	} catch (error) {
		if (!(error instanceof UsageError)) {
			throw error;
		}

		const { cause } = error;
		say(
			`What came of it could not be written down in ${fix.folder}: ${cause instanceof Error ? cause.message : error.message}\n`,
		);
		return false;
	}
}
