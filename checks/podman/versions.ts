import { since } from "../../src/knowledge/kind.ts";
import { isAtLeast, kindVersion, type Tools } from "../cgroups/host.ts";
import { advise, change } from "../cgroups/steps.ts";
import type { PodmanFinding, Scene } from "./findings.ts";

export const judgeVersion = ({ podman, tools }: Scene): readonly PodmanFinding[] => [
	...kindTooOld(podman.server.version, tools),
	...outdated(podman.server),
];

/** Podman 6 changed the type of .Labels in `podman ps`: kind#4201, mended by 955ea974 of 2026-06-25. */
function kindTooOld(podman: string, tools: Tools): readonly PodmanFinding[] {
	const kind = kindVersion(tools);
	const isFixed = isAtLeast(kind, since.kindOnPodman6);
	const isPrerelease = kind?.startsWith(`${since.kindOnPodman6}-`) === true;
	const isAffected = isAtLeast(podman, since.podmanNewLabels) === true && tools.kind.state !== "absent";
	if (!isAffected || (isFixed === true && !isPrerelease)) {
		return [];
	}

	const consequence = `kind before ${since.kindOnPodman6} fails with Podman 6: "cannot index slice/array with type string".`;
	return [
		{
			code: "kind-too-old",
			...(isFixed === false ? {} : { severity: "warning", confidence: "likely" }),
			summary:
				kind === undefined
					? `kind's version is not known. ${consequence}`
					: isPrerelease
						? `kind ${kind} may be older than the mending of 2026-06-25. ${consequence}`
						: `kind ${kind} does not work with Podman ${podman}. ${consequence}`,
			evidence: [
				{ from: "podman info", saw: `Podman ${podman}` },
				{ from: "kind version", saw: kind ?? "no version", expected: `${since.kindOnPodman6} or newer` },
			],
			remedy: [
				advise(`Install kind ${since.kindOnPodman6} or newer; until it is released, build it from main.`),
				change("This builds it into ~/go/bin.", "rm ~/go/bin/kind", "go", "install", "sigs.k8s.io/kind@main"),
				advise("Or use Podman 5 or Docker."),
			],
		},
	];
}

/** kind, podman/util.go: below 1.8 it stops. Its page asks for 3; since 4 Podman tells its controllers (podman#10387). */
function outdated({ version, rootless }: Scene["podman"]["server"]): readonly PodmanFinding[] {
	if (isAtLeast(version, "4.0.0") !== false) {
		return [];
	}

	const isRefused = isAtLeast(version, "1.8.0") === false;
	return [
		{
			code: "outdated",
			...(isRefused ? { severity: "error" } : {}),
			summary: isRefused
				? `kind refuses Podman ${version}: it needs 1.8.0 at least, and its documentation asks for 3.`
				: `Podman ${version} is old. ${rootless ? "It does not tell kind which cgroup controllers it has, so a missing one shows only when the node fails." : "kind is tested with Podman 4 and newer."}`,
			evidence: [{ from: "podman info", saw: `Podman ${version}`, expected: "4.0 or newer" }],
			remedy: [advise("Upgrade Podman to 4 or 5: Debian 12, Ubuntu 24.04 and RHEL 9 have it.")],
		},
	];
}
