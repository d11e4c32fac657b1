import { coerce, compare } from "semver";
import type { Facts } from "../../src/facts/sheet.ts";
import { kindReleases, since } from "../../src/knowledge/kind.ts";

export type Provider = Facts["host.provider"];
export type System = Facts["host.system"];
export type Cgroups = Facts["host.cgroups"];
export type Tools = Facts["host.tools"];

/** -1, 0 or 1 by major, minor and patch; a suffix such as `+dfsg1` does not count, and a leading zero as in Docker 19.03 is none. */
const compareVersions = (a: string, b: string): number | undefined => {
	const [left, right] = [coerce(a, { loose: true }), coerce(b, { loose: true })];
	return left === null || right === null ? undefined : compare(left, right);
};

/** Undefined where either is no version. */
export function isAtLeast(version: string | undefined, minimum: string): boolean | undefined {
	const order = version === undefined ? undefined : compareVersions(version, minimum);
	return order === undefined ? undefined : order >= 0;
}

export type KindRelease = (typeof kindReleases)[number];

/** The release whose default image a version of kind uses; for one newer than the table, the newest known. */
export const releaseOf = (version: string): KindRelease | undefined =>
	kindReleases.find(({ kind }) => isAtLeast(version, kind) === true);

/** Newer than every release of the table. */
export const isBeyondTable = (version: string): boolean =>
	kindReleases.every(({ kind }) => (compareVersions(version, kind) ?? 0) > 0);

/** The newest default image whose kubelet still takes cgroup v1. */
export const lastOnV1 = kindReleases.find(({ kubernetes }) => isAtLeast(kubernetes, since.kubeletRefusesV1) === false);

export const kindVersion = ({ kind }: Tools): string | undefined => (kind.state === "found" ? kind.version : undefined);

const engineNames = { docker: "Docker", podman: "Podman", nerdctl: "nerdctl", none: "Docker" } as const;

/** `Docker 28.2.2`. */
export const nameOf = ({ engine, version }: Provider): string =>
	`${engineNames[engine]}${version === undefined || version === "" ? "" : ` ${version}`}`;

/** runc, or a wrapper that leaves the cgroups to it. */
export const usesRunc = ({ runtime }: Provider): boolean =>
	/^(?:runc|io\.containerd\.runc\..*|nvidia.*)$/.test(runtime.name);
export const usesCrun = ({ runtime }: Provider): boolean => runtime.name.includes("crun");

/** runc makes the cgroups of containers; a rootless engine uses none on v1. */
export const makesCgroups = (provider: Provider): boolean => usesRunc(provider) && provider.rootless !== true;

/** Every new container of kind gets a cgroup namespace of its own: kind asks for it since 0.20, an engine may do it by itself. */
export const hasPrivateCgroups = (provider: Provider, tools: Tools): boolean =>
	provider.privateCgroups ||
	(tools.kind.state !== "absent" && isAtLeast(kindVersion(tools), since.kindPrivateCgroups) !== false);

/** Of a kernel that is not known it is taken for granted. */
export const hasCgroupNamespaces = ({ kernel }: System): boolean =>
	isAtLeast(kernel, since.kernelCgroupNamespaces) !== false;

const layoutWords: Readonly<Record<Cgroups["layout"], string>> = {
	unified: "cgroup v2 alone",
	hybrid: "cgroup v1 with v2 beside it (hybrid)",
	"hybrid-v232": "cgroup v1 with v2 in the place of the systemd hierarchy (hybrid of systemd 232)",
	legacy: "cgroup v1",
	"single-legacy": "one cgroup v1 hierarchy with all controllers, mounted on /sys/fs/cgroup itself",
	"named-only": "cgroup v1 hierarchies without a single controller",
	odd: "cgroup file systems, but none below /sys/fs/cgroup",
	none: "no cgroup file system at all",
	"not-applicable": "no cgroups",
};

export const describeLayout = ({ layout }: Pick<Cgroups, "layout">): string => layoutWords[layout];
