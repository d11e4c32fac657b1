import type { CommandDefinition, OptionDefinition, ProgramDefinition, Values } from "./definition.ts";

interface Edition {
	readonly version: string;
	readonly day: Date;
}

const months = "January February March April May June July August September October November December".split(" ");

/** The manual page, in mdoc(7). */
export function renderManual(program: ProgramDefinition, { version, day }: Edition): string {
	return `${[
		`.Dd ${months[day.getUTCMonth()] ?? ""} ${day.getUTCDate()}, ${day.getUTCFullYear()}`,
		`.Dt ${program.name.toUpperCase()} 1`,
		`.Os ${program.name} ${version}`,
		".Sh NAME",
		`.Nm ${program.name}`,
		".Nd find out what is wrong with a Cluster API Provider Proxmox set-up",
		".Sh SYNOPSIS",
		...program.commands.flatMap(renderSynopsis),
		".Sh DESCRIPTION",
		...renderText(program.description),
		".Sh COMMANDS",
		...program.commands.flatMap((command, index) => renderCommand(command, program.commands.slice(0, index))),
		".Sh OPTIONS",
		"Every command takes these:",
		...renderOptions(program.options),
		...environment,
		...renderExitStatus(program.epilogue),
		...seeAlso,
	].join("\n")}\n`;
}

const renderSynopsis = ({ name, arguments: places }: CommandDefinition) => [
	".Nm",
	`.Cm ${name}`,
	".Op Ar option ...",
	...places.map((place) => `.${place.optional ? "Op " : ""}Ar ${renderPlace(place)}`),
];

function renderCommand(
	{ name, description, arguments: places, options, epilogue }: CommandDefinition,
	before: readonly CommandDefinition[],
) {
	const choices = places.flatMap(({ placeholder, choices: words }) =>
		words === undefined ? [] : [`${placeholder} is one of ${words.join(", ")}.`],
	);
	const own = options.filter(({ flags }) => !flags.includes("--help"));
	const ownerOf = (option: OptionDefinition) =>
		before.find((command) => command.options.some((other) => JSON.stringify(other) === JSON.stringify(option)))?.name;
	return [
		`.Ss ${name}${places.map((place) => ` ${place.optional ? `[${renderPlace(place)}]` : renderPlace(place)}`).join("")}`,
		...renderText([sentence(description), ...choices].join(" ")),
		...before.flatMap((owner) =>
			renderShared(
				own.filter((option) => ownerOf(option) === owner.name),
				owner,
			),
		),
		...renderOptions(own.filter((option) => ownerOf(option) === undefined)),
		...renderEpilogue(epilogue),
	];
}

/** Described once, with the first command that has them. */
const renderShared = (options: readonly OptionDefinition[], owner: CommandDefinition) =>
	options.length === 0
		? []
		: [
				".Pp",
				`As with ${owner.name}:`,
				...options
					.map(({ flags }, index) => `${renderFlags(flags)}${index === options.length - 1 ? " ." : " ,"}`)
					.map((line) => `.${line}`),
			];

const renderFlags = (flags: readonly string[]) => flags.map((flag) => `Fl ${escapeWord(flag.slice(1))}`).join(" , ");

const renderPlace = ({ placeholder, variadic }: Values) => escapeWord(`${placeholder}${variadic ? " ..." : ""}`);

const renderOptions = (options: readonly OptionDefinition[]) =>
	options.length === 0 ? [] : [".Bl -tag -width Ds", ...options.flatMap(renderOption), ".El"];

function renderOption({ flags, description, value, default: usual }: OptionDefinition): readonly string[] {
	const shown =
		value === undefined ? "" : value.optional ? ` Op Ar ${renderPlace(value)}` : ` Ar ${renderPlace(value)}`;
	const facts = [
		...(value?.choices === undefined ? [] : [`One of ${value.choices.join(", ")}.`]),
		...(usual === undefined ? [] : [`Without it: ${usual}.`]),
	];
	return [`.It ${renderFlags(flags)}${shown}`, ...renderText([sentence(description), ...facts].join(" "))];
}

/** Laid out by hand in columns, so it stays as it is. */
const renderEpilogue = (epilogue: string) =>
	epilogue === "" ? [] : [".Bd -literal", ...epilogue.split("\n").map(escapeText), ".Ed"];

/** The help has it on one line: `Exit codes: 0 fine · 1 findings`. */
const renderExitStatus = (epilogue: string) => [
	".Sh EXIT STATUS",
	".Bl -tag -width Ds",
	...[...epilogue.replace(/^Exit codes: /, "").matchAll(/(\d+) ([^·]+)/g)].flatMap(([, code = "", means = ""]) => [
		`.It ${code}`,
		...renderText(sentence(means.trim())),
	]),
	".El",
];

const environment = [
	".Sh ENVIRONMENT",
	"The variables of clusterctl and CAPMOX are read where they are set,",
	"before files.",
	"These decide how the program behaves:",
	".Bl -tag -width Ds",
	".It Ev KUBECONFIG",
	"Where kubectl finds the management cluster.",
	".It Ev NO_COLOR , FORCE_COLOR",
	"No colours, or colours also where nobody watches.",
	".It Ev CAPMOX_DOCTOR_OFFLINE , NO_UPDATE_NOTIFIER",
	"Set to anything, no newer version is looked for.",
	".El",
	".Sh FILES",
	".Bl -tag -width Ds",
	".It Pa ./envfile",
	"Variables; read, never executed.",
	".It Pa ~/.config/cluster-api/clusterctl.yaml , ~/.cluster-api/clusterctl.yaml",
	"The variables of clusterctl; the first one that is there.",
	".El",
];

const seeAlso = [
	".Sh SEE ALSO",
	".Xr kubectl 1",
	".Pp",
	".Lk https://github.com/ionos-cloud/cluster-api-provider-proxmox",
];

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

/** Sentences start on lines of their own, and no line is longer than 80 bytes. */
const renderText = (text: string) =>
	text
		.split(/(?<=\.) (?=[A-Z])/)
		.flatMap((line) => wrap(line, 70))
		.map(escapeText);

/** In text, a hyphen is made for prose; what is to be typed needs the minus. */
const escapeWord = (text: string) => text.replaceAll("\\", "\\e").replaceAll("-", "\\-");

/** A dot or an apostrophe at the start of a line would be a request. */
const escapeText = (text: string) => escapeWord(text).replace(/^(?=[.'])/, "\\&");

/** Lines of at most `width` characters, broken at blanks. */
const wrap = (text: string, width: number): readonly string[] =>
	text.match(new RegExp(`\\S.{0,${width - 1}}(?=\\s|$)|\\S+`, "g")) ?? [];
