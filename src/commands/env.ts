import { createMask } from "../access/mask.ts";
import { writeSecretFile } from "../access/secret-file.ts";
import { openWorld } from "../access/world.ts";
import { type Converted, convert, type Program, renderEnvfile } from "../env/convert.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { secretsWithin } from "../facts/environment.ts";
import { toShell } from "../shell.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

export interface EnvOptions extends GlobalOptions {
	readonly for?: Program;
	readonly output?: string;
	readonly force: boolean;
}

/** `env`: what is known of the environment in another form. Returns 3 where something that belongs in it is not known. */
export async function env(options: EnvOptions, terminal: Terminal): Promise<number> {
	if (options.for === undefined) {
		throw new UsageError("env needs --for capmox, --for image-builder or --role");
	}

	return await rename(options.for, options, terminal);
}

/** The same values under the names of another program. The secret goes into the file, and nowhere else. */
async function rename(program: Program, options: EnvOptions, terminal: Terminal): Promise<number> {
	const { output, force } = options;
	if (output === "-") {
		throw new UsageError("--output -: the secret is written into a file only, so name one");
	}

	const converted = await read(program, options);
	const names = converted.assigned.map(({ name }) => name).join(", ");
	if (output === undefined) {
		terminal.out(masked(program, converted));
		const hidden = converted.assigned.some(({ isSecret }) => isSecret) ? "The secret is masked here. " : "";
		const again = ["capmox-doctor", "env", "--for", program, "--output", `${program}.env`];
		const from = options.envFile === undefined ? [] : ["-e", options.envFile];
		terminal.err(`${hidden}To have a file: ${toShell([...again, ...from])}\n`);
	} else {
		await writeSecretFile(output, renderEnvfile(program, converted), { force });
		terminal.out(`Wrote ${output}, readable only by you, with ${names}.\n`);
	}

	if (converted.missing.length > 0) {
		terminal.err(`Not known here, so fill it in by hand: ${converted.missing.join(", ")}.\n`);
	}

	return converted.missing.length === 0 ? 0 : 3;
}

async function read(program: Program, options: EnvOptions): Promise<Converted> {
	try {
		return convert(await openWorld(options).environment(), program);
	} catch (error) {
		throw error instanceof ProbeError ? new UsageError(error.message, { cause: error }) : error;
	}
}

/** The values that are secret by their name are left out whole; what else holds them, or a password in the URL, is masked. */
function masked(program: Program, { assigned, missing }: Converted): string {
	const hidden = assigned.map((each) =>
		each.isSecret || isPrivateKey(each.value) ? { ...each, value: "[secret]" } : each,
	);
	const passwords = assigned.flatMap(({ value }) => /\/\/[^/?#]*:([^/?#]*)@/.exec(value)?.[1] ?? []);
	const mask = createMask([
		...passwords,
		...assigned.flatMap(({ value, isSecret }) => [...(isSecret ? [value] : []), ...secretsWithin(value)]),
	]);
	return mask(renderEnvfile(program, { assigned: hidden, missing }));
}

/** Pasted in place of a public one into VM_SSH_KEYS. */
const isPrivateKey = (value: string): boolean => value.includes("PRIVATE KEY");
