import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { type Envfile, type LineProblem, parseEnvfile } from "./envfile.ts";
import { type Files, isDirectoryError } from "./files.ts";

/** A value and where it was found: "the environment", "envfile, line 3". */
export interface Variable {
	readonly value: string;
	readonly origin: string;
	/** What a shell makes otherwise of the line that it comes from; absent where nothing. */
	readonly problems?: readonly LineProblem[];
	/** It stands in a file that a shell would read without passing it on. */
	readonly exported?: false;
}

export interface SourceFile {
	readonly path: string;
	readonly mode: number;
	/** Names of variables set in this file. */
	readonly names: readonly string[];
	readonly problems: readonly { readonly line: number; readonly problem: LineProblem; readonly name?: string }[];
}

/** The user's variables: the value that wins, and the other values that lost to it. Holds secrets; never leaves access/ and the probes. */
export interface Environment {
	/** The winning value, then those that lost, in order of precedence; empty where the variable is set nowhere. */
	lookUp(name: string): readonly Variable[];
	readonly files: readonly SourceFile[];
	/** A second clusterctl.yaml, of which clusterctl reads nothing. Its values only ever lose. */
	readonly unread?: string;
}

export interface EnvironmentOptions {
	/** `--env-file`. */
	readonly envFile?: string | undefined;
	readonly processEnvironment: Readonly<Record<string, string | undefined>>;
	readonly workingDirectory: string;
	/** Default: the user's home directory. */
	readonly home?: string | undefined;
}

/**
 * Reads all sources of variables without executing them. Precedence: process environment, `--env-file`, `./envfile`,
 * clusterctl's YAML in `$XDG_CONFIG_HOME/cluster-api` or, only where none is there, in `~/.cluster-api`: clusterctl reads
 * the first that viper finds, and no other (reader_viper.go; viper, file.go, searchInPath).
 * @throws UsageError where `--env-file` does not exist or is a directory; ProbeError where a file cannot be read.
 */
export async function readEnvironment(files: Files, options: EnvironmentOptions): Promise<Environment> {
	const { envFile, processEnvironment, workingDirectory, home = homedir() } = options;
	const sources: { values: ReadonlyMap<string, Variable>; isUnread?: boolean }[] = [
		{
			values: new Map(
				Object.entries(processEnvironment).flatMap(([name, value]) =>
					value === undefined ? [] : [[name, { value, origin: "the environment" }]],
				),
			),
		},
	];
	const read: SourceFile[] = [];

	async function add(
		path: string,
		shown: string,
		parse: (text: string) => Envfile | Promise<Envfile>,
		isUnread = false,
	): Promise<boolean> {
		const text = await files.readText(path);
		if (text === undefined) {
			return false;
		}

		const { assignments, problems } = await parse(text);
		sources.push({
			isUnread,
			// The last assignment wins, as in a shell.
			values: new Map(
				assignments.map(({ name, value, line, exported }) => {
					const own = problems.filter((each) => each.line === line && each.name === name);
					return [
						name,
						{
							value,
							origin: `${shown}, line ${line}`,
							...(own.length === 0 ? {} : { problems: own.map(({ problem }) => problem) }),
							...(exported ? {} : { exported }),
						},
					];
				}),
			),
		});
		const found = await files.stat(path);
		read.push({
			path,
			mode: found?.isFile === true ? found.mode : 0,
			names: assignments.map(({ name }) => name),
			problems: isUnread ? [] : problems,
		});
		return true;
	}

	/** A directory of that name is none of ours. */
	async function addIfFile(...source: Parameters<typeof add>): Promise<boolean> {
		try {
			return await add(...source);
		} catch (error) {
			if (!isDirectoryError(error)) {
				throw error;
			}

			return false;
		}
	}

	async function addGiven(given: string): Promise<void> {
		try {
			if (!(await add(resolve(workingDirectory, given), given, parseEnvfile))) {
				throw new UsageError(`--env-file: there is no file ${given}`);
			}
		} catch (error) {
			throw isDirectoryError(error) ? new UsageError(`--env-file: ${given} is a directory`, { cause: error }) : error;
		}
	}

	if (envFile !== undefined) {
		await addGiven(envFile);
	}

	const nearby = join(workingDirectory, "envfile");
	if (envFile === undefined || resolve(workingDirectory, envFile) !== nearby) {
		await addIfFile(nearby, "envfile", parseEnvfile);
	}

	// The XDG base directory specification treats an empty value as unset.
	const { XDG_CONFIG_HOME: xdg = "" } = processEnvironment;
	const configHome = xdg === "" ? join(home, ".config") : xdg;
	const clusterctl: string[] = [];
	for (const directory of new Set([join(configHome, "cluster-api"), join(home, ".cluster-api")])) {
		for (const name of ["clusterctl.yaml", "clusterctl.yml"]) {
			const path = join(directory, name);
			const parse = async (text: string) => {
				const { parseClusterctl } = await import("./clusterctl.ts");
				return parseClusterctl(text);
			};
			if (await addIfFile(path, tilde(path, home), parse, clusterctl.length > 0)) {
				clusterctl.push(tilde(path, home));
			}
		}
	}

	const [, unread] = clusterctl;
	return {
		files: read,
		lookUp: (name) => {
			const found = sources.flatMap(({ values, isUnread }) => {
				const variable = values.get(name);
				return variable === undefined ? [] : [{ variable, isUnread }];
			});
			return found[0]?.isUnread === true ? [] : found.map(({ variable }) => variable);
		},
		...(unread === undefined ? {} : { unread }),
	};
}

const tilde = (path: string, home: string): string =>
	path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
