import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Before each test file: what it makes in the folder for temporary files is gone at its end, whoever forgot it there. */
const given = tmpdir();
const folder = mkdtempSync(join(given, "tests-"));
process.env["TMPDIR"] = folder;

// Hooks run last to first, so that this comes after those of the file.
afterAll(() => {
	process.env["TMPDIR"] = given;
	rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
