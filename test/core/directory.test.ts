import { expect, test } from "vitest";
import { directory, load } from "../../checks/directory.ts";

test("each entry names the check that it loads, and its group", async () => {
	const checks = await load(directory);
	expect(checks.map(({ id, group }) => ({ id, group }))).toEqual(directory.map(({ id, group }) => ({ id, group })));
});
