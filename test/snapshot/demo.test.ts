import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { parseSnapshot } from "../../src/snapshot/read.ts";
import { doctor } from "../support/doctor.ts";
import { parseReport } from "../support/report-schema.ts";

const text = readFileSync(new URL("../../demo/snapshot.yaml", import.meta.url), "utf8");

test("the demo shows what is broken, within a second, with nothing installed", async () => {
	const { exitCode, stdout, stderr } = await doctor(["demo", "--format", "json"], { env: {} });
	const { checks: shown, snapshot } = await parseReport(stdout);
	expect([exitCode, stderr, snapshot?.host]).toEqual([1, "", "lantern"]);
	expect(shown.flatMap(({ findings }) => findings.map(({ code }) => code))).toEqual([
		"envfile/endpoint-in-range",
		"kind-host/network-clash",
		"kind-host/inotify-limits",
		"token/untrusted-ca",
		"permissions/no-sdn-use",
	]);
	expect(shown.filter(({ verdict }) => verdict === "unknown").map(({ id }) => id)).toEqual([]);
	const human = await doctor(["demo"]);
	// The best of three, and beside a start that looks at nothing: other tests run beside this one.
	const best = async (...words: string[]) =>
		Math.min(
			...[await doctor(words), await doctor(words), await doctor(words)].map(({ milliseconds }) => milliseconds),
		);
	expect(await best("demo")).toBeLessThan(Math.max(1_000, 12 * (await best("--version"))));
	expect(human.stdout).toContain("sudo sysctl -w fs.inotify.max_user_instances=512");
});

test("it holds every fact that a check asks for, in this version's form", async () => {
	// Of another version a fact in another form would pass as unknown.
	const { sheet, header } = await parseSnapshot(text, "demo", /^doctor: (.*)$/m.exec(text)?.[1] ?? "");
	const asked = new Set(checks.flatMap(({ needs, uses }) => [...needs, ...uses]));
	expect([...asked].filter((name) => sheet[name] === undefined)).toEqual([]);
	expect(header.host).toBe("lantern");
});

test("its names and addresses are nobody's", () => {
	const hosts = [...text.matchAll(/[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|de|example)\b/g)].map(
		([host]) => host,
	);
	// The table of versions names its sources there.
	expect(new Set(hosts.filter((host) => !host.endsWith(".example") && host !== "github.com"))).toEqual(new Set());
	expect(text).not.toMatch(/\/home\/(?!keeper)/);
});
