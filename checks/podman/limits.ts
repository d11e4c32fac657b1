import type { NonEmpty, Step } from "../../src/check.ts";
import type { System } from "../cgroups/host.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import { type Limits, listed, type PodmanFinding, type Scene } from "./findings.ts";

/** What the host grants each container; nothing of it keeps a small cluster from starting. */
export const judgeLimits = (scene: Scene, limits: Limits): readonly PodmanFinding[] => [
	...modules(scene, limits),
	...pids(scene, limits),
	...openFiles(limits),
	...journal(limits),
	...lowPorts(scene, limits),
];

const modulesFile = "/etc/modules-load.d/iptables.conf";

function modules({ system }: Scene, { missingModules }: Limits): readonly PodmanFinding[] {
	if (missingModules.length === 0) {
		return [];
	}

	const gone = missingModules.filter(({ isShipped }) => isShipped === false);
	const missing = missingModules.map(({ name }) => name);
	return [
		{
			code: "iptables-modules",
			// Nodes that use the nftables flavour of iptables do without.
			confidence: "likely",
			summary:
				gone.length === 0
					? `${listed(missing)} ${missing.length === 1 ? "is" : "are"} not loaded. A node of rootless Podman may not load kernel modules, and where kube-proxy needs these, it fails.`
					: `This kernel comes without ${listed(gone.map(({ name }) => name))}, so kube-proxy in a node must use nftables.`,
			evidence: [
				{
					from: "/proc/modules and modules.builtin",
					saw: `no ${missing.join(", ")}`,
					expected: "all four modules of iptables",
				},
			],
			remedy: gone.length === 0 ? loading(missing, system) : [withNftables],
		},
	];
}

const loading = (missing: readonly string[], system: System): NonEmpty<Step> => [
	change("Load them now.", undefined, ...asRoot(system, "modprobe", "-a", ...missing)),
	write("Load them at every boot.", missing.join("\n"), modulesFile),
];

const withNftables = write(
	"In kind's configuration file, below networking: (Kubernetes 1.31 or newer).",
	'  kubeProxyMode: "nftables"',
	"kind.yaml",
);

const keepLimit = "[containers]\npids_limit = 65536";

/** Podman's default is 2048; kind's documentation advises 65536. */
function pids({ podman: { server } }: Scene, { pids: found }: Limits): readonly PodmanFinding[] {
	if (found === undefined || found.limit > 4_096) {
		return [];
	}

	const { variable, folder = server.rootless ? "~/.config/containers" : "/etc/containers" } = found;
	return [
		{
			code: "pids-limit",
			summary: `A container may have ${found.limit} processes and threads here, and a node is one container. A small management cluster fits; with more Pods, programs in it fail with "Resource temporarily unavailable".`,
			evidence: [
				{
					from: variable === undefined ? found.from : `${found.from} (${variable})`,
					saw: `pids_limit ${found.limit}`,
					expected: "65536, as kind advises",
				},
			],
			remedy: [
				variable === undefined
					? write("Raise the limit, in a file of its own.", keepLimit, `${folder}/containers.conf.d/99-kind.conf`)
					: write(
							`Raise the limit: below [containers], in place of a line that is there. ${variable} names this file, so no other counts.`,
							"pids_limit = 65536",
							found.from,
						),
				advise("Nodes that exist keep the old limit. Create the cluster again when that is convenient."),
			],
		},
	];
}

/** images/base/files/usr/local/bin/entrypoint, validate_userns. */
const wantedOpenFiles = 64_000;

function openFiles({ openFiles: limit }: Limits): readonly PodmanFinding[] {
	return limit === undefined || limit >= wantedOpenFiles
		? []
		: [
				{
					code: "few-open-files",
					summary: `Programs of this user may open ${limit} files at most, and nodes of rootless Podman inherit that. kind asks for ${wantedOpenFiles}.`,
					evidence: [
						{ from: "/proc/self/limits, hard limit", saw: `${limit}`, expected: `${wantedOpenFiles} or more` },
					],
					remedy: [
						write("Raise it.", "* hard nofile 524288", "/etc/security/limits.d/kind.conf"),
						advise("Log out of all sessions and in again."),
					],
				},
			];
}

/** Podman's rootlessport opens them as the user: kind's page on rootless use. */
function lowPorts({ system }: Scene, { lowPorts: found }: Limits): readonly PodmanFinding[] {
	if (found === undefined) {
		return [];
	}

	const { ports, first, from } = found;
	const key = "net.ipv4.ip_unprivileged_port_start";
	const lowest = Math.min(...ports);
	return [
		{
			code: "low-port-denied",
			summary: `${from} maps ${ports.length === 1 ? "port" : "ports"} ${listed(ports.map(String))} of this host, and users may open none below ${first}. With it rootless Podman starts no node: "rootlessport cannot expose privileged port ${lowest}".`,
			evidence: [
				{ from: `${from}, extraPortMappings`, saw: `hostPort ${ports.join(", ")}`, expected: `${first} or more` },
				{ from: `/proc/sys/${key.replaceAll(".", "/")}`, saw: String(first), expected: `${lowest} or less` },
			],
			remedy: [
				advise(`Take ports from ${first} on, in ${from}.`),
				change(
					"Or let every user open these, now.",
					asRoot(system, "sysctl", "-w", `${key}=${first}`),
					...asRoot(system, "sysctl", "-w", `${key}=${lowest}`),
				),
				write("And after every boot.", `${key} = ${lowest}`, "/etc/sysctl.d/99-rootless.conf"),
			],
		},
	];
}

/** kind reads a node's log to see that it has booted: its page on rootless use, "log_driver". */
const journal = ({ readsJournal }: Limits): readonly PodmanFinding[] =>
	readsJournal === false
		? [
				{
					code: "journal-unreadable",
					confidence: "likely",
					summary:
						'Podman writes what containers print to the journal, and this user may read no journal. kind waits for a line of the node in there, and gives up: "could not find a log line that matches".',
					evidence: [
						{ from: "podman info, host.logDriver", saw: "journald", expected: "k8s-file" },
						{ from: "/run/log/journal and /var/log/journal", saw: "nothing that this user may read" },
					],
					remedy: [
						write(
							"Have Podman write logs to files.",
							'[containers]\nlog_driver = "k8s-file"',
							"~/.config/containers/containers.conf.d/99-kind-logs.conf",
						),
					],
				},
			]
		: [];
