import { execFile } from "node:child_process";
import {
	cpSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	truncateSync,
} from "node:fs";
import Module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Script } from "node:vm";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = new URL("../..", import.meta.url).pathname;
const words = ["run", "--from", join(root, "demo/snapshot.yaml"), "--format", "json", "--fail-on", "never"];

let folder: string;
let kept: string;
beforeEach(() => {
	// As the system names it, whatever links lead there: so does Node when it loads.
	folder = realpathSync(mkdtempSync(join(tmpdir(), "kept-code-")));
	kept = join(folder, "dist/code", process.versions.v8);
	cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
	cpSync(join(root, "package.json"), join(folder, "package.json"));
});
afterEach(() => {
	rmSync(folder, { recursive: true });
});

const sourceOf = (name: string): string =>
	["chunks", "commands"]
		.map((each) => join(folder, "dist", each))
		.flatMap((each) => (readdirSync(each).includes(name) ? [readFileSync(join(each, name), "utf8")] : []))
		.join("");

/** What it says, but for how long it took; with how many files it read of those that are kept. */
async function start(...options: readonly string[]) {
	const counted = [
		"let kept = 0; const { Script } = require('node:vm');",
		"require('node:vm').Script = class extends Script { constructor(code, options) { super(code, options);",
		"kept += options.cachedData !== undefined && !this.cachedDataRejected ? 1 : 0; } };",
		"process.on('exit', () => require('node:fs').writeSync(2, String(kept)));",
		`process.argv = [process.execPath, ...${JSON.stringify(["main", ...words])}]; require(${JSON.stringify(join(folder, "dist/main.cjs"))})`,
	].join("\n");
	const { stdout, stderr } = await promisify(execFile)(process.execPath, [...options, "--eval", counted], {
		cwd: folder,
		env: { HOME: folder, PATH: "" },
	});
	return { said: stdout.replace(/"(?:milliseconds|ageSeconds)": ?\d+/g, ""), kept: Number(stderr) };
}

// No second try: V8 remembers what the first one compiled, and then refuses nothing.
test("what the build kept is code of the files that ship, and V8 takes it", { retry: 0 }, () => {
	const names = readdirSync(kept);
	expect(names.filter((name) => /^(?:run|token|envfile|explain)\b/.test(name)).length).toBeGreaterThanOrEqual(4);
	const rejected = names.filter((name) => {
		const script = new Script(Module.wrap(sourceOf(name)), { cachedData: readFileSync(join(kept, name)) });
		return script.cachedDataRejected !== false;
	});
	expect(rejected).toEqual([]);
});

test("a start takes it, and says what it says without", async () => {
	const withIt = await start();
	expect(withIt.kept).toBeGreaterThan(5);
	expect(withIt.said).toContain('"capmox-doctor/report/v1"');
	renameSync(kept, `${kept}.another`);
	expect(await start()).toEqual({ said: withIt.said, kept: 0 });
});

test("a V8 with other flags, or a file that is cut, compiles as ever", async () => {
	const { said } = await start();
	expect(await start("--no-lazy")).toEqual({ said, kept: 0 });
	for (const name of readdirSync(kept)) {
		truncateSync(join(kept, name), 100);
	}

	expect(await start()).toEqual({ said, kept: 0 });
});
