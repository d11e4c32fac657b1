import { Chalk } from "chalk";
import { expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import type { Verdict } from "../../src/diagnose.ts";
import { renderHuman } from "../../src/report/human.ts";

const [check] = checks;
const render = (verdict: Verdict, width = 80, level: 0 | 1 = 0) => {
	if (check === undefined) {
		throw new Error("there are no checks");
	}

	const run = { version: "0.0.0", judgements: [{ check, verdict }], failOn: "error", exitCode: 3, milliseconds: 0 };
	return renderHuman(run, { paint: new Chalk({ level }), width });
};

const missing = (fact: "environment.proxmox" | "proxmox.access", lastSeen: string) =>
	({ fact, cause: "timeout", lastSeen }) as const;

test("a reason that several facts share is said once", () => {
	const shared = render({
		kind: "unknown",
		missing: [missing("environment.proxmox", "slow"), missing("proxmox.access", "slow")],
	});
	expect(shared).toContain("Could not look (timeout, environment.proxmox, proxmox.access): slow.");
	const apart = render({
		kind: "unknown",
		missing: [missing("environment.proxmox", "slow"), missing("proxmox.access", "gone")],
	});
	expect(apart.match(/Could not look/g)).toHaveLength(2);
});

test("prose is wrapped, words and commands stay whole", () => {
	const long = render(
		{ kind: "unknown", missing: [missing("proxmox.access", `${"word ".repeat(40)}${"x".repeat(120)}`)] },
		40,
	);
	expect(long).toContain("x".repeat(120));
	expect(
		long
			.split("\n")
			.filter((line) => line.includes("word"))
			.every((line) => line.length <= 44),
	).toBe(true);
});
