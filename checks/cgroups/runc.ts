import type { Facts } from "../../src/facts/sheet.ts";

type Hierarchies = Facts["host.hierarchies"];
type Hierarchy = Hierarchies["hierarchies"][number];

/** A hierarchy that runc cannot mount into a cgroup namespace, and what the kernel answers. */
export interface Refusal {
	readonly hierarchy: Hierarchy;
	/** Last part of the mount point: runc hands it to mount(2) as the hierarchy to mount. */
	readonly base: string;
	/** EINVAL: the kernel knows no such controller. EPERM: it would have to create a hierarchy, or one of the name is another. */
	readonly errno: "EINVAL" | "EPERM";
}

/**
 * What stops a container with a cgroup namespace of its own on cgroup v1, in the order in which runc comes upon it.
 * libcontainer/rootfs_linux.go, mountCgroupV1 and getCgroupMounts, unchanged from runc 1.0 to 1.5; the kernel's side is
 * kernel/cgroup/cgroup-v1.c, cgroup1_parse_param and cgroup1_root_to_use.
 */
export function refusedByRunc(host: Hierarchies): readonly Refusal[] {
	return chosenByRunc(host).flatMap((hierarchy) => {
		const base = hierarchy.mountPoint.split("/").at(-1) ?? "";
		const errno = answerToMount(base === "systemd" ? "name=systemd" : base, host);
		return errno === undefined ? [] : [{ hierarchy, base, errno }];
	});
}

/** For each controller or name in /proc/self/cgroup the first mount that carries it, wherever it is mounted. */
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

const keysOf = ({ controllers, name }: Pick<Hierarchy, "controllers" | "name">): readonly string[] => [
	...controllers,
	...(name === undefined ? [] : [`name=${name}`]),
];

/** Every kernel's v1 names: SUBSYS() in include/linux/cgroup_subsys.h, with legacy_name. */
const everyController =
	"cpuset cpu cpuacct blkio memory devices freezer net_cls perf_event net_prio hugetlb pids rdma misc debug dmem".split(
		" ",
	);
const plainOptions = new Set("none noprefix clone_children cpuset_v2_mode xattr favordynmods".split(" "));

/** `mount -t cgroup -o DATA` in a cgroup namespace that is not the first: the hierarchy must be there already. */
function answerToMount(data: string, { hierarchies, kernelControllers }: Hierarchies): Refusal["errno"] | undefined {
	const words = data.split(",");
	const known = new Set(kernelControllers ?? everyController);
	const name = words.find((word) => word.startsWith("name="))?.slice("name=".length);
	const controllers = new Set(words.filter((word) => known.has(word)));
	const rest = words.filter((word) => !known.has(word) && !word.startsWith("name=") && !plainOptions.has(word));
	if (rest.length > 0 || (controllers.size === 0 && name === undefined)) {
		return "EINVAL";
	}

	const isThere = hierarchies.some(
		(hierarchy) =>
			(name === undefined || hierarchy.name === name) &&
			(controllers.size === 0 || isSame(controllers, new Set(hierarchy.controllers))),
	);
	return isThere ? undefined : "EPERM";
}

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
	a.size === b.size && [...a].every((item) => b.has(item));

/** What Docker prints, in the words of the runc version at hand; `start` for the beginning that all versions share. */
export function predictedError({ base, errno }: Refusal, isBefore12: boolean | undefined): string {
	const data = base === "systemd" ? "name=systemd" : base;
	const why = errno === "EINVAL" ? "invalid argument" : "operation not permitted";
	const beginning = 'error mounting "cgroup" to rootfs at "/sys/fs/cgroup": mount';
	return isBefore12 === false
		? `${beginning} src=${base === "systemd" ? "systemd" : "cgroup"}, dst=/sys/fs/cgroup/${base}, …, data=${data}: ${why}`
		: `${beginning} ${base === "systemd" ? "systemd" : "cgroup"}:/sys/fs/cgroup/${base} (via …), flags: 0xe, data: ${data}: ${why}`;
}
