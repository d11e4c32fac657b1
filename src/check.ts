import type { FactName, Facts } from "./facts/sheet.ts";

export const groups = ["config", "host", "proxmox", "management", "workload"] as const;
export type Group = (typeof groups)[number];

export const severities = ["error", "warning"] as const;
/** An `error` breaks CAPMOX now; a `warning` works today and costs something tomorrow. */
export type Severity = (typeof severities)[number];

export type Confidence = "certain" | "likely";
export type NonEmpty<T> = readonly [T, ...T[]];

/** The same list, changed item by item; what is not empty stays so. */
export const mapNonEmpty = <T, U>([first, ...rest]: NonEmpty<T>, change: (item: T) => U): NonEmpty<U> => [
	change(first),
	...rest.map(change),
];

/** What was read, where, what was seen there and, where it helps, what a healthy system shows instead. */
export interface Evidence {
	readonly from: string;
	readonly saw: string;
	readonly expected?: string;
	/** What loses its sense when it is wrapped, such as a tree. May be long: for people the first lines are enough. */
	readonly lines?: readonly string[];
}

/** One thing to do. `command` is an argument vector, `put` a line for a file, or several that belong together: the reports print them, `fix` carries them out. */
export interface Step {
	readonly advice: string;
	readonly command?: NonEmpty<string>;
	readonly put?: {
		readonly line: string;
		readonly into: string;
		/** Holds values that only the user knows: never to be written as it stands. */
		readonly isExample?: true;
	};
	readonly where: "here" | "proxmox-node" | "cluster-node";
	readonly risk: "safe" | "changes" | "destroys";
	/** How to take it back: an argument vector where one does it, else in words. */
	readonly undo?: string | NonEmpty<string>;
	/** UIDs of the objects that the command is meant for, where it names them only; `fix` reads them right before. */
	readonly of?: NonEmpty<string>;
}

export interface Finding<Code extends string = string> {
	readonly code: Code;
	/** Replaces the severity of the code where the case at hand is milder or worse. */
	readonly severity?: Severity;
	/** `certain` unless said otherwise. */
	readonly confidence?: Confidence;
	readonly summary: string;
	readonly evidence: NonEmpty<Evidence>;
	readonly remedy: NonEmpty<Step>;
}

export interface FindingDefinition {
	readonly severity: Severity;
	/** The fault in one sentence, as `list --findings` shows it. */
	readonly means: string;
}

/** Definitions of findings, as every check's table has them. */
export const error = (means: string) => ({ severity: "error", means }) as const;
export const warning = (means: string) => ({ severity: "warning", means }) as const;

/** A finding with one piece of evidence, as most have. */
export const found = <Code extends string>(
	code: Code,
	summary: string,
	evidence: Evidence,
	...remedy: NonEmpty<Step>
): Finding<Code> => ({ code, summary, evidence: [evidence], remedy });

export type Diagnosis<Code extends string = string> =
	| { readonly kind: "healthy"; readonly summary: string }
	| {
			readonly kind: "problem";
			readonly findings: NonEmpty<Finding<Code>>;
			/** Nothing here breaks what the user does now: every finding is a warning, unless the user named this very check. */
			readonly mildUnlessAsked?: boolean;
	  }
	| { readonly kind: "not-applicable"; readonly reason: string; readonly ifAsked?: Finding<Code> };

/** The healthy answer; `summary` says what was seen, so that a pass can be argued with. */
export const healthy = (summary: string) => ({ kind: "healthy", summary }) as const;

/** Nothing to judge here. `ifAsked` takes its place when the user named this very check. */
export const notApplicable = <Code extends string = never>(reason: string, ifAsked?: Finding<Code>): Diagnosis<Code> =>
	ifAsked === undefined ? { kind: "not-applicable", reason } : { kind: "not-applicable", reason, ifAsked };

/** The findings as a diagnosis, or `otherwise` where there are none. */
export function problems<Code extends string>(
	findings: readonly Finding<Code>[],
	otherwise: () => Diagnosis<Code>,
): Diagnosis<Code> {
	const [first, ...rest] = findings;
	return first === undefined ? otherwise() : { kind: "problem", findings: [first, ...rest] };
}

export interface Check {
	/** The word a user types. */
	readonly id: string;
	/** The desired state, so that one sentence reads right with ✔ and with ✘. */
	readonly title: string;
	readonly group: Group;
	/** A heading of the troubleshooting document, or the upstream issue where users reported it. */
	readonly documented: string;
	/** Facts without which nothing can be said: one of them unavailable makes the verdict `unknown`. */
	readonly needs: readonly FactName[];
	/** Facts that judge a part: one of them unavailable turns a `pass` into `unknown`, and stands beside findings. */
	readonly uses: readonly FactName[];
	/** Every outcome the check can report. A code is for ever. */
	readonly findings: Readonly<Record<string, FindingDefinition>>;
	readonly diagnose: (facts: Partial<Facts>) => Diagnosis;
}

interface CheckDefinition<Need extends FactName, Use extends FactName, Code extends string>
	extends Omit<Check, "needs" | "uses" | "findings" | "diagnose"> {
	readonly needs: readonly Need[];
	readonly uses?: readonly Use[];
	readonly findings: Readonly<Record<Code, FindingDefinition>>;
	diagnose(facts: Pick<Facts, Need> & Partial<Pick<Facts, Use>>): Diagnosis<NoInfer<Code>>;
}

/** Declares a check. `diagnose` sees exactly the facts it lists; the core calls it only when every need is known. */
export function defineCheck<Need extends FactName, Code extends string, Use extends FactName = never>(
	definition: CheckDefinition<Need, Use, Code>,
): Check {
	return {
		uses: [],
		...definition,
		diagnose: (facts) => definition.diagnose(facts as Pick<Facts, Need> & Partial<Pick<Facts, Use>>),
	};
}
