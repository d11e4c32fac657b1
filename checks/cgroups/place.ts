import type { NonEmpty, Step } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import type { System } from "./host.ts";
import { bearsItsName, folderOf, type Hierarchy, isSameHierarchy, labelOf, parentOf } from "./runc.ts";
import { advise, asRoot, change } from "./steps.ts";

export type Hierarchies = Pick<
	Facts["host.hierarchies"],
	"layout" | "hierarchies" | "systemdDirectory" | "topIsReadOnly"
>;
type Held = Pick<Hierarchy, "controllers" | "name">;

const top = "/sys/fs/cgroup";

/** What systemd in a node looks for. */
export const systemdHierarchy: Held = { controllers: [], name: "systemd" };

/** The directory that bears a hierarchy's name. */
export const placeOf = (host: Hierarchies, held: Held): string =>
	`${folderOf(host)}/${isSameHierarchy(held, systemdHierarchy) ? "systemd" : labelOf(held)}`;

const optionsOf = (held: Held): string => (held.controllers.length === 0 ? `none,${labelOf(held)}` : labelOf(held));

/** Engines and the kubelet use these controllers, and systemd in a node its hierarchy; of the others none is missed. */
const wanted = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids", "blkio"];
export const isWanted = (held: Held): boolean =>
	isSameHierarchy(held, systemdHierarchy) || held.controllers.some((name) => wanted.includes(name));

/** It has a mount that may stay. */
export const isPlaced = (host: Hierarchies, held: Held): boolean =>
	host.hierarchies.some(
		(mount) =>
			mount.visible &&
			isSameHierarchy(mount, held) &&
			bearsItsName(mount) &&
			parentOf(mount.mountPoint) === folderOf(host),
	);

/** Takes a mount away. */
export function unmount(hierarchy: Hierarchy, system: System, advice: string): Step {
	const { mountPoint } = hierarchy;
	return hierarchy.visible
		? change(
				advice,
				asRoot(system, "mount", "-t", "cgroup", "-o", optionsOf(hierarchy), "cgroup", mountPoint),
				...asRoot(system, "umount", mountPoint),
			)
		: advise(
				`${mountPoint} is hidden below another mount, so that umount does not reach it. Unmount what lies on top of it first.`,
				"findmnt",
				"--submounts",
				parentOf(mountPoint),
			);
}

/** Mounts a hierarchy at the directory of its name, having made room for it; what is needed and stands there moves on. */
export function mountAtPlace(
	host: Hierarchies,
	held: Held,
	system: System,
	moved: readonly Held[] = [],
): NonEmpty<Step> {
	const place = placeOf(host, held);
	const others = host.hierarchies.filter(
		({ mountPoint, visible, ...other }) => mountPoint === place && visible && !isSameHierarchy(other, held),
	);
	const isThere =
		others.length > 0 ||
		(place === `${top}/systemd` && (host.systemdDirectory === "directory" || host.systemdDirectory === "mounted"));
	const [first, ...rest] = [
		...others
			.filter((other) => isWanted(other) && !isPlaced(host, other) && !moved.includes(other))
			.flatMap((other) => mountAtPlace(host, other, system, [...moved, held, other])),
		...others.map((other) => unmount(other, system, `Unmount ${labelOf(other)}, which stands in its place.`)),
		...(isThere ? [] : makeDirectory(host, place, system)),
	];
	const mount = change(
		`Mount ${labelOf(held)} there. Docker needs no restart; create the node again.`,
		asRoot(system, "umount", place),
		...asRoot(system, "mount", "-t", "cgroup", "-o", optionsOf(held), "cgroup", place),
	);
	return first === undefined ? [mount] : [first, ...rest, mount];
}

function makeDirectory({ topIsReadOnly }: Hierarchies, place: string, system: System): readonly Step[] {
	const make = change(
		"Make the directory that bears its name.",
		asRoot(system, "rmdir", place),
		...asRoot(system, "mkdir", "-p", place),
	);
	return topIsReadOnly === true
		? [
				change(
					`${top} is read-only, as systemd leaves it; make it writable.`,
					asRoot(system, "mount", "-o", "remount,ro", top),
					...asRoot(system, "mount", "-o", "remount,rw", top),
				),
				make,
			]
		: [make];
}
