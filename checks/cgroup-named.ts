import { defineCheck, type Finding, healthy, notApplicable, problems } from "../src/check.ts";
import { since } from "../src/knowledge/kind.ts";
import {
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
import { chosenByRunc, predictedError, type Refusal, refusedByRunc } from "./cgroups/runc.ts";

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
			means: "A cgroup v1 controller is mounted at a directory that does not bear its name.",
		},
		"single-hierarchy": {
			severity: "error",
			means: "All cgroup v1 controllers are in one hierarchy, mounted on /sys/fs/cgroup itself.",
		},
	},
	diagnose({ "host.hierarchies": hierarchies, "host.provider": provider, "host.tools": tools, "host.system": system }) {
		const refusals = refusedByRunc(hierarchies);
		const found = refusals.map((refusal, index) => finding(refusal, index === 0, { provider, tools, system }));
		if (provider.engine === "none") {
			return notApplicable(provider.chosenBecause, found[0]);
		}

		if (usesCrun(provider) && refusals.length > 0) {
			return healthy(
				`${nameOf(provider)} starts containers with crun, which takes hierarchies by their names; runc would stumble over ${refusals.map(({ hierarchy }) => hierarchy.mountPoint).join(", ")}.`,
			);
		}

		return problems(found, () =>
			healthy(
				hierarchies.cgroupVersion === 2
					? "Containers run on cgroup v2, where v1 hierarchies do no harm."
					: `All ${chosenByRunc(hierarchies).length} v1 hierarchies are mounted at directories that bear their names.`,
			),
		);
	},
});

interface Host {
	readonly provider: Provider;
	readonly tools: Tools;
	readonly system: System;
}

type Code = "named-hierarchy" | "foreign-directory" | "single-hierarchy";

function finding(refusal: Refusal, isFirst: boolean, host: Host): Finding<Code> {
	const { hierarchy, base, errno } = refusal;
	const { provider, tools } = host;
	const isFatal = hasPrivateCgroups(provider, tools);
	const what = hierarchy.controllers.length > 0 ? hierarchy.controllers.join(",") : `name=${hierarchy.name ?? ""}`;
	const { code, summary, remedy } = whyAndHow(refusal, host.system, provider);
	return {
		code,
		...(isFatal ? {} : { severity: "warning" }),
		...(usesRunc(provider) && !provider.runtime.assumed ? {} : { confidence: "likely" }),
		summary: `${summary} ${isFatal ? whoFails(host) : notYet(tools)}`,
		evidence: [
			{
				from: "/proc/self/mountinfo",
				saw: `${hierarchy.mountPoint} holds ${what}`,
				expected: `a hierarchy at a directory called after what it holds`,
			},
			...(isFirst
				? [
						{
							from: `${nameOf(provider)} will say`,
							saw: predictedError({ hierarchy, base, errno }, before12(provider)),
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
