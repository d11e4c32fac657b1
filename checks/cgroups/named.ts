import type { NonEmpty, Step } from "../../src/check.ts";
import { hierarchyOwners } from "../../src/knowledge/hierarchies.ts";
import type { Provider, System } from "./host.ts";
import type { Refusal } from "./runc.ts";
import { advise, asRoot, change, switchToV2, undoing, write } from "./steps.ts";

type Code = "named-hierarchy" | "foreign-directory" | "single-hierarchy";

interface Explanation {
	readonly code: Code;
	readonly summary: string;
	readonly remedy: NonEmpty<Step>;
}

const top = "/sys/fs/cgroup";

/** Which fault this is, and what ends it. */
export function whyAndHow(refusal: Refusal, system: System, provider: Provider): Explanation {
	const { hierarchy, base } = refusal;
	if (hierarchy.mountPoint === top) {
		return {
			code: "single-hierarchy",
			summary: `One hierarchy with all controllers is mounted on ${top} itself.`,
			remedy: switchToV2(system, provider),
		};
	}

	const isNamed = hierarchy.controllers.length === 0 && hierarchy.name !== undefined;
	return isNamed
		? {
				code: "named-hierarchy",
				summary: `The hierarchy name=${hierarchy.name} without a controller is mounted at ${hierarchy.mountPoint}${whose(refusal)}.`,
				remedy: removal(refusal, system, provider),
			}
		: {
				code: "foreign-directory",
				summary: `The hierarchy of ${hierarchy.controllers.join(",")} is mounted at ${hierarchy.mountPoint}, a directory called ${base}${whose(refusal)}.`,
				remedy: isWanted(refusal) ? relocation(refusal, system, provider) : removal(refusal, system, provider),
			};
}

const ownerOf = ({ hierarchy }: Refusal) =>
	hierarchyOwners.find(({ pattern }) => pattern.test(hierarchy.name ?? "") || pattern.test(hierarchy.mountPoint));

const whose = (refusal: Refusal): string => {
	const owner = ownerOf(refusal);
	return owner === undefined ? "" : `, usually by ${owner.who}`;
};

/** Engines and the kubelet use these; of the others none is missed in a container. */
const wanted = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids", "blkio"];
const isWanted = ({ hierarchy }: Refusal): boolean => hierarchy.controllers.some((name) => wanted.includes(name));

function removal(refusal: Refusal, system: System, provider: Provider): NonEmpty<Step> {
	const { hierarchy } = refusal;
	const option =
		hierarchy.controllers.length > 0 ? hierarchy.controllers.join(",") : `none,name=${hierarchy.name ?? ""}`;
	return [
		change(
			"Unmount it. Docker needs no restart, and containers start at once.",
			undoing(system, "mount", "-t", "cgroup", "-o", option, "cgroup", hierarchy.mountPoint),
			...asRoot(system, "umount", hierarchy.mountPoint),
		),
		...lasting(refusal),
		orV2(provider),
	];
}

/** At its place first, so that no moment passes without the controller. */
function relocation(refusal: Refusal, system: System, provider: Provider): NonEmpty<Step> {
	const controllers = refusal.hierarchy.controllers.join(",");
	const right = `${top}/${controllers}`;
	const rest = [
		change(
			"Mount the same hierarchy there.",
			undoing(system, "umount", right),
			...asRoot(system, "mount", "-t", "cgroup", "-o", controllers, "cgroup", right),
		),
		change(
			"Unmount it where it is now. Docker needs no restart.",
			undoing(system, "mount", "-t", "cgroup", "-o", controllers, "cgroup", refusal.hierarchy.mountPoint),
			...asRoot(system, "umount", refusal.hierarchy.mountPoint),
		),
		...lasting(refusal),
		orV2(provider),
	];
	const make = change(
		"Make the directory that bears its name.",
		undoing(system, "rmdir", right),
		...asRoot(system, "mkdir", "-p", right),
	);
	const unlock = change(
		`systemd keeps ${top} read-only; make it writable.`,
		undoing(system, "mount", "-o", "remount,ro", top),
		...asRoot(system, "mount", "-o", "remount,rw", top),
	);
	return system.init === "systemd" ? [unlock, make, ...rest] : [make, ...rest];
}

/** What mounts it again. */
function lasting(refusal: Refusal): readonly Step[] {
	const { hierarchy } = refusal;
	const owner = ownerOf(refusal);
	if (owner?.put !== undefined) {
		return [write(owner.comesBack, owner.put.line, owner.put.into)];
	}

	if (owner !== undefined) {
		return [advise(owner.comesBack)];
	}

	return [
		advise(
			"Find out what mounts it at boot, and take it out there.",
			"grep",
			"-rIs",
			hierarchy.name === undefined ? hierarchy.mountPoint : `name=${hierarchy.name}`,
			"/etc",
		),
	];
}

/** The lasting way out; the steps themselves stand with cgroup-v2. */
const orV2 = ({ engine }: Provider): Step =>
	advise(
		`Or switch the host to cgroup v2, where such hierarchies do no harm: capmox-doctor explain cgroup-v2/v1-deprecated.${engine === "docker" ? " Podman's crun does without the rule, but not on hosts of both versions." : ""}`,
	);
