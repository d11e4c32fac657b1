import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { known } from "../../src/shell/program.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` };
const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
let folder: string;
let files: readonly string[];

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "package-"));
	const packed = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
		cwd: root,
		env,
	});
	const [tarball] = JSON.parse(packed.stdout) as { filename: string; files: { path: string }[] }[];
	if (tarball === undefined) {
		throw new Error("npm pack made nothing");
	}

	files = tarball.files.map(({ path }) => path);
	await run(
		"npm",
		["install", "--global", "--prefix", folder, "--offline", "--no-audit", "--no-fund", join(folder, tarball.filename)],
		{
			env,
		},
	);
}, 60_000);
afterAll(() => {
	rmSync(folder, { recursive: true });
});

describe("installed from its tarball elsewhere", () => {
	const installed = (...words: string[]) =>
		run(join(folder, "bin/capmox-doctor"), words, { cwd: folder, env: { ...env, HOME: folder } });

	test("it runs, and needs nothing else from the registry", async () => {
		expect((await installed("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
		expect((await installed("list")).stdout).toContain("Proxmox accepts the API token");
		expect((await installed("explain", "token/wrong-secret")).stdout).toContain("### wrong-secret");
		expect((await installed("run", "--only", "proxmox")).stdout).toContain("token");
	});

	test("its own option is not Node's", async () => {
		await expect(installed("check", "token", "--env-file", "nowhere")).rejects.toMatchObject({
			code: 2,
			stderr: "capmox-doctor: --env-file: there is no file nowhere\n",
		});
	});

	test.each(["report", "diff"])("the schema of a %s ships with it", async (name) => {
		const shipped = readFileSync(join(folder, `lib/node_modules/capmox-doctor/dist/${name}-v1.schema.json`), "utf8");
		expect(shipped).toBe((await installed("schema", name)).stdout);
	});

	test("its demo needs nothing else", async () => {
		await expect(installed("demo")).rejects.toMatchObject({
			code: 1,
			stderr: "",
			stdout: expect.stringContaining("lantern") as string,
		});
	});
});

describe("what it installs beside itself", () => {
	const plugins = () => ({ ...env, HOME: folder, PATH: `${join(folder, "bin")}:${env.PATH}` });

	test("kubectl runs it as a plugin, with its options and its exit code", async () => {
		const kubectl = await findKubectl();
		expect((await run(kubectl, ["capmox-doctor", "--version"], { env: plugins() })).stdout).toMatch(
			/^\d+\.\d+\.\d+\n$/,
		);
		await expect(
			run(kubectl, ["capmox-doctor", "check", "token", "-e", "nowhere"], { cwd: folder, env: plugins() }),
		).rejects.toMatchObject({ code: 2, stderr: "capmox-doctor: --env-file: there is no file nowhere\n" });
	});

	test("kubectl completes it", async () => {
		const kubectl = await findKubectl();
		const complete = async (...words: string[]) =>
			(await run(kubectl, ["__complete", ...words], { env: plugins() })).stdout;
		expect(await complete("capmox")).toContain("capmox-doctor\t");
		expect(await complete("capmox-doctor", "exp")).toMatch(/^explain\t.*\n:4\n$/);
		expect(await complete("capmox-doctor", "check", "tok")).toBe("token\tProxmox accepts the API token\n:4\n");
		expect(await complete("capmox-doctor", "run", "--format=js")).toBe("json\n:4\n");
		expect(await complete("capmox-doctor", "run", "--manifest", "")).toBe(":0\n");
	});

	// Both spellings: clusterctl looks for one with an underscore, as kubectl does; its book does not say so.
	test.each(["clusterctl-capmox-doctor", "clusterctl-capmox_doctor"])("%s is the program", async (name) => {
		expect((await run(join(folder, "bin", name), ["list"], { env })).stdout).toContain("Proxmox accepts the API token");
	});

	const unlessInstalled = has("clusterctl") ? "" : " (SKIPPED: clusterctl is not installed)";
	test.skipIf(unlessInstalled !== "")(`clusterctl runs it as a plugin${unlessInstalled}`, async () => {
		const { stdout } = await run("clusterctl", ["capmox-doctor", "list"], { env: plugins() });
		expect(stdout).toContain("Proxmox accepts the API token");
	});

	const page = () => join(folder, "share/man/man1/capmox-doctor.1");

	test.skipIf(!has("man"))("man finds its page, with every command and every option of its help", async () => {
		const { stdout } = await run("man", ["capmox-doctor"], {
			env: { ...env, MANPATH: join(folder, "share/man"), MANWIDTH: "80", MANPAGER: "cat", LC_ALL: "C.UTF-8" },
		});
		const helps = [known.program, ...known.program.commands].map(async ({ name, options }) => {
			const { stdout: help } = await run(
				join(folder, "bin/capmox-doctor"),
				name === "capmox-doctor" ? ["--help"] : [name, "--help"],
				{ env },
			);
			for (const { flags } of options) {
				expect(help).toContain(flags.join(", "));
				expect(stdout).toContain(flags.join(", "));
			}
		});
		await Promise.all(helps);
		expect(stdout).toContain("capmox-doctor check [option ...] check ...");
		expect(stdout).toContain('explain "VM template not found"');
		expect(stdout).toMatch(/^EXIT STATUS\n {5}0 +Fine\.\n/m);
		expect(stdout).not.toMatch(/\\[-e&]/);
	});

	test.skipIf(!has("mandoc"))("mandoc finds nothing wrong with the page", async () => {
		expect((await run("mandoc", ["-T", "lint", "-W", "warning", page()])).stdout).toBe("");
	});
});

test("the tarball holds the program, the pages and the example, and no test or source", () => {
	expect(files).toEqual(
		expect.arrayContaining([
			"LICENSE",
			"README.md",
			"envfile.example",
			"dist/main.cjs",
			"demo/snapshot.yaml",
			...checks.map(({ id }) => `checks/${id}.md`),
		]),
	);
	expect(files.filter((file) => /^(src|test)\/|\.ts$|envfile$/.test(file))).toEqual([]);
});

test("the README names every check, and its page", () => {
	const readme = readFileSync(join(root, "README.md"), "utf8");
	for (const { id, title } of checks) {
		expect(readme).toContain(`| \`${id}\` | ${title} | [checks/${id}.md](checks/${id}.md) |`);
	}
});
