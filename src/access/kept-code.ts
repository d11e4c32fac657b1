import { existsSync, readFileSync, writeFileSync } from "node:fs";
import Module from "node:module";
import { basename, dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

// What V8 made of the program's files, kept by the build, so that a start compiles none of them again: it saves a third
// of the time of a small check. Node's own cache, which came with Node 22, would write while a check only looks.

type Loader = (module: NodeJS.Module, path: string) => void;
type Wrapped = (
	exports: unknown,
	require: (id: string) => unknown,
	module: NodeJS.Module,
	path: string,
	folder: string,
) => void;

/** How Node loads a CommonJS file; the documented way to it, `require.extensions`, is deprecated for want of speed only. */
const loaders = (Module as unknown as { readonly _extensions: Record<".js", Loader> })._extensions;

/** Loads the files under `root` by the code that is kept for this V8. Another V8, or one with other flags, compiles as ever. */
export function useKeptCode(root: string): void {
	const folder = join(root, "code", process.versions.v8);
	if (!existsSync(folder)) {
		return;
	}

	const load = loaders[".js"];
	loaders[".js"] = (module, path) => {
		const kept = join(folder, basename(path));
		const script = path.startsWith(root) && existsSync(kept) ? compile(path, readFileSync(kept)) : undefined;
		if (script === undefined || script.cachedDataRejected === true) {
			load(module, path);
		} else {
			run(script, module, path);
		}
	};
}

/** For the build: when this process ends, `folder` has the code of the `.js` files that it loaded, with the functions that were called. */
export function keepCode(folder: string): void {
	const scripts = new Map<string, Script>();
	const load = loaders[".js"];
	loaders[".js"] = (module, path) => {
		if (!path.endsWith(".js")) {
			load(module, path);
			return;
		}

		const script = compile(path);
		scripts.set(path, script);
		run(script, module, path);
	};
	process.on("exit", () => {
		// V8 takes it only with the flags that it is written with: a start has not yet set what explain sets.
		setFlagsFromString("--regexp-tier-up");
		for (const [path, script] of scripts) {
			writeFileSync(join(folder, basename(path)), script.createCachedData());
		}
	});
}

const compile = (path: string, cachedData?: Buffer): Script =>
	new Script(Module.wrap(readFileSync(path, "utf8")), {
		filename: path,
		...(cachedData === undefined ? {} : { cachedData }),
	});

function run(script: Script, module: NodeJS.Module, path: string): void {
	const wrapped = script.runInThisContext() as Wrapped;
	wrapped.call(module.exports, module.exports, (id) => module.require(id) as unknown, module, path, dirname(path));
}
