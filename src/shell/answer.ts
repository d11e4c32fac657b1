import type { Choice, CommandDefinition, OptionDefinition, Values } from "./definition.ts";
import { known } from "./program.ts";

/** What a shell may add of its own: the directives of cobra, which kubectl hands on to every shell. */
const directives = { files: 0, nothing: 4, folders: 16 } as const;

const beyond: Readonly<Record<string, keyof typeof directives>> = {
	file: "files",
	before: "files",
	after: "files",
	subject: "files",
	folder: "folders",
};

/** Whose kubeconfig an option's contexts stand in: the value of the first of these options that is given. */
const kubeconfigs: Readonly<Record<string, readonly string[]>> = {
	"--context": ["--kubeconfig"],
	"--workload-context": ["--workload-kubeconfig", "--kubeconfig"],
};

/** Names of the contexts in this kubeconfig, or in those that kubectl would read. */
export type ReadContexts = (kubeconfig: string | undefined) => Promise<readonly string[]>;

interface Typed {
	readonly command?: CommandDefinition | undefined;
	/** The option whose value is next. */
	readonly pending?: OptionDefinition | undefined;
	/** How many arguments of the command stand there already. */
	readonly position: number;
	/** After `--` nothing is an option any more. */
	readonly onlyArguments: boolean;
	readonly given: Readonly<Record<string, string>>;
}

/**
 * The words that may stand in the place of the last one, as cobra's programs answer: `word<tab>what it means` per line,
 * then `:` and a directive.
 */
export async function answer(words: readonly string[], readContexts: ReadContexts): Promise<string> {
	const current = words.at(-1) ?? "";
	const typed = words.slice(0, -1).reduce(read, { position: 0, onlyArguments: false, given: {} });
	const { choices, more } = await offer(current, typed, readContexts);
	return [
		...choices.map(([word, means]) => (means === "" ? word : `${word}\t${means}`)),
		`:${directives[more]}`,
		"",
	].join("\n");
}

interface Offer {
	readonly choices: readonly Choice[];
	readonly more: keyof typeof directives;
}

function read(typed: Typed, word: string): Typed {
	const { command, pending, position, onlyArguments, given } = typed;
	const isOption = !onlyArguments && word.startsWith("-") && word !== "-";
	if (pending !== undefined && !(isOption && mayEnd(pending))) {
		return {
			...typed,
			pending: pending.value?.variadic === true ? pending : undefined,
			given: { ...given, [nameOf(pending)]: word },
		};
	}

	if (word === "--" && !onlyArguments) {
		return { ...typed, pending: undefined, onlyArguments: true };
	}

	if (isOption) {
		const [name = "", ...value] = word.split("=");
		const option = findOption(name, command);
		return value.length > 0 && option !== undefined
			? { ...typed, pending: undefined, given: { ...given, [nameOf(option)]: value.join("=") } }
			: { ...typed, pending: option?.value === undefined ? undefined : option };
	}

	return command === undefined
		? { ...typed, command: known.program.commands.find(({ name }) => name === word) ?? nothingKnown(word) }
		: { ...typed, pending: undefined, position: position + 1 };
}

/** Another option may follow where its value may be absent, or where it had one. */
const mayEnd = ({ value }: OptionDefinition) => value?.optional === true || value?.variadic === true;

const nothingKnown = (name: string): CommandDefinition => ({
	name,
	description: "",
	usage: "",
	options: [],
	arguments: [],
	epilogue: "",
});

const optionsOf = (command: CommandDefinition | undefined) => [...(command?.options ?? []), ...known.program.options];
const findOption = (flag: string, command: CommandDefinition | undefined) =>
	optionsOf(command).find(({ flags }) => flags.includes(flag));
const nameOf = ({ flags }: OptionDefinition) => flags.at(-1) ?? "";

async function offer(current: string, typed: Typed, readContexts: ReadContexts): Promise<Offer> {
	const { command, pending, position, onlyArguments } = typed;
	if (pending?.value !== undefined && !(current.startsWith("-") && mayEnd(pending))) {
		return offerValues(pending.value, current, pending, typed, readContexts);
	}

	if (current.startsWith("-") && !onlyArguments) {
		const [name = "", ...value] = current.split("=");
		const option = value.length > 0 ? findOption(name, command) : undefined;
		return option?.value === undefined
			? { choices: value.length > 0 ? [] : offerOptions(current, command), more: "nothing" }
			: offerValues(option.value, value.join("="), option, typed, readContexts);
	}

	if (command === undefined) {
		return {
			choices: startingWith(
				current,
				known.program.commands.map(({ name, description }) => [name, description]),
			),
			more: "nothing",
		};
	}

	const last = command.arguments.at(-1);
	const argument = command.arguments[position] ?? (last?.variadic === true ? last : undefined);
	if (argument !== undefined) {
		return offerValues(argument, current, undefined, typed, readContexts);
	}

	return { choices: current === "" && !onlyArguments ? offerOptions("--", command) : [], more: "nothing" };
}

/** Both forms of an option, once one of them is begun; the long one alone where nothing is. */
const offerOptions = (current: string, command: CommandDefinition | undefined): readonly Choice[] => {
	const offered = optionsOf(command).flatMap(({ flags, description }) =>
		flags
			.filter((flag) => flag.startsWith(current) && (current !== "-" || flag.startsWith("--")))
			.map((flag): Choice => [flag, description]),
	);
	return [...new Map(offered.map((choice) => [choice[0], choice])).values()];
};

async function offerValues(
	{ placeholder, choices, variadic }: Values,
	current: string,
	option: OptionDefinition | undefined,
	{ given }: Typed,
	readContexts: ReadContexts,
): Promise<Offer> {
	if (choices !== undefined) {
		return {
			choices: startingWith(
				current,
				choices.map((word): Choice => [word, ""]),
			),
			more: "nothing",
		};
	}

	if (placeholder === "context") {
		const from = kubeconfigs[option === undefined ? "" : nameOf(option)] ?? [];
		const names = await readContexts(from.map((name) => given[name]).find((file) => file !== undefined));
		return {
			choices: startingWith(
				current,
				names.map((name): Choice => [name, ""]),
			),
			more: "nothing",
		};
	}

	if (placeholder === "format[=file]" && current.includes("=")) {
		return { choices: [], more: "files" };
	}

	// token,envfile: what is begun is the last of them.
	const before = variadic ? current.slice(0, current.lastIndexOf(",") + 1) : "";
	const words = known.words[placeholder] ?? [];
	const offered = ["subject", "target"].includes(placeholder) && current !== "" ? [...words, ...known.codes] : words;
	return {
		choices: startingWith(
			current,
			offered.map(([word, means]): Choice => [`${before}${word}`, means]),
		),
		more: beyond[placeholder] ?? "nothing",
	};
}

const startingWith = (current: string, choices: readonly Choice[]) =>
	choices.filter(([word]) => word.startsWith(current));
