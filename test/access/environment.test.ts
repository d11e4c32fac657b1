import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { judgeSurroundings } from "../../checks/token/surroundings.ts";
import { type EnvironmentOptions, readEnvironment } from "../../src/access/environment.ts";
import { createFiles } from "../../src/access/files.ts";
import { UsageError } from "../../src/errors.ts";
import { parseEnvironmentProxmox } from "../../src/facts/environment.ts";

let home: string;
beforeEach(() => {
	home = mkdtempSync(join(tmpdir(), "environment-"));
});
afterEach(() => {
	rmSync(home, { recursive: true });
});

function write(path: string, text: string): void {
	mkdirSync(dirname(join(home, path)), { recursive: true });
	writeFileSync(join(home, path), text);
}

const read = (options: Partial<EnvironmentOptions> = {}) =>
	readEnvironment(createFiles(), { processEnvironment: {}, workingDirectory: join(home, "work"), home, ...options });

test("process environment, --env-file, ./envfile, then clusterctl.yaml in both places", async () => {
	write("work/given.env", "set -a\nA=given\nB=given\nC=given\nD=given");
	write("work/envfile", "export B=near\nexport A=near\nC=near\nD=near\nexport C D");
	write(".config/cluster-api/clusterctl.yaml", "A: xdg\nB: xdg\nC: xdg\nD: xdg\n");
	write(".cluster-api/clusterctl.yaml", 'd: "home"\nE: 1.30\n');
	const environment = await read({ envFile: "given.env", processEnvironment: { A: "process" } });
	expect(environment.lookUp("A")).toEqual([
		{ value: "process", origin: "the environment" },
		{ value: "given", origin: "given.env, line 2" },
		{ value: "near", origin: "envfile, line 2" },
		{ value: "xdg", origin: "~/.config/cluster-api/clusterctl.yaml, line 1" },
	]);
	expect(environment.lookUp("D").map(({ value }) => value)).toEqual(["given", "near", "xdg", "home"]);
	expect(environment.lookUp("E")).toEqual([]);
	expect(environment.unread).toBe("~/.cluster-api/clusterctl.yaml");
});

test("clusterctl.yaml in the home directory, or a .yml, counts where no other is there", async () => {
	write(".cluster-api/clusterctl.yaml", "E: 1.30\n");
	const environment = await read();
	expect(environment.lookUp("E")).toEqual([{ value: "1.30", origin: "~/.cluster-api/clusterctl.yaml, line 1" }]);
	expect(environment.unread).toBeUndefined();
	write(".config/cluster-api/clusterctl.yml", "F: 1\n");
	const other = await read();
	expect([other.lookUp("E"), other.lookUp("F")[0]?.value]).toEqual([[], "1"]);
});

test("XDG_CONFIG_HOME moves the first place, unless it is empty", async () => {
	write("elsewhere/cluster-api/clusterctl.yaml", "A: moved\n");
	write(".config/cluster-api/clusterctl.yaml", "A: usual\n");
	const moved = await read({ processEnvironment: { XDG_CONFIG_HOME: join(home, "elsewhere") } });
	expect(moved.lookUp("A")[0]?.value).toBe("moved");
	const empty = await read({ processEnvironment: { XDG_CONFIG_HOME: "" } });
	expect(empty.lookUp("A")[0]?.value).toBe("usual");
});

test("--env-file that is ./envfile counts once", async () => {
	write("work/envfile", "export A=1");
	const environment = await read({ envFile: "./envfile" });
	expect(environment.lookUp("A")).toEqual([{ value: "1", origin: "./envfile, line 1" }]);
});

test("a missing --env-file is the user's mistake", async () => {
	await expect(read({ envFile: "nowhere" })).rejects.toThrow(new UsageError("--env-file: there is no file nowhere"));
});

test("broken YAML is reported with its line, and the other sources still count", async () => {
	write("work/envfile", "A=1");
	write(".cluster-api/clusterctl.yaml", 'A: "1"\nEXP_X=true\nB: "2"\n');
	const environment = await read();
	expect(environment.lookUp("A")).toHaveLength(1);
	expect(environment.files[1]?.problems).toEqual([{ line: 2, problem: "invalid-yaml", name: "EXP_X" }]);
});

test("knows the mode and the names of each file", async () => {
	write("work/envfile", "A=1\nB=2");
	chmodSync(join(home, "work/envfile"), 0o640);
	const environment = await read();
	expect(environment.files).toEqual([
		{ path: join(home, "work/envfile"), mode: 0o640, names: ["A", "B"], problems: [] },
	]);
});

test("YAML that is no map, and nested values, set nothing", async () => {
	write(".cluster-api/clusterctl.yaml", "providers:\n  - name: proxmox\nimages: {}\nA: null\n");
	const environment = await read();
	expect(environment.lookUp("A")).toEqual([{ value: "", origin: "~/.cluster-api/clusterctl.yaml, line 4" }]);
	expect(environment.lookUp("PROVIDERS")).toEqual([]);
	write(".cluster-api/clusterctl.yaml", "- just\n- a list\n");
	expect((await read()).lookUp("A")).toEqual([]);
});

test("a list without quotes is reported, because clusterctl reads it as empty", async () => {
	write(".cluster-api/clusterctl.yaml", 'A: "[one,two]"\nB: [one,two]\n');
	const environment = await read();
	expect(environment.lookUp("A")[0]?.value).toBe("[one,two]");
	expect(environment.lookUp("B")).toEqual([]);
	expect(environment.files[0]?.problems).toEqual([{ line: 2, problem: "yaml-collection", name: "B" }]);
});

test("a value knows what a shell would make otherwise of it", async () => {
	write("work/envfile", 'export A="$B"\nC=1\n');
	const environment = await read();
	expect(environment.lookUp("A")).toEqual([{ value: "$B", origin: "envfile, line 1", problems: ["reference"] }]);
	expect(environment.lookUp("C")).toEqual([{ value: "1", origin: "envfile, line 2", exported: false }]);
});

test("a directory in place of --env-file is the user's mistake", async () => {
	mkdirSync(join(home, "work/folder"), { recursive: true });
	await expect(read({ envFile: "folder" })).rejects.toThrow(new UsageError("--env-file: folder is a directory"));
});

test("a directory that nobody asked for is no file with variables", async () => {
	mkdirSync(join(home, "work/envfile"), { recursive: true });
	mkdirSync(join(home, ".config/cluster-api/clusterctl.yaml"), { recursive: true });
	write(".cluster-api/clusterctl.yaml", "A: home\n");
	const environment = await read();
	expect(environment.lookUp("A")[0]?.value).toBe("home");
	expect(environment.files).toHaveLength(1);
});

test("a UTF-16 envfile is read, and reported", async () => {
	write("work/envfile", "");
	writeFileSync(join(home, "work/envfile"), Buffer.from("\uFEFFexport A='x'\n", "utf16le"));
	const environment = await read();
	expect(environment.lookUp("A")[0]?.value).toBe("x");
	expect(environment.files[0]?.problems).toEqual([{ line: 1, problem: "not-utf8" }]);
	const [finding] = judgeSurroundings(parseEnvironmentProxmox(environment), undefined);
	expect([finding?.code, finding?.evidence[0]?.saw]).toEqual(["file-misread", "the file is not UTF-8 text"]);
});

describe("aliases and merge keys in clusterctl.yaml", () => {
	const origin = (line: number) => `~/.cluster-api/clusterctl.yaml, line ${line}`;
	const valuesOf = async (text: string, ...names: readonly string[]) => {
		write(".cluster-api/clusterctl.yaml", text);
		const environment = await read();
		return names.map((name) => environment.lookUp(name)[0]?.value);
	};

	test("an alias has the value of its anchor, as written, and a line of its own", async () => {
		write(".cluster-api/clusterctl.yaml", "A: &a 1.30\nB: *a\nL: &l [x]\nM: *l\n");
		const environment = await read();
		expect(environment.lookUp("B")).toEqual([{ value: "1.30", origin: origin(2) }]);
		expect(environment.files[0]?.problems).toEqual([
			{ line: 3, problem: "yaml-collection", name: "L" },
			{ line: 4, problem: "yaml-collection", name: "M" },
		]);
	});

	test("an alias means the last anchor of that name before it", async () => {
		expect(await valuesOf("A: &a x\nB: *a\nC: &a y\nD: *a\n", "B", "D")).toEqual(["x", "y"]);
	});

	test.each([
		["a map", "<<: {A: x, B: y}\nB: own\n"],
		["an alias", "base: &base\n  A: x\n  B: y\nB: own\n<<: *base\n"],
		["several, of which the first wins", "one: &one {A: x}\ntwo: &two {A: z, B: z}\n<<: [*one, *two]\nB: own\n"],
		["one within another", "one: &one {A: x}\ntwo: &two {<<: *one, B: z}\n<<: *two\nB: own\n"],
	])("merges %s", async (_, text) => {
		expect(await valuesOf(text, "A", "B", "<<")).toEqual(["x", "own", undefined]);
	});

	test.each([
		["A: x\nB: *nowhere\n", 2],
		["A: x\nB: [1, *nowhere]\n", 2],
		["A: *later\nB: &later x\n", 1],
		["A: x\n\n<<: *nowhere\n", 3],
		["A: x\n<<: text\n", 2],
		["A: &a\n  <<: *a\n<<: *a\n", 2],
	])("%j is invalid", async (text, line) => {
		write(".cluster-api/clusterctl.yaml", text);
		const environment = await read();
		expect(environment.lookUp("A")).toEqual([]);
		expect(environment.files[0]?.problems).toEqual([{ line, problem: "invalid-yaml" }]);
	});

	test("an alias bomb is over at once", async () => {
		const lists = Array.from({ length: 40 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]\n`);
		const maps = Array.from({ length: 40 }, (_, i) => `m${i + 1}: &m${i + 1} {<<: [${`*m${i},`.repeat(9)}]}\n`);
		const started = performance.now();
		expect(await valuesOf(`l0: &l0 x\n${lists.join("")}A: *l40\nB: y\n`, "A", "B")).toEqual([undefined, "y"]);
		expect(await valuesOf(`m0: &m0 {A: x}\n${maps.join("")}<<: *m40\n`, "A")).toEqual([undefined]);
		expect(await valuesOf(`a: &a x\nb: [${"*a,".repeat(50_000)}]\nB: *a\n`, "B")).toEqual(["x"]);
		expect(performance.now() - started).toBeLessThan(5_000);
	});
});
