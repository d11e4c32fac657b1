import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { isAtLeast } from "../cgroups/host.ts";
import { advise, change, write } from "../cgroups/steps.ts";
import type { PodmanFinding, Scene } from "./findings.ts";
import { installation } from "./installation.ts";

/** What Podman's own report tells of IDs, storage, names and the size of its machine. */
export const judgeReport = (scene: Scene): readonly PodmanFinding[] => [
	...subordinateIds(scene),
	...machineSize(scene),
	...storage(scene),
	...names(scene),
];

/** One for the user, and as many as a node image has: shadow's own default. */
const enough = 65_536;
const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

function subordinateIds({ podman: { server, user, place } }: Scene): readonly PodmanFinding[] {
	const { idMapSizes, groupMapSizes = idMapSizes } = server;
	const few = Math.min(sum(idMapSizes), sum(groupMapSizes));
	if (!server.rootless || idMapSizes.length === 0 || few >= enough) {
		return [];
	}

	const name = user?.name ?? "$USER";
	const evidence: Evidence = {
		from: "podman info, host.idMappings",
		saw: `user IDs: ${sum(idMapSizes)}, group IDs: ${sum(groupMapSizes)}`,
		expected: `at least ${enough} of each`,
	};
	return [
		{
			code: "sub-ids-missing",
			summary: `A rootless container has only ${few} user or group ${few === 1 ? "ID" : "IDs"} here. A node image needs ${enough}; unpacking it ends with "potentially insufficient UIDs or GIDs available in user namespace".`,
			evidence: [evidence],
			remedy:
				place === "here"
					? moreIds(name)
					: [
							advise(
								"Give the user of that machine subordinate IDs in its /etc/subuid and /etc/subgid, or run Podman as root there.",
								"podman",
								"machine",
								"set",
								"--rootful",
							),
						],
		},
	];
}

const moreIds = (name: string): NonEmpty<Step> => [
	advise(
		"See which ranges are taken already; take a free one below if 100000-165535 is.",
		"cat",
		"/etc/subuid",
		"/etc/subgid",
	),
	change(
		"Give the user a range of each.",
		`sudo usermod --del-subuids 100000-165535 --del-subgids 100000-165535 ${name}`,
		"sudo",
		"usermod",
		"--add-subuids",
		"100000-165535",
		"--add-subgids",
		"100000-165535",
		name,
	),
	change("Have Podman use them. This stops its running containers.", undefined, "podman", "system", "migrate"),
];

const gib = 1_024 ** 3;
/** Cluster API with its providers, cert-manager and one control plane; a new podman machine has 2 GiB. What the kernel keeps for itself is missing in the report. */
const machine = { memory: 3.5 * gib, cpus: 2 };

function machineSize({ podman: { server } }: Scene): readonly PodmanFinding[] {
	const { memoryBytes, cpus } = server;
	const isSmall = (memoryBytes ?? machine.memory) < machine.memory || (cpus ?? machine.cpus) < machine.cpus;
	if (!server.remote || !isSmall) {
		return [];
	}

	const memory = memoryBytes === undefined ? "memory not known" : `${(memoryBytes / gib).toFixed(1)} GiB memory`;
	return [
		{
			code: "machine-too-small",
			summary: `Podman's machine has ${memory} and ${cpus ?? "an unknown number of"} CPUs. A management cluster with Cluster API runs short in it.`,
			evidence: [
				{ from: "podman info", saw: `${memory}, ${cpus ?? "?"} CPUs`, expected: "4 GiB and 2 CPUs, better 8 and 4" },
			],
			remedy: [
				change("Stop the machine.", "podman machine start", "podman", "machine", "stop"),
				change(
					"Make it larger.",
					"podman machine set --memory 2048",
					"podman",
					"machine",
					"set",
					"--memory",
					"8192",
					"--cpus",
					"4",
				),
				change("Start it again.", "podman machine stop", "podman", "machine", "start"),
			],
		},
	];
}

function storage({ podman: { server, place } }: Scene): readonly PodmanFinding[] {
	if (server.storageDriver === "vfs") {
		return [
			{
				code: "slow-storage",
				summary:
					"Podman stores images with the driver vfs: each layer is a full copy, which takes many times the space and time.",
				evidence: [{ from: "podman info, store.graphDriverName", saw: "vfs", expected: "overlay" }],
				remedy: [
					write(
						"Choose overlay, below [storage].",
						'driver = "overlay"',
						server.rootless ? "~/.config/containers/storage.conf" : "/etc/containers/storage.conf",
					),
					{
						advice: "Begin with an empty store. This deletes every container, image and volume of this Podman.",
						command: ["podman", "system", "reset"],
						where: "here",
						risk: "destroys",
					},
				],
			},
		];
	}

	// kind, images/base/files/usr/local/bin/entrypoint, overlayfs_preferrable.
	const since = server.selinux === true ? "5.13" : "5.11";
	const fails =
		isAtLeast(server.kernel, "5.11.0") === true
			? "has trouble with the overlay file systems of rootless containers where SELinux is on"
			: "lets no rootless container mount an overlay file system";
	return server.rootless && place === "here" && isAtLeast(server.kernel, `${since}.0`) === false
		? [
				{
					code: "kernel-without-overlay",
					summary: `Kernel ${server.kernel} ${fails}. containerd in a node uses one. It works since Linux ${since}.`,
					evidence: [{ from: "podman info, host.kernel", saw: server.kernel, expected: `${since} or newer` }],
					remedy: [
						{
							...change(
								"Have containerd in the node use fuse-overlayfs.",
								undefined,
								"env",
								"KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER=fuse-overlayfs",
								"kind",
								"create",
								"cluster",
							),
							undo: "kind delete cluster",
						},
					],
				},
			]
		: [];
}

const names = ({ podman: { server }, system }: Scene): readonly PodmanFinding[] =>
	server.resolvesNames === false
		? [
				{
					code: "names-unresolved",
					summary:
						"aardvark-dns is not installed. A cluster of one node starts, but several nodes do not find each other.",
					evidence: [{ from: "podman info, host.networkBackendInfo.dns", saw: "no program", expected: "aardvark-dns" }],
					remedy: [installation(system, "aardvark-dns", "aardvark-dns")],
				},
			]
		: [];
