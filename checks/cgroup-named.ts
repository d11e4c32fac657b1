import { defineCheck, type Finding, healthy, notApplicable, problems } from "../src/check.ts";
import type { Facts } from "../src/facts/sheet.ts";
import { since } from "../src/knowledge/kind.ts";
import {
	hasCgroupNamespaces,
	hasPrivateCgroups,
	isAtLeast,
	kindVersion,
	makesCgroups,
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
	isLate,
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
		const misplaced = makesCgroups(provider) ? misplacedForRunc(hierarchies, provider.cgroupDriver) : [];
		const onlyMisplaced = misplaced.filter((one) => !refusals.some(({ hierarchy }) => hierarchy === one.hierarchy));
		const found = [
			...onlyMisplaced.map((one) => withoutCgroup(one, host)),
			...refusals.map((refusal) => finding(refusal, host)),
		].map((one, index) => (index === 0 ? withPrediction(one, misplaced, refusals, host) : one));
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

/** No container starts at all, whatever its namespace. */
function withoutCgroup(misplaced: Misplaced, { hierarchies, provider, system }: Host): Finding<Code> {
	const { controller, hierarchy, lookedFor, instead, certain } = misplaced;
	const held = hierarchy ?? { controllers: [controller] };
	const isHidden = hierarchy?.visible === false;
	const summary =
		instead === undefined
			? `The hierarchy of ${labelOf(held)} is mounted at ${hierarchy?.mountPoint ?? ""}${isHidden ? ", hidden below another mount" : ""}, and runc looks for it at ${lookedFor}.`
			: `${lookedFor} holds ${labelOf(instead)}, and runc takes it for ${labelOf(held)} by its name.`;
	const { mountPoint } = instead ?? hierarchy ?? { mountPoint: lookedFor };
	return {
		code: "foreign-directory",
		...(certain ? {} : { severity: "warning" }),
		...(certain && !provider.runtime.assumed ? {} : { confidence: "likely" }),
		summary: `${summary} ${certain ? "No container starts." : "No container starts, unless the first entry of /sys/fs/cgroup settles it, which a copy does not tell."}`,
		evidence: [
			{
				from: "/proc/self/mountinfo",
				saw: `${mountPoint} holds ${labelOf(instead ?? held)}${isHidden ? ", but another mount hides it" : ""}`,
				expected: instead === undefined ? `a hierarchy at ${lookedFor}` : `${labelOf(held)} there`,
			},
		],
		remedy: [...mountAtPlace(hierarchies, held, system), orV2],
	};
}

function finding(refusal: Refusal, host: Host): Finding<Code> {
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
		],
		remedy,
	};
}

/** What comes first: a container without a cgroup does not come as far as to its mounts. */
function withPrediction(
	found: Finding<Code>,
	misplaced: readonly Misplaced[],
	[refusal]: readonly Refusal[],
	{ hierarchies, provider }: Host,
): Finding<Code> {
	const [first] = refusal === undefined ? misplaced : misplaced.filter((one) => !isLate(one));
	const said =
		first === undefined
			? refusal && predictedError(refusal, before12(provider))
			: predictedWithoutCgroup(first, hierarchies);
	return said === undefined
		? found
		: { ...found, evidence: [...found.evidence, { from: `${nameOf(provider)} will say`, saw: said }] };
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
