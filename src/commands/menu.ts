import { createInterface } from "node:readline";
import { text as ask, intro, isCancel, outro, select as pick } from "@clack/prompts";
import { load } from "../../checks/directory.ts";
import { diagnose } from "../diagnose.ts";
import { planOf } from "../fix/plan.ts";
import { toShell } from "../shell.ts";
import { acceptNothing } from "./accept.ts";
import { wantedBy } from "./examine.ts";
import { look } from "./look.ts";
import { choose, type RunOptions, withTemplate } from "./run.ts";
import { type IsGiven, withSettings } from "./settings.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

interface Menu {
	readonly options: GlobalOptions;
	readonly isGiven: IsGiven;
	readonly terminal: Terminal;
	readonly interrupted: AbortSignal;
	/** Runs a command line, without the program's name. */
	readonly carryOut: (words: readonly string[]) => Promise<number>;
	/** Options that stand in front of every command. */
	readonly given: readonly string[];
}

/** What leaves the menu, by Esc or Ctrl-C, wherever one is. */
class Left extends Error {}

/** `capmox-doctor` alone on a terminal: leads to the commands, and shows each one that it runs. */
export async function menu(menu: Menu): Promise<number> {
	intro("capmox-doctor");
	try {
		for (;;) {
			const task = await from("What would you like to do?", {
				everything: "Look at everything that is set up here",
				symptom: "Something is wrong",
				fix: "Fix what was found",
				snapshot: "Save a snapshot, to be judged elsewhere",
				quit: "Quit",
			});
			const words = task === "quit" ? undefined : await wordsFor(task, menu);
			if (task === "quit") {
				outro("capmox-doctor --help shows all commands");
				return 0;
			}

			if (words !== undefined) {
				await menu.carryOut([...menu.given, ...words]);
				menu.terminal.out(`\nThe same without the menu: capmox-doctor ${shown([...menu.given, ...words])}\n\n`);
			}

			if (menu.interrupted.aborted) {
				return 130;
			}
		}
	} catch (error) {
		if (error instanceof Left) {
			outro("Left.");
			return 130;
		}

		throw error;
	}
}

/** A pasted log is not repeated. */
const shown = (words: readonly string[]): string =>
	words.some((word) => word.includes("\n")) ? "explain FILE" : toShell(words);

async function wordsFor(
	task: "everything" | "symptom" | "fix" | "snapshot",
	menu: Menu,
): Promise<readonly string[] | undefined> {
	switch (task) {
		case "everything":
			return ["run"];
		case "symptom":
			return await wordsForSymptom();
		case "fix":
			return await wordsForFix(menu);
		case "snapshot":
			return ["snapshot"];
	}
}

async function wordsForSymptom(): Promise<readonly string[] | undefined> {
	const symptom = await from("What do you see?", {
		kind: "kind does not start",
		deleting: "Machines stay in Deleting",
		node: "A node is NotReady, or has the wrong IP",
		endpoint: "The control-plane endpoint does not answer",
		token: "Proxmox VE refuses the token",
		template: "clusterctl generate or apply complains about the variables",
		upgrade: "Webhooks fail, or versions do not fit",
		image: "The image build fails",
		log: "An error message or a log: paste it",
	});
	switch (symptom) {
		case "kind":
			return ["check", "cgroups", "podman", "kind-host"];
		case "deleting":
			return ["check", "machine-deletion"];
		case "node":
			return ["check", "nic-order", "calico-ipvs", ...(await workload())];
		case "endpoint":
			return ["check", "kube-vip", ...(await workload())];
		case "token":
			return ["check", "token", "permissions"];
		case "template":
			return ["check", "envfile"];
		case "upgrade":
			return ["check", "capi-compat"];
		case "image":
			return ["check", "imagebuilder-env", "token"];
		case "log": {
			const log = await readPasted();
			return log.trim() === "" ? undefined : ["explain", log];
		}
	}
}

async function workload(): Promise<readonly string[]> {
	const name = answered(
		await ask({
			message: "Workload cluster to look into with the kubeconfig that the management cluster keeps: its name, or all",
			placeholder: "empty: only what the management cluster shows",
			defaultValue: "",
		}),
	).trim();
	return name === "" ? [] : ["--workload", name];
}

/** Every finding of now for which there is something to do from here, as capmox-doctor.yaml has it. */
async function wordsForFix(menu: Menu): Promise<readonly string[] | undefined> {
	const { terminal, interrupted } = menu;
	const { options, settings = acceptNothing } = await withSettings<RunOptions>(menu.options, menu.isGiven);
	const checks = await load(choose(options));
	const { sheet } = await look({ wanted: wantedBy(checks), options: withTemplate(options), terminal, interrupted });
	const { judgements } = settings.settle(diagnose(checks, sheet));
	const plans = judgements.map((judgement) => planOf(judgement, undefined));
	const found = new Map(plans.flat().map(({ finding }) => [finding.code, finding.summary]));
	if (found.size === 0) {
		terminal.out("Nothing was found that could be mended.\n");
		return undefined;
	}

	return ["fix", await from("What shall be mended?", Object.fromEntries([...found].map(([code]) => [code, code])))];
}

/** Lines until an empty one, or until Ctrl-D. */
async function readPasted(): Promise<string> {
	const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: "" });
	process.stdout.write("Paste it, then press Enter on an empty line.\n");
	const read: string[] = [];
	const left = new AbortController();
	lines.once("SIGINT", () => {
		left.abort();
		lines.close();
	});
	for await (const line of lines) {
		if (line.trim() === "" && read.length > 0) {
			break;
		}

		read.push(line);
	}

	lines.close();
	if (left.signal.aborted) {
		throw new Left();
	}

	return `${read.join("\n")}\n`;
}

async function from<Value extends string>(message: string, labels: Readonly<Record<Value, string>>): Promise<Value> {
	const options = Object.entries<string>(labels).map(([value, label]) => ({ value, label }));
	return answered(await pick({ message, options })) as Value;
}

function answered(answer: string | symbol): string {
	if (isCancel(answer)) {
		throw new Left();
	}

	return answer.toString();
}
