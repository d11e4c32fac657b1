import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EnvironmentOptions, readEnvironment } from "../../src/access/environment.ts";
import { createFiles } from "../../src/access/files.ts";
import { UsageError } from "../../src/errors.ts";

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
	expect(environment.lookUp("E")).toEqual([{ value: "1.30", origin: "~/.cluster-api/clusterctl.yaml, line 2" }]);
	expect(environment.lookUp("F")).toEqual([]);
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
