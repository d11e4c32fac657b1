import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { isCollection, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { UsageError } from "../errors.ts";
import { type Assignment, type Envfile, type LineProblem, parseEnvfile } from "./envfile.ts";
import type { Files } from "./files.ts";

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
 * clusterctl's YAML in `$XDG_CONFIG_HOME/cluster-api`, then in `~/.cluster-api`.
 * @throws UsageError where `--env-file` does not exist; ProbeError where a file cannot be read.
 */
export async function readEnvironment(files: Files, options: EnvironmentOptions): Promise<Environment> {
	const { envFile, processEnvironment, workingDirectory, home = homedir() } = options;
	const sources: { values: ReadonlyMap<string, Variable> }[] = [
		{
			values: new Map(
				Object.entries(processEnvironment).flatMap(([name, value]) =>
					value === undefined ? [] : [[name, { value, origin: "the environment" }]],
				),
			),
		},
	];
	const read: SourceFile[] = [];

	async function add(path: string, shown: string, parse: (text: string) => Envfile): Promise<boolean> {
		const text = await files.readText(path);
		if (text === undefined) {
			return false;
		}

		const { assignments, problems } = parse(text);
		sources.push({
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
			problems,
		});
		return true;
	}

	if (envFile !== undefined && !(await add(resolve(workingDirectory, envFile), envFile, parseEnvfile))) {
		throw new UsageError(`--env-file: there is no file ${envFile}`);
	}

	const nearby = join(workingDirectory, "envfile");
	if (envFile === undefined || resolve(workingDirectory, envFile) !== nearby) {
		await add(nearby, "envfile", parseEnvfile);
	}

	// The XDG base directory specification treats an empty value as unset.
	const { XDG_CONFIG_HOME: xdg = "" } = processEnvironment;
	const configHome = xdg === "" ? join(home, ".config") : xdg;
	for (const directory of [join(configHome, "cluster-api"), join(home, ".cluster-api")]) {
		const path = join(directory, "clusterctl.yaml");
		await add(path, tilde(path, home), parseClusterctl);
	}

	return { files: read, lookUp: (name) => sources.flatMap(({ values }) => values.get(name) ?? []) };
}

const tilde = (path: string, home: string): string =>
	path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;

/** clusterctl reads its file with viper: one flat YAML map whose keys are not case-sensitive. */
function parseClusterctl(text: string): Envfile {
	const lineCounter = new LineCounter();
	const document = parseDocument(text, { lineCounter });
	const [broken] = document.errors;
	if (broken !== undefined) {
		const { line } = lineCounter.linePos(broken.pos[0]);
		return { assignments: [], problems: [assignmentIn(text) ?? { line, problem: "invalid-yaml" }] };
	}

	const items = isMap(document.contents) ? document.contents.items : [];
	const assignments: Assignment[] = [];
	const problems: Envfile["problems"][number][] = [];
	for (const { key, value } of items) {
		if (!isScalar(key)) {
			continue;
		}

		const name = String(key.value).toUpperCase();
		const { line } = lineCounter.linePos(key.range[0]);
		if (isScalar(value)) {
			// The source, because 1.30 read as a number would be 1.3.
			assignments.push({ name, value: value.value === null ? "" : value.source, line, exported: true });
		} else if (isCollection(value)) {
			// viper's GetString makes "" of it.
			problems.push({ line, problem: "yaml-collection", name });
		}
	}

	return { assignments, problems };
}

/** `NAME=value` is no YAML, yet CAPMOX's own guide has such a line (docs/Usage.md, v0.9.0). */
function assignmentIn(text: string): Envfile["problems"][number] | undefined {
	const names = text.split("\n").map((source) => /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=/.exec(source)?.[1]);
	const index = names.findIndex((name) => name !== undefined);
	const name = names[index];
	return name === undefined ? undefined : { line: index + 1, problem: "invalid-yaml", name };
}
