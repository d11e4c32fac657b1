import { type CgroupLayout, type Hierarchy, type HostCgroups } from "./host-cgroups.ts";
import { asCopied, type Mount, parseMountinfo, visibleMounts } from "./host-mountinfo.ts";

/** What the classification reads. Everything but the mounts may be missing. */
export interface CgroupSources {
	readonly mountinfo: string;
	readonly ownCgroup?: string | undefined;
	/** /proc/cgroups. */
	readonly kernel?: string | undefined;
	/** Magic number of the file system at /sys/fs/cgroup; it outranks the mounts. */
	readonly rootType?: number | undefined;
	readonly systemdType?: number | undefined;
	/** Whether a missing type means that nothing is there, as on a live host. */
	readonly typesAreComplete?: boolean;
	/** cgroup.controllers at the root of cgroup2. */
	readonly controllers?: string | undefined;
	/** /sys/fs/cgroup/cgroup.type, which a real root cgroup does not have. */
	readonly rootCgroupType?: string | undefined;
	/** Where /proc/self/ns/cgroup points. */
	readonly namespace?: string | undefined;
	readonly dockerCgroup?: { readonly type: string; readonly hasProcesses: boolean } | undefined;
}

/** linux/magic.h. */
export const magic = { cgroup2: 0x63677270, cgroup: 0x27e0eb, tmpfs: 0x01021994, sysfs: 0x62656572 } as const;
const nameOfType = (type: number | undefined): string | undefined =>
	Object.entries(magic).find(([, number]) => number === type)?.[0];

const top = "/sys/fs/cgroup";
/** Include/linux/proc_ns.h, PROC_CGROUP_INIT_INO. */
const initialNamespace = "cgroup:[4026531835]";

/** Options of a v1 super block that are no controllers: kernel/cgroup/cgroup-v1.c, cgroup1_show_options, and the VFS's own. */
const plainOptions = new Set(
	"rw ro xattr noprefix clone_children cpuset_v2_mode favordynmods seclabel none all".split(" "),
);

export function classifyCgroups(sources: CgroupSources): HostCgroups {
	const mounts = parseMountinfo(sources.mountinfo);
	const isCgroup = ({ type }: Mount) => type === "cgroup" || type === "cgroup2";
	const visible = new Set(visibleMounts(mounts, (mount) => isCgroup(mount) || mount.mountPoint === top));
	const oldestFirst = mounts.filter(({ type }) => type === "cgroup");
	const hierarchies = asCopied(mounts)
		.filter(({ type }) => type === "cgroup")
		.map((mount) => ({ ...parseHierarchy(mount), visible: visible.has(mount), age: oldestFirst.indexOf(mount) }));
	const seen = hierarchies.filter((found) => found.visible);
	const unifiedAt = [...visible].filter(({ type }) => type === "cgroup2").map(({ mountPoint }) => mountPoint);
	const atTop = [...visible].findLast(({ mountPoint }) => mountPoint === top);
	const rootType = nameOfType(sources.rootType) ?? atTop?.type;
	const layout = layoutOf(rootType, seen, unifiedAt);
	const version = layout === "unified" ? 2 : 1;
	const own = parseOwn(sources.ownCgroup ?? "");
	const kernel = parseKernel(sources.kernel);
	const outside = seen
		.map(({ mountPoint }) => mountPoint)
		.filter((path) => path !== top && !path.startsWith(`${top}/`));
	const controllers = version === 2 ? words(sources.controllers) : seen.flatMap((found) => found.controllers);
	const unifiedControllers = version === 2 || unifiedAt.length === 0 ? undefined : leftToV2(sources, kernel);
	const isMounted = [...seen.map(({ mountPoint }) => mountPoint), ...unifiedAt].includes(`${top}/systemd`);
	return {
		layout,
		version,
		hierarchies,
		unifiedAt,
		own,
		kernelControllers: kernel?.map(({ name }) => name),
		controllers: [...new Set(controllers)],
		unifiedControllers,
		flags: {
			named: [
				...new Set(
					[...hierarchies, ...own].flatMap(({ name, controllers: with_ }) =>
						name === undefined || with_.length > 0 ? [] : [name],
					),
				),
			],
			comounted: seen.map((found) => found.controllers).filter(({ length }) => length > 1),
			outside,
			stray: version === 2 ? seen.map(({ mountPoint }) => mountPoint) : [],
			withoutSystemd: version === 1 && !hierarchies.some(({ name }) => name === "systemd"),
		},
		systemdDirectory: isMounted
			? "mounted"
			: sources.systemdType !== undefined
				? "directory"
				: sources.typesAreComplete === true
					? "absent"
					: "unknown",
		topIsReadOnly: atTop?.type === "tmpfs" ? [...atTop.options, ...atTop.superOptions].includes("ro") : undefined,
		view: viewOf(sources, [...hierarchies, ...mounts.filter(({ type }) => type === "cgroup2")], own),
		dockerCgroup: sources.dockerCgroup,
	};
}

function layoutOf(rootType: string | undefined, v1: readonly Hierarchy[], unifiedAt: readonly string[]): CgroupLayout {
	if (rootType === "cgroup2") {
		return "unified";
	}

	if (rootType === "cgroup") {
		return "single-legacy";
	}

	const isBelow = (path: string) => path.startsWith(`${top}/`);
	const points = [...v1.map(({ mountPoint }) => mountPoint), ...unifiedAt];
	if (rootType !== "tmpfs" && !points.some(isBelow)) {
		return points.length > 0 ? "odd" : "none";
	}

	if (unifiedAt.includes(`${top}/systemd`)) {
		return "hybrid-v232";
	}

	if (v1.some(({ controllers }) => controllers.length > 0)) {
		return unifiedAt.some(isBelow) ? "hybrid" : "legacy";
	}

	if (v1.length > 0) {
		return "named-only";
	}

	return unifiedAt.length > 0 ? "odd" : "none";
}

export function parseHierarchy({ mountPoint, root, superOptions }: Mount): Omit<Hierarchy, "visible"> {
	const name = superOptions.find((option) => option.startsWith("name="))?.slice("name=".length);
	return {
		mountPoint,
		controllers: superOptions.filter((option) => option !== "" && !option.includes("=") && !plainOptions.has(option)),
		name,
		root,
	};
}

/** `ID:controllers-or-name=:path`; the path may hold colons. */
export function parseOwn(text: string): HostCgroups["own"] {
	return text.split("\n").flatMap((line) => {
		const [, held = "", path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
		if (path === undefined) {
			return [];
		}

		const keys = held.split(",").filter((key) => key !== "");
		const name = keys.find((key) => key.startsWith("name="))?.slice("name=".length);
		return [
			{
				controllers: keys.filter((key) => !key.startsWith("name=")),
				name,
				path,
			},
		];
	});
}

interface KernelController {
	readonly name: string;
	/** 0: on v2, or attached to nothing. */
	readonly hierarchy: number;
	readonly enabled: boolean;
}

export function parseKernel(text: string | undefined): readonly KernelController[] | undefined {
	return text?.split("\n").flatMap((line) => {
		const [, name = "", id, enabled] = /^([a-z_]+)\s+(\d+)\s+\d+\s+([01])/.exec(line) ?? [];
		return id === undefined ? [] : [{ name, hierarchy: Number(id), enabled: enabled === "1" }];
	});
}

const words = (text: string | undefined): readonly string[] | undefined =>
	text?.split(/\s+/).filter((word) => word !== "");

/** Controllers that cgroup v2 shows by these names; the others exist only as v1 or work without a file. */
const v2Names: Readonly<Record<string, string>> = {
	cpuset: "cpuset",
	cpu: "cpu",
	blkio: "io",
	memory: "memory",
	hugetlb: "hugetlb",
	pids: "pids",
	rdma: "rdma",
	misc: "misc",
	dmem: "dmem",
};

/** The file says it; without it, what no v1 hierarchy holds. */
const leftToV2 = (sources: CgroupSources, kernel: readonly KernelController[] | undefined): string[] | undefined => {
	const told = words(sources.controllers);
	return told === undefined
		? kernel?.filter(({ hierarchy: id, enabled }) => id === 0 && enabled).flatMap(({ name }) => v2Names[name] ?? [])
		: [...told];
};

function viewOf(
	{ namespace, rootCgroupType }: CgroupSources,
	mounts: readonly { readonly mountPoint: string; readonly root: string }[],
	own: HostCgroups["own"],
): HostCgroups["view"] {
	const strange = mounts.find(({ root }) => root !== "/");
	const nestedBy = [
		...(namespace !== undefined && namespace !== initialNamespace ? [`/proc/self/ns/cgroup is ${namespace}`] : []),
		...(rootCgroupType === undefined ? [] : [`${top}/cgroup.type exists (${rootCgroupType.trim()})`]),
		...(strange === undefined ? [] : [`${strange.mountPoint} shows ${strange.root} of its hierarchy`]),
		...(own.some(({ path }) => path.startsWith("/..")) ? ["/proc/self/cgroup has paths that begin with /.."] : []),
	];
	return {
		namespace: nestedBy.length > 0 ? "nested" : namespace === undefined ? "unknown" : "initial",
		nestedBy,
	};
}
