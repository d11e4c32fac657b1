import { coerce, gte } from "semver";
import type { Files } from "../../access/files.ts";

/** Whose Podman reads, and where its files are. */
export interface Reader {
	/** Podman's version. */
	readonly version: string;
	readonly rootless: boolean;
	/** Number of the user. */
	readonly uid: number | undefined;
	/** The user's folder for configuration, `$XDG_CONFIG_HOME` or `~/.config`; absent where it is not known. */
	readonly configHome: string | undefined;
	/** CONTAINERS_CONF. */
	readonly instead?: string | undefined;
	/** CONTAINERS_CONF_OVERRIDE. */
	readonly override?: string | undefined;
}

export interface ConfigFile {
	readonly path: string;
	readonly content: string;
	/** The variable that names this file. */
	readonly variable?: "CONTAINERS_CONF" | "CONTAINERS_CONF_OVERRIDE";
}

/** In which release of Podman the order changed: containers/common pkg/config/new.go, containers-config(5) of Podman 6. */
const since = {
	/** common#1306. Seen: 4.3.1 does not know it. */
	override: "4.5.0",
	/** A rootful Podman reads the files below root's home, too. */
	homeOfRoot: "5.0.0",
	/** common#2499. */
	rootlessFiles: "5.6.0",
	/** One main file, and drop-ins sorted by name over all folders. */
	oneMainFile: "6.0.0",
};

/** The files of containers.conf(5) that this Podman reads; a later one wins. */
export async function readContainersConf(files: Files, reader: Reader): Promise<readonly ConfigFile[]> {
	const read = async (path: string) => {
		const content = await files.readText(path);
		return content === undefined ? [] : [{ path, content }];
	};
	const isAtLeast = (version: string) => gte(coerce(reader.version) ?? "0.0.0", version);
	const { instead = "", override = "" } = reader;
	const usual =
		instead !== ""
			? (await read(instead)).map((file) => ({ ...file, variable: "CONTAINERS_CONF" as const }))
			: isAtLeast(since.oneMainFile)
				? await readSorted(files, reader, read)
				: (await Promise.all((await layered(files, reader, isAtLeast)).map(read))).flat();
	const last = override !== "" && isAtLeast(since.override) ? await read(override) : [];
	return [...usual, ...last.map((file) => ({ ...file, variable: "CONTAINERS_CONF_OVERRIDE" as const }))];
}

async function dropIns(files: Files, folder: string): Promise<readonly string[]> {
	const names = ((await files.list(folder)) ?? []).filter((name) => name.endsWith(".conf")).sort();
	return names.map((name) => `${folder}/${name}`);
}

const inHome = (configHome: string | undefined): readonly string[] =>
	configHome === undefined ? [] : [`${configHome}/containers/containers.conf`];

/** Until Podman 5: every file counts, folder by folder. */
async function layered(
	files: Files,
	{ rootless, uid, configHome }: Reader,
	isAtLeast: (version: string) => boolean,
): Promise<readonly string[]> {
	const etc = "/etc/containers/containers.conf";
	const ofRootless = "/etc/containers/containers.rootless.conf";
	const withDropIns = async (path: string) => [path, ...(await dropIns(files, `${path}.d`))];
	const isRead = rootless || isAtLeast(since.homeOfRoot);
	const parts = await Promise.all([
		withDropIns(etc),
		...(rootless && isAtLeast(since.rootlessFiles)
			? [withDropIns(ofRootless), ...(uid === undefined ? [] : [dropIns(files, `${ofRootless}.d/${uid}`)])]
			: []),
		...(isRead ? inHome(configHome).map(withDropIns) : []),
	]);
	return ["/usr/share/containers/containers.conf", ...parts.flat()];
}

/** From Podman 6 on: the user's main file hides the others, and of drop-ins with the same name the last one counts. */
async function readSorted(
	files: Files,
	{ rootless, uid, configHome }: Reader,
	read: (path: string) => Promise<readonly ConfigFile[]>,
): Promise<readonly ConfigFile[]> {
	const mains = [...inHome(configHome), "/etc/containers/containers.conf", "/usr/share/containers/containers.conf"];
	const folders = [
		...["/usr/share/containers", "/etc/containers"].flatMap((base) => [
			`${base}/containers.conf.d`,
			`${base}/containers.${rootless ? "rootless" : "rootful"}.conf.d`,
			...(rootless && uid !== undefined ? [`${base}/containers.rootless.conf.d/${uid}`] : []),
		]),
		...inHome(configHome).map((path) => `${path}.d`),
	];
	const [found, paths] = await Promise.all([
		Promise.all(mains.map(read)),
		Promise.all(folders.map((folder) => dropIns(files, folder))),
	]);
	const byName = new Map(paths.flat().map((path) => [path.slice(path.lastIndexOf("/") + 1), path]));
	const sorted = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
	return [...(found.find((file) => file.length > 0) ?? []), ...(await Promise.all(sorted.map(read))).flat()];
}

/** A whole number of the table `[containers]`. */
export function parseContainersNumber(toml: string, key: string): number | undefined {
	const table = toml.split(/^\s*\[/m).find((part) => /^\s*containers\s*\]/.test(part));
	const value = new RegExp(`^\\s*${key}\\s*=\\s*(-?[\\d_]+)`, "m").exec(table ?? "")?.[1];
	return value === undefined ? undefined : Number(value.replaceAll("_", ""));
}
