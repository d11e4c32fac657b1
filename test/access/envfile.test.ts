import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEnvfile } from "../../src/access/envfile.ts";

const valueOf = (text: string) => parseEnvfile(text).assignments.at(-1)?.value;

describe("reads what people have", () => {
	test.each([
		['export A="b"', "b"],
		["export A='b'", "b"],
		["A=b", "b"],
		["  A=b  ", "b"],
		["A=b # why", "b"],
		["A=b#c", "b#c"],
		['A="b # c" # why', "b # c"],
		['A: "b"', "b"],
		["A: b", "b"],
		["A:", ""],
		["A=", ""],
		["A=''", ""],
		['A="b"\r\n', "b"],
		["\uFEFFexport A=b", "b"],
		["A=\"x\"'y'z", "xyz"],
		[String.raw`A="capmox@pve\!capi"`, String.raw`capmox@pve\!capi`],
		[String.raw`A=capmox@pve\!capi`, "capmox@pve!capi"],
		["A='capmox@pve!capi'", "capmox@pve!capi"],
		['A="[10.0.0.5-10.0.0.9, 10.0.0.20]"', "[10.0.0.5-10.0.0.9, 10.0.0.20]"],
		["A=b; export C=d", "b"],
		['A="two\nlines"', "two\nlines"],
		["set -x A b", undefined],
		["# A=b", undefined],
		["just words", undefined],
	])("%j → %j", (text, value) => {
		expect(valueOf(text)).toBe(value);
	});

	test("the last assignment stands last, with its line", () => {
		expect(parseEnvfile("# one\nA=1\n\nexport A=2\n").assignments).toEqual([
			{ name: "A", value: "1", line: 2, exported: false },
			{ name: "A", value: "2", line: 4, exported: true },
		]);
	});
});

describe("leaves alone and reports what a shell would take otherwise", () => {
	test.each([
		["A=$OTHER", "$OTHER", ["reference"]],
		['A="${OTHER}"', "${OTHER}", ["reference"]],
		["A='$OTHER'", "$OTHER", []],
		[String.raw`A="\$OTHER"`, "$OTHER", []],
		["A=$(id)", "$(id)", ["command"]],
		["A=`id`", "`id`", ["command"]],
		["A=b\r", "b", ["carriage-return"]],
		["A=b c", "b", ["unquoted-blank"]],
		['A="b', "b", ["open-quote"]],
		["\uFEFFA=b", "b", ["byte-order-mark"]],
	])("%j", (text, value, problems) => {
		const parsed = parseEnvfile(text);
		expect(parsed.assignments[0]?.value).toBe(value);
		expect(parsed.problems.map(({ problem }) => problem)).toEqual(problems);
	});

	test("an open quote spoils its own line only", () => {
		expect(parseEnvfile('A="b\nC=d\n').assignments.map(({ name }) => name)).toEqual(["A", "C"]);
	});
});

describe("agrees with a real shell", () => {
	const quoted = [
		(value: string) => `'${value.replaceAll("'", "'\\''")}'`,
		(value: string) => `"${value.replace(/[$`"\\]/g, "\\$&")}"`,
	];

	test("on any value, however quoted", () => {
		const folder = mkdtempSync(join(tmpdir(), "envfile-"));
		const file = join(folder, "envfile");
		try {
			fc.assert(
				fc.property(
					fc.array(
						fc.tuple(
							fc.string({ unit: fc.constantFrom(...Array.from("ab !#$'\"\\`=@{}()[];&|~*?\t-é")) }),
							fc.constantFrom(...quoted),
						),
						{ minLength: 20, maxLength: 20 },
					),
					(rows) => {
						const text = rows.map(([value, quote], index) => `export V${index}=${quote(value)}`).join("\n");
						writeFileSync(file, text);
						const names = rows.map((_, index) => `"$V${index}"`).join(" ");
						const printed = execFileSync("sh", ["-c", `. "$0"; printf '%s\\0' ${names}`, file], { encoding: "utf8" });
						const expected = printed.split("\0").slice(0, -1);
						expect(parseEnvfile(text).assignments.map(({ value }) => value)).toEqual(expected);
						expect(expected).toEqual(rows.map(([value]) => value));
					},
				),
				{ numRuns: 30 },
			);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});

	test("never throws and never invents a variable, whatever the text", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
				for (const { name } of parseEnvfile(text).assignments) {
					expect(text).toContain(name);
				}
			}),
		);
	});
});
