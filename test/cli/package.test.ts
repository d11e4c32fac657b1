import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url).pathname;
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` };
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
		["install", "--prefix", folder, "--offline", "--no-audit", "--no-fund", join(folder, tarball.filename)],
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
		run(join(folder, "node_modules/.bin/capmox-doctor"), words, { cwd: folder, env: { ...env, HOME: folder } });

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
		const shipped = readFileSync(join(folder, `node_modules/capmox-doctor/dist/${name}-v1.schema.json`), "utf8");
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
