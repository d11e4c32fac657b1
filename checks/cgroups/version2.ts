import { since } from "../../src/knowledge/kind.ts";
import { controllersMissing } from "./controllers.ts";
import type { Host, VersionFinding } from "./findings.ts";
import { advise, asRoot, change, write } from "./steps.ts";

/** KEP-2254 and the kubelet's needs; kind does without cpuset, and Docker only warns. */
const wantedOnV2 = ["cpu", "memory", "pids"];
export function judgeVersion2(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	if (provider.place === "elsewhere" || cgroups.layout !== "unified") {
		return [];
	}

	return [...threaded(host), ...controllersMissing(host, wantedOnV2)];
}

/** OpenRC before 0.53 ran the service docker in the cgroup /docker, where Docker's cgroupfs driver puts containers. */
function threaded({ provider, cgroups, system }: Host): readonly VersionFinding[] {
	const { dockerCgroup } = cgroups;
	const isDockersOwn = provider.engine === "docker" && provider.cgroupDriver !== "systemd";
	if (dockerCgroup === undefined || !isDockersOwn) {
		return [];
	}

	const isThreaded = dockerCgroup.type.includes("threaded");
	if (!isThreaded && !dockerCgroup.hasProcesses) {
		return [];
	}

	return [
		{
			code: "docker-cgroup-threaded",
			confidence: isThreaded ? "certain" : "likely",
			summary: isThreaded
				? 'The cgroup /docker, in which Docker puts its containers, is threaded. systemd in a node ends with "Failed to create /init.scope control group", and docker run --memory with "it is in domain threaded mode".'
				: "Processes live in the cgroup /docker itself. With the first container it becomes threaded, and then systemd in a node fails.",
			evidence: [
				{
					from: "/sys/fs/cgroup/docker/cgroup.type",
					saw: `${dockerCgroup.type}${dockerCgroup.hasProcesses ? ", with processes of its own" : ""}`,
					expected: "no such cgroup outside of Docker's containers, or domain without processes",
				},
			],
			remedy: [
				advise(
					`Upgrade OpenRC to ${since.openrcServicePrefix} or newer: it calls the service's cgroup openrc.docker. Alpine 3.20 has it.`,
				),
				change(
					"Then restart Docker, so that it moves out of /docker.",
					undefined,
					...asRoot(system, "rc-service", "docker", "restart"),
				),
				write(
					"Where OpenRC cannot be upgraded, give Docker another parent in its JSON (not tried by us), and restart it.",
					'"cgroup-parent": "/containers"',
					"/etc/docker/daemon.json",
				),
			],
		},
	];
}
