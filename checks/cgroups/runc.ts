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

/** A hierarchy in which runc looks for a container's cgroup at a place where no hierarchy is. */
export interface Misplaced {
	readonly hierarchy: Hierarchy;
	/** Where runc looks. */
	readonly lookedFor: string;
}

/**
 * Hierarchies below /sys/fs/cgroup, but deeper or hidden: runc takes the last part of the mount point for a directory right
 * below, makes the container's cgroup there and finds no cgroup.procs in it. libcontainer/cgroups/fs/paths.go, subsysPath,
 * and libcontainer/cgroups/v1_utils.go, FindCgroupMountpoint; tried with 1.1.5. Outside it looks for none.
 */
export function misplacedForRunc({ layout, hierarchies }: Hierarchies): readonly Misplaced[] {
	const folder = folderOf({ layout, hierarchies });
	const isHierarchy = (path: string) => hierarchies.some(({ mountPoint, visible }) => visible && mountPoint === path);
	const found = joined.flatMap((controller) => {
		const first = hierarchies.find(
			({ controllers, mountPoint }) => controllers.includes(controller) && mountPoint.startsWith(`${folder}/`),
		);
		const lookedFor = `${folder}/${first === undefined ? controller : baseOf(first)}`;
		return first === undefined || isHierarchy(`${folder}/${controller}`) || isHierarchy(lookedFor)
			? []
			: [{ hierarchy: first, lookedFor }];
	});
	return found.filter(({ hierarchy }, index) => found.findIndex((other) => other.hierarchy === hierarchy) === index);
}

/** What Docker prints; the container's cgroup and process differ from start to start. */
export const predictedWithoutCgroup = ({ lookedFor, hierarchy }: Misplaced, { topIsReadOnly }: Hierarchies): string =>
	topIsReadOnly === true && hierarchy.visible
		? `unable to apply cgroup configuration: mkdir ${lookedFor}: read-only file system`
		: `unable to apply cgroup configuration: failed to write …: openat2 ${lookedFor}/…/cgroup.procs: no such file or directory`;

/** Where engines expect the hierarchies. Without a tmpfs for them, runc takes the folder of the first mount. */
export function folderOf({ layout, hierarchies }: Pick<Hierarchies, "layout" | "hierarchies">): string {
	const first = hierarchies[0]?.mountPoint;
	return layout === "odd" && first !== undefined ? first.slice(0, Math.max(1, first.lastIndexOf("/"))) : top;
}

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
const plainOptions = new Set([...forAll, "none", "noprefix"]);

/** `mount -t cgroup -o DATA` in a cgroup namespace that is not the first: the hierarchy must live already, mounted or not. */
function answerToMount(
	{ hierarchies, own, kernelControllers }: Hierarchies,
	base: string,
	kernel: string | undefined,
): Errno | undefined {
	const words = dataOf(base).split(",");
	const known = new Set(kernelControllers ?? everyController);
	const name = words.find((word) => word.startsWith("name="))?.slice("name=".length);
	const rest = words.filter((word) => !known.has(word) && !word.startsWith("name=") && !plainOptions.has(word));
	if (rest.length > 0) {
		return isAtLeast(kernel, since.kernelNamesOptions) === false ? "ENOENT" : "EINVAL";
	}

	const asked = words.filter((word) => known.has(word));
	if (asked.length === 0 && name === undefined && !words.some((word) => forAll.includes(word))) {
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
