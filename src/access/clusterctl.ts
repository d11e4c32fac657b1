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
import type { Assignment, Envfile } from "./envfile.ts";

/** clusterctl reads its file with viper: one flat YAML map whose keys are not case-sensitive. */
export function parseClusterctl(text: string): Envfile {
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
