import { chmod, rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });

/**
 * Split ESM: what a command does not need is not even parsed at start-up. CommonJS libraries inside still call `require`.
 * The `--` keeps Node 20 from taking our own --env-file for its own, wherever it stands in the line.
 */
await build({
	entryPoints: ["src/main.ts"],
	outdir: "dist",
	bundle: true,
	splitting: true,
	minify: true,
	keepNames: true,
	sourcemap: false,
	format: "esm",
	platform: "node",
	target: "node20.19",
	chunkNames: "chunks/[name]-[hash]",
	legalComments: "none",
	loader: { ".md": "text" },
	banner: {
		js: "#!/usr/bin/env -S node --\nimport{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
	},
});

await chmod("dist/main.js", 0o755);
