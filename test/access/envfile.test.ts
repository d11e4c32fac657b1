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
		["A=b; export C=d", "d"],
		["A=b; echo done", "b"],
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

describe("several assignments on one line", () => {
	test.each([
		["export A='x' B='y'", { A: "x", B: "y" }, true],
		["export A=\"x y\"  B='$' C=z # why", { A: "x y", B: "$", C: "z" }, true],
		["A=x B='y z'\tC=", { A: "x", B: "y z", C: "" }, false],
		["A= B=y", { A: "", B: "y" }, false],
		["A=x B=y; echo", { A: "x", B: "y" }, false],
		["A=x; B='y;z';C=w # why", { A: "x", B: "y;z", C: "w" }, false],
		["export A=x;export B=y", { A: "x", B: "y" }, true],
		["export A B=y", { B: "y" }, true],
		["export A=x B='two\nlines' C=z", { A: "x", B: "two\nlines", C: "z" }, true],
		["A=x B=y\r", { A: "x", B: "y" }, false],
	])("%j", (text, values, exported) => {
		const { assignments } = parseEnvfile(text);
		expect(Object.fromEntries(assignments.map(({ name, value }) => [name, value]))).toEqual(values);
		expect(assignments.every((each) => each.line === 1 && each.exported === exported)).toBe(true);
	});

	test.each([
		["A=x B=y cmd", ["A"], [["unquoted-blank", "A"]]],
		["A=x cmd B=y", ["A"], [["unquoted-blank", "A"]]],
		["export A=x b=", ["A", "b"], []],
		["export A=x + B=y", ["A", "B"], [["unquoted-blank", "A"]]],
		["export A=x B=y z", ["A", "B"], [["unquoted-blank", "B"]]],
		[
			"export A=$O B=$(id)",
			["A", "B"],
			[
				["reference", "A"],
				["command", "B"],
			],
		],
		["A=x B=y\r", ["A", "B"], [["carriage-return", "B"]]],
		["export A=x B='y", ["A", "B"], [["open-quote", "B"]]],
		["A: x B=y", ["A"], []],
		["A: x;y&z", ["A"], []],
		["A=x;y", ["A"], [["unquoted-operator", "A"]]],
		["A=x;; B=y", ["A"], [["unquoted-operator", "A"]]],
		["A=(x y)", ["A"], [["unquoted-operator", "A"]]],
		["A=<x>", ["A"], [["unquoted-operator", "A"]]],
		["A=x\\&y B='x&y' C=\"x|y\"", ["A", "B", "C"], []],
		["A=$(id|cut)", ["A"], [["command", "A"]]],
	])("%j → %j", (text, names, problems) => {
		const parsed = parseEnvfile(text);
		expect(parsed.assignments.map(({ name }) => name)).toEqual(names);
		expect(parsed.problems.map(({ problem, name }) => [problem, name])).toEqual(problems);
	});

	test("a name that is exported before them is exported", () => {
		expect(parseEnvfile("A=1\nexport A B=2").assignments.every(({ exported }) => exported)).toBe(true);
	});
});

describe("a file that is not UTF-8 text", () => {
	const text = "export A='x'\r\nexport B='y'\r\n";
	const little = Buffer.from(`\uFEFF${text}`, "utf16le");

	test.each([
		["UTF-16, little-endian", little],
		["UTF-16, big-endian", Buffer.from(little).swap16()],
	])("%s: is read, and reported", (_, bytes) => {
		const { assignments, problems } = parseEnvfile(bytes.toString("utf8"));
		expect(assignments.map(({ name, value }) => [name, value])).toEqual([
			["A", "x"],
			["B", "y"],
		]);
		expect(problems[0]).toEqual({ line: 1, problem: "not-utf8" });
	});

	test("with NUL bytes: is reported", () => {
		expect(parseEnvfile("\x7FELF\0\0\nA=1").problems).toEqual([{ line: 1, problem: "not-utf8" }]);
	});
});

describe("leaves alone and reports what a shell would take otherwise", () => {
	test.each([
		["A=$OTHER", "$OTHER", ["reference"]],
		['A="${OTHER}"', "${OTHER}", ["reference"]],
		["A='$OTHER'", "$OTHER", []],
		[String.raw`A="\$OTHER"`, "$OTHER", []],
		['A="x$1"', "x$1", ["reference"]],
		['A="x$$y"', "x$$y", ["reference"]],
		['A="x$"', "x$", []],
		["A=x$%", "x$%", []],
		[String.raw`A="x\\\$1"`, String.raw`x\$1`, []],
		[String.raw`A="x\\$1"`, String.raw`x\$1`, ["reference"]],
		["A=$(id)", "$(id)", ["command"]],
		["A=`id`", "`id`", ["command"]],
		["A=b\r", "b", ["carriage-return"]],
		["A=b c", "b", ["unquoted-blank"]],
		['A="b', "b", ["open-quote"]],
		["A=$'b c'", "b c", []],
		['declare -x A="b c"', "b c", []],
		["A=\"b\nexport PROXMOX_SECRET='s'\nC=\"d", "b", ["open-quote", "open-quote"]],
		['A="b\n c"', "b\n c", []],
		["\uFEFFA=b", "b", ["byte-order-mark"]],
	])("%j", (text, value, problems) => {
		const parsed = parseEnvfile(text);
		expect(parsed.assignments[0]?.value).toBe(value);
		expect(parsed.problems.map(({ problem }) => problem)).toEqual(problems);
	});

	test("a long file with an open quote is read in no time", () => {
		const started = performance.now();
		expect(parseEnvfile(`A="x\n${"export B=y\n".repeat(50_000)}`).assignments).toHaveLength(50_001);
		expect(performance.now() - started).toBeLessThan(5_000);
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

	test("on several assignments of one line", () => {
		const folder = mkdtempSync(join(tmpdir(), "envfile-"));
		const file = join(folder, "envfile");
		const value = fc.string({ unit: fc.constantFrom(...Array.from("ab !#$'\"\\`=@{}()[];&|~*?\t-é\n")) });
		const line = fc.record({
			begin: fc.constantFrom("export ", "", "\texport\t"),
			blank: fc.constantFrom(" ", "\t", "   "),
			end: fc.constantFrom("", " ", "; :", " # why"),
			rows: fc.array(fc.tuple(value, fc.constantFrom(...quoted)), { minLength: 1, maxLength: 5 }),
		});
		try {
			fc.assert(
				fc.property(fc.array(line, { minLength: 5, maxLength: 5 }), (lines) => {
					let count = 0;
					const text = lines
						.map(({ begin, blank, end, rows }) => {
							const words = rows.map(([each, quote]) => `V${count++}=${quote(each)}`);
							return `${begin}${words.join(blank)}${end}\n`;
						})
						.join("");
					writeFileSync(file, text);
					const names = Array.from({ length: count }, (_, index) => `"$V${index}"`).join(" ");
					const printed = execFileSync("sh", ["-c", `. "$0"; printf '%s\\0' ${names}`, file], { encoding: "utf8" });
					expect(parseEnvfile(text).assignments.map(({ value: read }) => read)).toEqual(
						printed.split("\0").slice(0, -1),
					);
				}),
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
