import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { parseJsonIn } from "./engines/answers.ts";

const tool = z.discriminatedUnion("state", [
	z.object({ state: z.literal("absent") }),
	/** It is there, and its version could not be told; or a copied tree does not say whether it is. */
	z.object({ state: z.literal("unknown"), because: z.string() }),
	/** The version without a leading v, such as `0.32.0` or `0.33.0-alpha+0ab1c2`. */
	z.object({ state: z.literal("found"), version: z.string() }),
]);
export type Tool = z.infer<typeof tool>;

/** Fact `host.tools`: the command-line tools that a management cluster is made with. */
export const hostTools = z.object({ kind: tool, kubectl: tool, clusterctl: tool });
export type HostTools = z.infer<typeof hostTools>;

export async function readHostTools({ commands }: World, signal: AbortSignal): Promise<HostTools> {
	const ask = async (parse: (stdout: string) => string | undefined, ...argv: [string, ...string[]]): Promise<Tool> => {
		// clusterctl would ask GitHub whether there is a newer one.
		const answer = await attempt(commands.run(argv, { signal, env: { CLUSTERCTL_DISABLE_VERSIONCHECK: "true" } }));
		if (answer instanceof ProbeError) {
			return answer.reason === "tool-missing" ? { state: "absent" } : { state: "unknown", because: answer.message };
		}

		const version = parse(answer.stdout);
		return version === undefined
			? { state: "unknown", because: `${argv.slice(0, 2).join(" ")} printed no version` }
			: { state: "found", version };
	};
	const [kind, kubectl, clusterctl] = await Promise.all([
		ask(parseKindVersion, "kind", "version"),
		ask(parseGitVersion("clientVersion"), "kubectl", "version", "--client", "-o", "json"),
		ask(parseGitVersion("clusterctl"), "clusterctl", "version", "-o", "json"),
	]);
	return { kind, kubectl, clusterctl };
}

/** `kind v0.32.0 go1.26.3 linux/amd64`, `kind version 0.32.0` or `0.32.0`. */
export const parseKindVersion = (text: string): string | undefined =>
	/^(?:kind (?:version )?)?v?(\d+\.\d+\.\d+\S*)/m.exec(text)?.[1];

const parseGitVersion = (key: string) => (text: string) =>
	z
		.looseObject({ [key]: z.object({ gitVersion: z.string() }) })
		.transform((answer) => answer[key])
		.pipe(z.object({ gitVersion: z.string() }))
		.safeParse(parseJsonIn(text))
		.data?.gitVersion.replace(/^v/, "");
