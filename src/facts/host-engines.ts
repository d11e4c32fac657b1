import * as z from "zod";
import type { World } from "../access/world.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import { docker } from "./engines/docker.ts";
import { parseDocker } from "./engines/docker-info.ts";
import { parsePodman, podman } from "./engines/podman.ts";
import type { Know } from "./probe.ts";

/** Fact `host.engines`: Docker and Podman as they describe themselves. A missing tool is a state, no error. */
export const hostEngines = z.object({ docker, podman });
export type HostEngines = z.infer<typeof hostEngines>;

/** A daemon that starts up, such as Docker Desktop's, keeps its client waiting. */
const patience = 2_000;
/** Characters; a description has some thousands. Longer ones keep Node busy beyond every deadline. */
const longest = 1_048_576;

export async function readHostEngines(
	{ commands, files }: World,
	know: Know,
	signal: AbortSignal,
): Promise<HostEngines> {
	const run = (...argv: [string, ...string[]]) =>
		attempt(commands.run(argv, { signal, timeout: patience, maxOutput: longest }));
	const [system, hostname, info, version, context, podmanInfo] = await Promise.all([
		know("host.system"),
		ifAnswered(files.readText("/proc/sys/kernel/hostname")),
		run("docker", "info", "--format", "{{json .}}"),
		run("docker", "version", "--format", "{{json .}}"),
		run("docker", "context", "inspect"),
		run("podman", "info", "--format", "json"),
	]);
	return {
		docker: parseDocker({ info, version, context }, system, hostname?.trim()),
		podman: parsePodman(podmanInfo, system),
	};
}
