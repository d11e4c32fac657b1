import type { NonEmpty, Step } from "../../src/check.ts";
import { since } from "../../src/knowledge/kind.ts";
import { delegateToUsers } from "../cgroups/delegate.ts";
import { isAtLeast } from "../cgroups/host.ts";
import { advise, change, write } from "../cgroups/steps.ts";
import { dockerServer, type Host, type KindHostFinding } from "./findings.ts";

/** What kind itself asks of Docker before it starts a node, and refuses to go on without. */
export const judgeDemands = (host: Host): readonly KindHostFinding[] => [...tooOld(host), ...notDelegated(host)];

/** docker run --cgroupns came with Docker 20.10 (API 1.41), the command's as well as the daemon's. */
function tooOld(host: Host): readonly KindHostFinding[] {
	const { provider, engines, tools } = host;
	const { docker } = engines;
	const isAsked = !(tools.kind.state === "found" && isAtLeast(tools.kind.version, since.kindPrivateCgroups) === false);
	if (provider.engine !== "docker" || !isAsked || (docker.state !== "silent" && docker.state !== "answering")) {
		return [];
	}

	const server = docker.server?.isPodman === true ? undefined : docker.server?.version;
	const old = [
		{ what: "Docker", from: "docker info, ServerVersion", version: server },
		{ what: "the docker command", from: "docker version, Client", version: docker.clientVersion },
	].filter(({ version }) => isAtLeast(version, since.dockerCgroupNamespaces) === false);
	const [first, ...rest] = old.map(({ from, version = "" }) => ({ from, saw: version, expected: "20.10 or newer" }));
	return first === undefined
		? []
		: [
				{
					code: "docker-too-old",
					...(tools.kind.state === "absent" ? { severity: "warning" } : {}),
					summary: `Too old for kind: ${old.map(({ what, version = "" }) => `${what} ${version}`).join(" and ")}. Since 0.20 kind starts each node with --cgroupns, which came with Docker 20.10: "unknown flag: --cgroupns", or "requires API version 1.41". Such a daemon does not run on cgroup v2 either: "Devices cgroup isn't mounted".`,
					evidence: [first, ...rest],
					remedy: [advise("Update Docker and its command: https://docs.docker.com/engine/install/.")],
				},
			];
}

/** kind, create.go (validateProvider) and docker/provider.go (info): with the driver none the three do not count. */
function notDelegated(host: Host): readonly KindHostFinding[] {
	const { tools } = host;
	const server = dockerServer(host);
	// On v1 kind stops sooner: cgroup-v2/rootless-on-v1.
	if (server?.rootless !== true || server.cgroupVersion === 1) {
		return [];
	}

	const { memory, pids, cpu } = server.limits;
	const isWithoutDriver = server.cgroupDriver === "none";
	const missing = [
		...(cpu ? [] : ["cpu (CPUShares)"]),
		...(memory ? [] : ["memory (MemoryLimit)"]),
		...(pids ? [] : ["pids (PidsLimit)"]),
	].join(", ");
	if (missing === "" && !isWithoutDriver) {
		return [];
	}

	return [
		{
			code: "rootless-not-delegated",
			...(tools.kind.state === "absent" ? { severity: "warning" } : {}),
			summary: `${server.isPodman ? "Podman's service, which answers to the docker command," : "Docker"} runs rootless, and ${isWithoutDriver ? "has no cgroups at its command" : "may not limit everything that kind asks for"}. kind stops with "running kind with rootless provider requires setting systemd property "Delegate=yes"".`,
			evidence: [
				isWithoutDriver
					? { from: "docker info, CgroupDriver", saw: "none", expected: "systemd" }
					: { from: "docker info", saw: `no ${missing}`, expected: "cpu, memory and pids" },
			],
			remedy: delegation(host, isWithoutDriver),
		},
	];
}

function delegation(host: Host, isWithoutDriver: boolean): NonEmpty<Step> {
	const { system, provider } = host;
	if (dockerServer(host)?.isPodman === true) {
		return [
			write(
				"Have kind use Podman by its own command, from the next login on. Then capmox-doctor check podman says what it lacks.",
				"export KIND_EXPERIMENTAL_PROVIDER=podman",
				"~/.profile",
			),
		];
	}

	if (provider.place !== "here") {
		return [
			advise(
				`Mend it on the machine that Docker runs on (${provider.placeBecause}). capmox-doctor, run there, says how.`,
			),
		];
	}

	if (system.init !== "systemd") {
		return [
			advise(
				"Use Docker as root: nothing but systemd hands cgroups to a user. Its context is the one called default.",
				...["docker", "context", "use", "default"],
			),
		];
	}

	return isWithoutDriver
		? [
				advise("Docker was started by hand, or in a session without systemd. End it there."),
				change(
					"Then make it a service of your user.",
					"dockerd-rootless-setuptool.sh uninstall",
					...(["dockerd-rootless-setuptool.sh", "install"] as const),
				),
				change("Start it.", "systemctl --user stop docker", ...(["systemctl", "--user", "start", "docker"] as const)),
				advise("Then this prints systemd.", "docker", "info", "--format", "{{.CgroupDriver}}"),
			]
		: delegateToUsers(system);
}
