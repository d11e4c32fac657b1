import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Shell } from "./commands/completion.ts";
import type { DiffOptions } from "./commands/diff.ts";
import type { EnvOptions } from "./commands/env.ts";
import type { FixOptions } from "./commands/fix.ts";
import type { RoleOptions } from "./commands/role.ts";
import type { CheckOptions, RunOptions } from "./commands/run.ts";
import type { SnapshotOptions } from "./commands/snapshot.ts";
import {
	failOnLevels,
	formats,
	type GlobalOptions,
	type ReportTarget,
	reportFormats,
	type Terminal,
} from "./commands/terminal.ts";
import { toMilliseconds } from "./duration.ts";
import { isUsageError, UsageError } from "./errors.ts";

/** Those that have a schema. */
const documents = ["report", "diff", "explain", "config", "baseline"] as const;
const noCommand = "no command given: capmox-doctor run looks at everything; see capmox-doctor --help";

interface Definition {
	readonly program: Command;
	/** The exit code of the command that ran. */
	readonly exitCode: () => number;
	/** What commander had to say, in pieces. */
	readonly complaints: readonly string[];
	readonly help: readonly string[];
}

/** Commands and options of the program. Options are built only for commands that `asksFor`: each takes time. */
export function defineProgram(
	asksFor: (command: string) => boolean,
	terminal: Terminal,
	interrupted: AbortSignal,
): Definition {
	let code = 0;
	const complaints: string[] = [];
	const help: string[] = [];
	const program = new Command("capmox-doctor")
		.description(
			"Tells what is wrong with a Cluster API Provider Proxmox (CAPMOX) set-up, how it knows, and what to type to mend it.",
		)
		.version(terminal.version, "-V, --version")
		.exitOverride()
		.configureOutput({
			writeOut: (text) => {
				help.push(text);
			},
			writeErr: (text) => {
				complaints.push(text);
			},
			// Commander would ask Node's streams, which take longer to load than all of this program's entry.
			getOutHelpWidth: () => terminal.columns,
			getErrHelpWidth: () => terminal.columns,
			getOutHasColors: () => false,
			getErrHasColors: () => false,
		})
		.configureHelp({ showGlobalOptions: true })
		.helpCommand(false)
		.option("-e, --env-file <file>", "read variables from this file, besides ./envfile and clusterctl.yaml")
		.option("--kubeconfig <file>", "kubeconfig of the management cluster")
		.option("--context <context>", "context in that kubeconfig")
		.option("-n, --namespace <namespace>", "look only at this namespace of the management cluster")
		.addOption(
			new Option("--timeout <duration>", "time for the whole run, such as 30s or 2m")
				.argParser(parseDuration)
				.default(60_000, "60s"),
		)
		.addOption(new Option("--format <format>", "how to print the result").choices(formats).default("human"))
		.addOption(
			new Option("--fail-on <level>", "exit 1 from findings of this severity on")
				.choices(failOnLevels)
				.default("error"),
		)
		.option("--no-color", "print no colours; NO_COLOR and FORCE_COLOR are read, too")
		.option("-v, --verbose", "show also what is fine, and why", false)
		.option("-q, --quiet", "show only findings", false)
		.option("--offline", "do not ask npm's registry, once a day, whether there is a newer release")
		.addHelpText(
			"after",
			"\nExit codes: 0 fine · 1 findings · 2 wrong usage · 3 something could not be looked at · 70 a bug of capmox-doctor",
		);

	const command = (nameAndArguments: string, description: string, define: (made: Command) => void) => {
		const made = program.command(nameAndArguments).description(description).allowExcessArguments(false);
		if (asksFor(made.name())) {
			define(made);
		}
	};

	command("run", "look at everything that is set up here", (made) => {
		accepting(configured(repeating(choosing(examining(made))))).action(async (_: unknown, self: Command) => {
			const { run } = await import("./commands/run.ts");
			code = await run(self.optsWithGlobals<RunOptions>(), terminal, interrupted, givenIn(self));
		});
	});
	command("check <check...>", "look at the named checks: ids, groups or globs, as list shows them", (made) => {
		accepting(configured(repeating(examining(made)))).action(async (checks: string[], _: unknown, self: Command) => {
			const { check } = await import("./commands/run.ts");
			code = await check(
				checks.flatMap((word) => word.split(",")),
				self.optsWithGlobals<CheckOptions>(),
				terminal,
				interrupted,
				givenIn(self),
			);
		});
	});
	command("snapshot", "save what the checks would judge, to be judged elsewhere with --from", (made) => {
		configured(choosing(examining(made)))
			.option("-o, --output <file>", "write this file, readable only by its owner; - for the standard output")
			.option("--force", "replace the file where it exists", false)
			.option("--anonymize", "put stand-ins in the place of names and addresses", false)
			.option("--for-test [what]", "write a test situation for each check, named by its verdict and what is the case")
			.action(async (_: unknown, self: Command) => {
				const { snapshot } = await import("./commands/snapshot.ts");
				code = await snapshot(self.optsWithGlobals<SnapshotOptions>(), terminal, interrupted, givenIn(self));
			});
	});
	command("diff <before> [after]", "compare two snapshots, or one with what is here now", (made) => {
		configured(choosing(made)).action(async (before: string, after: string | undefined, _: unknown, self: Command) => {
			const { diff } = await import("./commands/diff.ts");
			code = await diff(before, after, self.optsWithGlobals<DiffOptions>(), terminal, interrupted, givenIn(self));
		});
	});
	command("demo", "judge a set-up that is broken in instructive ways, with nothing installed", (made) => {
		made.action(async (_: unknown, self: Command) => {
			const { demo } = await import("./commands/demo.ts");
			code = await demo(self.optsWithGlobals<GlobalOptions>(), terminal, interrupted);
		});
	});
	command("fix [target]", "carry out, step by step, what the findings of a check say", (made) => {
		configured(examining(made))
			.usage("[options] CHECK | CHECK/CODE")
			.option("--dry-run", "show the plan, or what --undo would take back, and do nothing", false)
			.option("--yes", "do not ask before each step; what destroys something is left out", false)
			.addOption(
				new Option("--allow <risk>", "with --yes: carry out such steps, too, on what --machine names").choices([
					"destroys",
				]),
			)
			.option("--machine <object...>", "namespace/name of what may be destroyed")
			.addOption(new Option("--list", "list the fixes that were carried out here").default(false).conflicts("undo"))
			.option("--undo <id>", "take back what a fix did, as far as that is possible")
			.addHelpText("after", fixHelp)
			.action(async (target: string | undefined, _: unknown, self: Command) => {
				const { fix } = await import("./commands/fix.ts");
				code = await fix(target, self.optsWithGlobals<FixOptions>(), terminal, interrupted, givenIn(self));
			});
	});
	command("list", "list the checks", (made) => {
		made.option("--findings", "list the codes of all findings instead").action(async (_: unknown, self: Command) => {
			const { list } = await import("./commands/list.ts");
			code = list(self.optsWithGlobals(), terminal);
		});
	});
	command(
		"explain [subject...]",
		"show the page of a check or finding, or say what the messages in a log mean",
		(made) => {
			made
				.usage("[options] CHECK | CHECK/CODE | FILE... | TEXT | -")
				.option(
					"--live",
					"read the logs of the providers in the management cluster, and show what happened to each machine",
					false,
				)
				.addOption(
					new Option("--since <duration>", "with --live: how far back, such as 30m or 6h")
						.argParser(parseSince)
						.default(3_600_000, "1h"),
				)
				.allowUnknownOption()
				.addHelpText("after", explainHelp)
				.action(async (given: string[], _: unknown, self: Command) => {
					if (self.getOptionValueSource("since") === "cli" && self.getOptionValue("live") !== true) {
						throw new UsageError("--since is only for explain --live");
					}

					const { explain } = await import("./commands/explain.ts");
					code = await explain(given, self.optsWithGlobals(), terminal, interrupted);
				});
		},
	);
	command("env", "print the variables under another program's names, or the roles that CAPMOX needs", (made) => {
		made
			.addOption(new Option("--for <program>", "whose names to use").choices(["capmox", "image-builder"]))
			.option("--output <file>", "write this file, readable only by its owner; without it the secret is masked")
			.option("--force", "replace the file where it exists", false)
			.addOption(
				new Option("--role", "print the least roles and ACLs that CAPMOX needs, as commands for a Proxmox VE node")
					.default(false)
					.conflicts(["for", "output"]),
			)
			.option("--flavor <flavor>", "with --role: flavor of CAPMOX's template that the variables are for")
			.addOption(manifestOption())
			.option("--proxmox-version <version>", "with --role: Proxmox VE 7, 8 or 9, where it cannot be asked")
			.action(async (_: unknown, self: Command) => {
				const options = self.optsWithGlobals<EnvOptions & RoleOptions & { role: boolean }>();
				if (options.role) {
					const { role } = await import("./commands/role.ts");
					code = await role(options, terminal, interrupted);
					return;
				}

				const { env } = await import("./commands/env.ts");
				code = await env(options, terminal);
			});
	});
	command("matrix", "show which versions of CAPMOX, Cluster API and Kubernetes fit together", (made) => {
		made.addOption(knowledgeOption()).action(async (_: unknown, self: Command) => {
			const { matrix } = await import("./commands/matrix.ts");
			code = await matrix(self.optsWithGlobals<GlobalOptions>(), terminal, interrupted);
		});
	});
	command("schema", "print the JSON Schema of --format json, of capmox-doctor.yaml, or of a baseline", (made) => {
		made
			.addArgument(
				new Argument(
					"[document]",
					"of run and check, of diff, of explain, of the configuration, or of a baseline",
				).choices(documents),
			)
			.action(async (document?: (typeof documents)[number]) => {
				const { schema } = await import("./commands/schema.ts");
				code = schema(terminal, document);
			});
	});

	command("completion", "print what a shell needs to complete commands, options and names", (made) => {
		made
			.addArgument(new Argument("<shell>", "the shell that will read it").choices(["bash", "zsh", "fish"]))
			.addHelpText("after", completionHelp)
			.action(async (shell: Shell) => {
				const { completion } = await import("./commands/completion.ts");
				code = await completion(shell, terminal);
			});
	});

	return { program, exitCode: () => code, complaints, help };
}

/** Takes the words after the program's name; returns the exit code. Each command's code is loaded when it is asked for. */
export async function runCli(words: readonly string[], terminal: Terminal, interrupted: AbortSignal): Promise<number> {
	const asksFor = (command: string) => words.includes(command);
	const { program, exitCode, complaints, help } = defineProgram(asksFor, terminal, interrupted);
	try {
		await program.parseAsync(words, { from: "user" });
	} catch (error) {
		if (error instanceof CommanderError) {
			// Without a command commander prints its help as an error.
			if (error.code === "commander.help" && error.exitCode !== 0) {
				return await withoutCommand(words, program, terminal, interrupted, complaints);
			}

			if (error.exitCode !== 0) {
				return complain(terminal, complaints.join("") || error.message);
			}

			terminal.out(help.join(""));
			return 0;
		}

		if (isUsageError(error)) {
			return complain(terminal, error.message);
		}

		throw error;
	}

	return exitCode();
}

const explainHelp = `
  capmox-doctor explain token/wrong-secret            the page of a finding
  capmox-doctor explain capmox.log kubelet.log        what is known of the messages in these files
  kubectl -n capmox-system logs deploy/capmox-controller-manager | capmox-doctor explain
  capmox-doctor explain "VM template not found"       a text, such as an error on the screen
  capmox-doctor explain --live --since 6h             the logs of the providers, with a timeline of each machine

Exit codes for logs: 0 the text was read, whatever it says · 2 wrong usage, or no text · 3 there was nothing in it, or
a part of it could not be read`;

const fixHelp = `
Each step is shown before it runs, with its risk and how to undo it. Before something is changed, a copy of it is kept in
$XDG_STATE_HOME/capmox-doctor/fixes, with a journal. What belongs on another machine is printed to copy.

Exit codes: 0 nothing to mend, or confirmed · 2 wrong usage · 3 the check could not look · 4 tried and not confirmed`;

const completionHelp = `
  bash  eval "$(capmox-doctor completion bash)"           in ~/.bashrc
  zsh   eval "$(capmox-doctor completion zsh)"            in ~/.zshrc, after compinit
  fish  capmox-doctor completion fish | source            in ~/.config/fish/config.fish

kubectl completes kubectl capmox-doctor by itself, once its own completion is set up.`;

const manifestOption = () =>
	new Option(
		"--manifest <file>",
		"objects of the cluster in place of the variables, as clusterctl generate cluster prints them; - for the standard input",
	);

const knowledgeOption = () =>
	new Option("--knowledge <file>", "a table of versions that fit together, in place of the built-in one");

/** Which checks a command is about, where it names none itself. */
const choosing = (command: Command): Command =>
	command
		.option("--only <checks...>", "only these checks, groups or globs", splitCommas)
		.option("--skip <checks...>", "all but these checks, groups or globs", splitCommas);

/** How often a command looks, and where it tells what it saw. */
const repeating = (command: Command): Command =>
	command
		.option(
			"--report <format[=file]>",
			`write a report, several at once: ${reportFormats.join(", ")}; without a file to the standard output`,
			addReport,
		)
		.addOption(
			new Option("--wait <duration>", "look again until all is fine, for so long at most, such as 10m")
				.argParser(parseDuration)
				.conflicts("watch"),
		)
		.option("--watch", "look again and again, until it is interrupted");

/** Which settings hold, besides the command line. */
const configured = (command: Command): Command =>
	command.option(
		"--config <file>",
		"read settings and waivers from this file, not from the nearest capmox-doctor.yaml",
	);

/** What is known before. */
const accepting = (command: Command): Command =>
	command
		.option("--baseline <file>", "what this file holds is known, and only what is new counts")
		.addOption(
			new Option("--write-baseline <file>", "write what is found now, to be known to --baseline").conflicts([
				"wait",
				"watch",
			]),
		);

const givenIn =
	(command: Command) =>
	(option: string): boolean =>
		command.getOptionValueSourceWithGlobals(option) === "cli";

/** What decides how the checks look. */
const examining = (command: Command): Command =>
	command
		.option("--flavor <flavor>", "flavor of CAPMOX's template that the variables are for (default: default)")
		.option("--capmox-version <version>", "CAPMOX version they are for, such as 0.9 (default: the newest known)")
		.addOption(manifestOption())
		.addOption(knowledgeOption())
		.option(
			"--workload <cluster>",
			"look into this workload cluster, too (NAME or NAMESPACE/NAME), or into all at once, by the cluster-admin kubeconfigs that the management cluster keeps",
		)
		.option("--workload-kubeconfig <file>", "kubeconfig of one more workload cluster to look into")
		.option(
			"--workload-context <context>",
			"context in that kubeconfig; without one, in that of the management cluster",
		)
		.option(
			"--from <file>",
			"judge a snapshot, as capmox-doctor snapshot writes it, and look at nothing here; - for the standard input",
		)
		.option("--root <folder>", "judge a host by a copy of its files and of what commands printed there (in cmd/)");

/** On a terminal the menu, elsewhere the help. */
async function withoutCommand(
	given: readonly string[],
	program: Command,
	terminal: Terminal,
	interrupted: AbortSignal,
	help: readonly string[],
): Promise<number> {
	if (!terminal.canAsk) {
		terminal.err(`${help.join("")}\n`);
		return complain(terminal, noCommand);
	}

	const { menu } = await import("./commands/menu.ts");
	try {
		return await menu({
			options: program.opts(),
			isGiven: givenIn(program),
			terminal,
			interrupted,
			given,
			carryOut: (words) => runCli(words, terminal, interrupted),
		});
	} catch (error) {
		if (isUsageError(error)) {
			return complain(terminal, error.message);
		}

		throw error;
	}
}

/** One line, whatever commander made of it: `error: …`, a suggestion on a second line. */
function complain(terminal: Terminal, text: string): 2 {
	const line = text
		.trim()
		.replace(/^error: /, "")
		.replace(
			"missing required argument 'check'",
			"name a check, such as capmox-doctor check token; capmox-doctor list shows all",
		)
		.replace(/\s*\n\s*/g, " ");
	terminal.err(`capmox-doctor: ${line}\n`);
	return 2;
}

function parseDuration(text: string): number {
	const milliseconds = toMilliseconds(text);
	if (milliseconds === undefined) {
		throw new InvalidArgumentError("It takes a duration such as 30s or 2m.");
	}

	return milliseconds;
}

const hoursAtMost = 24 * 365;

function parseSince(text: string): number {
	const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text) ?? [];
	const milliseconds = Number(number) * ({ s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 0);
	if (number === "" || milliseconds < 1_000 || milliseconds > hoursAtMost * 3_600_000) {
		throw new InvalidArgumentError("It takes a duration such as 30m, 6h or 2d.");
	}

	return milliseconds;
}

function addReport(text: string, before: readonly ReportTarget[] = []): readonly ReportTarget[] {
	const [word = "", ...rest] = text.split("=");
	const format = reportFormats.find((known) => known === word);
	const file = rest.join("=");
	if (format === undefined) {
		throw new InvalidArgumentError(`Known formats are ${reportFormats.join(", ")}.`);
	}

	if (text.endsWith("=")) {
		throw new InvalidArgumentError("The name of the file is missing.");
	}

	return [...before, { format, ...(["", "-", "/dev/stdout"].includes(file) ? {} : { file }) }];
}

const splitCommas = (text: string, before: readonly string[] | undefined): string[] => [
	...(before ?? []),
	...text.split(",").filter((word) => word !== ""),
];
