import { type Host, problem, type VersionFinding } from "./findings.ts";
import { nameOf, usesCrun, usesRunc } from "./host.ts";
import { mountAtPlace } from "./place.ts";
import { folderOf } from "./runc.ts";
import { orV2 } from "./steps.ts";

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
			return mountedElsewhere(host);
		case "named-only":
			return [
				problem(
					host,
					"no-controllers",
					"The v1 hierarchies here have no controller, so engines take the host for cgroup v1 and find nothing to limit containers with.",
				),
			];
		case "single-legacy":
			return usesCrun(provider) ? [crunRefuses(host)] : devicesMissing(host);
		default:
			return devicesMissing(host);
	}
}

/** Docker and runc search the mounts for v1 (runc, libcontainer/cgroups/fs/paths.go, tried with 1.1.5); nobody does for v2. */
function mountedElsewhere(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	const isFound = provider.engine === "docker" && usesRunc(provider) && cgroups.hierarchies.length > 0;
	return isFound
		? devicesMissing(host)
		: [
				problem(
					host,
					"mounted-elsewhere",
					`cgroup file systems are mounted at ${[...cgroups.unifiedAt, ...cgroups.hierarchies.map(({ mountPoint }) => mountPoint)].join(", ")}, but engines and kubelet look only at /sys/fs/cgroup. They take this for a broken cgroup v1.${usesCrun(provider) ? ` crun ends with "${crunSays}".` : ""}`,
				),
			];
}

const crunSays = "invalid file system type on '/sys/fs/cgroup'";

/** crun, src/libcrun/cgroup-utils.c, libcrun_get_cgroup_mode; tried with 1.8.1. */
const crunRefuses = (host: Host): VersionFinding =>
	problem(
		host,
		"crun-refuses-layout",
		`${nameOf(host.provider)} starts containers with crun, and crun ends with "${crunSays}": a v1 hierarchy is mounted on that directory itself.`,
	);

/** moby, daemon/daemon.go, wants it anywhere; runc, libcontainer/cgroups/fs/fs.go, below the folder of the hierarchies. */
function devicesMissing(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	if (provider.cgroupVersion !== 1 || cgroups.version !== 1 || provider.rootless === true) {
		return [];
	}

	const mounts = cgroups.hierarchies.filter(({ controllers }) => controllers.includes("devices"));
	const [first] = mounts;
	if (first === undefined) {
		return provider.engine === "docker"
			? [
					problem(
						host,
						"devices-missing",
						'cgroup v1 is mounted without the devices controller. Docker ends with "Devices cgroup isn\'t mounted".',
					),
				]
			: [];
	}

	const folder = folderOf(cgroups);
	const places = mounts.map(({ mountPoint }) => mountPoint);
	if (!usesRunc(provider) || places.some((place) => place.startsWith(folder))) {
		return [];
	}

	return [
		{
			...problem(
				host,
				"devices-missing",
				`The devices controller is mounted at ${places.join(", ")}, and not below ${folder}, where runc looks for it. Every container ends with "mountpoint for devices not found".`,
			),
			remedy: [...mountAtPlace(cgroups, first, host.system), orV2],
		},
	];
}
