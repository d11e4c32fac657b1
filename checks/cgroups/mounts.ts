import { type Host, problem, type VersionFinding } from "./findings.ts";

/** What stops every engine, whichever the version. */
export function judgeMounts(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	if (provider.place === "elsewhere") {
		return [];
	}

	switch (cgroups.layout) {
		case "none":
			return [
				problem(
					host,
					"no-cgroups",
					"No cgroup file system is mounted on this host, so no engine can start a container.",
				),
			];
		case "odd":
			return [
				problem(
					host,
					"mounted-elsewhere",
					`cgroup file systems are mounted at ${[...cgroups.unifiedAt, ...cgroups.hierarchies.map(({ mountPoint }) => mountPoint)].join(", ")}, but engines and kubelet look only at /sys/fs/cgroup. They take this for a broken cgroup v1.`,
				),
			];
		case "named-only":
			return [
				problem(
					host,
					"no-controllers",
					"The v1 hierarchies here have no controller, so engines take the host for cgroup v1 and find nothing to limit containers with.",
				),
			];
		default:
			return devicesMissing(host);
	}
}

/** moby, daemon/daemon.go: a hard requirement on v1. */
function devicesMissing(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	const isRefused = provider.engine === "docker" && provider.cgroupVersion === 1 && provider.rootless !== true;
	return isRefused && cgroups.version === 1 && cgroups.controllers?.includes("devices") === false
		? [
				problem(
					host,
					"devices-missing",
					'cgroup v1 is mounted without the devices controller. Docker ends with "Devices cgroup isn\'t mounted".',
				),
			]
		: [];
}
