import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { Chalk } from "chalk";
import { XMLParser } from "fast-xml-parser";
import { SyntaxValidator } from "fast-xml-validator";
import { describe, expect, test } from "vitest";
import type { ReportedFinding, Verdict } from "../../src/diagnose.ts";
import { renderGithub } from "../../src/report/github.ts";
import { renderHtml } from "../../src/report/html.ts";
import { renderHuman } from "../../src/report/human.ts";
import { renderJunit } from "../../src/report/junit.ts";
import { renderMarkdown } from "../../src/report/markdown.ts";
import { type Run, renderJson } from "../../src/report/report.ts";
import { renderSarif } from "../../src/report/sarif.ts";
import { accepted, everything, finding, flood } from "./run.ts";

const snapshot = {
	host: "<lantern>",
	taken: "2026-11-21T09:30:00.000Z",
	ageSeconds: 180_000,
	doctor: "1.2.2",
	anonymized: false,
	notRead: [],
};

const golden = (name: string) => new URL(`golden/${name}`, import.meta.url).pathname;

describe("junit", () => {
	const parse = (xml: string) => {
		expect(SyntaxValidator.validate(xml)).toBe(true);
		return new XMLParser({ ignoreAttributes: false, isArray: (name) => name.startsWith("test") }).parse(xml) as {
			testsuites: [
				{
					"@_failures": string;
					"@_errors": string;
					"@_skipped": string;
					"@_tests": string;
					testsuite: { testcase: { "@_name": string; failure?: unknown; error?: unknown; skipped?: unknown }[] }[];
				},
			];
		};
	};

	test("is as it was looked at", async () => {
		await expect(renderJunit(everything)).toMatchFileSnapshot(golden("report.junit.xml"));
	});

	test("its totals are what stands in it", () => {
		const [all] = parse(renderJunit(everything)).testsuites;
		const cases = all.testsuite.flatMap(({ testcase }) => testcase);
		const count = (key: "failure" | "error" | "skipped") => String(cases.filter((each) => key in each).length);
		expect(cases).toHaveLength(6);
		expect([all["@_tests"], all["@_failures"], all["@_errors"], all["@_skipped"]]).toEqual([
			"6",
			count("failure"),
			count("error"),
			count("skipped"),
		]);
		expect([count("failure"), count("error"), count("skipped")]).toEqual(["1", "2", "1"]);
	});

	test("half of a surrogate pair becomes a character that XML can hold", () => {
		const [first] = everything.judgements;
		const run = { ...everything, judgements: [{ ...first!, verdict: { kind: "skip", reason: "\uD800" } as const }] };
		expect(renderJunit(run)).toContain('message="\uFFFD"');
	});

	test("a warning fails where --fail-on says so", () => {
		expect(renderJunit({ ...everything, failOn: "warning" })).toContain('failures="2"');
	});
});

describe("sarif", () => {
	const draft = "http://json-schema.org/draft-04/schema#";
	const require = createRequire(import.meta.url);
	/** The official schema; its draft-04 keywords differ from what ajv reads in these two only. */
	const schema = JSON.parse(
		readFileSync(
			new URL("schemas/sarif-2.1.0-rtm.5.json", `file://${require.resolve("@microsoft/jest-sarif")}`),
			"utf8",
		),
		(key, value: unknown) =>
			(key === "id" && typeof value === "string") || (key === "$schema" && value === draft) ? undefined : value,
	) as object;
	const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
	const parse = (text: string) => {
		const log = JSON.parse(text) as {
			runs: {
				results: {
					ruleId: string;
					ruleIndex: number;
					locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[];
				}[];
				tool: { driver: { rules: { id: string }[] } };
			}[];
		};
		expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
		return log.runs;
	};

	test("is as it was looked at", async () => {
		await expect(renderSarif(everything)).toMatchFileSnapshot(golden("report.sarif.json"));
	});

	test("each result has its rule and a physical location", () => {
		const [run] = parse(renderSarif(everything));
		expect(run?.results.map(({ ruleIndex }) => run.tool.driver.rules[ruleIndex]?.id)).toEqual(
			run?.results.map(({ ruleId }) => ruleId),
		);
		expect(run?.results.map(({ locations: [place] }) => place?.physicalLocation)).toEqual([
			{ artifactLocation: { uri: "envfile" }, region: { startLine: 4 } },
			{ artifactLocation: { uri: "~/a%20b" }, region: { startLine: 3 } },
			{ artifactLocation: { uri: "." }, region: { startLine: 1 } },
		]);
	});

	test("the user's home, and the file that told where to look, are named as they are found", () => {
		const [run] = parse(renderSarif({ ...everything, home: "/home/ada", settingsFile: "cluster.yaml" }));
		expect(run?.results.map(({ locations: [place] }) => place?.physicalLocation.artifactLocation.uri)).toEqual([
			"envfile",
			"file:///home/ada/a%20b",
			"cluster.yaml",
		]);
	});

	test("holds a flood whole", () => {
		expect(parse(renderSarif(flood))[0]?.results).toHaveLength(301);
	});
});

describe("github", () => {
	test("is as it was looked at", async () => {
		await expect(renderGithub(everything)).toMatchFileSnapshot(golden("report.github.txt"));
	});

	test("one line is one command, whatever the text holds", () => {
		const lines = renderGithub(everything).trimEnd().split("\n");
		expect(lines.filter((line) => line.startsWith("::"))).toHaveLength(lines.length - 1);
	});

	test("at most ten of a level, and the tenth says how many more", () => {
		const lines = renderGithub(flood).split("\n");
		for (const [level, count] of [
			["error", 151],
			["warning", 150],
		] as const) {
			const own = lines.filter((line) => line.startsWith(`::${level} `));
			expect(own).toHaveLength(10);
			expect(own.at(-1)).toContain(`and ${count - 9} more`);
		}
	});
});

describe("markdown", () => {
	test("is as it was looked at", async () => {
		await expect(renderMarkdown(everything)).toMatchFileSnapshot(golden("report.md"));
	});

	test("stays below the limit of an issue, and says what it left out", () => {
		const text = renderMarkdown(flood);
		expect(Buffer.byteLength(text)).toBeLessThanOrEqual(60_000);
		const shown = text.match(/^### /gm)?.length ?? 0;
		expect(text).toContain(`_${301 - shown} more parts were left out for their length._`);
	});
});

describe("what is huge", () => {
	const [first] = everything.judgements;
	const withFindings = (findings: readonly ReportedFinding[], stale: Run["stale"] = []): Run => {
		const [one, ...others] = findings;
		const verdict = { kind: "problem", findings: [one!, ...others], missing: [] } as const;
		return { ...everything, judgements: [{ ...first!, verdict }], stale };
	};
	// Of two code units and four bytes, and at an odd place.
	const megabyte = `x${"🦉".repeat(262_144)}`;
	const large = withFindings([
		finding("network-plan/broken", {
			summary: megabyte,
			evidence: [{ from: megabyte, saw: megabyte, lines: [megabyte] }],
			waived: { reason: megabyte, from: "capmox-doctor.yaml, line 3" },
		}),
		finding("network-plan/worn", { summary: "A small one." }),
	]);
	const many = withFindings(
		Array.from({ length: 2_000 }, (_, index) => finding("network-plan/broken", { summary: `Fehler № ${index} 🦉` })),
		Array.from({ length: 2_000 }, () => ({ kind: "waiver", from: megabyte.slice(0, 101), code: "a/b" }) as const),
	);

	test.each([
		["one of a megabyte", large],
		["two thousand", many],
	])("markdown of %s keeps to each limit, and cuts no character", (_, run) => {
		for (const limit of [60_000, 900_000, 2_000]) {
			const text = renderMarkdown(run, limit);
			expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
			expect(text).not.toMatch(/\p{Surrogate}/u);
			// No fence is left open.
			expect((text.match(/^ *`{3,}/gm) ?? []).length % 2).toBe(0);
		}
	});

	test("markdown shows the others, and that something was left out", () => {
		const text = renderMarkdown(large);
		expect(text).toMatch(
			/x(?:🦉){199}… \(\d+ more characters\)\n\n_What else there is to it was left out for its length\._/,
		);
		expect(text).toContain("A small one.");
		expect(renderMarkdown(many)).toMatch(/\n_\d+ more parts were left out for their length\._\n$/);
	});

	test("github keeps to ten of a level", () => {
		const lines = renderGithub(many).split("\n");
		expect(lines.filter((line) => line.startsWith("::error "))).toHaveLength(10);
		expect(lines.filter((line) => line.startsWith("::notice "))).toHaveLength(10);
	});
});

describe("html", () => {
	test("a command that takes a step back can be copied", () => {
		const step = { advice: "Load it.", where: "here", risk: "changes", undo: ["modprobe", "-r", "x y"] } as const;
		const [first] = everything.judgements;
		const verdict = { kind: "problem", findings: [finding("network-plan/broken", { remedy: [step] })], missing: [] };
		const html = renderHtml({ ...everything, judgements: [{ ...first!, verdict: verdict as unknown as Verdict }] });
		expect(html).toContain("<p>To undo:</p><pre><code>modprobe -r &#39;x y&#39;</code></pre>");
	});

	test("is as it was looked at", async () => {
		await expect(renderHtml(everything)).toMatchFileSnapshot(golden("report.html"));
	});

	test("is well-formed, loads nothing and runs nothing", () => {
		const html = renderHtml(everything);
		const xml = html
			.replace("<!doctype html>", "")
			.replace(/<(meta|br)([^>]*)>/g, "<$1$2/>")
			.replace(/<style>[^]*<\/style>/, "");
		expect(SyntaxValidator.validate(xml)).toBe(true);
		expect(html).not.toMatch(/<script|<b>|src=|href=|@import|url\(/);
	});
});

describe("what is waived, known, expired and stale is as it was looked at", () => {
	test.each([
		["txt", (run: typeof everything) => renderHuman(run, { paint: new Chalk({ level: 0 }), width: 80 })],
		["json", renderJson],
		["junit.xml", renderJunit],
		["sarif.json", renderSarif],
		["github.txt", renderGithub],
		["md", (run: typeof everything) => renderMarkdown(run)],
		["html", renderHtml],
	] as const)("%s", async (extension, render) => {
		await expect(render(accepted)).toMatchFileSnapshot(golden(`accepted.${extension}`));
	});
});

describe("a snapshot is said to be one, and of which host and how old", () => {
	test.each([
		["junit", renderJunit],
		["sarif", renderSarif],
		["github", renderGithub],
		["markdown", (run: typeof everything) => renderMarkdown(run)],
		["html", renderHtml],
	] as const)("%s", (_, render) => {
		const said = /Snapshot of \S*lantern\S*, taken 2 days ago \(2026-11-21 09:30 UTC\) by capmox-doctor 1\.2\.2\./;
		const text = render({ ...everything, snapshot })
			.replaceAll("%3A", ":")
			.replaceAll("%2C", ",");
		expect(text).toMatch(said);
		expect(text).toContain("Nothing here was looked at.");
		expect(text).not.toContain("This host");
		expect(render(everything)).not.toMatch(/snapshot|Nothing here/i);
		if (render === renderJunit || render === renderHtml) {
			expect(text).not.toContain("<lantern>");
		}
	});
});
