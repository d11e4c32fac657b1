import * as z from "zod";
import type { Environment } from "../access/environment.ts";
import type { Files } from "../access/files.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { ifAnswered } from "./attempt.ts";
import { parseJsonIn, text } from "./engines/answers.ts";
import { knowEngine } from "./host-engine.ts";
import type { Know } from "./probe.ts";

/**
 * Fact `host.proxies`: what sends a program's HTTPS requests through a proxy; HTTP_PROXY concerns none of ours. An address
 * may hold a password, so none is kept. What Docker itself asks through stands in `host.engines`.
 */
export const hostProxies = z.object({
	https: z.object({ name: z.string(), origin: z.string() }).optional(),
	noProxy: z.object({ name: z.string(), origin: z.string(), entries: z.array(z.string()) }).optional(),
	/** `proxies` in the docker command's config.json: it hands them to every container that it starts. */
	ofContainers: z.object({ from: z.string(), https: z.boolean(), entries: z.array(z.string()) }).optional(),
});
export type HostProxies = z.infer<typeof hostProxies>;

/** Go's order, which kind, clusterctl and kubectl share: upper case before lower case, and an empty value is none. */
export async function readHostProxies(world: World, know: Know): Promise<HostProxies> {
	await knowEngine(know);
	const [environment, { docker }] = await Promise.all([world.environment(), know("host.engines")]);
	const find = (name: string) =>
		[name, name.toLowerCase()].flatMap((spelt) => {
			const [winner] = environment.lookUp(spelt);
			return winner === undefined || winner.value.trim() === ""
				? []
				: [{ name: spelt, origin: winner.origin, value: winner.value }];
		})[0];
	const [https, noProxy] = ["HTTPS_PROXY", "NO_PROXY"].map(find);
	if (world.host.recorded && https === undefined) {
		throw new ProbeError("not-found", "a copied tree does not tell which proxies are set in a shell of its host");
	}

	const endpoint = docker.state === "silent" || docker.state === "answering" ? docker.endpoint : undefined;
	return {
		https: https && { name: https.name, origin: https.origin },
		noProxy: noProxy && { name: noProxy.name, origin: noProxy.origin, entries: entriesOf(noProxy.value) },
		ofContainers: await readConfig(world.files, environment, endpoint),
	};
}

const entriesOf = (value: string): string[] =>
	value
		.split(",")
		.map((entry) => entry.trim())
		// Someone may have pasted a proxy's address there, with its password; no host has an @ in its name.
		.filter((entry) => entry !== "" && !entry.includes("@"));

/** docker/cli, cli/config/configfile: one for each endpoint, and one for the others. Nothing else of the file is kept. */
const configFile = z.object({ proxies: z.record(z.string(), z.object({ httpsProxy: text, noProxy: text })) });

/** What it cannot read, the docker command does without. */
async function readConfig(
	files: Files,
	environment: Environment,
	endpoint: string | undefined,
): Promise<HostProxies["ofContainers"]> {
	const [named, home] = ["DOCKER_CONFIG", "HOME"].map((name) => environment.lookUp(name)[0]?.value.trim() ?? "");
	const folder = named !== "" ? named : home === "" ? undefined : `${home ?? ""}/.docker`;
	const path = `${folder ?? ""}/config.json`;
	const content = folder === undefined ? undefined : await ifAnswered(files.readText(path));
	const { proxies } = configFile.safeParse(parseJsonIn(content ?? "")).data ?? {};
	const found = proxies?.[endpoint ?? ""] ?? proxies?.["default"];
	return found && { from: path, https: found.httpsProxy !== "", entries: entriesOf(found.noProxy) };
}
