import type { Files } from "../access/files.ts";

/** The modules of a kernel, as far as files tell. */
export interface Modules {
	/** All lists are there: what none of them names, the kernel does not have. */
	readonly isComplete: boolean;
	/** In memory now, or a part of the kernel itself. */
	isThere(name: string): boolean;
	/** On the disk, to be loaded; undefined where no list tells. */
	isShipped(name: string): boolean | undefined;
}

/** Undefined where neither /proc/modules nor modules.builtin can be read. */
export async function readModules(files: Files, kernel: string): Promise<Modules | undefined> {
	const folder = `/lib/modules/${kernel}`;
	const [loaded, builtIn, shipped] = await Promise.all([
		files.readText("/proc/modules"),
		files.readText(`${folder}/modules.builtin`),
		files.readText(`${folder}/modules.dep`, { maxBytes: 16 * 1_048_576 }),
	]);
	const hasFile = (list: string, name: string) =>
		new RegExp(`(?:^|/)${name.replaceAll("_", "[_-]")}\\.ko(?:[.:\\s]|$)`, "m").test(list);
	return loaded === undefined && builtIn === undefined
		? undefined
		: {
				isComplete: loaded !== undefined && (builtIn ?? "") !== "" && (shipped ?? "") !== "",
				isThere: (name) => new RegExp(`^${name} `, "m").test(loaded ?? "") || hasFile(builtIn ?? "", name),
				isShipped: (name) => (shipped === undefined ? undefined : hasFile(shipped, name)),
			};
}
