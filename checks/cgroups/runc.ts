import type { Facts } from "../../src/facts/sheet.ts";
import { since } from "../../src/knowledge/kind.ts";
import { isAtLeast } from "./host.ts";

type Hierarchies = Facts["host.hierarchies"];
export type Hierarchy = Hierarchies["hierarchies"][number];
type Held = Pick<Hierarchy, "controllers" | "name">;

const top = "/sys/fs/cgroup";

/** What mount(2) answers: the errors in the words in which Go, and so Docker, prints them. */
const errors = {
	/** The kernel knows no such controller, or no hierarchy of that name. */
	EINVAL: "invalid argument",
	/** The same controller that is not known, before Linux 5.1. */
	ENOENT: "no such file or directory",
	/** It would have to create a hierarchy. */
	EPERM: "operation not permitted",
	/** The hierarchy stands there already, or the one of that name has other controllers. */
	EBUSY: "device or resource busy",
} as const;
type Errno = keyof typeof errors;

/** A hierarchy that runc cannot mount into a cgroup namespace, and what the kernel answers. */
export interface Refusal {
	readonly hierarchy: Hierarchy;
	/** Last part of the mount point: runc hands it to mount(2) as the hierarchy to mount. */
	readonly base: string;
	readonly errno: Errno;
}

/**
 * What stops a container with a cgroup namespace of its own on cgroup v1, in the order in which runc comes upon it.
 * libcontainer/rootfs_linux.go, mountCgroupV1 and getCgroupMounts, unchanged from runc 1.0 to 1.5; the kernel's side is
 * kernel/cgroup/cgroup-v1.c, cgroup1_parse_param and cgroup1_root_to_use, and EBUSY fs/namespace.c, do_add_mount.
 */
export function refusedByRunc(host: Hierarchies, kernel?: string): readonly Refusal[] {
	const chosen = chosenByRunc(host);
	return chosen.flatMap((hierarchy) => {
		const base = baseOf(hierarchy);
		const errno = answerToMount(host, base, kernel) ?? (isSecondOfItsName(hierarchy, chosen) ? "EBUSY" : undefined);
		return errno === undefined ? [] : [{ hierarchy, base, errno }];
	});
}

/** For each controller or name in /proc/self/cgroup the first mount that carries it, wherever; runc looks from within the new mount namespace. */
export function chosenByRunc({ hierarchies, own }: Hierarchies): readonly Hierarchy[] {
	const open = new Set(own.flatMap(keysOf));
	return hierarchies.filter((hierarchy) => {
		const carried = keysOf(hierarchy).filter((key) => open.has(key));
		for (const key of carried) {
			open.delete(key);
		}

		return carried.length > 0;
	});
}

/** Those whose cgroup runc puts a container into; of the others it passes over errors. libcontainer/cgroups/fs/fs.go. */
const joined = "cpuset devices memory cpu cpuacct pids blkio hugetlb net_cls net_prio perf_event freezer rdma".split(
	" ",
);

/** A directory in which runc makes a container's cgroup, and which is not the hierarchy that it takes it for. */
export interface Misplaced {
	readonly controller: string;
	/** Where the controller is mounted, if it is. */
	readonly hierarchy: Hierarchy | undefined;
	/** Where runc looks. */
	readonly lookedFor: string;
	/** What is mounted there instead, if it is a hierarchy. */
	readonly instead: Hierarchy | undefined;
	/** False where a copied tree does not tell in which folder runc looks. */
	readonly certain: boolean;
}

/**
 * What stops every container on cgroup v1, whatever its namespace, in the order in which runc comes upon it: a controller
 * that is deeper than its folder, hidden, or another one's directory. libcontainer/cgroups/fs/paths.go and cpuset.go of
 * runc 1.0 to 1.5, tried with 1.1.5. A controller that it does not find it does without, devices apart.
 */
export function misplacedForRunc(host: Hierarchies, driver: string | undefined): readonly Misplaced[] {
	const perRoot = rootsOf(host, driver).map((root) => misplacedBelow(root, host));
	const certain = perRoot.every(({ length }) => length > 0);
	const found = certain ? (perRoot[0] ?? []) : perRoot.flat();
	return found
		.filter(({ lookedFor }, index) => found.findIndex((other) => other.lookedFor === lookedFor) === index)
		.map((one) => ({ ...one, certain }));
}

function misplacedBelow(root: string, host: Hierarchies): readonly Omit<Misplaced, "certain">[] {
	const found = joined.flatMap((controller) => {
		const mount = findBelow(root, controller, host);
		const lookedFor = mount && (root === anywhere ? mount.mountPoint : within(root, baseOf(mount)));
		const there = lookedFor === undefined ? undefined : hierarchyAt(lookedFor, host);
		const isFine = there?.controllers.includes(controller) ?? false;
		return lookedFor === undefined || isFine || (there !== undefined && !needsItsFiles.includes(controller))
			? []
			: [{ controller, hierarchy: carrierOf(controller, host), lookedFor, instead: there }];
	});
	return [...found.filter((one) => !isLate(one)), ...found.filter(isLate)];
}

/** The rules for devices are written when the container has its cgroups and its mounts. */
export const isLate = ({ controller, instead }: Pick<Misplaced, "controller" | "instead">): boolean =>
	controller === "devices" && instead !== undefined;

/** Of these runc reads files even where nothing is limited. */
const needsItsFiles = ["cpuset", "devices"];

const carrierOf = (controller: string, { hierarchies }: Hierarchies): Hierarchy | undefined =>
	hierarchies.find(({ controllers }) => controllers.includes(controller));

type Layout = Pick<Hierarchies, "hierarchies" | "own" | "topIsReadOnly" | "topBeginsWithV1" | "systemdDirectory">;

/** Where runc finds a controller, or another hierarchy in its directory: v1_utils.go, FindCgroupMountpoint. */
export function findBelow(root: string, controller: string, host: Layout): Hierarchy | undefined {
	const atItsName = top.startsWith(root) ? hierarchyAt(`${top}/${controller}`, host) : undefined;
	return (
		atItsName ??
		byAge(host.hierarchies).find(
			({ controllers, mountPoint }) => controllers.includes(controller) && mountPoint.startsWith(root),
		)
	);
}

const hierarchyAt = (path: string, { hierarchies }: Pick<Layout, "hierarchies">): Hierarchy | undefined =>
	hierarchies.find(({ mountPoint, visible }) => visible && mountPoint === path);

/** No folder: the mount points themselves count, wherever they are. */
const anywhere = "";

/**
 * The folder in which runc looks for all hierarchies: /sys/fs/cgroup if that is a tmpfs and its first entry is one, else that
 * of the oldest mount. Both come into question where a copied tree does not tell the first entry. paths.go, rootPath.
 * With the driver systemd it keeps to no folder: libcontainer/cgroups/systemd/v1.go, getSubsystemPath, tried with 1.1.5.
 */
export function rootsOf(host: Layout, driver: string | undefined): readonly string[] {
	if (driver === "systemd") {
		return [anywhere];
	}

	const oldest = oldestOf(host);
	const folder = oldest === undefined ? top : parentOf(oldest.mountPoint);
	if (host.topIsReadOnly === undefined || host.topBeginsWithV1 === false || makesDirectory(host)) {
		return [folder];
	}

	return host.topBeginsWithV1 === true ? [top] : [...new Set([top, folder])];
}

/** It makes a cgroup where it takes the systemd hierarchy to be, and does not mind that it is a plain directory, which comes first from then on. */
const makesDirectory = ({ hierarchies, systemdDirectory, topIsReadOnly }: Layout): boolean =>
	systemdDirectory === "absent" &&
	topIsReadOnly === false &&
	hierarchies.some(({ name, mountPoint }) => name === "systemd" && mountPoint.startsWith(`${top}/`));

export function oldestOf({ hierarchies, own }: Pick<Layout, "hierarchies" | "own">): Hierarchy | undefined {
	const live = new Set(own.flatMap(keysOf));
	return byAge(hierarchies).find((hierarchy) => keysOf(hierarchy).some((key) => live.has(key)));
}

export const byAge = (hierarchies: readonly Hierarchy[]): readonly Hierarchy[] =>
	hierarchies.toSorted((a, b) => (a.age ?? 0) - (b.age ?? 0));

/** What Docker prints; the container's cgroup and process differ from start to start. */
export function predictedWithoutCgroup(misplaced: Misplaced, { topIsReadOnly }: Hierarchies): string {
	const { controller, hierarchy, lookedFor, instead } = misplaced;
	const missing = "no such file or directory";
	if (instead !== undefined) {
		return controller === "devices"
			? `error setting cgroup config for procHooks process: openat2 ${lookedFor}/…/devices.list: ${missing}`
			: `unable to apply cgroup configuration: openat2 ${lookedFor}/…/cpuset.cpus: ${missing}`;
	}

	if (controller === "cpuset") {
		return `unable to apply cgroup configuration: mkdir ${lookedFor}/…: ${missing}`;
	}

	return topIsReadOnly === true && hierarchy?.visible === true && parentOf(lookedFor) === top
		? `unable to apply cgroup configuration: mkdir ${lookedFor}: read-only file system`
		: `unable to apply cgroup configuration: failed to write …: openat2 ${lookedFor}/…/cgroup.procs: ${missing}`;
}

/** Where engines expect the hierarchies. Without a tmpfs for them, runc takes the folder of the oldest. */
export function folderOf({ layout, hierarchies }: Pick<Hierarchies, "layout" | "hierarchies">): string {
	const [first] = byAge(hierarchies);
	return layout === "odd" && first !== undefined ? parentOf(first.mountPoint) : top;
}

export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")));
const within = (folder: string, name: string): string => `${folder === "/" ? "" : folder}/${name}`;

/** Its directory bears its name, so that runc mounts this hierarchy and no other. */
export function bearsItsName(hierarchy: Hierarchy): boolean {
	const base = baseOf(hierarchy);
	return base === "systemd" || base.startsWith("name=")
		? `name=${hierarchy.name ?? ""}` === dataOf(base)
		: isSame(base.split(","), hierarchy.controllers);
}

export const isSameHierarchy = (a: Held, b: Held): boolean => a.name === b.name && isSame(a.controllers, b.controllers);

/** Without a controller it is its name. */
export const labelOf = ({ controllers, name = "" }: Held): string =>
	controllers.length > 0 ? controllers.join(",") : `name=${name}`;

const baseOf = ({ mountPoint }: Hierarchy): string => mountPoint.split("/").at(-1) ?? "";
const dataOf = (base: string): string => (base === "systemd" ? "name=systemd" : base);

/** Two directories of one name make runc mount one hierarchy twice at one place. To blame is the one that is not it. */
function isSecondOfItsName(hierarchy: Hierarchy, chosen: readonly Hierarchy[]): boolean {
	const namesakes = chosen.filter((other) => baseOf(other) === baseOf(hierarchy));
	return hierarchy !== (namesakes.find(bearsItsName) ?? namesakes[0]);
}

const keysOf = ({ controllers, name }: Held): readonly string[] => [
	...controllers,
	...(name === undefined ? [] : [`name=${name}`]),
];

/** Every kernel's v1 names: SUBSYS() in include/linux/cgroup_subsys.h, with legacy_name. */
const everyController =
	"cpuset cpu cpuacct blkio memory devices freezer net_cls perf_event net_prio hugetlb pids rdma misc debug dmem".split(
		" ",
	);
/** Options that ask for every controller in one hierarchy where they stand alone. */
const forAll = ["all", "clone_children", "cpuset_v2_mode", "xattr", "favordynmods"];
/** The same since Linux 5.1: options of any file system, fs/fs_context.c, vfs_parse_sb_flag. */
const ofAnyFileSystem = "rw ro sync async dirsync mand nomand lazytime nolazytime".split(" ");

/** `mount -t cgroup -o DATA` in a cgroup namespace that is not the first: the hierarchy must live already, mounted or not. */
function answerToMount(
	{ hierarchies, own, kernelControllers }: Hierarchies,
	base: string,
	kernel: string | undefined,
): Errno | undefined {
	const words = dataOf(base).split(",");
	const known = new Set(kernelControllers ?? everyController);
	const name = words.find((word) => word.startsWith("name="))?.slice("name=".length);
	const isOld = isAtLeast(kernel, since.kernelNamesOptions) === false;
	const alone = [...forAll, ...(isOld ? [] : ofAnyFileSystem)];
	const plain = new Set([...alone, "none", "noprefix"]);
	if (words.some((word) => !known.has(word) && !word.startsWith("name=") && !plain.has(word))) {
		return isOld ? "ENOENT" : "EINVAL";
	}

	const asked = words.filter((word) => known.has(word));
	const isNothing = asked.length === 0 && name === undefined && !words.some((word) => alone.includes(word));
	const isContrary = words.includes("none") && (asked.length > 0 || name === undefined);
	if (isNothing || isContrary) {
		return "EINVAL";
	}

	const live: readonly Held[] = [...hierarchies, ...own];
	if (name !== undefined) {
		const named = live.find((hierarchy) => hierarchy.name === name);
		return named === undefined
			? asked.length > 0
				? "EPERM"
				: "EINVAL"
			: asked.length === 0 || isSame(asked, named.controllers)
				? undefined
				: "EBUSY";
	}

	const wanted = asked.length > 0 ? asked : [...known];
	return live.some(({ controllers }) => isSame(wanted, controllers)) ? undefined : "EPERM";
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
	new Set(a).size === new Set(b).size && a.every((item) => b.includes(item));

/** What Docker prints, in the words of the runc version at hand; `…` for what differs from start to start. */
export function predictedError({ base, errno }: Refusal, isBefore12: boolean | undefined): string {
	const data = dataOf(base);
	const source = base === "systemd" ? "systemd" : "cgroup";
	const beginning = 'error mounting "cgroup" to rootfs at "/sys/fs/cgroup": mount';
	return isBefore12 === false
		? `${beginning} src=${source}, dst=/sys/fs/cgroup/${base}, …, data=${data}: ${errors[errno]}`
		: `${beginning} ${source}:/sys/fs/cgroup/${base} (via …), flags: 0xe, data: ${data}: ${errors[errno]}`;
}
