import { expect, test } from "vitest";
import { isAtLeast } from "../../checks/cgroups/host.ts";

test.each([
	["19.03.15", "20.10.0", false],
	["19.03.15", "19.3.0", true],
	["20.10.5+dfsg1", "20.10.5", true],
	["6.1.0-13-amd64", "5.9", true],
	["none", "1.0.0", undefined],
	[undefined, "1.0.0", undefined],
])("%s is at least %s: %s", (version, minimum, answer) => {
	expect(isAtLeast(version, minimum)).toBe(answer);
});
