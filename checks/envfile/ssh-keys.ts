import { found, mapNonEmpty, type NonEmpty } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { exampleOf } from "./forms.ts";
import { example } from "./reading.ts";

const troubles = {
	placeholder: "the placeholder of the example",
	"file-name": "the name of a file, where the key itself must stand",
	"several-without-comma": "two keys without a comma between them",
	"yaml-special": "a comment with characters that YAML takes for its own, such as # : [ ] { } or ?",
	empty: "nothing between two commas",
	damaged: "a key that is cut off or damaged",
	other: "something that does not begin like a public key",
} as const;

/** Only shapes are known here: keys name people. */
export function judgeSshKeys({ sshKeys, variables }: Cluster): EnvfileFinding[] {
	const { VM_SSH_KEYS: variable } = variables;
	const given = { name: "VM_SSH_KEYS", origin: variable?.origin };
	const from = `VM_SSH_KEYS (${given.origin ?? "the environment"})`;
	if (sshKeys.some(({ shape }) => shape === "private-key")) {
		return [
			found(
				"private-key",
				"VM_SSH_KEYS holds a private key. It would stand in every machine's configuration, readable by all who can read the cluster.",
				{ from, saw: "a private key, which is not shown", expected: "the public key, from the file that ends in .pub" },
				example("Write the public key.", given),
				advise("Where it was used already, replace that key pair."),
			),
		];
	}

	const [first, ...rest] = sshKeys.flatMap(({ shape, type }, index) =>
		shape === "key" || shape === "private-key" ? [] : [{ shape, trouble: troubles[shape], type, number: index + 1 }],
	);
	if (first === undefined) {
		return [];
	}

	const wrong: NonEmpty<typeof first> = [first, ...rest];
	return [
		{
			code: "not-an-ssh-key",
			summary: `VM_SSH_KEYS holds ${first.trouble}. Nobody could log in with it, and the manifest may not even be read.`,
			evidence: mapNonEmpty(wrong, ({ trouble, type, number }) => ({
				from: `${from}, entry ${number} of ${sshKeys.length}`,
				saw: `${trouble}${type === undefined ? "" : `, of type ${type}`}`,
				expected: "TYPE KEY COMMENT, with commas between the keys",
			})),
			remedy: [
				first.shape === "yaml-special"
					? example(
							"Take those characters out of the comment, or put double quotes around each key, inside the single ones.",
							given,
							`"${exampleOf("VM_SSH_KEYS")}"`,
						)
					: example("Write the public key, from the file that ends in .pub.", given),
			],
		},
	];
}
