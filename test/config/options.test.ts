import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { RunOptions } from "../../src/commands/run.ts";
import { withSettings } from "../../src/commands/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "options-"));
afterAll(() => {
	rmSync(folder, { recursive: true });
});

const config = join(folder, "given.yaml");
const settle = async (text: string, line: Partial<RunOptions> = {}) => {
	writeFileSync(config, text);
	const options: RunOptions = {
		timeout: 60_000,
		format: "human",
		failOn: "error",
		verbose: false,
		quiet: false,
		config,
		...line,
	};
	return (await withSettings(options, (option) => option in line)).options;
};
const everything =
	"only: [token]\nskip: [podman]\ntimeout: 5s\nfailOn: never\ncontext: a\nnamespace: b\nkubeconfig: c\n";

it("fills in what the command line does not say", async () => {
	expect(await settle(everything)).toMatchObject({
		only: ["token"],
		skip: ["podman"],
		timeout: 5_000,
		failOn: "never",
		context: "a",
		namespace: "b",
		kubeconfig: "c",
	});
});

it("yields to the command line, even where that repeats a default", async () => {
	const line = { only: ["podman"], timeout: 60_000, failOn: "error", context: "z" } as const;
	const options = await settle(everything, line);
	expect(options).toMatchObject({ ...line, namespace: "b" });
	expect(options).not.toHaveProperty("skip");
});

it("says nothing of where to look, where a snapshot is judged", async () => {
	expect(await settle(everything, { from: "a.yaml" })).not.toHaveProperty("context");
});

it("reads the README's example", async () => {
	const [, example = ""] = /```yaml\n(skip:[^`]*)```/.exec(readFileSync("README.md", "utf8")) ?? [];
	expect(await settle(example)).toMatchObject({ failOn: "warning", timeout: 120_000 });
});
