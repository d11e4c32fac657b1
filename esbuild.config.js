import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { build, transform } from "esbuild";
import { parse } from "yaml";

/** Built aside and moved into place, so that whoever runs the program meanwhile finds all of it. */
const made = "dist.new";
await rm(made, { recursive: true, force: true });

const createRequire =
	"import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

const written = {
	// Names stay, so that the stack of a bug can be read.
	minifySyntax: true,
	minifyWhitespace: true,
	platform: "node",
	target: "node20.19",
	legalComments: "none",
};
const shared = {
	bundle: true,
	...written,
};

/** The commands, in chunks that they share: each loads what it needs, and nothing loads what none needs. */
await build({
	...shared,
	entryPoints: [
		...(await readdir("src/commands"))
			// Part of main.cjs.
			.filter((file) => file !== "list.ts")
			.map((file) => ({ in: `src/commands/${file}`, out: `commands/${file.replace(/\.ts$/, "")}` })),
		{ in: "checks/index.ts", out: "commands/checks" },
	],
	outdir: made,
	splitting: true,
	format: "esm",
	chunkNames: "chunks/[name]-[hash]",
	plugins: [
		{ name: "streams", setup: keepNodeStreamsOut },
		{ name: "together", setup: loadTogether },
	],
	banner: { js: createRequire },
});

/** What `list` shows of the checks, without the code that judges. */
const { checks } = await import(`./${made}/commands/checks.js`);
await writeFile(`${made}/checks.json`, JSON.stringify({ checks }));

/** Read when a check asks for it, and for users to copy; as far from the chunks as from src/access. */
await mkdir(`${made}/knowledge`);
await copyFile("src/knowledge/compatibility.yaml", `${made}/knowledge/compatibility.yaml`);
await writeFile(
	`${made}/knowledge/compatibility.json`,
	JSON.stringify(parse(await readFile("src/knowledge/compatibility.yaml", "utf8"))),
);

/** The schemas of the JSON documents, for whoever validates without running the program. */
const { schema } = await import(`./${made}/commands/schema.js`);
for (const name of ["report", "diff", "explain", "config", "baseline"]) {
	schema({ out: (text) => writeFileSync(`${made}/${name}-v1.schema.json`, text) }, name);
}

/** What completion and the manual page know of the program, from the definitions that also make its help. */
const forBuild = `${made}/build.mjs`;
await build({
	...shared,
	stdin: {
		contents: [
			'export { known } from "./src/shell/program.ts";',
			'export { renderManual } from "./src/shell/manual.ts";',
			'export { literalsOf } from "./src/explain/literals.ts";',
		].join(""),
		resolveDir: ".",
	},
	outfile: forBuild,
	format: "esm",
	plugins: [{ name: "definitions", setup: keepCommandsOut }],
	banner: { js: createRequire },
});
const { known, renderManual, literalsOf } = await import(`./${forBuild}`);
await rm(forBuild);
await mkdir(`${made}/shell`);
await writeFile(`${made}/shell/program.json`, JSON.stringify({ known }));
const { version } = JSON.parse(await readFile("package.json", "utf8"));
// So that the same source makes the same package: https://reproducible-builds.org/docs/source-date-epoch
const seconds = process.env["SOURCE_DATE_EPOCH"];
const day = seconds === undefined ? new Date() : new Date(Number(seconds) * 1_000);
await writeFile(`${made}/shell/capmox-doctor.1`, renderManual(known.program, { version, day }));
for (const shell of ["bash", "zsh", "fish"]) {
	await copyFile(`src/shell/capmox-doctor.${shell}`, `${made}/shell/capmox-doctor.${shell}`);
}

/** The signatures as JSON, which is read in a tenth of the time, with what is searched for; their samples are only for tests. */
const { endings, signatures } = parse(await readFile("src/knowledge/signatures.yaml", "utf8"));
const literals = [...signatures.map(({ pattern }) => pattern), ...Object.values(endings)].map(literalsOf);
await writeFile(
	`${made}/knowledge/signatures.json`,
	JSON.stringify({ endings, signatures, literals }, (name, value) => (name === "samples" ? undefined : value)),
);

/**
 * What is started: ask-newest.cjs asks for the newest release, complete.cjs answers shells and kubectl, main.cjs parses
 * the command line and loads the command.
 */
for (const [name, beginning] of [
	["ask-newest", ""],
	["complete", ""],
	// A CommonJS module may return. Whoever waits at a half-typed line does not wait for the rest.
	["main", '\nif(process.argv[2]==="__complete")return require("./complete.cjs");'],
]) {
	const outfile = `${made}/${name}.cjs`;
	await build({
		...shared,
		entryPoints: [`src/${name}.ts`],
		outfile,
		format: "cjs",
		supported: { "dynamic-import": false },
		plugins: [{ name: "entry", setup: keepEntrySmall }],
		// The -- keeps Node 20 from taking our own --env-file for its own, wherever it stands in the line.
		banner: { js: `#!/usr/bin/env -S node --${beginning}` },
	});
	await chmod(outfile, 0o755);
}
/** Esbuild splits only ES modules, and Node loads CommonJS sooner: 8 ms for what a check takes. */
await rm(`${made}/commands/checks.js`);
await writeFile(`${made}/package.json`, '{"type":"commonjs"}');
for (const folder of ["commands", "chunks"]) {
	for (const file of await readdir(`${made}/${folder}`)) {
		const path = `${made}/${folder}/${file}`;
		const text = (await readFile(path, "utf8")).replace(createRequire, "");
		const here = 'const __here=require("node:url").pathToFileURL(__filename).href;';
		const { code } = await transform(text, {
			...written,
			format: "cjs",
			supported: { "dynamic-import": false },
			define: { "import.meta.url": "__here" },
			banner: text.includes("import.meta.url") ? here : "",
		});
		await writeFile(path, code);
	}
}

/** What V8 makes of them, by starts that find nothing: no program, no file of the user's, nobody at the address. The last counts most. */
const keeper = resolve(made, "keeper.cjs");
await build({ ...shared, entryPoints: ["src/access/kept-code.ts"], outfile: keeper, format: "cjs" });
const main = resolve(made, "main.cjs");
const kept = resolve(made, "kept");
await mkdir(kept);
const keep = `require(${JSON.stringify(keeper)}).keepCode(${JSON.stringify(kept)});require(${JSON.stringify(main)})`;
const nothing = {
	HOME: resolve(made),
	PATH: resolve(made),
	PROXMOX_URL: "https://127.0.0.1:1",
	PROXMOX_TOKEN: "capmox@pve!capi",
	PROXMOX_SECRET: "00000000-0000-0000-0000-000000000000",
};
for (const words of [["explain", "nothing that is known"], ["run"], ["check", "token", "envfile"]]) {
	spawnSync(process.execPath, ["--eval", keep, "--", main, ...words], {
		cwd: made,
		env: nothing,
		stdio: "ignore",
		timeout: 30_000,
	});
}
await rm(keeper);
await mkdir(`${made}/code`);
await rename(kept, `${made}/code/${process.versions.v8}`);

await rm("dist", { recursive: true, force: true });
await rename(made, "dist");

function keepCommandsOut(plugins) {
	plugins.onResolve({ filter: /^\.\/commands\/.*\.ts$/ }, ({ path, kind }) =>
		kind === "dynamic-import" ? { path, external: true } : undefined,
	);
	plugins.onResolve({ filter: /\/checks\/index\.ts$/ }, () => ({ path: "./commands/checks.js", external: true }));
}

/** Each of our files, and so each chunk, begins with src/together.ts. By `inject`, libraries would, too, and all be wrapped. */
function loadTogether(plugins) {
	const together = resolve("src/together.ts");
	plugins.onLoad({ filter: /[/\\](?:src|checks)[/\\][^.]*\.ts$/ }, async ({ path }) => ({
		contents: `import ${JSON.stringify(together)};${await readFile(path, "utf8")}`,
		loader: "ts",
	}));
}

/**
 * What makes Node load its streams, which takes 8 ms: an ES import of node:process reads every property of it, and chalk
 * asks for the terminal's colours, although the reports tell it.
 */
function keepNodeStreamsOut(plugins) {
	plugins.onResolve({ filter: /^(node:process|#supports-color)$/ }, ({ path }) => ({ path, namespace: "streams" }));
	plugins.onLoad({ filter: /.*/, namespace: "streams" }, ({ path }) => ({
		contents:
			path === "node:process" ? "module.exports = process;" : "export default { stdout: false, stderr: false };",
	}));
}

function keepEntrySmall(plugins) {
	plugins.onResolve({ filter: /^\.\/commands\/.*\.ts$/ }, ({ path, kind }) =>
		kind === "dynamic-import" && path !== "./commands/list.ts"
			? { path: path.replace(/ts$/, "js"), external: true }
			: undefined,
	);
	plugins.onResolve({ filter: /\/checks\/index\.ts$/ }, () => ({ path: "./checks.json", external: true }));
	plugins.onResolve({ filter: /\/program\.ts$/ }, () => ({ path: "./shell/program.json", external: true }));
	// Commander loads these for subcommands that are programs of their own; there are none here, and they cost 2 ms.
	plugins.onResolve({ filter: /^node:(child_process|fs)$/ }, ({ path, importer }) =>
		importer.includes("commander") ? { path, namespace: "unused" } : undefined,
	);
	plugins.onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {};" }));
}
