import type { NonEmpty, Step } from "../../src/check.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import { dockerServer, type Host, type KindHostFinding } from "./findings.ts";

/** What surrounds the engine, and the machine that it runs on. */
export const judgeDaemon = (host: Host): readonly KindHostFinding[] => [
	...windows(host),
	...architecture(host),
	...firewall(host),
	...openFiles(host),
	...withoutSystemd(host),
];

/** Docker Desktop on Windows runs one kind of containers at a time. */
const windows = (host: Host): readonly KindHostFinding[] =>
	dockerServer(host)?.runsWindows === true
		? [
				{
					code: "windows-containers",
					summary:
						'Docker runs Windows containers here, and kind\'s nodes are Linux ones: "no matching manifest for windows/amd64".',
					evidence: [{ from: "docker info, OSType", saw: "windows", expected: "linux" }],
					remedy: [
						advise(
							"Right-click Docker Desktop's icon in the task bar: Switch to Linux containers. Without Docker Desktop, use Docker in WSL 2.",
						),
						advise("Then this prints linux.", "docker", "info", "--format", "{{.OSType}}"),
					],
				},
			]
		: [];

/** kindest/node, and CAPMOX's releases: amd64 and arm64, by the names of uname and of Go. */
const withImages = ["x86_64", "amd64", "aarch64", "arm64"];

const architecture = ({ provider }: Host): readonly KindHostFinding[] =>
	provider.architecture === undefined || withImages.includes(provider.architecture)
		? []
		: [
				{
					code: "architecture-without-images",
					summary: `Containers run on a ${provider.architecture} processor here. kind's node images and CAPMOX's are made for amd64 and arm64 only: "exec format error", or "no matching manifest".`,
					evidence: [
						{
							from: `${provider.engine} info`,
							saw: provider.architecture,
							expected: "x86_64 (amd64) or aarch64 (arm64)",
						},
					],
					remedy: [advise("Make the management cluster on another machine, such as a virtual machine on Proxmox VE.")],
				},
			];

/** Since 20.10 Docker puts its bridges into a zone of firewalld: kind#1547, moby#41353. */
function firewall(host: Host): readonly KindHostFinding[] {
	const server = dockerServer(host);
	// Podman's service has its own count.
	const version = server?.isPodman === true ? undefined : server?.version;
	const backend = host.daemon?.firewalld?.backend;
	// No semantic version: 19.03 was followed by 20.10.
	return backend !== "nftables" || version === undefined || Number.parseInt(version, 10) >= 20
		? []
		: [
				{
					code: "firewalld-blocks",
					confidence: "likely",
					summary: `firewalld runs with nftables, and Docker ${version} does not tell it of its networks. Pods and nodes then get no answer from DNS or from anything outside.`,
					evidence: [
						{ from: "/etc/firewalld/firewalld.conf", saw: `FirewallBackend=${backend}` },
						{ from: "docker info", saw: `Docker ${version}`, expected: "20.10 or newer" },
					],
					remedy: [
						advise("Update Docker: since 20.10 it makes a zone of its own. https://docs.docker.com/engine/install/"),
						change(
							"Until then: trust Docker's bridge.",
							"firewall-cmd --zone=trusted --remove-interface=docker0",
							...asRoot(host.system, "firewall-cmd", "--zone=trusted", "--add-interface=docker0"),
						),
					],
				},
			];
}

/** images/base/files/usr/local/bin/entrypoint of kind. */
const wantedOpenFiles = 64_000;
/** systemd's 1073741816 where a service asks for infinity; Debian's systemd, and Docker since 25, stay far below. */
const unbounded = 1_000_000_000;

function openFiles(host: Host): readonly KindHostFinding[] {
	const found = host.daemon?.openFiles;
	if (found === undefined || (found.limit >= wantedOpenFiles && found.limit < unbounded)) {
		return [];
	}

	const saw = `Max open files ${found.limit}`;
	return found.limit < wantedOpenFiles
		? [
				{
					code: "few-open-files",
					summary: `Containers may open ${found.limit} files each here, and a node with all its pods is one container. kind asks for ${wantedOpenFiles}; etcd and the kubelet run out sooner: "too many open files".`,
					evidence: [{ from: found.from, saw, expected: `${wantedOpenFiles} or more` }],
					remedy: boundOpenFiles(host, "Have Docker give each container more."),
				},
			]
		: [
				{
					code: "unbounded-open-files",
					confidence: "likely",
					summary: `Containers may open ${found.limit} files each here. Older programs go through all of them when they start, or keep memory ready for each: MySQL, RPM and HAProxy hang, or are killed for their memory.`,
					evidence: [{ from: found.from, saw, expected: "some hundred thousand" }],
					remedy: boundOpenFiles(host, "Have Docker give each container a limit that is enough for a node."),
				},
			];
}

function boundOpenFiles(host: Host, advice: string): NonEmpty<Step> {
	const limits = '"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 524288, "Soft": 524288}}';
	return [
		write(advice, limits, daemonFile(host)),
		restartDocker(host, "Restart Docker. Containers that run are stopped; nodes that exist keep the old limit."),
	];
}

const daemonFile = ({ provider }: Host): string =>
	provider.rootless === true ? "~/.config/docker/daemon.json" : "/etc/docker/daemon.json";

function restartDocker({ provider, system }: Host, advice: string): Step {
	const command = ["systemctl", ...(provider.rootless === true ? ["--user"] : []), "restart", "docker"] as const;
	return system.init === "systemd"
		? change(
				advice,
				"take the line out and restart Docker",
				...(provider.rootless === true ? command : asRoot(system, ...command)),
			)
		: advise(advice);
}

/** Seen with runc 1.1.5; Docker takes this driver without systemd only where it is told to. */
function withoutSystemd(host: Host): readonly KindHostFinding[] {
	const { provider, system } = host;
	const server = dockerServer(host);
	return server?.cgroupDriver !== "systemd" ||
		server.isPodman ||
		provider.place !== "here" ||
		system.init === "systemd" ||
		system.init === "unknown"
		? []
		: [
				{
					code: "driver-without-systemd",
					summary:
						'Docker is told to leave cgroups to systemd, and systemd is not what started this host. No container starts: "systemd not running on this host, cannot use systemd cgroups manager".',
					evidence: [
						{ from: "docker info, CgroupDriver", saw: "systemd", expected: "cgroupfs" },
						{ from: "/proc/1/comm and /run/systemd/system", saw: `init is ${system.init}` },
					],
					remedy: [
						write(
							"Have Docker make them itself, in place of native.cgroupdriver=systemd there or among the options of dockerd.",
							'"exec-opts": ["native.cgroupdriver=cgroupfs"]',
							daemonFile(host),
						),
						restartDocker(host, "Restart Docker. Containers that run are stopped."),
					],
				},
			];
}
