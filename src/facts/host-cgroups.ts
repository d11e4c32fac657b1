import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { type Mount, parseMountinfo, visibleMounts } from "./host-mountinfo.ts";

/** How the cgroup file systems are mounted. Engines, the kubelet and kind call all but `unified` version 1. */
export const cgroupLayouts = [
	"unified",
	"hybrid",
	/** systemd 232 only: cgroup2 at /sys/fs/cgroup/systemd. */
	"hybrid-v232",
	"legacy",
	/** One v1 hierarchy with all controllers, mounted on /sys/fs/cgroup itself. */
	"single-legacy",
	/** v1 hierarchies, but none with a controller. */
	"named-only",
	/** cgroup file systems are mounted, but not where everyone looks. */
	"odd",
	"none",
	/** No Linux. */
	"not-applicable",
] as const;
export type CgroupLayout = (typeof cgroupLayouts)[number];

/** A mount of a cgroup v1 hierarchy. */
const hierarchy = z.object({
	mountPoint: z.string(),
	/** In the kernel's order, which says nothing: compare as sets. */
	controllers: z.array(z.string()),
	name: z.string().optional(),
	/** `/`, unless another part, or another cgroup namespace, is mounted. */
	root: z.string(),
	/** False where another mount hides it. */
	visible: z.boolean(),
});
export type Hierarchy = z.infer<typeof hierarchy>;

/** Fact `host.cgroups`: the cgroup set-up as this process sees it. */
export const hostCgroups = z.object({
	layout: z.enum(cgroupLayouts),
	/** What statfs(2) of /sys/fs/cgroup tells every engine; absent where there is no Linux. */
	version: z.union([z.literal(1), z.literal(2)]).optional(),
	/** Every v1 mount in the order of mountinfo, hidden ones included, as runc reads them. */
	hierarchies: z.array(hierarchy),
	/** Mount points of cgroup2. */
	unifiedAt: z.array(z.string()),
	/** The lines of /proc/self/cgroup: hierarchies that live, mounted or not. `0::` has neither controllers nor name. */
	own: z.array(z.object({ controllers: z.array(z.string()), name: z.string().optional(), path: z.string() })),
	/** What the kernel can do as v1, or undefined where /proc/cgroups cannot be read. */
	kernelControllers: z.array(z.string()).optional(),
	/** Controllers that containers can use: of the root on a unified host, else of the v1 hierarchies; undefined where unknown. */
	controllers: z.array(z.string()).optional(),
	/** On a host of both versions: the controllers left to v2; undefined where unknown. */
	unifiedControllers: z.array(z.string()).optional(),
	/** Derived; each list is empty where the matter does not arise. */
	flags: z.object({
		/** Names of hierarchies without controllers, mounted or only live. */
		named: z.array(z.string()),
		comounted: z.array(z.array(z.string())),
		/** Mount points of v1 hierarchies elsewhere than below /sys/fs/cgroup. */
		outside: z.array(z.string()),
		/** v1 mounts beside a unified layout. */
		stray: z.array(z.string()),
		/** Version 1, and no hierarchy `name=systemd` is mounted. */
		withoutSystemd: z.boolean(),
	}),
	/** What lies at /sys/fs/cgroup/systemd, which the missing hierarchy would be mounted on. */
	systemdDirectory: z.enum(["absent", "directory", "mounted", "unknown"]),
	/** From where this is seen; `nestedBy` holds what gave another namespace away. */
	view: z.object({ namespace: z.enum(["initial", "nested", "none", "unknown"]), nestedBy: z.array(z.string()) }),
	/** The cgroup `/docker` of a unified host, where Docker's cgroupfs driver puts containers. */
	dockerCgroup: z.object({ type: z.string(), hasProcesses: z.boolean() }).optional(),
});
export type HostCgroups = z.infer<typeof hostCgroups>;

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
const magic = { cgroup2: 0x63677270, cgroup: 0x27e0eb, tmpfs: 0x01021994, sysfs: 0x62656572 } as const;
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
	const hierarchies = mounts
		.filter(({ type }) => type === "cgroup")
		.map((mount) => ({ ...parseHierarchy(mount), visible: visible.has(mount) }));
	const seen = hierarchies.filter((found) => found.visible);
	const unifiedAt = [...visible].filter(({ type }) => type === "cgroup2").map(({ mountPoint }) => mountPoint);
	const rootType = nameOfType(sources.rootType) ?? [...visible].findLast(({ mountPoint }) => mountPoint === top)?.type;
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

function parseHierarchy({ mountPoint, root, superOptions }: Mount): Omit<Hierarchy, "visible"> {
	const name = superOptions.find((option) => option.startsWith("name="))?.slice("name=".length);
	return {
		mountPoint,
		controllers: superOptions.filter((option) => option !== "" && !option.includes("=") && !plainOptions.has(option)),
		name,
		root,
	};
}

/** `ID:controllers-or-name=:path`; the path may hold colons. */
function parseOwn(text: string): HostCgroups["own"] {
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

function parseKernel(text: string | undefined): readonly KernelController[] | undefined {
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

export async function readHostCgroups({ files, host }: World): Promise<HostCgroups> {
	if (host.platform !== "linux") {
		return nowhere;
	}

	const [
		mountinfo,
		ownCgroup,
		kernel,
		rootFs,
		systemdFs,
		controllers,
		hybridControllers,
		rootCgroupType,
		namespace,
		dockerCgroup,
	] = await Promise.all([
		readWhole(files, "/proc/self/mountinfo"),
		readWhole(files, "/proc/self/cgroup"),
		files.readText("/proc/cgroups"),
		files.statfs(top),
		files.statfs(`${top}/systemd`),
		files.readText(`${top}/cgroup.controllers`),
		files.readText(`${top}/unified/cgroup.controllers`),
		files.readText(`${top}/cgroup.type`),
		files.readLink("/proc/self/ns/cgroup"),
		readDockerCgroup(files),
	]);
	if (mountinfo === undefined) {
		throw new ProbeError("not-found", "there is no /proc/self/mountinfo, so the cgroup mounts cannot be seen");
	}

	// A kernel with a cgroup mounted always lists the process's own; without the list no mount would be judged.
	if ((ownCgroup ?? "") === "" && / - cgroup2? /.test(mountinfo)) {
		throw new ProbeError("unreadable", "/proc/self/cgroup is missing or empty, though cgroups are mounted");
	}

	const { view, ...found } = classifyCgroups({
		mountinfo,
		ownCgroup,
		kernel,
		rootType: rootFs?.type,
		systemdType: systemdFs?.type,
		typesAreComplete: !host.recorded || rootFs !== undefined,
		controllers: controllers ?? hybridControllers,
		rootCgroupType,
		namespace,
		dockerCgroup,
	});
	// Kernels before 4.6 have no cgroup namespaces; a copied tree may just have lost the link.
	const none = namespace === undefined && !host.recorded && view.namespace === "unknown";
	return { ...found, view: none ? { ...view, namespace: "none" } : view };
}

/** The kernel ends every line; a copy that was cut off must not be judged as if it were all. Copies may carry CRLF. */
async function readWhole(files: World["files"], path: string): Promise<string | undefined> {
	const text = (await files.readText(path))?.replace(/\r$/gm, "");
	if (text !== undefined && text !== "" && !text.endsWith("\n")) {
		throw new ProbeError("unreadable", `${path} is cut off: its last line has no end`);
	}

	return text === "" && path.endsWith("mountinfo") ? undefined : text;
}

async function readDockerCgroup(files: World["files"]): Promise<HostCgroups["dockerCgroup"]> {
	const type = await files.readText(`${top}/docker/cgroup.type`);
	if (type === undefined) {
		return undefined;
	}

	const isThreaded = type.trim() === "threaded";
	// The kernel refuses to list the processes of a threaded cgroup (EOPNOTSUPP), which has some.
	const processes = isThreaded ? "some" : await files.readText(`${top}/docker/cgroup.procs`);
	return { type: type.trim(), hasProcesses: (processes ?? "").trim() !== "" };
}

const nowhere: HostCgroups = {
	layout: "not-applicable",
	hierarchies: [],
	unifiedAt: [],
	own: [],
	flags: { named: [], comounted: [], outside: [], stray: [], withoutSystemd: false },
	systemdDirectory: "unknown",
	view: { namespace: "unknown", nestedBy: [] },
};
