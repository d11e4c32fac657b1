import type { ClusterOptions } from "../access/world.ts";
import { mapNonEmpty, type NonEmpty, type Step } from "../check.ts";
import { changeFindings, type Judgement } from "../diagnose.ts";
import type { GlobalOptions } from "./terminal.ts";

type Options = GlobalOptions & ClusterOptions;

/** Commands in remedies, with the options by which this program found what they mend: no check knows those. */
export const repeatOptions = (judgements: readonly Judgement[], options: Options): readonly Judgement[] =>
	changeFindings(judgements, (findings) =>
		mapNonEmpty(findings, (finding) => ({
			...finding,
			remedy: mapNonEmpty(finding.remedy, (step) => repeat(step, options)),
		})),
	);

function repeat(step: Step, options: Options): Step {
	const { command, undo, where } = step;
	// On another machine these files and names mean nothing.
	return where !== "here"
		? step
		: {
				...step,
				...(command === undefined ? {} : { command: complete(command, options) }),
				...(undo === undefined || typeof undo === "string" ? {} : { undo: complete(undo, options) }),
			};
}

function complete([program, ...words]: NonEmpty<string>, options: Options): NonEmpty<string> {
	switch (program) {
		case "capmox-doctor":
			return [program, ...words, ...again(words, options)];
		case "kubectl":
			return [program, ...cluster(words, "--context", options), ...words];
		case "clusterctl":
			return [program, ...words, ...cluster(words, "--kubeconfig-context", options)];
		default:
			return [program, ...words];
	}
}

function again(words: readonly string[], options: Options): readonly string[] {
	// The short form, because npx takes the long one for Node's own.
	const variables = given("-e", options.envFile);
	const role = [
		...given("--flavor", options.flavor),
		...given("--manifest", options.manifest),
		...given("--kubeconfig", options.kubeconfig),
		...given("--context", options.context),
		...given("--namespace", options.namespace),
	];
	return [...variables, ...(words.includes("--role") ? role : [])];
}

/** The management cluster that was looked at, unless the command names another one. */
const cluster = (words: readonly string[], context: string, options: Options): readonly string[] =>
	words.some((word) => /^--(?:kubeconfig|context)/.test(word))
		? []
		: [...given("--kubeconfig", options.kubeconfig), ...given(context, options.context)];

const given = (option: string, value: string | undefined): readonly string[] =>
	value === undefined ? [] : [option, value];
