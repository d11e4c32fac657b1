import { defineCheck, type Finding, healthy, notApplicable, problems } from "../src/check.ts";
import type { Facts } from "../src/facts/sheet.ts";
import { since } from "../src/knowledge/kind.ts";
import {
	hasCgroupNamespaces,
	hasPrivateCgroups,
	isAtLeast,
	kindVersion,
	nameOf,
	type Provider,
	type System,
	type Tools,
	usesCrun,
	usesRunc,
} from "./cgroups/host.ts";
import { whyAndHow } from "./cgroups/named.ts";
import { mountAtPlace } from "./cgroups/place.ts";
import {
	bearsItsName,
	chosenByRunc,
	labelOf,
	type Misplaced,
	misplacedForRunc,
	predictedError,
	predictedWithoutCgroup,
	type Refusal,
	refusedByRunc,
} from "./cgroups/runc.ts";
import { orV2 } from "./cgroups/steps.ts";

export default defineCheck({
	id: "cgroup-named",
	title: "Every v1 hierarchy is named after its controllers",
	group: "host",
	documented: "troubleshooting#kinddocker-and-cgroups-v1-and-controller-type-none",
	needs: ["host.hierarchies", "host.provider", "host.tools", "host.system"],
	findings: {
		"named-hierarchy": {
			severity: "error",
			means: "A cgroup v1 hierarchy with a name and no controller is mounted, which runc cannot hand to a container.",
		},
		"foreign-directory": {
			severity: "error",
			means: "A cgroup v1 controller is mounted where runc does not find it by its name.",
		},
		"single-hierarchy": {
			severity: "error",
			means: "All cgroup v1 controllers are in one hierarchy, mounted on /sys/fs/cgroup itself.",
		},
	},
	diagnose({ "host.hierarchies": hierarchies, "host.provider": provider, "host.tools": tools, "host.system": system }) {
		const refusals = refusedByRunc(hierarchies, system.kernel);
		const host: Host = { hierarchies, provider, tools, system };
		const misplaced = hasCgroupsByPath(provider) ? misplacedForRunc(hierarchies) : [];
		const onlyMisplaced = misplaced.filter((one) => !refusals.some(({ hierarchy }) => hierarchy === one.hierarchy));
		const found = [
			...onlyMisplaced.map((one, index) => withoutCgroup(one, index === 0, host)),
			// A container that has no cgroup does not come as far as to its mounts.
			...refusals.map((refusal, index) => finding(refusal, index === 0 && misplaced.length === 0, host)),
		];
		if (provider.engine === "none") {
			return notApplicable(provider.chosenBecause, found[0]);
		}

		if (usesCrun(provider) && refusals.length > 0) {
			return healthy(
				`${nameOf(provider)} starts containers with crun, which takes hierarchies by their names; runc would stumble over ${refusals.map(({ hierarchy }) => hierarchy.mountPoint).join(", ")}.`,
			);
		}

		if (provider.place === "here" && !hasCgroupNamespaces(system) && refusals.length > 0 && misplaced.length === 0) {
			return healthy(
				`Linux ${system.kernel ?? ""} has no cgroup namespaces, so runc hands each hierarchy on as it is; cgroup-v2 says what kind makes of that.`,
			);
		}

		return problems(found, () =>
			healthy(
				hierarchies.cgroupVersion === 2
					? "Containers run on cgroup v2, where v1 hierarchies do no harm."
					: whatRuncFinds(hierarchies),
			),
		);
	},
});

/** A directory of another's name does no harm by itself: runc mounts that other one. */
function whatRuncFinds(hierarchies: Hierarchies): string {
	const chosen = chosenByRunc(hierarchies);
	const borrowed = chosen.filter((hierarchy) => !bearsItsName(hierarchy)).map(({ mountPoint }) => mountPoint);
	return borrowed.length === 0
		? `All ${chosen.length} v1 hierarchies are mounted at directories that bear their names.`
		: `runc finds a v1 hierarchy by the name of each directory; ${borrowed.join(", ")} bears that of another one, which it mounts there.`;
}

type Hierarchies = Facts["host.hierarchies"];

interface Host {
	readonly hierarchies: Hierarchies;
	readonly provider: Provider;
	readonly tools: Tools;
	readonly system: System;
}

type Code = "named-hierarchy" | "foreign-directory" | "single-hierarchy";

/** With the driver systemd, runc takes mount points as they are; a rootless engine uses no cgroups on v1. */
const hasCgroupsByPath = (provider: Provider): boolean =>
	usesRunc(provider) && provider.cgroupDriver !== "systemd" && provider.rootless !== true;

/** No container starts at all, whatever its namespace. */
function withoutCgroup(misplaced: Misplaced, isFirst: boolean, { hierarchies, provider, system }: Host): Finding<Code> {
	const { hierarchy, lookedFor } = misplaced;
	return {
		code: "foreign-directory",
		...(provider.runtime.assumed ? { confidence: "likely" } : {}),
		summary: `The hierarchy of ${labelOf(hierarchy)} is mounted at ${hierarchy.mountPoint}${hierarchy.visible ? "" : ", hidden below another mount"}, and runc looks for it at ${lookedFor}. No container starts.`,
		evidence: [
			{
				from: "/proc/self/mountinfo",
				saw: `${hierarchy.mountPoint} holds ${labelOf(hierarchy)}${hierarchy.visible ? "" : ", but another mount hides it"}`,
				expected: `a hierarchy at ${lookedFor}`,
			},
			...(isFirst
				? [{ from: `${nameOf(provider)} will say`, saw: predictedWithoutCgroup(misplaced, hierarchies) }]
				: []),
		],
		remedy: [...mountAtPlace(hierarchies, hierarchy, system), orV2],
	};
}

function finding(refusal: Refusal, isFirst: boolean, host: Host): Finding<Code> {
	const { hierarchy } = refusal;
	const { provider, tools } = host;
	const isFatal = hasPrivateCgroups(provider, tools);
	const { code, summary, remedy } = whyAndHow(refusal, host.hierarchies, host.system, provider);
	return {
		code,
		...(isFatal ? {} : { severity: "warning" }),
		...(usesRunc(provider) && !provider.runtime.assumed ? {} : { confidence: "likely" }),
		summary: `${summary} ${isFatal ? whoFails(host) : notYet(tools)}`,
		evidence: [
			{
				from: "/proc/self/mountinfo",
				saw: `${hierarchy.mountPoint} holds ${labelOf(hierarchy)}`,
				expected: `a hierarchy at a directory called after what it holds`,
			},
			...(isFirst
				? [
						{
							from: `${nameOf(provider)} will say`,
							saw: predictedError(refusal, before12(provider)),
						},
					]
				: []),
		],
		remedy,
	};
}

const before12 = ({ runtime }: Provider): boolean | undefined => {
	const isNew = isAtLeast(runtime.version, since.runcMountWords);
	return isNew === undefined ? undefined : !isNew;
};

const whoFails = ({ provider }: Host): string =>
	`runc mounts each hierarchy by the name of its directory, so no container with a cgroup namespace of its own starts; kind asks for one for each node${provider.privateCgroups ? `, and ${nameOf(provider)} by itself for every container` : ""}.`;

const notYet = (tools: Tools): string => {
	const kind = kindVersion(tools);
	return kind === undefined
		? "runc cannot start kind's nodes here. There is no kind now, and Docker by itself still starts containers."
		: `kind ${kind} is not affected; every kind since ${since.kindPrivateCgroups} is.`;
};
