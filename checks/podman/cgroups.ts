import { type VersionFinding, findings as versionFindings } from "../cgroups/findings.ts";
import { judgeMounts } from "../cgroups/mounts.ts";
import { advise, asRoot, change } from "../cgroups/steps.ts";
import { judgeVersion1 } from "../cgroups/version1.ts";
import type { PodmanFinding, Scene } from "./findings.ts";

/** What cgroup-v2 says of an engine on v1, said of Podman, whichever engine kind takes. */
export function judgeCgroups(scene: Scene): readonly PodmanFinding[] {
	const { podman, cgroups, provider } = scene;
	if (podman.server.cgroupVersion !== 1) {
		return strayHierarchy(scene);
	}

	// One remedy ends them all, and it stands with the first.
	const found = [...judgeMounts(scene), ...judgeVersion1(scene)];
	const [first] = found;
	const worst = found.find((finding) => severityOf(finding) === "error") ?? first;
	return [
		...(first === undefined || worst === undefined
			? []
			: [{ ...worst, code: "cgroup-v1" as const, severity: severityOf(worst), remedy: first.remedy }]),
		...(provider.place === "here" && cgroups.version === 1 && cgroups.flags.withoutSystemd
			? [systemdHierarchyMissing(scene)]
			: []),
	];
}

const severityOf = ({ severity, code }: VersionFinding) => severity ?? versionFindings[code].severity;

const directory = "/sys/fs/cgroup/systemd";

function systemdHierarchyMissing({ system }: Scene): PodmanFinding {
	return {
		code: "systemd-hierarchy-missing",
		summary:
			"This host uses cgroup v1 and has no hierarchy name=systemd. Plain containers start with Podman, but systemd in a node ends at once.",
		evidence: [
			{ from: "/proc/self/mountinfo", saw: "no hierarchy name=systemd", expected: `name=systemd at ${directory}` },
		],
		remedy: [
			change("Make the directory.", asRoot(system, "rmdir", directory), ...asRoot(system, "mkdir", "-p", directory)),
			change(
				"Mount the hierarchy there. capmox-doctor explain cgroup-systemd says how to keep it.",
				asRoot(system, "umount", directory),
				...asRoot(system, "mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", directory),
			),
		],
	};
}

/** containers/common, pkg/cgroups/cgroups_linux.go: rootless, lines of v1 in /proc/self/cgroup count unless their path is / (podman#18103). */
function strayHierarchy({ podman, cgroups, system }: Scene): readonly PodmanFinding[] {
	const held = cgroups.own.filter(
		({ controllers, name, path }) => (controllers.length > 0 || name !== undefined) && path !== "/",
	);
	const [first] = held;
	if (podman.user === undefined || cgroups.layout !== "unified" || first === undefined) {
		return [];
	}

	const label = first.name === undefined ? first.controllers.join(",") : `name=${first.name}`;
	const mount = cgroups.hierarchies.find(
		({ name, controllers }) =>
			(first.name !== undefined && name === first.name) ||
			(first.name === undefined && controllers.join() === first.controllers.join()),
	);
	return [
		{
			code: "stray-hierarchy",
			summary: `Beside cgroup v2 there is a v1 hierarchy, ${label}, and this shell is in its cgroup ${first.path}. Rootless Podman may fail to find its own cgroup there.`,
			evidence: [
				{ from: "/proc/self/cgroup", saw: `${label}:${first.path}`, expected: "only the line that begins with 0::" },
			],
			remedy: [
				mount === undefined
					? advise("End the program that made it, usually a VPN client with split tunnel or elogind.")
					: change(
							"Unmount it. What made it, usually a VPN client with split tunnel or elogind, may do so again.",
							undefined,
							...asRoot(system, "umount", mount.mountPoint),
						),
			],
		},
	];
}
