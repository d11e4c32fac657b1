import { since } from "../../src/knowledge/kind.ts";
import { controllersMissing } from "./controllers.ts";
import { type Host, problem, type VersionFinding } from "./findings.ts";
import {
	describeLayout,
	hasCgroupNamespaces,
	isAtLeast,
	isBeyondTable,
	kindVersion,
	lastOnV1,
	nameOf,
	releaseOf,
	usesCrun,
} from "./host.ts";
import { advise } from "./steps.ts";

/** Kubernetes, pkg/kubelet/cm/container_manager_linux.go, validateSystemRequirements. */
const wantedOnV1 = ["cpu", "cpuacct", "cpuset", "memory"];

/** What refuses v1 by its version first, then what v1 lacks; else it is a warning. */
export function judgeVersion1(host: Host): readonly VersionFinding[] {
	const refusals = [
		...podmanRefuses(host),
		...rootless(host),
		...lacksNamespaces(host),
		...crunRefuses(host),
		...kubeletRefuses(host),
	].map((found, index): VersionFinding => (index === 0 ? found : { ...found, remedy: [asAbove] }));
	const missing = host.provider.place === "here" ? controllersMissing(host, wantedOnV1) : [];
	return refusals.length > 0 ? [...refusals, ...missing] : [v1Deprecated(host), ...missing];
}

/** One remedy ends them all. */
const asAbove = advise("Switch to cgroup v2, as above.");

function podmanRefuses(host: Host): readonly VersionFinding[] {
	const { engine, version } = host.provider;
	return engine === "podman" && isAtLeast(version, since.podmanRefusesV1) === true
		? [problem(host, "podman-refuses-v1", `Podman ${version ?? ""} ends with "Cgroups v1 not supported" on this host.`)]
		: [];
}

function rootless(host: Host): readonly VersionFinding[] {
	if (host.provider.rootless !== true) {
		return [];
	}

	return [
		{
			...problem(
				host,
				"rootless-on-v1",
				`${nameOf(host.provider)} runs rootless on cgroup v1. kind stops with "running kind with rootless provider requires cgroup v2".`,
			),
			...(host.tools.kind.state === "absent" ? { severity: "warning" } : {}),
		},
	];
}

function kubeletRefuses(host: Host): readonly VersionFinding[] {
	const kind = kindVersion(host.tools);
	const release = kind === undefined ? undefined : releaseOf(kind);
	if (kind === undefined || release === undefined || isAtLeast(release.kubernetes, since.kubeletRefusesV1) !== true) {
		return [];
	}

	const found = problem(
		host,
		"kubelet-refuses-v1",
		`kind ${kind} starts Kubernetes ${release.kubernetes}${isBeyondTable(kind) ? " or newer" : ""} unless told otherwise, and its kubelet ends with "kubelet is configured to not run on a host using cgroup v1". Every kubelet since 1.35 does.`,
		{ from: "kind version", saw: `${kind}, default node image with Kubernetes ${release.kubernetes}` },
	);
	const [first, ...rest] = found.remedy;
	const older = advise(
		"Until then, an older node image still runs here.",
		"kind",
		"create",
		"cluster",
		"--image",
		`kindest/node:v${lastOnV1?.kubernetes ?? ""}`,
	);
	return [{ ...found, remedy: [first, ...rest, { ...older, risk: "changes", undo: "kind delete cluster" }] }];
}

/** kind asks for a namespace of its own for each node; the oldest kernels cannot give one: kind#3311. */
function lacksNamespaces(host: Host): readonly VersionFinding[] {
	const { provider, cgroups, system, tools } = host;
	const isLacking = cgroups.view.namespace === "none" || !hasCgroupNamespaces(system);
	if (provider.place === "elsewhere" || !isLacking) {
		return [];
	}

	const found = problem(
		host,
		"no-cgroup-namespaces",
		`Linux ${system.kernel ?? ""} has no cgroup namespaces, which came with 4.6. kind ${since.kindPrivateCgroups} and newer ask for one, and ${provider.engine === "docker" ? 'Docker answers "Your kernel does not support cgroup namespaces. Cgroup namespace setting discarded."' : "there is none"}; no node starts.`,
		cgroups.view.namespace === "none"
			? { from: "/proc/self/ns/cgroup", saw: "not there", expected: "a cgroup namespace" }
			: { from: "uname -r", saw: system.kernel ?? "", expected: `${since.kernelCgroupNamespaces} or newer` },
	);
	const isAsked = tools.kind.state !== "absent" && isAtLeast(kindVersion(tools), since.kindPrivateCgroups) !== false;
	return [
		{
			...found,
			...(isAsked ? {} : { severity: "warning" }),
			remedy: [
				advise(
					"Upgrade to a distribution with a newer kernel: RHEL 9, Debian 12, Ubuntu 22.04 or newer. They use cgroup v2.",
				),
			],
		},
	];
}

/** crun, src/libcrun/cgroup.c since 2019: the file must be empty. */
function crunRefuses(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	const held = cgroups.unifiedControllers ?? [];
	if (!usesCrun(provider) || provider.place === "elsewhere" || cgroups.layout !== "hybrid" || held.length === 0) {
		return [];
	}

	const isBelow = cgroups.unifiedAt.includes("/sys/fs/cgroup/unified");
	return isBelow
		? [
				problem(
					host,
					"crun-refuses-hybrid",
					`${nameOf(provider)} starts containers with crun, and crun ends with "cgroups in hybrid mode not supported, drop all controllers from cgroupv2".`,
					{ from: "/sys/fs/cgroup/unified/cgroup.controllers", saw: held.join(" "), expected: "nothing" },
				),
			]
		: [];
}

export function v1Deprecated(host: Host): VersionFinding {
	const kind = kindVersion(host.tools);
	const consequence =
		kind !== undefined
			? `kind ${kind} still works. From kind 0.31 on the default node image (Kubernetes 1.35) does not start here.`
			: host.tools.kind.state === "absent"
				? "The default node image of kind 0.31 and newer (Kubernetes 1.35) would not start here."
				: "kind's version is not known: from kind 0.31 on its default node image (Kubernetes 1.35) does not start here.";
	const isPlain = host.provider.place !== "here" || host.cgroups.layout === "odd";
	const layout = isPlain ? "cgroup v1" : describeLayout(host.cgroups);
	return problem(
		host,
		"v1-deprecated",
		`Containers ${host.provider.engine === "none" ? "would run" : "run"} on ${layout}. ${consequence} Podman 6 and systemd 258 have dropped v1; Docker, runc and containerd do so by May 2029.`,
	);
}
