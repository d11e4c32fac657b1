import { parseHierarchy, parseKernel, parseOwn } from "./host-cgroups-layout.ts";
import { parseMountinfo, unescape } from "./host-mountinfo.ts";

/** Files of one host that tell of the same hierarchies; whichever was copied in part disagrees with the others. */
export interface CopiedFiles {
	readonly mountinfo: string;
	readonly ownCgroup?: string | undefined;
	/** /proc/cgroups. */
	readonly kernel?: string | undefined;
	/** /proc/mounts, the same list in other words. */
	readonly mounts?: string | undefined;
}

/**
 * What gives away that a copy ends too early, as a sentence. The kernel lists in /proc/self/cgroup every hierarchy that
 * lives, and what is mounted lives. The other way round does not hold, since a hierarchy outlives its mount while it has
 * cgroups: then /proc/mounts decides, and without it nothing does.
 */
export function whatIsCutOff({ mountinfo, ownCgroup = "", kernel, mounts }: CopiedFiles): string | undefined {
	const cgroupMounts = parseMountinfo(mountinfo).filter(({ type }) => /^cgroup2?$/.test(type));
	const mounted = new Set(
		cgroupMounts.flatMap((mount) => (mount.type === "cgroup2" ? [v2] : keysOf(parseHierarchy(mount)))),
	);
	const live = new Set(parseOwn(ownCgroup).flatMap(keysOf));
	const attached = (parseKernel(kernel) ?? []).filter(({ hierarchy }) => hierarchy > 0).map(({ name }) => name);
	const notLive = [...mounted, ...attached].find((key) => !live.has(key));
	if (notLive !== undefined && live.size > 0) {
		return `the copy of /proc/self/cgroup is not whole: it has no line for ${notLive}, which is in use`;
	}

	const points = new Set(cgroupMounts.map(({ mountPoint }) => mountPoint));
	const listed = (mounts ?? "")
		.split("\n")
		.flatMap((line) => / (\S+) cgroup2? /.exec(line)?.[1] ?? [])
		.map(unescape);
	const lost = listed.find((point) => !points.has(point));
	if (lost !== undefined) {
		return `the copy of /proc/self/mountinfo is not whole: /proc/mounts has ${lost}, too`;
	}

	// Once mounted anywhere, cgroup2 is listed for ever, and seldom mounted where v1 is.
	const notMounted = [...live].find((key) => !mounted.has(key) && (key !== v2 || mounted.size === 0));
	return notMounted === undefined || listed.length > 0
		? undefined
		: `the copy of /proc/self/mountinfo has no mount of ${notMounted}, which /proc/self/cgroup lists: it is cut off, or nothing mounts that any more. A copy of /proc/mounts would tell`;
}

const v2 = "cgroup v2";

const keysOf = ({
	controllers,
	name,
}: {
	readonly controllers: readonly string[];
	readonly name?: string | undefined;
}) =>
	controllers.length === 0 && name === undefined
		? [v2]
		: [...controllers, ...(name === undefined ? [] : [`name=${name}`])];
