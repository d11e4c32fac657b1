import { mapNonEmpty, type NonEmpty, type Step } from "../../src/check.ts";
import { hierarchyOwners } from "../../src/knowledge/hierarchies.ts";
import type { Provider, System } from "./host.ts";
import { type Hierarchies, isPlaced, isWanted, mountAtPlace, placeOf, systemdHierarchy, unmount } from "./place.ts";
import { bearsItsName, type Hierarchy, isSameHierarchy, labelOf, type Refusal } from "./runc.ts";
import { advise, write } from "./steps.ts";
import { switchToV2 } from "./switch.ts";

type Code = "named-hierarchy" | "foreign-directory" | "single-hierarchy";

interface Explanation {
	readonly code: Code;
	readonly summary: string;
	readonly remedy: NonEmpty<Step>;
}

const top = "/sys/fs/cgroup";

/** Which fault this is, and what ends it. */
export function whyAndHow(refusal: Refusal, host: Hierarchies, system: System, provider: Provider): Explanation {
	const { hierarchy, base } = refusal;
	if (hierarchy.mountPoint === top) {
		return {
			code: "single-hierarchy",
			summary: `One hierarchy with all controllers is mounted on ${top} itself.`,
			remedy: switchToV2(system, provider),
		};
	}

	const isNamed = hierarchy.controllers.length === 0 && hierarchy.name !== undefined;
	return {
		code: isNamed ? "named-hierarchy" : "foreign-directory",
		summary: isNamed
			? `The hierarchy ${labelOf(hierarchy)} without a controller is mounted at ${hierarchy.mountPoint}${whose(refusal)}.`
			: `The hierarchy of ${labelOf(hierarchy)} is mounted at ${hierarchy.mountPoint}, a directory called ${base}${whose(refusal)}.`,
		remedy: [...stepsFor(hierarchy, host, system), ...lasting(refusal), orV2(provider)],
	};
}

const ownerOf = ({ hierarchy }: Refusal) =>
	hierarchyOwners.find(({ pattern }) => pattern.test(hierarchy.name ?? "") || pattern.test(hierarchy.mountPoint));

const whose = (refusal: Refusal): string => {
	const owner = ownerOf(refusal);
	return owner === undefined ? "" : `, usually by ${owner.who}`;
};

/** First to its own place what is needed and has none, so that no moment passes without it; then all its wrong mounts go. */
export function stepsFor(hierarchy: Hierarchy, host: Hierarchies, system: System): NonEmpty<Step> {
	const mounts = host.hierarchies.filter((other) => isSameHierarchy(other, hierarchy));
	const isMoved = isWanted(hierarchy) && !isPlaced(host, hierarchy);
	const others = mounts.filter((other) => other !== hierarchy && !bearsItsName(other));
	const advice = isMoved
		? "Unmount it where it is now."
		: "Unmount it. Docker needs no restart, and containers start at once.";
	const removal = mapNonEmpty([hierarchy, ...others], (mount) => unmount(mount, system, advice));
	if (isMoved) {
		const moving = mountAtPlace(host, hierarchy, system);
		// What made room for another has left already; a second umount would take that other one away.
		const gone = new Set(moving.map(({ command }) => command?.join(" ")));
		return [...moving, ...removal.filter(({ command }) => !gone.has(command?.join(" ")))];
	}

	// What stands in the place of the systemd hierarchy goes when that one is mounted.
	return hierarchy.mountPoint === placeOf(host, systemdHierarchy) &&
		!host.hierarchies.some((other) => isSameHierarchy(other, systemdHierarchy))
		? [...mountAtPlace(host, systemdHierarchy, system), ...removal.slice(1)]
		: removal;
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
			hierarchy.name === undefined || hierarchy.name === "systemd" ? hierarchy.mountPoint : `name=${hierarchy.name}`,
			"/etc",
		),
	];
}

/** The lasting way out; the steps themselves stand with cgroup-v2. */
const orV2 = ({ engine }: Provider): Step =>
	advise(
		`Or switch the host to cgroup v2, where such hierarchies do no harm: capmox-doctor explain cgroup-v2/v1-deprecated.${engine === "docker" ? " Podman's crun does without the rule, but not on hosts of both versions." : ""}`,
	);
