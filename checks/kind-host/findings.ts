import type { Finding } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";

export const findings = {
	"no-engine": { severity: "error", means: "kind has no container engine to start its nodes with." },
	"engine-silent": { severity: "error", means: "The container engine that kind takes does not answer." },
	"api-version-refused": { severity: "error", means: "The docker command and Docker have no API version in common." },
	"docker-too-old": { severity: "error", means: "This Docker does not know what kind starts its nodes with." },
	"rootless-not-delegated": {
		severity: "error",
		means: "Rootless Docker may not limit processor, memory and processes, and kind refuses that.",
	},
	"inotify-limits": { severity: "warning", means: "The kernel's limits on watching files are lower than kind needs." },
	"disk-full": { severity: "error", means: "The disk that holds the engine's images has no room for a node." },
	"disk-nearly-full": { severity: "warning", means: "The disk that holds the engine's images is nearly full." },
	"little-memory": { severity: "warning", means: "There is less memory than a management cluster takes." },
	"docker-from-snap": { severity: "warning", means: "Docker from snap cannot see the files that kind hands to it." },
	"containerd-image-store": { severity: "warning", means: "kind cannot load every image from Docker's image store." },
	"file-system-unseen": { severity: "warning", means: "kind cannot see the btrfs or ZFS that the images lie on." },
	"zfs-copies-images": {
		severity: "warning",
		means: "On ZFS, containerd in a node copies every layer of an image whole.",
	},
	"storage-driver-vfs": { severity: "warning", means: "The engine copies every layer of an image whole." },
	"network-clash": {
		severity: "error",
		means: "A container network hides the Proxmox API or the cluster's addresses.",
	},
	"next-network-clash": { severity: "warning", means: "The network that kind will get hides addresses of Proxmox." },
	"kubernetes-network-clash": {
		severity: "warning",
		means: "kind's pod or service network hides addresses of Proxmox.",
	},
	"proxy-before-proxmox": { severity: "warning", means: "A proxy stands between this host and the Proxmox API." },
	"proxy-before-endpoint": { severity: "warning", means: "A proxy stands between this host and the workload cluster." },
	"proxy-before-node": {
		severity: "error",
		means: "The docker command hands nodes a proxy that stands before their own API server.",
	},
	"proxy-only-for-docker": {
		severity: "warning",
		means: "Docker pulls through a proxy, and kind's nodes and clusterctl go without.",
	},
	"proxy-not-for-docker": {
		severity: "warning",
		means: "This shell has a proxy, and Docker, which pulls kind's node image, has none.",
	},
	"inside-lxc": { severity: "warning", means: "This host is an LXC container, which kind's nodes may not run in." },
	"few-keyrings": { severity: "warning", means: "The kernel allows few keyrings, and every container takes one." },
	"kernel-replaced": {
		severity: "warning",
		means: "The running kernel's modules are gone: it was updated since boot.",
	},
	"kernel-too-old": { severity: "error", means: "The kernel has no cgroup namespaces, which kind asks for." },
	"wsl-1": { severity: "error", means: "WSL 1 has no Linux kernel, so it runs no containers." },
	"wsl-integration-off": {
		severity: "error",
		means: "Docker Desktop is installed, and not switched on for this WSL distribution.",
	},
	"rootless-denied": { severity: "error", means: "AppArmor keeps rootless Docker from starting." },
	"architecture-without-images": {
		severity: "error",
		means: "kind and CAPMOX have no images for this kind of processor.",
	},
	"windows-containers": {
		severity: "error",
		means: "Docker runs Windows containers, and kind's nodes are Linux ones.",
	},
	"modules-missing": { severity: "warning", means: "The kernel has no modules for what containers' networks need." },
	"bridges-unfiltered": {
		severity: "warning",
		means: "br_netfilter is not loaded, and a rootless node cannot load it.",
	},
	"kernel-without-ipv6": { severity: "warning", means: "The kernel has no IPv6, which kind asks Docker for first." },
	"ipv6-locked-off": {
		severity: "error",
		means: "IPv6 is switched off, and Docker may not switch it on for kind's network.",
	},
	"apparmor-profile-left": {
		severity: "warning",
		means: "AppArmor confines programs that are gone from here, and so those of that name in a node.",
	},
	"selinux-denies": { severity: "warning", means: "SELinux of this release keeps nodes from their devices." },
	"firewalld-blocks": { severity: "warning", means: "firewalld drops what this older Docker's containers send." },
	"few-open-files": { severity: "warning", means: "Containers may open few files." },
	"unbounded-open-files": { severity: "warning", means: "Containers may open a thousand million files each." },
	"driver-without-systemd": {
		severity: "error",
		means: "Docker leaves cgroups to systemd, and no systemd runs here.",
	},
	"engine-on-another-host": { severity: "warning", means: "The engine runs on another host than this shell." },
	"clock-skew": { severity: "error", means: "The clock of the engine's machine differs from the one here." },
} as const;

export type Code = keyof typeof findings;
export type KindHostFinding = Finding<Code>;

export type Provider = Facts["host.engine"];
export type System = Facts["host.system"];
export type Engines = Facts["host.engines"];

/** What the check judges; a part that could not be read is absent. */
export interface Host {
	readonly provider: Provider;
	readonly engines: Engines;
	readonly system: System;
	readonly tools: Facts["host.tools"];
	readonly inotify: Facts["host.inotify"] | undefined;
	readonly memory: Facts["host.memory"] | undefined;
	readonly storage: Facts["host.storage"] | undefined;
	readonly kernel: Facts["host.kernel"] | undefined;
	readonly daemon: Facts["host.daemon"] | undefined;
	readonly clock: Facts["host.clock"] | undefined;
	readonly networks: Facts["host.networks"] | undefined;
	readonly proxmox: Facts["host.proxmoxAddresses"] | undefined;
	readonly proxies: Facts["host.proxies"] | undefined;
	readonly cluster: Facts["environment.cluster"] | undefined;
}

const engineNames = { docker: "Docker", podman: "Podman", nerdctl: "nerdctl", none: "Docker" } as const;

/** `Docker 28.2.2`. */
export const nameOf = ({ engine, version = "" }: Provider): string =>
	version === "" ? engineNames[engine] : `${engineNames[engine]} ${version}`;

/** Docker's own answer, where kind takes Docker. */
export const dockerServer = ({ provider, engines: { docker } }: Host) =>
	provider.engine === "docker" && docker.state === "answering" ? docker.server : undefined;
