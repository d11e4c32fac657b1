import { type Diagnosis, defineCheck, healthy, mapNonEmpty, notApplicable, problems } from "../src/check.ts";
import type { Provider, Tools } from "./cgroups/host.ts";
import { advise } from "./cgroups/steps.ts";
import { judgeCgroups } from "./podman/cgroups.ts";
import { judgeDelegation } from "./podman/delegation.ts";
import { type Answering, findings, type Podman, type PodmanFinding, type Scene } from "./podman/findings.ts";
import { installation } from "./podman/installation.ts";
import { judgeLimits } from "./podman/limits.ts";
import { judgeReport } from "./podman/report.ts";
import { judgeSilent } from "./podman/silent.ts";
import { judgeVersion } from "./podman/versions.ts";

export default defineCheck({
	id: "podman",
	title: "Podman can run kind",
	group: "host",
	documented: "troubleshooting#kindpodman",
	needs: ["host.podman", "host.cgroups", "host.tools", "host.system"],
	uses: ["host.podman-limits"],
	findings,
	diagnose({ "host.podman": podman, "host.podman-limits": limits, ...host }) {
		const { "host.cgroups": cgroups, "host.tools": tools, "host.system": system } = host;
		switch (podman.state) {
			case "absent":
				return podman.isTaken
					? problems([notInstalled(podman, installation(system, "podman", "podman"))], () => notApplicable(""))
					: notApplicable(
							"Podman is not installed, and KIND_EXPERIMENTAL_PROVIDER does not ask for it. To use it: install podman (4 or newer) and kind, and set KIND_EXPERIMENTAL_PROVIDER=podman",
						);
			case "silent":
				return unlessUnused(podman, tools, [judgeSilent(podman, system)], "");
			case "answering": {
				const scene: Scene = { podman, provider: asProvider(podman), cgroups, tools, system };
				const found = [
					...judgeVersion(scene),
					...judgeCgroups(scene),
					...judgeDelegation(scene),
					...judgeReport(scene),
					...(limits === undefined ? [] : judgeLimits(scene, limits)),
				];
				return unlessUnused(podman, tools, errorsFirst(found), seen(podman));
			}
		}
	},
});

/** Where kind is not installed or takes another engine, Podman's faults break nothing yet: they warn whoever does not ask about Podman. */
function unlessUnused(
	{ isTaken, takenBecause }: Podman,
	{ kind }: Tools,
	found: readonly PodmanFinding[],
	summary: string,
): Diagnosis<PodmanFinding["code"]> {
	if (isTaken && kind.state !== "absent") {
		return problems(found, () => healthy(summary));
	}

	const other = isTaken
		? "kind is not installed here."
		: `kind takes another engine here (${takenBecause}), unless KIND_EXPERIMENTAL_PROVIDER=podman is set.`;
	const [first, ...rest] = found;
	return first === undefined
		? healthy(isTaken ? summary : `${summary} ${other}`)
		: {
				kind: "problem",
				findings: mapNonEmpty([first, ...rest], (finding) => ({
					...finding,
					summary: `${finding.summary} Nothing breaks now: ${other}`,
				})),
				mildUnlessAsked: true,
			};
}

const severityOf = ({ severity, code }: PodmanFinding) => severity ?? findings[code].severity;

const errorsFirst = (found: readonly PodmanFinding[]): readonly PodmanFinding[] => [
	...found.filter((finding) => severityOf(finding) === "error"),
	...found.filter((finding) => severityOf(finding) !== "error"),
];

const notInstalled = ({ takenBecause }: Podman, install: ReturnType<typeof installation>): PodmanFinding => ({
	code: "not-installed",
	summary: "kind is told to use Podman, and there is no podman command.",
	evidence: [
		{ from: "KIND_EXPERIMENTAL_PROVIDER", saw: takenBecause },
		{ from: "PATH", saw: "no podman", expected: "Podman 4 or newer" },
	],
	remedy: [install, advise("Or let kind use Docker: take KIND_EXPERIMENTAL_PROVIDER away where it is set.")],
});

const seen = ({ server, place }: Answering): string =>
	`Podman ${server.version} runs ${server.rootless ? "rootless" : "as root"} on cgroup v${server.cgroupVersion ?? "?"} with ${server.runtime.name}${place === "here" ? "." : " in another machine. How many processes a container may have there cannot be seen from here."}`;

const asProvider = ({ server, place, isTaken, takenBecause }: Answering): Provider => ({
	engine: "podman",
	chosenBecause: isTaken ? takenBecause : "it is asked about",
	answers: true,
	version: server.version,
	place: place === "here" ? "here" : "elsewhere",
	placeBecause:
		place === "here" ? "Podman runs on this host's kernel" : `Podman runs on another kernel, ${server.kernel}`,
	operatingSystem: server.distribution,
	cgroupVersion: server.cgroupVersion ?? 1,
	cgroupDriver: server.cgroupManager,
	rootless: server.rootless,
	runtime: { ...server.runtime, name: server.runtime.name === "" ? "crun" : server.runtime.name, assumed: false },
	privateCgroups: server.cgroupVersion === 2,
});
