import type { NonEmpty, Step } from "../../src/check.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import { dockerServer, type Host, type KindHostFinding } from "./findings.ts";

export function judgeEngine(host: Host): readonly KindHostFinding[] {
	if (!host.provider.answers) {
		// Nothing starts an engine there.
		return host.system.wsl === 1 && host.provider.place === "here" ? [] : [silent(host)];
	}

	return [...elsewhere(host), ...imageStore(host), ...fromSnap(host)];
}

/** `because` completes the sentence with what is missing, and why that is what kind looks for. */
export const noEngine = (because: string): KindHostFinding => ({
	code: "no-engine",
	summary: `kind starts its nodes as containers, and has nothing to start them with: ${because}.`,
	evidence: [{ from: "PATH", saw: because, expected: "docker or podman" }],
	remedy: [advise("Install Docker: https://docs.docker.com/engine/install/. Podman works too, from version 4 on.")],
});

const isUsed = ({ tools: { kind } }: Host): boolean => kind.state === "found";

function silent(host: Host): KindHostFinding {
	const { docker } = host.engines;
	const { engine, silence, chosenBecause } = host.provider;
	if (silence === undefined) {
		return noEngine(
			chosenBecause.startsWith("KIND_") ? `${chosenBecause}, and there is no ${engine} here` : chosenBecause,
		);
	}

	const kind = engine === "docker" && docker.state === "silent" ? (docker.silence?.kind ?? "other") : "other";
	if (kind === "no-wsl-integration") {
		return integrationOff(silence);
	}

	const denied = rootlessDenied(host, silence);
	if (denied !== undefined) {
		return denied;
	}

	// Without kind nobody waits for the engine now.
	const mildly = isUsed(host) ? {} : ({ severity: "warning" } as const);
	const evidence = [
		{ from: `${engine} info`, saw: silence.replace(/^\w+ info: /, ""), expected: "the engine's description" },
	] as const;
	return kind === "too-old"
		? {
				code: "api-version-refused",
				...mildly,
				summary: "The docker command is installed, but Docker and it have no version of the API in common.",
				evidence,
				remedy: speakOldApi,
			}
		: { code: "engine-silent", ...mildly, summary: summaries[kind](engine), evidence, remedy: remedies[kind](host) };
}

/** Docker Desktop puts a stand-in for docker into every distribution. */
const integrationOff = (silence: string): KindHostFinding => ({
	code: "wsl-integration-off",
	summary:
		"Docker Desktop is installed in Windows, but not switched on for this distribution, so the docker command here does nothing. kind, run here, starts no node.",
	evidence: [{ from: "docker info", saw: silence.replace(/^docker info: /, ""), expected: "the engine's description" }],
	remedy: [
		advise(
			"In Docker Desktop: Settings, Resources, WSL integration: switch on this distribution. Then Apply & restart.",
		),
		advise("Then this answers.", "docker", "info"),
	],
});

/** moby#47480: rootlesskit has no profile of its own in Ubuntu. */
function rootlessDenied({ engines: { docker }, kernel, system }: Host, silence: string): KindHostFinding | undefined {
	const isRootless = docker.state === "silent" && docker.endpoint?.startsWith("unix:///run/user/") === true;
	return isRootless && docker.silence?.kind === "not-running" && kernel?.restrictsNamespaces === true
		? {
				code: "rootless-denied",
				confidence: "likely",
				summary:
					"Rootless Docker does not run, and AppArmor lets only programs with a profile make the user namespace that it lives in. Docker's rootlesskit needs such a profile.",
				evidence: [
					{ from: "docker info", saw: silence.replace(/^docker info: /, ""), expected: "the engine's description" },
					{ from: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", saw: "1", expected: "0, or a profile" },
				],
				remedy: [
					advise(
						"This writes what stands in its way, and the profile to install.",
						...["dockerd-rootless-setuptool.sh", "check"],
					),
					change(
						"When the profile is in /etc/apparmor.d: load it.",
						undefined,
						...asRoot(system, "systemctl", "restart", "apparmor"),
					),
					change("Start Docker.", "systemctl --user stop docker", "systemctl", "--user", "start", "docker"),
				],
			}
		: undefined;
}

const speakOldApi: NonEmpty<Step> = [
	advise("Update the older of the two; this shows both versions.", "docker", "version"),
	advise(
		"If DOCKER_API_VERSION is set, take it out: it keeps docker from agreeing on a version.",
		"printenv",
		"DOCKER_API_VERSION",
	),
	write(
		"Or, where it is the docker command that is too old and cannot be updated, let Docker take older clients. Then restart Docker.",
		'"min-api-version": "1.24"',
		"/etc/docker/daemon.json",
	),
];

type Silence = "not-running" | "permission" | "timeout" | "bad-context" | "bad-host" | "other";
const down = (engine: string) => `${engine} is installed, but it does not answer. kind starts no node without it.`;

const summaries: Readonly<Record<Silence, (engine: string) => string>> = {
	"not-running": () => "The docker command is installed, but Docker is not running. kind starts no node without it.",
	permission: () =>
		"Docker is there, but this user may not talk to it. kind, run by this user, will fail the same way.",
	timeout: down,
	"bad-context": () => "The docker command is set to a context that does not exist.",
	"bad-host": () => "The docker command is set to an address that it cannot read.",
	other: down,
};

const remedies: Readonly<Record<Silence, (host: Host) => NonEmpty<Step>>> = {
	"not-running": start,
	permission: () => [
		advise(
			"Make your user a member of the group docker (sudo usermod -aG docker YOUR-NAME), then log in again. Whoever is in that group is as powerful as root.",
		),
		advise("Afterwards docker is among these.", "id", "-nG"),
	],
	timeout: start,
	"bad-context": () => [
		change("Go back to the local Docker.", "docker context use the former name", "docker", "context", "use", "default"),
		advise("If DOCKER_CONTEXT is set, take it out: it wins.", "printenv", "DOCKER_CONTEXT"),
	],
	"bad-host": () => [
		advise(
			"Take DOCKER_HOST out of the environment, or mend it: unix:///path, ssh://host or tcp://host:port.",
			"printenv",
			"DOCKER_HOST",
		),
		advise("If it is not set, the context has the address.", "docker", "context", "inspect"),
	],
	other: ({ provider: { engine } }) => [advise("See what it says.", engine, "info")],
};

const answers = advise("Then this answers.", "docker", "info");

function start({ system, provider, engines: { docker } }: Host): NonEmpty<Step> {
	const { context = "", endpoint = "" } = docker.state === "silent" ? docker : {};
	if (context === "desktop-linux" || endpoint.includes("/.docker/desktop/")) {
		return system.platform === "linux"
			? [
					change(
						"Start Docker Desktop.",
						"systemctl --user stop docker-desktop",
						...(["systemctl", "--user", "start", "docker-desktop"] as const),
					),
					answers,
				]
			: [advise("Start Docker Desktop, and wait until it says that it runs."), answers];
	}

	const remote = /^ssh:\/\/([^/]+)/.exec(endpoint)?.[1];
	if (remote !== undefined) {
		return [
			advise(
				"See whether ssh gets there without asking anything, and whether Docker runs there.",
				"ssh",
				remote,
				"docker",
				"info",
			),
			advise("Start that host, or Docker on it. Then this answers.", "docker", "info"),
		];
	}

	if (provider.place !== "here" || system.platform !== "linux") {
		return [advise(`Start Docker there: ${provider.placeBecause}.`), answers];
	}

	if (endpoint.startsWith("unix:///run/user/")) {
		return [
			change(
				"Start your own Docker, which is rootless.",
				"systemctl --user stop docker",
				"systemctl",
				"--user",
				"start",
				"docker",
			),
			advise("If it stops again, its log says why.", "journalctl", "--user", "-u", "docker", "-n", "50"),
		];
	}

	if (endpoint !== "" && !/^unix:\/\/(?:\/var)?\/run\/docker\.sock$/.test(endpoint)) {
		return [
			advise(
				`Docker's usual socket is /var/run/docker.sock, and the docker command looks at ${endpoint}. If that is a mistake, take DOCKER_HOST out, or choose another context.`,
				...["docker", "context", "ls"],
			),
			advise("Otherwise start what should listen there. Then this answers.", "docker", "info"),
		];
	}

	switch (system.init) {
		case "systemd":
			return [
				change(
					"Start Docker.",
					asRoot(system, "systemctl", "stop", "docker"),
					...asRoot(system, "systemctl", "start", "docker"),
				),
				advise("If it stops again, its log says why.", "journalctl", "-u", "docker", "-n", "50"),
			];
		case "openrc":
			return [
				change(
					"Start Docker.",
					asRoot(system, "rc-service", "docker", "stop"),
					...asRoot(system, "rc-service", "docker", "start"),
				),
			];
		default:
			return [
				change(
					"Start Docker.",
					asRoot(system, "service", "docker", "stop"),
					...asRoot(system, "service", "docker", "start"),
				),
			];
	}
}

function elsewhere({ provider, engines: { docker } }: Host): readonly KindHostFinding[] {
	const endpoint = provider.engine === "docker" && docker.state === "answering" ? (docker.endpoint ?? "") : "";
	const isNetwork = /^(?:ssh|tcp):\/\//.test(endpoint) && !/^tcp:\/\/(?:localhost|127\.|\[::1\])/.test(endpoint);
	return isNetwork
		? [
				{
					code: "engine-on-another-host",
					summary: `docker talks to ${endpoint}. The kubeconfig that kind writes names 127.0.0.1, which is that host and not this one, so kubectl and clusterctl find no cluster.`,
					evidence: [{ from: "docker context inspect", saw: endpoint, expected: "an engine on this host" }],
					remedy: [
						advise("Run kind and clusterctl on the host that Docker runs on."),
						advise(
							"Or set networking.apiServerAddress in kind's configuration to an address of that host. Everyone who can reach it there can then try to log in.",
						),
					],
				},
			]
		: [];
}

function imageStore(host: Host): readonly KindHostFinding[] {
	const server = dockerServer(host);
	return server?.containerdStore === true && host.tools.kind.state !== "absent"
		? [
				{
					code: "containerd-image-store",
					confidence: "likely",
					summary: `Docker ${server.version} keeps images in containerd's store. "kind load docker-image" then fails with "content digest … not found" for images of several platforms. Clusters start all the same.`,
					evidence: [{ from: "docker info, DriverStatus", saw: "driver-type io.containerd.snapshotter.v1" }],
					remedy: [
						advise(
							"Only where you load images into kind: save the image for one platform, for example with the command below.",
							...["docker", "save", "--platform", "linux/amd64", "--output", "image.tar", "IMAGE"],
						),
						advise("Then load the file.", "kind", "load", "image-archive", "image.tar"),
					],
				},
			]
		: [];
}

function fromSnap(host: Host): readonly KindHostFinding[] {
	const root = dockerServer(host)?.rootDirectory ?? "";
	return root.startsWith("/var/snap/")
		? [
				{
					code: "docker-from-snap",
					summary:
						"Docker was installed from snap. It sees no files outside of home directories, so kind fails on those that it puts into /tmp: no such file or directory.",
					evidence: [{ from: "docker info, DockerRootDir", saw: root, expected: "/var/lib/docker" }],
					remedy: [
						change(
							"In your home directory, make a folder for temporary files: that one this Docker can see.",
							undefined,
							"mkdir",
							"-p",
							"tmp",
						),
						write("Have kind use it, from the next login on.", 'export TMPDIR="$HOME/tmp"', "~/.profile"),
						advise(
							"Better: install Docker's own packages in its place (https://docs.docker.com/engine/install/). Images and containers of the old one stay behind.",
						),
					],
				},
			]
		: [];
}
