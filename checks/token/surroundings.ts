import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import { type Access, type Environment, onNode, type TokenFinding } from "./findings.ts";

/** Seconds. Below, a 3 s delay and a slow link would be taken for a wrong clock; above, expiry and TLS go wrong. */
const tolerance = 120;

/** What does not break the token today, and will be looked for in vain one day. */
export function judgeSurroundings(environment: Environment, access: Access | undefined): TokenFinding[] {
	return [...clock(access), ...conflicts(environment), ...files(environment)];
}

function clock(access: Access | undefined): TokenFinding[] {
	const ahead = access?.clockAhead ?? 0;
	if (access === undefined || Math.abs(ahead) <= tolerance) {
		return [];
	}

	return [
		found(
			"clock-skew",
			`The clock of Proxmox VE is ${Math.abs(ahead)} s ${ahead > 0 ? "ahead of" : "behind"} this host's. Tokens and certificates expire by the server's clock, and etcd wants clocks that agree.`,
			{ from: `the Date header of ${access.url}`, saw: `${ahead} s`, expected: `less than ${tolerance} s` },
			{ ...advise("See whether this host keeps the time."), command: ["timedatectl", "status"] },
			onNode("And whether the node does.", "timedatectl", "status"),
		),
	];
}

const conflicts = ({ conflicts }: Environment): TokenFinding[] =>
	conflicts.map(({ name, wins, loses }) =>
		found(
			"conflicting-values",
			`${name} is set in several places with different values; the one in ${wins} wins.`,
			{ from: wins, saw: `a value that differs from the one in ${loses.join(" and in ")}` },
			advise(
				wins === "the environment"
					? `Unset it in this shell (unset ${name}), or take it out of the files.`
					: "Take out the one that is not meant.",
			),
		),
	);

const troubles = {
	reference: "refers to another variable, which is left as it stands here",
	command: "holds a command, which is not run here",
	"carriage-return": "ends in a carriage return, which a shell keeps as part of the value",
	"byte-order-mark": "begins with a byte order mark, so that a shell does not find its first command",
	"not-utf8": "is not UTF-8 text",
	"unquoted-blank": "has a blank outside quotes, at which a shell ends the value",
	"unquoted-operator":
		"has one of ; & | < > ( ) outside quotes, which a shell takes for the end of the command or for a file",
	"yaml-collection": "holds a list or a map, which clusterctl takes for an empty value",
	"open-quote": "opens a quote that nothing closes",
} as const;

function files({ files }: Environment): TokenFinding[] {
	return files.flatMap(({ path, mode, readableByOthers, holdsSecret, problems }) => {
		const results: TokenFinding[] = [];
		const misread = problems.flatMap(({ line, problem, name }) =>
			problem === "invalid-yaml" ? [] : [{ line, problem, name }],
		);
		const [first, ...rest] = misread.map(({ line, problem, name }) => ({
			from: `${path}, line ${line}`,
			saw: `${name ?? (problem === "not-utf8" ? "the file" : "the line")} ${troubles[problem]}`,
		}));
		if (first !== undefined) {
			results.push({
				...found(
					"file-misread",
					`A shell takes ${path} otherwise than it looks.`,
					first,
					advise("Write NAME='value', one to a line, with line ends of Unix (dos2unix) and no byte order mark."),
				),
				evidence: [first, ...rest],
			});
		}

		if (holdsSecret && readableByOthers) {
			results.push(
				found(
					"readable-by-others",
					`Other users of this host can read the token in ${path}.`,
					{ from: path, saw: `mode ${mode}`, expected: "mode 600" },
					{
						advice: "Take their permission away.",
						command: ["chmod", "600", path],
						where: "here",
						risk: "changes",
						undo: ["chmod", mode, path],
					},
				),
			);
		}

		return results;
	});
}
