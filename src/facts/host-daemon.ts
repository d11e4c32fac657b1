import * as z from "zod";
import type { Files } from "../access/files.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import { parseJsonIn } from "./engines/answers.ts";
import { knowEngine } from "./host-engine.ts";
import { parseOpenFiles } from "./host-podman-limits.ts";
import type { Know } from "./probe.ts";

/** Fact `host.daemon`: what surrounds a Docker that runs on this host. */
export const hostDaemon = z.object({
	/** The hard limit of open files that containers get: that of daemon.json, else that of the process that starts them; absent where it was not found. */
	openFiles: z.object({ limit: z.number().int(), from: z.string() }).optional(),
	/** firewalld runs; absent where it does not. */
	firewalld: z.object({ backend: z.string() }).optional(),
});
export type HostDaemon = z.infer<typeof hostDaemon>;

/** @throws ProbeError not-set-up where kind takes no Docker on this host. */
export async function readHostDaemon(world: World, know: Know, signal: AbortSignal): Promise<HostDaemon> {
	const { engine, place, answers } = await knowEngine(know);
	if (engine !== "docker" || place !== "here" || !answers) {
		throw new ProbeError("not-set-up", "no Docker runs on this host");
	}

	const { docker } = await know("host.engines");
	const endpoint = docker.state === "answering" ? (docker.endpoint ?? "") : "";
	const [openFiles, firewalld] = await Promise.all([
		readUlimit(world, endpoint).then((found) => found ?? readOpenFiles(world.files, endpoint)),
		readFirewalld(world, signal),
	]);
	return { openFiles, firewalld };
}

const daemonFile = z.object({ "default-ulimits": z.object({ nofile: z.object({ Hard: z.number().int() }) }) });
/** dockerd(8): -1 is as many as the kernel allows. */
const unlimited = 2 ** 31;

async function readUlimit(world: World, endpoint: string): Promise<HostDaemon["openFiles"]> {
	const home = (await world.environment()).lookUp("HOME")[0]?.value ?? "";
	const folder = endpoint.startsWith("unix:///run/user/") ? `${home}/.config/docker` : "/etc/docker";
	const path = `${folder}/daemon.json`;
	const found = daemonFile.safeParse(parseJsonIn((await ifAnswered(world.files.readText(path))) ?? "")).data;
	const limit = found?.["default-ulimits"].nofile.Hard;
	return limit === undefined ? undefined : { limit: limit < 0 ? unlimited : limit, from: `${path} (default-ulimits)` };
}

/** containerd starts the containers: one of Docker's own, or a service, which has no file with its number. */
async function readOpenFiles(files: Files, endpoint: string): Promise<HostDaemon["openFiles"]> {
	const runtimeFolder = /^unix:\/\/(\/run\/user\/\d+)\//.exec(endpoint)?.[1] ?? "/run";
	const service = "system.slice/containerd.service/cgroup.procs";
	const lists = [
		`${runtimeFolder}/docker/containerd/containerd.pid`,
		...["/sys/fs/cgroup", "/sys/fs/cgroup/systemd"].map((base) => `${base}/${service}`),
	];
	const texts = await Promise.all(lists.map((path) => ifAnswered(files.readText(path))));
	// The service itself is the oldest of its cgroup, before the shims.
	const pids = texts.map((text) => /^\d+/.exec(text ?? "")?.[0]).filter((pid) => pid !== undefined);
	for (const pid of pids) {
		const limit = parseOpenFiles((await ifAnswered(files.readText(`/proc/${pid}/limits`))) ?? "");
		if (limit !== undefined) {
			return { limit, from: `/proc/${pid}/limits (containerd)` };
		}
	}

	return undefined;
}

async function readFirewalld({ files, commands, host }: World, signal: AbortSignal): Promise<HostDaemon["firewalld"]> {
	const settings = await ifAnswered(files.readText("/etc/firewalld/firewalld.conf"));
	if (settings === undefined && !host.recorded) {
		return undefined;
	}

	const answer = await attempt(commands.run(["systemctl", "is-active", "firewalld"], { signal }));
	if (answer instanceof ProbeError) {
		if (answer.reason === "tool-missing") {
			return undefined;
		}

		throw answer;
	}

	return answer.stdout.trim() === "active" ? { backend: parseBackend(settings ?? "") } : undefined;
}

/** firewalld.conf(5): nftables unless it says otherwise, since 0.6. */
const parseBackend = (settings: string): string => /^\s*FirewallBackend\s*=\s*(\w+)/m.exec(settings)?.[1] ?? "nftables";
