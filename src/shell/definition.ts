import type { Argument, Command, Option } from "commander";

/** A word to offer, and what it means. */
export type Choice = readonly [word: string, means: string];

/** What may stand in a place of the command line. */
export interface Values {
	/** As the help shows it, without its brackets: `file`, `check`. */
	readonly placeholder: string;
	/** The words that commander lets through; absent where others decide. */
	readonly choices?: readonly string[];
	readonly optional: boolean;
	/** More than one word may follow. */
	readonly variadic: boolean;
}

export interface OptionDefinition {
	/** `-e`, `--env-file`: as typed. */
	readonly flags: readonly string[];
	readonly description: string;
	/** Absent where the option takes no value. */
	readonly value?: Values;
	readonly default?: string;
}

export interface CommandDefinition {
	readonly name: string;
	readonly description: string;
	/** What follows the program's name. */
	readonly usage: string;
	readonly options: readonly OptionDefinition[];
	readonly arguments: readonly Values[];
	/** The text that its help ends with. */
	readonly epilogue: string;
}

export interface ProgramDefinition extends CommandDefinition {
	/** Its options are those of all commands. */
	readonly commands: readonly CommandDefinition[];
}

/** What commander knows of the program, as data: for completion and for the manual page. */
export function describeProgram(program: Command): ProgramDefinition {
	return {
		...describeCommand(program),
		commands: program.createHelp().visibleCommands(program).map(describeCommand),
	};
}

function describeCommand(command: Command): CommandDefinition {
	const help = command.createHelp();
	return {
		name: command.name(),
		description: command.description(),
		usage: command.usage(),
		options: help.visibleOptions(command).map(describeOption),
		arguments: command.registeredArguments.map(describeArgument),
		epilogue: epilogueOf(command),
	};
}

/** Commander adds it only where it prints the help. */
function epilogueOf(command: Command): string {
	let text = "";
	command.configureOutput({
		writeOut: (part) => {
			text += part;
		},
	});
	command.outputHelp();
	return text.replace(command.helpInformation(), "").replace(/^\n+/, "").trimEnd();
}

function describeOption({
	short,
	long,
	flags,
	description,
	required,
	optional,
	variadic,
	argChoices,
	defaultValue,
	defaultValueDescription,
}: Option): OptionDefinition {
	const placeholder = /[<[](.+)[\]>]$/.exec(flags)?.[1]?.replace("...", "") ?? "";
	const shown: unknown = defaultValueDescription ?? (typeof defaultValue === "string" ? defaultValue : undefined);
	// Commander takes `<format[=file]>` for both, and then asks for one.
	const value = { placeholder, optional: optional && !required, variadic };
	return {
		flags: [short, long].filter((flag) => flag !== undefined),
		description,
		...(required || optional ? { value: argChoices === undefined ? value : { ...value, choices: argChoices } } : {}),
		...(typeof shown === "string" ? { default: shown } : {}),
	};
}

const describeArgument = (argument: Argument): Values => ({
	placeholder: argument.name(),
	optional: !argument.required,
	variadic: argument.variadic,
	...(argument.argChoices === undefined ? {} : { choices: argument.argChoices }),
});
