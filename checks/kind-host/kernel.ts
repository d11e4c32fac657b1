import type { Step } from "../../src/check.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import type { Host, KindHostFinding, System } from "./findings.ts";

/** What this host's kernel has and allows; where containers run on another one it is absent. */
export const judgeKernel = (host: Host): readonly KindHostFinding[] =>
	host.system.container !== undefined
		? ipv6Locked(host)
		: [...lacking(host), ...bridges(host), ...ipv6(host), ...ipv6Locked(host), ...apparmor(host), ...selinux(host)];

/** A kernel without any list of modules, or one that was replaced on the disk, is judged elsewhere. */
function lacking({ kernel, system }: Host): readonly KindHostFinding[] {
	const missing = kernel?.lacking ?? [];
	return kernel === undefined || missing.length === 0
		? []
		: [
				{
					code: "modules-missing",
					confidence: "likely",
					summary: `Kernel ${kernel.release} comes without ${missing.join(", ")}. Docker's and kube-proxy's rules need them: "Couldn't load match", "No chain/target/match by that name", or "operation not supported".`,
					evidence: [
						{
							from: `/proc/modules, and the lists in /lib/modules/${kernel.release}`,
							saw: `no ${missing.join(", ")}`,
							expected: "loaded, built in, or on the disk",
						},
					],
					remedy: [moreModules(system, kernel.release), advise("Then look again; some kernels need a reboot first.")],
				},
			];
}

/** Slim kernels have the rest in a package of its own. */
function moreModules(system: System, release: string): Step {
	const ids = [system.distribution?.id ?? "", ...(system.distribution?.like ?? [])];
	const install = (...command: readonly [string, ...string[]]) =>
		change("Install the rest of the kernel's modules.", undefined, ...asRoot(system, ...command));
	if (ids.includes("fedora") || ids.includes("rhel")) {
		return install("dnf", "install", "-y", `kernel-modules-extra-${release}`);
	}

	if (ids.includes("ubuntu")) {
		return install("apt-get", "install", "-y", `linux-modules-extra-${release}`);
	}

	return ids.includes("debian") && release.includes("cloud")
		? change(
				"Install Debian's full kernel in place of the one for clouds, then reboot into it.",
				undefined,
				...asRoot(system, "apt-get", "install", "-y", "linux-image-amd64"),
			)
		: advise("Install a kernel of your distribution that has them, or the package with the rest of its modules.");
}

/** A rootful node loads it itself; a rootless one may not. */
const bridges = ({ kernel, provider, system }: Host): readonly KindHostFinding[] =>
	provider.rootless === true && kernel?.filtersBridges === false && kernel.lacking?.includes("br_netfilter") === false
		? [
				{
					code: "bridges-unfiltered",
					confidence: "likely",
					summary:
						"br_netfilter is not loaded, and a node of a rootless engine may not load it. Without it a pod may not reach another pod of its own node through a service.",
					evidence: [{ from: "/proc/modules", saw: "no br_netfilter", expected: "br_netfilter" }],
					remedy: [
						change("Load it now.", undefined, ...asRoot(system, "modprobe", "br_netfilter")),
						write("Load it at every boot.", "br_netfilter", "/etc/modules-load.d/kind.conf"),
					],
				},
			]
		: [];

/** kind, docker/network.go: it asks for a network with IPv6, and takes one without where Docker refuses in words that it knows. */
const asksForIpv6 = ({ provider, networks, tools }: Host): boolean =>
	provider.engine === "docker" &&
	tools.kind.state !== "absent" &&
	networks?.engine?.some(({ name }) => name === "kind") === false;

const makeNetwork = (advice: string): Step =>
	change(
		advice,
		"docker network rm kind",
		...(["docker", "network", "create", "--driver", "bridge"] as const),
		...(["--opt", "com.docker.network.bridge.enable_ip_masquerade=true", "kind"] as const),
	);

const ipv6 = (host: Host): readonly KindHostFinding[] =>
	host.kernel?.ipv6 === false && asksForIpv6(host)
		? [
				{
					code: "kernel-without-ipv6",
					confidence: "likely",
					summary:
						"This kernel has no IPv6. kind asks Docker for a network with IPv6, and takes one without only if it understands the refusal; some versions of Docker put it in words that kind does not know.",
					evidence: [{ from: "/proc/net/if_inet6", saw: "not there", expected: "a list of addresses" }],
					remedy: [
						makeNetwork(
							"Only if kind create cluster stops at its network: make that network yourself. kind takes the one that is there.",
						),
					],
				},
			]
		: [];

/** Seen with Docker 20.10: what is merely switched off it switches on for the network, and on a read-only /proc/sys it stops, in words that kind does not know. */
const ipv6Locked = (host: Host): readonly KindHostFinding[] =>
	host.kernel?.keepsIpv6Off === true && host.provider.rootless !== true && asksForIpv6(host)
		? [
				{
					code: "ipv6-locked-off",
					summary:
						'IPv6 is switched off here, and the settings of the kernel are read-only. kind asks Docker for a network with IPv6, and stops: "Unable to enable IPv6 addresses on bridge: … read-only file system".',
					evidence: [
						{ from: "/proc/sys/net/ipv6/conf/default/disable_ipv6", saw: "1", expected: "0" },
						{ from: "/proc/self/mountinfo", saw: "/proc/sys/net is read-only", expected: "Docker may write there" },
					],
					remedy: [makeNetwork("Make the network yourself, without IPv6. kind takes the one that is there.")],
				},
			]
		: [];

/** A path is all that a profile goes by, so it holds in containers, too: kind's known issues, "AppArmor"; moby#7512. */
function apparmor({ kernel, system }: Host): readonly KindHostFinding[] {
	const left = kernel?.leftProfiles ?? [];
	const files = left.flatMap(({ file }) => file ?? []);
	const isElsewhere = files.length < left.length;
	const [first, ...rest] = [
		...files.map((file) =>
			change(
				"Take the profile out of the kernel; what removed the program left its file.",
				asRoot(system, "apparmor_parser", "--replace", file),
				...asRoot(system, "apparmor_parser", "--remove", file),
			),
		),
		...(isElsewhere
			? [
					advise("See which profiles have no file any more.", ...asRoot(system, "aa-remove-unknown", "-n")),
					change(
						"Take those out. Docker's own is among them: restart Docker afterwards.",
						undefined,
						...asRoot(system, "aa-remove-unknown"),
					),
				]
			: []),
	];
	return first === undefined
		? []
		: [
				{
					code: "apparmor-profile-left",
					confidence: "likely",
					summary: `AppArmor confines ${left.map(({ program }) => program).join(", ")}, which ${left.length === 1 ? "is" : "are"} not on this host any more. A program of that path in a pod is confined as well, and fails: "Permission denied".`,
					evidence: [
						{
							from: "/sys/kernel/security/apparmor/profiles",
							saw: left.map(({ program }) => `${program} (enforce)`).join(", "),
							expected: "profiles of programs that are there",
						},
					],
					remedy: [first, ...rest],
				},
			];
}

/** kind's known issues, "Fedora": container-selinux of that release. */
const selinux = ({ kernel, system }: Host): readonly KindHostFinding[] =>
	kernel?.enforcesSelinux === true && system.distribution?.id === "fedora" && system.distribution.version === "33"
		? [
				{
					code: "selinux-denies",
					confidence: "likely",
					summary:
						'SELinux of Fedora 33 keeps containers from a device that the engine hands to nodes: "open /dev/dma_heap: permission denied".',
					evidence: [
						{ from: "/sys/fs/selinux/enforce", saw: "1" },
						{ from: "/etc/os-release", saw: "Fedora 33", expected: "a release that is still maintained" },
					],
					remedy: [
						advise("Best: upgrade Fedora. Its release 33 has had no updates since 2021."),
						change(
							"Or take the newest policy that it has.",
							undefined,
							...asRoot(system, "dnf", "upgrade", "-y", "container-selinux"),
						),
					],
				},
			]
		: [];
