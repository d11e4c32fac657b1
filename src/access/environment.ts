import { homedir } from "node:os";
import { join, resolve } from "node:path";
import {
	type Alias,
	type Document,
	isAlias,
	isCollection,
	isMap,
	isNode,
	isScalar,
	isSeq,
	LineCounter,
	type Node,
	type Pair,
	parseDocument,
	visit,
	type YAMLMap,
} from "yaml";
import { UsageError } from "../errors.ts";
import { type Assignment, type Envfile, type LineProblem, parseEnvfile } from "./envfile.ts";
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
 * @throws UsageError where `--env-file` does not exist or is a directory; ProbeError where a file cannot be read.
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

	/** A directory of that name is none of ours. */
	async function addIfFile(...source: Parameters<typeof add>): Promise<void> {
		try {
			await add(...source);
		} catch (error) {
			if (!isDirectoryError(error)) {
				throw error;
			}
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
	for (const directory of [join(configHome, "cluster-api"), join(home, ".cluster-api")]) {
		const path = join(directory, "clusterctl.yaml");
		await addIfFile(path, tilde(path, home), parseClusterctl);
	}

	return { files: read, lookUp: (name) => sources.flatMap(({ values }) => values.get(name) ?? []) };
}

const tilde = (path: string, home: string): string =>
	path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;

/** clusterctl reads its file with viper: one flat YAML map whose keys are not case-sensitive. */
function parseClusterctl(text: string): Envfile {
	const lineCounter = new LineCounter();
	const document = parseDocument(text, { lineCounter });
	const lineAt = (offset = 0) => lineCounter.linePos(offset).line;
	const [broken] = document.errors;
	if (broken !== undefined) {
		return {
			assignments: [],
			problems: [assignmentIn(text) ?? { line: lineAt(broken.pos[0]), problem: "invalid-yaml" }],
		};
	}

	const { pairs, wrong } = expand(document);
	if (wrong !== undefined) {
		return { assignments: [], problems: [{ line: lineAt(wrong.range?.[0]), problem: "invalid-yaml" }] };
	}

	const assignments: Assignment[] = [];
	const problems: Envfile["problems"][number][] = [];
	for (const { name, key, value } of pairs) {
		const line = lineAt(key.range?.[0]);
		if (isScalar(value)) {
			// The source, because 1.30 read as a number would be 1.3.
			assignments.push({ name, value: value.value === null ? "" : (value.source ?? ""), line, exported: true });
		} else if (isCollection(value)) {
			// viper's GetString makes "" of it.
			problems.push({ line, problem: "yaml-collection", name });
		}
	}

	return { assignments, problems };
}

interface Expanded {
	/** By name, the pair that wins, with its value in place of an alias. */
	readonly pairs: readonly { readonly name: string; readonly key: Node; readonly value: unknown }[];
	/** What makes the document invalid. */
	readonly wrong?: Node | undefined;
}

/** Far more than anybody writes; each may bring in another, so that a small file could grow without bounds. */
const maxMerges = 100;

/** Follows aliases, and the merge keys that YAML 1.1 has and go-yaml still reads. */
function expand(document: Document): Expanded {
	const { targets, wrong } = findTargets(document);
	const resolve = (node: unknown): unknown => (isAlias(node) ? targets.get(node) : node);
	const wrongs: Node[] = wrong === undefined ? [] : [wrong];
	let merges = 0;

	/** What is merged comes first, so that what stands in the map itself wins. */
	function pairsOf(map: YAMLMap): readonly Pair[] {
		const merged = map.items.filter(isMerge).flatMap(({ value }) => {
			const target = resolve(value);
			return (isSeq(target) ? [...target.items].reverse() : [target]).flatMap((item) => {
				const source = resolve(item);
				if (isMap(source) && merges++ < maxMerges) {
					return pairsOf(source);
				}

				wrongs.push(isNode(value) ? value : map);
				return [];
			});
		});
		return [...merged, ...map.items.filter((pair) => !isMerge(pair))];
	}

	const found = wrongs.length === 0 && isMap(document.contents) ? pairsOf(document.contents) : [];
	const named = found.flatMap(({ key, value }) => {
		const name = resolve(key);
		return isNode(key) && isScalar(name)
			? [{ name: String(name.value).toUpperCase(), key, value: resolve(value) }]
			: [];
	});
	return { pairs: [...new Map(named.map((pair) => [pair.name, pair])).values()], wrong: wrongs[0] };
}

const isMerge = ({ key }: Pair): boolean => isScalar(key) && key.value === "<<" && key.type === "PLAIN";

/** Of each alias the node that it stands for; `wrong` is an alias without one, or within it. One walk, since Alias.resolve walks for each. */
function findTargets(document: Document): { targets: ReadonlyMap<Alias, Node>; wrong?: Alias | undefined } {
	const anchors = new Map<string, Node>();
	const targets = new Map<Alias, Node>();
	let wrong: Alias | undefined;
	visit(document, {
		Value(_, node) {
			if (node.anchor !== undefined) {
				anchors.set(node.anchor, node);
			}
		},
		Alias(_, alias, path) {
			const target = anchors.get(alias.source);
			if (target === undefined || path.some((node) => node === target)) {
				wrong = alias;
				return visit.BREAK;
			}

			targets.set(alias, target);
			return undefined;
		},
	});
	return { targets, wrong };
}

/** `NAME=value` is no YAML, yet CAPMOX's own guide has such a line (docs/Usage.md, v0.9.0). */
function assignmentIn(text: string): Envfile["problems"][number] | undefined {
	const names = text.split("\n").map((source) => /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=/.exec(source)?.[1]);
	const index = names.findIndex((name) => name !== undefined);
	const name = names[index];
	return name === undefined ? undefined : { line: index + 1, problem: "invalid-yaml", name };
}
