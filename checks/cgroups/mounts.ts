import type { NonEmpty, Step } from "../../src/check.ts";
import { type Host, problem, type VersionFinding } from "./findings.ts";
import { makesCgroups, nameOf, usesCrun, usesRunc } from "./host.ts";
import { stepsFor } from "./named.ts";
import { mountAtPlace } from "./place.ts";
import { byAge, findBelow, folderOf, oldestOf, parentOf, rootsOf } from "./runc.ts";
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

/**
 * moby, daemon/daemon.go, wants it anywhere when it starts; runc, libcontainer/cgroups/fs/fs.go, below the folder of the
 * hierarchies for each container. Tried with 28.2.2 and 1.1.5.
 */
function devicesMissing(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	if (provider.cgroupVersion !== 1 || cgroups.version !== 1 || provider.rootless === true) {
		return [];
	}

	const places = cgroups.hierarchies.filter(({ controllers }) => controllers.includes("devices"));
	if (places.length === 0) {
		return provider.engine === "docker" ? [devicesNowhere(host)] : [];
	}

	const roots = makesCgroups(provider) ? rootsOf(cgroups, provider.cgroupDriver) : [];
	const without = roots.filter((root) => findBelow(root, "devices", cgroups) === undefined);
	const [root] = without;
	if (root === undefined) {
		return [];
	}

	const certain = without.length === roots.length;
	const oldest = oldestOf(cgroups)?.mountPoint ?? "";
	const because = root === folderOf(cgroups) ? "" : `, since ${oldest} is the oldest mount`;
	return [
		{
			...problem(
				host,
				"devices-missing",
				`The devices controller is mounted at ${places.map(({ mountPoint }) => mountPoint).join(", ")}, and not below ${root}, where runc looks for it${because}. Every container ends with "${runcSays}"${certain ? "." : ", unless the first entry of /sys/fs/cgroup is a hierarchy, which a copy does not tell."}`,
			),
			...(certain ? {} : { severity: "warning", confidence: "likely" }),
			remedy: putBack(root, host),
		},
	];
}

/** Where the kernel has it and there is a tmpfs for it, mounting it is enough for now. */
function devicesNowhere(host: Host): VersionFinding {
	const { provider, cgroups, system } = host;
	const found = problem(
		host,
		"devices-missing",
		`cgroup v1 is mounted without the devices controller. ${provider.answers ? `Every container ends with "${runcSays}", and with the next start Docker itself` : "Docker"} ends with "Devices cgroup isn't mounted".`,
	);
	const isMountable = cgroups.kernelControllers?.includes("devices") === true && cgroups.topIsReadOnly !== undefined;
	return isMountable
		? { ...found, remedy: [...mountAtPlace(cgroups, { controllers: ["devices"] }, system), orV2] }
		: found;
}

const runcSays = "mountpoint for devices not found";

/** What leads runc to another folder goes where it belongs; so does the controller, unless it was just that. */
function putBack(root: string, { cgroups, system }: Host): NonEmpty<Step> {
	const folder = folderOf(cgroups);
	const oldestFirst = root === folder ? [] : byAge(cgroups.hierarchies);
	const inFolder = oldestFirst.findIndex(({ mountPoint }) => parentOf(mountPoint) === folder);
	const astray = inFolder === -1 ? oldestFirst : oldestFirst.slice(0, inFolder);
	const devices = cgroups.hierarchies.find(({ controllers }) => controllers.includes("devices"));
	const isDone = [...astray, findBelow(folder, "devices", cgroups)].some((held) =>
		held?.controllers.includes("devices"),
	);
	const [first, ...rest] = [
		...astray.flatMap((hierarchy) => stepsFor(hierarchy, cgroups, system)),
		...(isDone || devices === undefined ? [] : mountAtPlace(cgroups, devices, system)),
		orV2,
	];
	return [first, ...rest];
}
