import { chmodSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { doctor } from "../support/doctor.ts";

const folder = mkdtempSync(join(tmpdir(), "snapshot-"));
const file = (name: string): string => join(folder, name);
const away = { cwd: folder };
afterAll(() => {
	rmSync(folder, { recursive: true });
});

describe("a file that is no good is one line and exit 2", () => {
	const good = () => readFileSync(new URL("../../demo/snapshot.yaml", import.meta.url), "utf8");
	const deep = (count: number) => `${"[".repeat(count)}${"]".repeat(count)}`;
	const withFact = (text: string) =>
		`schema: capmox-doctor/snapshot/v1\ndoctor: 0.1.0\ntaken: 2026-11-23T09:30:00Z\nhost: a\nfacts:\n${text}count: 1\n`;

	test.each<[string, () => string | undefined, string | RegExp]>([
		["not there", () => undefined, /^--from: there is no file /],
		["empty", () => "", / is empty$/],
		["a text", () => "hello\n", / is no snapshot; capmox-doctor snapshot writes one$/],
		["a binary", () => "\0\u0001\u0002\u001B[2J".repeat(100), / is no snapshot; /],
		[
			"a report",
			() => '{\n  "schema": "capmox-doctor/report/v1",\n  "version": "0.1.0"\n}\n',
			/: it is a report of capmox-doctor;/,
		],
		[
			"of a newer format",
			() => good().replace("snapshot/v1", "snapshot/v2"),
			/format v2, which only a newer capmox-doctor can read; update it$/,
		],
		["cut off", () => good().slice(0, -200), /^\S+ is cut off: its last line, with the number of facts, is missing$/],
		["cut off early", () => good().slice(0, 300), / is cut off: /],
		[
			"with a part gone",
			() => good().replace(/^ {2}host\.tools:\n(?: {4}.*\n)+/m, ""),
			/ should hold \d+ facts, and holds \d+: something is missing or was added$/,
		],
		["no YAML", () => good().replace("facts:", "facts: ["), / is not valid YAML, line \d+: /],
		[
			"with an alias",
			() =>
				good()
					.replace(/^host: .*$/m, "host: &a x")
					.replace("doctor: ", "doctor: *a #"),
			/ holds anchors or aliases \(& and \*\), which no snapshot does$| is not valid YAML/,
		],
		[
			"twice in one file",
			() => `${good()}---\n${good()}`,
			/ is not valid YAML, line \d+: Source contains multiple documents$/,
		],
		["with an anchor", () => good().replace(/^host: .*$/m, "host: &a x"), / holds anchors or aliases/],
		["a bomb", () => withFact(bomb()), / holds anchors or aliases/],
		["with a tag", () => good().replace(/^host: .*$/m, "host: !!js/function x"), / is not valid YAML, line \d+: /],
		[
			"with a key twice",
			() => good().replace(/^host: .*$/m, "$&\n$&"),
			/ is not valid YAML, line \d+: Map keys must be unique$/,
		],
		[
			"with __proto__",
			() => withFact("  __proto__:\n    state: known\n    value: 1\n"),
			/ holds a key __proto__, which no snapshot does$/,
		],
		[
			"with constructor",
			() => withFact("  host.clock:\n    state: known\n    value:\n      constructor:\n        prototype: 1\n"),
			/ holds a key constructor,/,
		],
		[
			"nested without end",
			() => withFact(`  host.clock:\n    state: known\n    value: ${deep(100_000)}\n`),
			/ is nested too deep to be a snapshot$| is not valid YAML/,
		],
		[
			"deep",
			() => withFact(`  host.clock:\n    state: known\n    value: ${deep(5_000)}\n`),
			/ is nested too deep to be a snapshot$|host\.clock is not in its form/,
		],
		[
			"with a fact of another shape",
			() => good().replace("presence: set", "presence: maybe"),
			/ is not in its form: [\w.]*presence: /,
		],
		[
			"with an unknown state",
			() => good().replace("state: known", "state: guessed"),
			/ is not in the form of a snapshot: facts\./,
		],
		[
			"large and not ours",
			() => withFact(`  host.clock:\n    state: known\n    value: [${'"a",'.repeat(1_200_000)}"a"]\n`),
			/ was changed by hand or by another program, and is too large to be read so$/,
		],
	])("%s", async (name, text, message) => {
		const path = file(`${name.replaceAll(/\W/g, "-")}.yaml`);
		const content = text();
		if (content !== undefined) {
			writeFileSync(path, content);
		}

		const { exitCode, stdout, stderr } = await doctor(["run", "--from", path], away);
		expect([exitCode, stdout]).toEqual([2, ""]);
		expect(stderr).toMatch(/^capmox-doctor: [^\n\u001B]*\n$/);
		expect(stderr.replace(/^capmox-doctor: /, "").trimEnd()).toMatch(message);
	});

	test("more than 200 MB, a folder, and one that may not be read", async () => {
		const huge = file("huge.yaml");
		writeFileSync(huge, good());
		truncateSync(huge, 201 * 1_048_576);
		const messages: string[] = [];
		for (const path of [huge, folder]) {
			const { exitCode, stdout, stderr, milliseconds } = await doctor(["run", "--from", path], away);
			expect([exitCode, stdout]).toEqual([2, ""]);
			expect(milliseconds).toBeLessThan(5_000);
			messages.push(stderr);
		}

		expect(messages).toEqual([
			`capmox-doctor: --from: ${huge} is larger than 209715200 bytes\n`,
			`capmox-doctor: --from: ${folder} is a directory\n`,
		]);
		if (process.getuid?.() !== 0) {
			chmodSync(huge, 0o000);
			expect((await doctor(["run", "--from", huge], away)).stderr).toContain("could not be read: EACCES");
		}
	});

	const bomb = () => {
		const levels = Array.from({ length: 9 }, (_, index) => {
			const items = index === 0 ? '"x","x"' : `*a${index - 1},*a${index - 1},*a${index - 1},*a${index - 1}`;
			return `      a${index}: &a${index} [${items}]\n`;
		});
		return `  host.clock:\n    state: known\n    value:\n${levels.join("")}`;
	};
});
