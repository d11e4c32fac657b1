import type { NonEmpty, Step } from "../../src/check.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import { dockerServer, type Host, type KindHostFinding, type System } from "./findings.ts";

/** kind's known issues; 512 instances are four times the kernel's default. */
const wantedWatches = 524_288;
const wantedInstances = 512;
const gibibyte = 1_073_741_824;
/** A machine that was given 4 GiB shows less; kind's documentation asks for no more. */
const enoughMemory = 3.5 * gibibyte;
/** The node's image takes 1 GB, and unpacked images of the providers as much again. */
const enoughSpace = 10 * gibibyte;
const noSpace = 2 * gibibyte;

export const judgeResources = (host: Host): readonly KindHostFinding[] => [
	...space(host),
	...inotify(host),
	...memory(host),
	...storage(host),
];

export const inGib = (bytes: number): string => `${(bytes / gibibyte).toFixed(1)} GiB`;

function inotify({ inotify: limits, system }: Host): readonly KindHostFinding[] {
	if (limits === undefined || (limits.watches >= wantedWatches && limits.instances >= wantedInstances)) {
		return [];
	}

	const { watches, instances } = limits;
	return [
		{
			code: "inotify-limits",
			summary: `A user may have ${instances} inotify instances and ${watches} watches here. A cluster of one node gets by with that; with three nodes or a second cluster, pods and nodes fail with "too many open files".`,
			evidence: [
				{
					from: "/proc/sys/fs/inotify/max_user_instances",
					saw: String(instances),
					expected: `${wantedInstances} or more`,
				},
				{ from: "/proc/sys/fs/inotify/max_user_watches", saw: String(watches), expected: `${wantedWatches} or more` },
			],
			remedy: raise(
				system,
				"/etc/sysctl.d/99-kind.conf",
				{ key: "fs.inotify.max_user_instances", now: instances, wanted: wantedInstances },
				{ key: "fs.inotify.max_user_watches", now: watches, wanted: wantedWatches },
			),
		},
	];
}

interface Setting {
	readonly key: string;
	readonly now: number;
	readonly wanted: number;
}

/** Those that are too low, now and after every boot. The limits belong to the kernel, so that of an LXC container are set on its Proxmox node. */
export function raise(system: System, file: string, ...settings: readonly Setting[]): NonEmpty<Step> {
	const low = settings.filter(({ now, wanted }) => now < wanted);
	const values = low.map(({ key, wanted }) => `${key}=${wanted}`);
	const keep = write("Keep it over reboots.", values.join("\n"), file);
	const back = low.map(({ key, now }) => `${key}=${now}`);
	if (system.container === "lxc") {
		const set: Step = {
			...change(
				"On the Proxmox node that runs this container.",
				`sysctl -w ${back.join(" ")}`,
				"sysctl",
				"-w",
				...values,
			),
			where: "proxmox-node",
		};
		return [set, { ...keep, where: "proxmox-node" }];
	}

	return [
		change(
			"Raise it now; nothing needs a restart.",
			asRoot(system, "sysctl", "-w", ...back),
			...asRoot(system, "sysctl", "-w", ...values),
		),
		keep,
	];
}

function space({ storage: found, provider }: Host): readonly KindHostFinding[] {
	const [tightest] = [...(found?.places ?? [])].sort((a, b) => a.availableBytes - b.availableBytes);
	if (found === undefined || tightest === undefined || tightest.availableBytes >= enoughSpace) {
		return [];
	}

	const isFull = tightest.availableBytes < noSpace;
	const free = `${inGib(tightest.availableBytes)} free of ${inGib(tightest.totalBytes)}`;
	const tool = provider.engine === "podman" ? "podman" : "docker";
	return [
		{
			code: isFull ? "disk-full" : "disk-nearly-full",
			summary: isFull
				? `The disk below ${tightest.path} has ${free}. A node of kind does not fit: "no space left on device".`
				: `The disk below ${tightest.path} has ${free}. Images of a node and of the providers take a few GiB more.`,
			evidence: [
				{
					from: `${tightest.fileSystem === "" ? "" : "statfs "}${tightest.path} (${found.because})`,
					saw: free,
					expected: `${inGib(enoughSpace)} free`,
				},
			],
			remedy: [
				advise("See what takes the space.", tool, "system", "df"),
				{
					advice: "Remove stopped containers, unused networks and images without a name. It asks first.",
					command: [tool, "system", "prune"],
					where: "here",
					risk: "destroys",
				},
			],
		},
	];
}

function memory({ memory: found, provider, system }: Host): readonly KindHostFinding[] {
	return found === undefined || found.totalBytes >= enoughMemory
		? []
		: [
				{
					code: "little-memory",
					summary: `Containers have ${inGib(found.totalBytes)} of memory in all. A management cluster with its providers takes about 4 GiB; with less, its API server is killed and starts again.`,
					evidence: [{ from: found.from, saw: inGib(found.totalBytes), expected: "4 GiB or more" }],
					remedy: moreMemory(provider, system),
				},
			];
}

function moreMemory(provider: Host["provider"], system: System): NonEmpty<Step> {
	if (provider.operatingSystem?.includes("Docker Desktop") === true) {
		return [advise("In Docker Desktop: Settings, Resources, Memory: 6 GB or more. Then Apply & restart.")];
	}

	if (system.wsl !== undefined) {
		return [
			write("Give WSL more. The line belongs below [wsl2].", "memory=6GB", "%UserProfile%\\.wslconfig"),
			change("End all distributions; the next shell starts WSL anew.", undefined, "wsl.exe", "--shutdown"),
		];
	}

	if (provider.engine === "podman" && provider.place === "elsewhere") {
		return [
			change("Stop Podman's machine.", "podman machine start", "podman", "machine", "stop"),
			change("Give it more.", undefined, "podman", "machine", "set", "--memory", "6144"),
			change("Start it.", "podman machine stop", "podman", "machine", "start"),
		];
	}

	return [advise("Give the machine that runs the containers 6 GiB or more, or use another one.")];
}

/** kind, images/base/files/usr/local/bin/entrypoint, configure_containerd: rootful, by the file system of a node's own root. */
function nodesCopy(host: Host): boolean {
	const { podman } = host.engines;
	const driver =
		host.provider.engine === "podman" && podman.state === "answering"
			? podman.server.storageDriver
			: dockerServer(host)?.storageDriver;
	return driver === "zfs" && host.provider.rootless !== true && host.tools.kind.state !== "absent";
}

function storage(host: Host): readonly KindHostFinding[] {
	const server = dockerServer(host);
	const driver = server?.storageDriver;
	if (driver === "vfs") {
		return [
			{
				code: "storage-driver-vfs",
				summary:
					"Docker uses the storage driver vfs, which copies every layer whole: a node takes many times its space, and starts slowly.",
				evidence: [{ from: "docker info, Driver", saw: driver, expected: "overlay2 or overlayfs" }],
				remedy: [
					advise(
						"Docker takes vfs where the file system below its folder bears no overlay, as inside of a container. Put that folder on ext4 or xfs, for example as a volume of its own.",
						...["stat", "-fc", "%T", server?.rootDirectory ?? "/var/lib/docker"],
					),
				],
			},
		];
	}

	if (nodesCopy(host)) {
		return [
			{
				code: "zfs-copies-images",
				summary: `Images lie on ZFS by the storage driver zfs. A node of kind sees that, and its containerd copies every layer whole (snapshotter native): a node takes several times its space, and pulling takes minutes.`,
				evidence: [
					{
						from: `${host.provider.engine} info, storage driver`,
						saw: "zfs",
						expected: "overlay2, overlay or overlayfs",
					},
				],
				remedy:
					host.provider.engine === "docker"
						? [
								advise("OpenZFS bears overlay since 2.2.", "zfs", "version"),
								write(
									"There, have Docker use overlay2, and restart it. Images and containers of the old driver are not seen any more.",
									'"storage-driver": "overlay2"',
									"/etc/docker/daemon.json",
								),
								advise(
									"With an older one: put Docker's folder on ext4 or xfs, such as on a volume of the pool (zfs create -V).",
								),
							]
						: [
								write(
									"With OpenZFS 2.2 or newer have Podman use overlay, below [storage]. It then begins with an empty store.",
									'driver = "overlay"',
									"/etc/containers/storage.conf",
								),
							],
			},
		];
	}

	// kind looks for the file system in docker info; with containerd's store it does not stand there.
	const unseen = host.storage?.places.find(({ fileSystem }) => fileSystem === "btrfs" || fileSystem === "zfs");
	return unseen !== undefined && (server?.containerdStore === true || host.provider.rootless === true)
		? [
				{
					code: "file-system-unseen",
					confidence: "likely",
					summary: `Images lie on ${unseen.fileSystem}, and kind cannot see that, so it does not hand the disk to its nodes. The kubelet may then end with "Failed to get rootfs info: could not find device with major: 0".`,
					evidence: [
						{ from: `statfs ${unseen.path}`, saw: unseen.fileSystem, expected: "ext4 or xfs" },
						{
							from: `${host.provider.engine} info`,
							saw: host.provider.rootless === true ? "rootless" : "images in containerd's store",
						},
					],
					remedy: [
						advise("If a node ends so: find the device below the folder.", "findmnt", "--target", unseen.path),
						advise(
							"Then hand it to the nodes, as extraMounts with the same hostPath and containerPath, in kind's configuration.",
						),
					],
				},
			]
		: [];
}
