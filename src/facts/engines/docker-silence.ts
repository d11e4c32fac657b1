import { ProbeError } from "../../errors.ts";
import type { Answered } from "./answers.ts";
import type { Docker } from "./docker.ts";

/** The words of docker 20.10 to 29, first match wins. */
const silences: readonly (readonly [RegExp, NonNullable<Extract<Docker, { silence?: unknown }>["silence"]>["kind"]])[] =
	[
		[/could not be found in this WSL/i, "no-wsl-integration"],
		[/permission denied while trying to connect/i, "permission"],
		// "check if the server supports the requested API version" is said of every 404, also of a proxy's.
		[/version \S+ is too (?:old|new)|(?:minimum|maximum) supported API version/i, "too-old"],
		[/invalid bind address format|unable to parse docker host|invalid proto/i, "bad-host"],
		[/unable to resolve docker endpoint|context .* not found/i, "bad-context"],
		[/cannot connect to the docker daemon|failed to connect to the docker api|error during connect/i, "not-running"],
	];

export function silenceOf(
	answer: Answered,
	errors: readonly string[],
): { kind: (typeof silences)[number][1]; said: string } {
	if (answer instanceof ProbeError) {
		return { kind: "timeout", said: answer.message };
	}

	// Docker Desktop's stand-in for docker prints no JSON.
	const plain = answer.stdout.trimStart().startsWith("{") ? "" : answer.stdout;
	const said =
		[...errors, ...answer.stderr.trim().split("\n"), ...plain.split("\n")].find((line) => line.trim() !== "") ?? "";
	// An address may hold a password: DOCKER_HOST, or that of a proxy.
	const short = said
		.trim()
		.replace(/(\/\/[^\s/@:]*):[^\s/@]*@/g, "$1:***@")
		.slice(0, 300);
	return {
		kind:
			silences.find(([pattern]) => pattern.test(`${errors.join("\n")}\n${answer.stderr}\n${plain}`))?.[1] ?? "other",
		said: short === "" ? `docker info ended with ${answer.exitCode} and said nothing` : short,
	};
}
