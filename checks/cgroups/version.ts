import type { Evidence, Finding, NonEmpty, Severity, Step } from "../../src/check.ts";
import { since } from "../../src/knowledge/kind.ts";
import {
	type Cgroups,
	describeLayout,
	isAtLeast,
	isBeyondTable,
	kindVersion,
	lastOnV1,
	nameOf,
	type Provider,
	releaseOf,
	type System,
	type Tools,
	usesCrun,
} from "./host.ts";
import { advise, asRoot, change, reboot, switchToV2, write } from "./steps.ts";

const error = (means: string) => ({ severity: "error", means }) as const;
const warning = (means: string) => ({ severity: "warning", means }) as const;

/** Every way in which the cgroup version, or what is left of it, keeps kind from working. */
export const findings = {
	"no-cgroups": error("No cgroup file system is mounted."),
	"mounted-elsewhere": error("cgroup file systems are mounted, but not at /sys/fs/cgroup."),
	"no-controllers": error("cgroup v1 hierarchies are mounted, but none has a controller."),
	"devices-missing": error("cgroup v1 has no devices controller, without which Docker does not start."),
	"kubelet-refuses-v1": error("The kubelet in kind's node image does not run on cgroup v1."),
	"rootless-on-v1": error("A rootless engine cannot run kind on cgroup v1."),
	"podman-refuses-v1": error("This Podman does not run on cgroup v1."),
	"crun-refuses-hybrid": error("crun starts nothing where cgroup v2 holds controllers beside v1."),
	"docker-cgroup-threaded": error("Docker's cgroup is OpenRC's, too, and so has become threaded."),
	"controllers-missing": warning("A controller that the kubelet wants is missing."),
	"v1-deprecated": warning("The host still uses cgroup v1."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type VersionCode = keyof typeof findings;
export type VersionFinding = Finding<VersionCode>;

export interface Host {
	readonly provider: Provider;
	readonly cgroups: Cgroups;
	readonly tools: Tools;
	readonly system: System;
}

/** What tells the version: the engine's word, and where its containers meet them, this host's files. */
function evidenceOf({ provider, cgroups }: Host): NonEmpty<Evidence> {
	const fromFiles = {
		from: "/sys/fs/cgroup and /proc/self/mountinfo",
		saw: describeLayout(cgroups),
		expected: "cgroup v2 alone",
	};
	const fromEngine = {
		from: provider.engine === "podman" ? "podman info" : "docker info",
		saw: [
			`${nameOf(provider)}, cgroup version ${provider.cgroupVersion}`,
			...(provider.cgroupDriver === undefined ? [] : [`cgroup driver ${provider.cgroupDriver}`]),
			...(provider.rootless === true ? ["rootless"] : []),
			...(provider.place === "elsewhere" ? [provider.placeBecause] : []),
		].join(", "),
	};
	return !provider.answers ? [fromFiles] : provider.place === "here" ? [fromEngine, fromFiles] : [fromEngine];
}

const problem = (host: Host, code: VersionCode, summary: string, ...evidence: readonly Evidence[]): VersionFinding => ({
	code,
	summary,
	evidence: [...evidenceOf(host), ...evidence],
	remedy: switchToV2(host.system, host.provider),
});

/** What stops every engine, whichever the version. */
export function judgeMounts(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	if (provider.place === "elsewhere") {
		return [];
	}

	switch (cgroups.layout) {
		case "none":
			return [
				problem(
					host,
					"no-cgroups",
					"No cgroup file system is mounted on this host, so no engine can start a container.",
				),
			];
		case "odd":
			return [
				problem(
					host,
					"mounted-elsewhere",
					`cgroup file systems are mounted at ${[...cgroups.unifiedAt, ...cgroups.hierarchies.map(({ mountPoint }) => mountPoint)].join(", ")}, but engines and kubelet look only at /sys/fs/cgroup. They take this for a broken cgroup v1.`,
				),
			];
		case "named-only":
			return [
				problem(
					host,
					"no-controllers",
					"The v1 hierarchies here have no controller, so engines take the host for cgroup v1 and find nothing to limit containers with.",
				),
			];
		default:
			return devicesMissing(host);
	}
}

/** moby, daemon/daemon.go: a hard requirement on v1. */
function devicesMissing(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	const isRefused = provider.engine === "docker" && provider.cgroupVersion === 1 && provider.rootless !== true;
	return isRefused && cgroups.version === 1 && cgroups.controllers?.includes("devices") === false
		? [
				problem(
					host,
					"devices-missing",
					'cgroup v1 is mounted without the devices controller. Docker ends with "Devices cgroup isn\'t mounted".',
				),
			]
		: [];
}

/** KEP-2254 and the kubelet's needs; kind does without cpuset, and Docker only warns. */
const wantedOnV2 = ["cpu", "memory", "pids"];
/** Kubernetes, pkg/kubelet/cm/container_manager_linux.go, validateSystemRequirements. */
const wantedOnV1 = ["cpu", "cpuacct", "cpuset", "memory"];

export function judgeVersion2(host: Host): readonly VersionFinding[] {
	const { provider, cgroups } = host;
	if (provider.place === "elsewhere" || cgroups.layout !== "unified") {
		return [];
	}

	return [...threaded(host), ...controllersMissing(host, wantedOnV2)];
}

/** OpenRC before 0.53 ran the service docker in the cgroup /docker, where Docker's cgroupfs driver puts containers. */
function threaded({ provider, cgroups, system }: Host): readonly VersionFinding[] {
	const { dockerCgroup } = cgroups;
	const isDockersOwn = provider.engine === "docker" && provider.cgroupDriver !== "systemd";
	if (dockerCgroup === undefined || !isDockersOwn) {
		return [];
	}

	const isThreaded = dockerCgroup.type.includes("threaded");
	if (!isThreaded && !dockerCgroup.hasProcesses) {
		return [];
	}

	return [
		{
			code: "docker-cgroup-threaded",
			confidence: isThreaded ? "certain" : "likely",
			summary: isThreaded
				? 'The cgroup /docker, in which Docker puts its containers, is threaded. systemd in a node ends with "Failed to create /init.scope control group", and docker run --memory with "it is in domain threaded mode".'
				: "Processes live in the cgroup /docker itself. With the first container it becomes threaded, and then systemd in a node fails.",
			evidence: [
				{
					from: "/sys/fs/cgroup/docker/cgroup.type",
					saw: `${dockerCgroup.type}${dockerCgroup.hasProcesses ? ", with processes of its own" : ""}`,
					expected: "no such cgroup outside of Docker's containers, or domain without processes",
				},
			],
			remedy: [
				advise(
					`Upgrade OpenRC to ${since.openrcServicePrefix} or newer: it calls the service's cgroup openrc.docker. Alpine 3.20 has it.`,
				),
				change(
					"Then restart Docker, so that it moves out of /docker.",
					undefined,
					...asRoot(system, "rc-service", "docker", "restart"),
				),
				write(
					"Where OpenRC cannot be upgraded, give Docker another parent in its JSON (not tried by us), and restart it.",
					'"cgroup-parent": "/containers"',
					"/etc/docker/daemon.json",
				),
			],
		},
	];
}

function controllersMissing(host: Host, wanted: readonly string[]): readonly VersionFinding[] {
	const { cgroups } = host;
	const { controllers } = cgroups;
	const missing = controllers === undefined ? [] : wanted.filter((name) => !controllers.includes(name));
	if (missing.length === 0 || (cgroups.version === 2 && cgroups.view.namespace === "nested")) {
		return [];
	}

	const names = missing.join(", ");
	return [
		{
			code: "controllers-missing",
			summary: `${names} ${missing.length === 1 ? "is" : "are"} missing among the cgroup controllers. ${cgroups.version === 1 ? 'A kubelet that still takes v1 ends with "Following Cgroup subsystem not mounted".' : "Pods with limits on them do not start."}`,
			evidence: [
				{
					from:
						cgroups.version === 2 ? "/sys/fs/cgroup/cgroup.controllers" : "the v1 hierarchies in /proc/self/mountinfo",
					saw: controllers?.join(" ") ?? "",
					expected: wanted.join(" "),
				},
			],
			remedy: whyMissing(missing, host),
		},
	];
}

/** The command line took them away, this kernel has none, or a Raspberry Pi leaves memory out unless asked. */
function whyMissing(missing: readonly string[], { cgroups, system }: Host): NonEmpty<Step> {
	const disabled = system.kernelArguments.filter((word) => /^cgroup_(?:disable|no_v1)/.test(word));
	if (disabled.length > 0) {
		return [
			advise(`The kernel's command line says ${disabled.join(" ")}: take that out.`, "cat", "/proc/cmdline"),
			reboot(system),
		];
	}

	const absent = missing.filter((name) => cgroups.kernelControllers?.includes(name) === false);
	if (absent.length > 0) {
		return [
			advise(
				`The running kernel was built without ${absent.join(", ")}: start one of the distribution's own kernels.`,
				"cat",
				"/proc/cgroups",
			),
		];
	}

	return missing.includes("memory") && cgroups.version === 2
		? [
				write(
					"Have the kernel switch memory on. On a Raspberry Pi the words belong at the end of the one line that is there.",
					"cgroup_enable=memory cgroup_memory=1",
					"/boot/firmware/cmdline.txt",
				),
				reboot(system),
			]
		: [
				advise(
					"The kernel has them, but they are not mounted as v1: it may be too new for that. With cgroup v2 alone they are all there.",
					"cat",
					"/proc/cgroups",
				),
			];
}

/** What refuses v1 by its version first, then what v1 lacks; else it is a warning. */
export function judgeVersion1(host: Host): readonly VersionFinding[] {
	const refusals = [...podmanRefuses(host), ...rootless(host), ...kubeletRefuses(host), ...crunRefuses(host)].map(
		(found, index): VersionFinding => (index === 0 ? found : { ...found, remedy: [asAbove] }),
	);
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
	const layout = host.provider.place === "here" ? describeLayout(host.cgroups) : "cgroup v1";
	return problem(
		host,
		"v1-deprecated",
		`Containers ${host.provider.engine === "none" ? "would run" : "run"} on ${layout}. ${consequence} Podman 6 and systemd 258 have dropped v1; Docker, runc and containerd do so by May 2029.`,
	);
}
