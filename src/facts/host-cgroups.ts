import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { whatIsCutOff } from "./host-cgroups-copy.ts";
import { classifyCgroups, magic } from "./host-cgroups-layout.ts";

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
	/** Its place among them in this process's own mount namespace, oldest first; absent in older snapshots. */
	age: z.number().optional(),
});
export type Hierarchy = z.infer<typeof hierarchy>;

/** Fact `host.cgroups`: the cgroup set-up as this process sees it. */
export const hostCgroups = z.object({
	layout: z.enum(cgroupLayouts),
	/** What statfs(2) of /sys/fs/cgroup tells every engine; absent where there is no Linux. */
	version: z.union([z.literal(1), z.literal(2)]).optional(),
	/** Every v1 mount, hidden ones included, in the order in which runc reads them: that of a new mount namespace. */
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
	/** The tmpfs at /sys/fs/cgroup takes no new directory, as systemd leaves it; absent where another file system is there. */
	topIsReadOnly: z.boolean().optional(),
	/** The first entry of that tmpfs, in its own order, is a v1 hierarchy; absent where there is none, or a copy does not tell. */
	topBeginsWithV1: z.boolean().optional(),
	/** From where this is seen; `nestedBy` holds what gave another namespace away. */
	view: z.object({ namespace: z.enum(["initial", "nested", "none", "unknown"]), nestedBy: z.array(z.string()) }),
	/** The cgroup `/docker` of a unified host, where Docker's cgroupfs driver puts containers. */
	dockerCgroup: z.object({ type: z.string(), hasProcesses: z.boolean() }).optional(),
});
export type HostCgroups = z.infer<typeof hostCgroups>;

const top = "/sys/fs/cgroup";

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
		topBeginsWithV1,
		mounts,
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
		readDockerCgroup(files, host.recorded),
		host.recorded ? undefined : beginsWithV1(files),
		// Only a copy can be cut off, so that only there a second witness is of use.
		host.recorded ? files.readText("/proc/mounts") : undefined,
	]);
	if (mountinfo === undefined) {
		throw new ProbeError("not-found", "there is no /proc/self/mountinfo, so the cgroup mounts cannot be seen");
	}

	// A kernel with a cgroup mounted always lists the process's own; without the list no mount would be judged.
	if ((ownCgroup ?? "") === "" && / - cgroup2? /.test(mountinfo)) {
		throw new ProbeError("unreadable", "/proc/self/cgroup is missing or empty, though cgroups are mounted");
	}

	const lost = host.recorded ? whatIsCutOff({ mountinfo, ownCgroup, kernel, mounts }) : undefined;
	if (lost !== undefined) {
		throw new ProbeError("unreadable", lost);
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
	return {
		...found,
		...(found.topIsReadOnly === undefined ? {} : { topBeginsWithV1 }),
		view: none ? { ...view, namespace: "none" } : view,
	};
}

async function beginsWithV1(files: World["files"]): Promise<boolean> {
	const first = await files.firstEntry(top);
	return first !== undefined && (await files.statfs(`${top}/${first}`))?.type === magic.cgroup;
}

/** The kernel ends every line; a copy that was cut off must not be judged as if it were all. Copies may carry CRLF. */
async function readWhole(files: World["files"], path: string): Promise<string | undefined> {
	const text = (await files.readText(path))?.replace(/\r$/gm, "");
	if (text !== undefined && text !== "" && !text.endsWith("\n")) {
		throw new ProbeError("unreadable", `${path} is cut off: its last line has no end`);
	}

	return text === "" && path.endsWith("mountinfo") ? undefined : text;
}

async function readDockerCgroup(files: World["files"], recorded: boolean): Promise<HostCgroups["dockerCgroup"]> {
	const path = `${top}/docker`;
	const type = (await files.readText(`${path}/cgroup.type`))?.trim() ?? "";
	if (type === "") {
		// Copies made by size hold empty files, and lists of mounts name what was not copied at all.
		if (recorded && (await files.statfs(path))?.type === magic.cgroup2) {
			throw new ProbeError("not-found", `the copy has ${path}, and not its cgroup.type, which may be threaded`);
		}

		return undefined;
	}

	const isThreaded = type === "threaded";
	// The kernel refuses to list the processes of a threaded cgroup (EOPNOTSUPP), which has some.
	const processes = isThreaded ? "some" : await files.readText(`${path}/cgroup.procs`);
	return { type, hasProcesses: (processes ?? "").trim() !== "" };
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
