import type { Step } from "../check.ts";
import { findingsOf, type Judgement, type ReportedFinding } from "../diagnose.ts";

/**
 * `run`: a command of this host · `write`: lines into a file of this host · `copy`: to be typed elsewhere, or with a
 * value that only the user knows · `read`: nothing to carry out.
 */
export type Way = "run" | "write" | "copy" | "read";

export interface PlannedStep {
	/** Tells the step from others, also after the plan was made anew: commands change with what they name. */
	readonly key: string;
	readonly finding: ReportedFinding;
	readonly step: Step;
	readonly way: Way;
	/** Another way to what an earlier step of the same finding does. */
	readonly isAlternative: boolean;
	/** What a command of kubectl changes. */
	readonly subject?: Subject;
	/** Of a last resort whose finding is gone. */
	readonly leftOver?: true;
}

/** The steps of these findings, in the order of the report. `codes` are whole ones; none means all of the check that are not waived. */
export function planOf(judgement: Judgement, codes: ReadonlySet<string> | undefined): readonly PlannedStep[] {
	return findingsOf([judgement])
		.filter(({ code, waived }) => codes?.has(code) ?? waived === undefined)
		.flatMap((finding) =>
			finding.remedy.map((step) => {
				const subject = step.command === undefined ? undefined : subjectOf(step.command);
				return {
					key: [`${finding.code}: ${step.advice}`, ...(subject?.get ?? thingsOf(step))].join(" "),
					finding,
					step,
					way: wayOf(step, subject),
					// How every remedy words it.
					isAlternative: /^Or\b/.test(step.advice),
					...(subject === undefined ? {} : { subject }),
				};
			}),
		);
}

/** What tells two steps of the same words apart, such as two files that others can read. Of a line, the value may differ once more was seen. */
const thingsOf = ({ command, put }: Step): readonly string[] =>
	command ?? (put === undefined ? [] : [put.into, put.line.replace(/[=:].*$/s, "")]);

/**
 * The new plan; before it what makes the end of a finding last, such as a setting that is to outlive a reboot, behind it what
 * a last resort that was begun leaves to be done elsewhere: a VM whose machine is gone is found by nobody any more.
 */
export function planAfter(
	before: readonly PlannedStep[],
	now: readonly PlannedStep[],
	isDone: (planned: PlannedStep) => boolean,
): readonly PlannedStep[] {
	const isGone = ({ finding: { code } }: PlannedStep) => now.every(({ finding }) => finding.code !== code);
	const isLeftOver = ({ key, finding, step, leftOver }: PlannedStep, index: number) => {
		const isBegun = before
			.slice(0, index)
			.some((each) => each.finding === finding && each.step.risk === "destroys" && isDone(each));
		const isUnplanned = now.every((each) => each.key !== key);
		return isUnplanned && (leftOver === true || (isBegun && step.where === "proxmox-node" && step.risk === "destroys"));
	};
	const lasting = (planned: PlannedStep, index: number) => {
		const { finding, step, isAlternative } = planned;
		const isLastResort = before
			.slice(0, index)
			.some((each) => each.finding === finding && each.step.risk === "destroys");
		return isGone(planned) && step.risk === "changes" && !isAlternative && !isLastResort;
	};
	return [
		...before.filter(lasting),
		...now,
		...before.filter(isLeftOver).map((planned) => ({ ...planned, leftOver: true as const })),
	];
}

function wayOf({ command, put, where, risk }: Step, subject: Subject | undefined): Way {
	if (command === undefined && put === undefined) {
		return "read";
	}

	if (where !== "here") {
		return "copy";
	}

	if (command !== undefined) {
		// What is destroyed has to be copied before, and only objects of Kubernetes can be.
		return command.some(isPlaceholder) || isForPeople(command) || (risk === "destroys" && subject === undefined)
			? "copy"
			: "run";
	}

	return put === undefined || put.isExample === true || !isWritable(put.into) ? "copy" : "write";
}

/** It prints a secret, opens an editor, makes a cluster, or ends this host and the program with it. */
function isForPeople([program = "", ...words]: readonly string[]): boolean {
	const [ends = program] = program === "sudo" ? words : [];
	return (
		program === "capmox-doctor" ||
		[program, ...words].join(" ").includes("kind create cluster") ||
		["reboot", "shutdown", "poweroff"].includes(ends) ||
		(program === "clusterctl" && words.includes("kubeconfig")) ||
		(program === "kubectl" && (words.includes("edit") || printsSecret(words)))
	);
}

const printsSecret = (words: readonly string[]): boolean =>
	words.includes("get") && words.some((word) => /^secrets?(?:\/|$)/.test(word)) && !words.includes("-o=name");

/** `VMID`, `MEMBER_ID`, `FILE.pem`, `<name>`, `…`: words that stand for what only the user knows. */
const isPlaceholder = (word: string): boolean =>
	/^[A-Z][A-Z0-9]+(?:[-_][A-Z0-9]+)*(?:\.\w+)?$/.test(word) || /…|<[a-z -]+>/.test(word);

/** A file that lines can be put into by themselves: variables, and folders of settings that are read together. */
const isWritable = (into: string): boolean =>
	/, line \d+$/.test(into) || into === "envfile" || /^\/etc\/(?:[\w.@-]+\/)*[\w.@-]+\.d\/[\w.-]+$/.test(into);

/** What a command of kubectl changes: `names` as `namespace/name`, `get` reads all of them. */
export interface Subject {
	readonly verb: string;
	readonly resource: string;
	readonly names: readonly string[];
	readonly get: readonly [string, ...string[]];
	/** Patches the one object there is, by RFC 6902. */
	patch(operations: readonly object[]): readonly [string, ...string[]];
}

/** Options whose value is the next word, unless it is joined to them by `=`; the first say where the objects are. */
const whereabouts = new Set(["--kubeconfig", "--context", "-n", "--namespace", "-l", "--selector"]);
const withValue = new Set([...whereabouts, "-p", "--patch", "--type", "-c", "--containers", "-o", "--output"]);
/** Words between the verb and the object. */
const between = new Set(["image", "env", "restart", "resources"]);
const changing = new Set(["patch", "delete", "annotate", "label", "scale", "set", "rollout", "replace", "edit"]);

/** `undefined` for whatever is no command of kubectl, or changes nothing that can be read. */
export function subjectOf([program, ...words]: readonly string[]): Subject | undefined {
	if (program !== "kubectl") {
		return undefined;
	}

	const options: string[] = [];
	const bare: string[] = [];
	let namespace: string | undefined;
	for (let index = 0; index < words.length; index++) {
		const word = words[index] ?? "";
		const value = words[index + 1] ?? "";
		if (word === "--") {
			break;
		}

		if (withValue.has(word)) {
			options.push(...(whereabouts.has(word) ? [word, value] : []));
			namespace = word === "-n" || word === "--namespace" ? value : namespace;
			index++;
		} else if (word.startsWith("-")) {
			if (/^--(?:kubeconfig|context|namespace|all-namespaces|selector)\b/.test(word)) {
				options.push(word);
			}
		} else {
			bare.push(word);
		}
	}

	const [verb = "", ...rest] = bare;
	const [resource = "", ...others] = rest.filter((word) => !between.has(word));
	if (!changing.has(verb) || resource === "") {
		return undefined;
	}

	// An annotation, a label, an image: `key=value`, `key-`.
	const names = others.filter((word) => !/=|-$/.test(word));
	const within = (name: string) => (namespace === undefined ? name : `${namespace}/${name}`);
	const objects = [resource, ...(resource.includes("/") ? [] : names)];
	return {
		verb,
		resource: resource.replace(/\/.*$/, ""),
		names: resource.includes("/") ? [within(resource.replace(/^[^/]*\//, ""))] : names.map(within),
		get: ["kubectl", ...options, "get", ...objects, "-o", "yaml", "--ignore-not-found", "--request-timeout=30s"],
		patch: (operations) => [
			"kubectl",
			...options,
			"patch",
			...objects,
			"--type=json",
			`--patch=${JSON.stringify(operations)}`,
		],
	};
}

/** Has the user named every object that goes? A claim bears the name of its machine, and of the device behind that. */
export const areNamed = ({ names, resource }: Subject, named: readonly string[]): boolean =>
	names.length > 0 &&
	names.every(
		(object) =>
			named.includes(object) || (resource.startsWith("ipaddressclaims") && named.includes(object.replace(device, ""))),
	);

/** As CAPMOX names claims: `prod-workers-0-net0-00-inet`, up to v0.7 `prod-workers-0-net0-inet`. */
const device = /-net\d+-(?:\d+-)?inet6?$/;
