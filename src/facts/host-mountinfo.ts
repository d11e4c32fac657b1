/** A line of /proc/self/mountinfo, proc(5), with its escapes undone. */
export interface Mount {
	readonly id: number;
	readonly parent: number;
	/** `major:minor`; two mounts with the same one show the same file system. */
	readonly device: string;
	/** What of the file system is mounted; `/..` and the like belong to another cgroup namespace. */
	readonly root: string;
	readonly mountPoint: string;
	/** Of this mount alone, such as `ro`; the file system has its own. */
	readonly options: readonly string[];
	readonly type: string;
	/** Free text; nothing follows from it. */
	readonly source: string;
	/** Where a v1 hierarchy has its controllers and its name. */
	readonly superOptions: readonly string[];
}

/** The mounts in the order of the kernel. A line that is no mount, such as the cut-off last one, is left out. */
export const parseMountinfo = (text: string): readonly Mount[] => text.split("\n").flatMap(parseLine);

function parseLine(line: string): Mount[] {
	const fields = line.split(" ");
	// Zero or more optional fields end with a lone hyphen.
	const separator = fields.indexOf("-", 6);
	const [id = "", parent = "", device = "", root = "", mountPoint = "", options = ""] = fields;
	const [type = "", source = "", superOptions = ""] = separator === -1 ? [] : fields.slice(separator + 1);
	if (!/^\d+$/.test(id) || !/^\d+$/.test(parent) || type === "" || mountPoint === "") {
		return [];
	}

	return [
		{
			id: Number(id),
			parent: Number(parent),
			device,
			root: unescape(root),
			mountPoint: unescape(mountPoint),
			options: options.split(","),
			type,
			source: unescape(source),
			superOptions: superOptions.split(",").map(unescape),
		},
	];
}

/** The kernel writes blank, tab, line feed and backslash as three octal digits. */
export const unescape = (field: string): string =>
	field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The mounts among `wanted` that a path still leads to; a mount on top of one hides it with all that is below. */
export function visibleMounts(all: readonly Mount[], wanted: (mount: Mount) => boolean): readonly Mount[] {
	const byId = new Map(all.map((mount) => [mount.id, mount]));
	const children = childrenOf(all);
	const isCovered = (mount: Mount, seen: ReadonlySet<number>): boolean => {
		const siblings = children.get(mount.parent) ?? [];
		if (
			siblings.some(
				(other) => other !== mount && other.id !== mount.parent && isBelow(mount.mountPoint, other.mountPoint),
			)
		) {
			return true;
		}

		const parent = byId.get(mount.parent);
		return parent !== undefined && !seen.has(parent.id) && isCovered(parent, new Set([...seen, parent.id]));
	};
	return all.filter(
		(mount) =>
			wanted(mount) &&
			!(children.get(mount.id) ?? []).some((top) => top !== mount && top.mountPoint === mount.mountPoint) &&
			!isCovered(mount, new Set([mount.id])),
	);
}

/**
 * The mounts as a new mount namespace lists them: each with all that is mounted on it before the next, and not by age as
 * the old one does. copy_tree, fs/namespace.c; a container's first process reads them so.
 */
export function asCopied(all: readonly Mount[]): readonly Mount[] {
	const ids = new Set(all.map(({ id }) => id));
	const children = childrenOf(all);
	const listed = new Set<Mount>();
	const visit = (mount: Mount) => {
		if (!listed.has(mount)) {
			listed.add(mount);
			children.get(mount.id)?.forEach(visit);
		}
	};
	all.filter(({ id, parent }) => id === parent || !ids.has(parent)).forEach(visit);
	all.forEach(visit);
	return [...listed];
}

function childrenOf(all: readonly Mount[]): ReadonlyMap<number, readonly Mount[]> {
	const children = new Map<number, Mount[]>();
	for (const mount of all) {
		const siblings = children.get(mount.parent);
		if (siblings === undefined) {
			children.set(mount.parent, [mount]);
		} else {
			siblings.push(mount);
		}
	}

	return children;
}

const isBelow = (path: string, folder: string): boolean =>
	folder !== path && path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
