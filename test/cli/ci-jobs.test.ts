import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { validateAction } from "@action-validator/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
let folder: string;
let tarball: string;

const env = () => ({
	PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
	HOME: folder,
	CI: "true",
	npm_config_offline: "true",
});

/** As a runner starts a step: its exit code and output. */
async function bash(script: string, more: Readonly<Record<string, string>>) {
	const file = join(folder, "step.sh");
	writeFileSync(file, script);
	return run("bash", ["--noprofile", "--norc", "-eo", "pipefail", file], {
		cwd: folder,
		env: { ...env(), ...more },
	}).then(
		({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
		(error: unknown) => error as { code: number; stdout: string; stderr: string },
	);
}

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "ci-jobs-"));
	const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], {
		cwd: root,
	});
	tarball = join(folder, stdout.trim());
}, 60_000);
afterAll(() => {
	rmSync(folder, { recursive: true });
});

interface Action {
	readonly inputs: Readonly<Record<string, { default: string }>>;
	readonly outputs: Readonly<Record<string, { value: string }>>;
	readonly runs: {
		using: string;
		steps: readonly { id?: string; shell: string; run: string; env: Record<string, string> }[];
	};
}

const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as Action;

/** Runs the steps of action.yml as GitHub's runner does, until one fails. */
async function runAction(given: Readonly<Record<string, string>>) {
	const output = join(folder, "output");
	const summary = join(folder, "summary");
	writeFileSync(output, "");
	writeFileSync(summary, "");
	let last = { code: 0, stdout: "", stderr: "" };
	for (const step of action.runs.steps) {
		const variables = Object.entries(step.env).map(([name, text]) => [
			name,
			text.replace(/\$\{\{ inputs\.(\w+) \}\}/g, (_, input: string) => given[input] ?? action.inputs[input]!.default),
		]);
		last = await bash(step.run, {
			...(Object.fromEntries(variables) as Record<string, string>),
			RUNNER_TEMP: folder,
			GITHUB_OUTPUT: output,
			GITHUB_STEP_SUMMARY: summary,
		});
		if (last.code !== 0) {
			break;
		}
	}

	return { ...last, output: readFileSync(output, "utf8"), summary: readFileSync(summary, "utf8") };
}

test("the GitHub action installs it, annotates, writes the summary, and ends with its exit code", {
	timeout: 60_000,
}, async () => {
	writeFileSync(join(folder, "bad envfile"), 'export PROXMOX_URL="no url"\nexport PROXMOX_TOKEN="x"\n');
	const bad = ["check", "envfile", "token", "--env-file", "bad envfile"].join("\n");
	const { code, stdout, output, summary } = await runAction({ version: `file:${tarball}`, arguments: `${bad}\n` });
	expect(stdout).toMatch(/^::error .*title=.*/m);
	expect(summary).toContain("token/");
	expect({ code, output }).toEqual({ code: 1, output: "exit-code=1\n" });

	const wrong = await runAction({ version: `file:${tarball}`, arguments: "check\n$(touch ran); touch ran" });
	expect(wrong).toMatchObject({ code: 2, output: "exit-code=2\n" });
	expect(wrong.stderr).toContain("$(touch ran); touch ran");
	expect(existsSync(join(folder, "ran"))).toBe(false);
});

test("the action has the form that GitHub wants", () => {
	const text = readFileSync(join(root, "action.yml"), "utf8");
	expect(validateAction(text)).toEqual({ actionType: "action", errors: [] });
	expect(validateAction(text.replace("shell: bash", "shel: bash"))).not.toMatchObject({ errors: [] });
});

test("what the action takes reaches a script only as a variable, and its outputs come from its steps", () => {
	for (const { run: script, shell } of action.runs.steps) {
		expect(script).not.toContain("${{");
		expect(shell).toBe("bash");
	}

	expect(action.runs.using).toBe("composite");
	expect(Object.values(action.outputs).map(({ value }) => value)).toEqual(["${{ steps.run.outputs.exit-code }}"]);
	expect(action.runs.steps.map(({ id }) => id)).toContain("run");
});

test("the GitLab job of the README installs it and leaves a JUnit report", { timeout: 60_000 }, async () => {
	const readme = readFileSync(join(root, "README.md"), "utf8");
	const [, text = ""] = /```yaml\n(capmox-doctor:\n[^]*?)```/.exec(readme) ?? [];
	const job = (parse(text) as Record<string, { script: string[]; artifacts: { reports: { junit: string } } }>)[
		"capmox-doctor"
	]!;
	const { code } = await bash(job.script.join("\n"), {
		CI_PROJECT_DIR: folder,
		CAPMOX_DOCTOR_VERSION: `file:${tarball}`,
	});
	expect([0, 1, 3]).toContain(code);
	expect(readFileSync(join(folder, job.artifacts.reports.junit), "utf8")).toMatch(/^<\?xml[^]*<testcase /);
});
