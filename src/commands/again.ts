import type { ClusterOptions } from "../access/world.ts";
import type { NonEmpty, Step } from "../check.ts";
import type { Judgement } from "../diagnose.ts";
import type { GlobalOptions } from "./terminal.ts";

type Options = GlobalOptions & ClusterOptions;

/** Commands of this program in remedies, with the options by which it found what they mend: no check knows those. */
export const repeatOptions = (judgements: readonly Judgement[], options: Options): readonly Judgement[] =>
	judgements.map(({ check, verdict }) => ({
		check,
		verdict:
			verdict.kind === "problem"
				? {
						...verdict,
						findings: mapFirst(verdict.findings, (finding) => ({
							...finding,
							remedy: mapFirst(finding.remedy, (step) => repeat(step, options)),
						})),
					}
				: verdict,
	}));

const mapFirst = <T>([first, ...rest]: NonEmpty<T>, change: (item: T) => T): NonEmpty<T> => [
	change(first),
	...rest.map(change),
];

function repeat(step: Step, options: Options): Step {
	const { command } = step;
	if (command?.[0] !== "capmox-doctor") {
		return step;
	}

	const [program, ...words] = command;
	// The short form, because npx takes the long one for Node's own.
	const variables = given("-e", options.envFile);
	const cluster = [
		...given("--flavor", options.flavor),
		...given("--manifest", options.manifest),
		...given("--kubeconfig", options.kubeconfig),
		...given("--context", options.context),
		...given("--namespace", options.namespace),
	];
	return { ...step, command: [program, ...words, ...variables, ...(words.includes("--role") ? cluster : [])] };
}

const given = (option: string, value: string | undefined): readonly string[] =>
	value === undefined ? [] : [option, value];
