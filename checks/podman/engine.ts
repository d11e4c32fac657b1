import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { since } from "../../src/knowledge/kind.ts";
import { type VersionFinding, findings as versionFindings } from "../cgroups/findings.ts";
import { isAtLeast, kindVersion, type System, type Tools } from "../cgroups/host.ts";
import { judgeMounts } from "../cgroups/mounts.ts";
import { advise, asRoot, change, undoing, write } from "../cgroups/steps.ts";
import { judgeVersion1 } from "../cgroups/version1.ts";
import type { PodmanFinding, Scene, Silent } from "./findings.ts";

/** Podman that cannot even describe itself: the kernel's reasons first, its own words else. */
export function judgeSilent(podman: Silent, system: System): PodmanFinding {
	const said: Evidence = { from: "podman info", saw: podman.said };
	const { namespaces } = podman;
	if (namespaces?.max === 0 || namespaces?.unprivileged === false) {
		const [name, value] =
			namespaces.max === 0 ? ["user.max_user_namespaces", 28_633] : ["kernel.unprivileged_userns_clone", 1];
		return {
			code: "namespaces-denied",
			summary: `${name} is 0, so no user may make a user namespace. Rootless Podman cannot start without one.`,
			evidence: [{ from: `/proc/sys/${name.replaceAll(".", "/")}`, saw: "0", expected: `${value}` }, said],
			remedy: allow(system, name, value),
		};
	}

	if (namespaces?.newuidmap === false && /newuidmap|newgidmap|sub[ug]id/.test(podman.said)) {
		return {
			code: "newuidmap-missing",
			summary: "newuidmap is not installed. Rootless Podman uses it to give a container its user IDs.",
			evidence: [{ from: "/usr/bin/newuidmap", saw: "nothing", expected: "the program of the package uidmap" }, said],
			remedy: [installation(system, "uidmap", "shadow-utils")],
		};
	}

	if (namespaces?.apparmorRestricts === true && /operation not permitted|permission denied/i.test(podman.said)) {
		return {
			code: "namespaces-denied",
			confidence: "likely",
			summary: `AppArmor lets only programs with a profile make user namespaces, and Podman fails: ${podman.said}`,
			evidence: [
				{ from: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", saw: "1", expected: "0, or a profile" },
				said,
			],
			remedy: [
				advise(
					"Ubuntu's own podman package brings its profile. A Podman from elsewhere needs one, or this restriction off:",
				),
				...allow(system, "kernel.apparmor_restrict_unprivileged_userns", 0),
			],
		};
	}

	const isMachine = system.platform !== "linux" || /podman machine|connect to podman/i.test(podman.said);
	return {
		code: "not-answering",
		summary: `podman info fails: ${podman.said}`,
		evidence: [said],
		remedy: isMachine
			? [
					change(
						"Start the virtual machine that Podman runs in. Where there is none yet, podman machine init makes one.",
						"podman machine stop",
						"podman",
						"machine",
						"start",
					),
				]
			: [advise("See the whole error, and mend what it names.", "podman", "--log-level=debug", "info")],
	};
}

const allow = (system: System, name: string, value: number): NonEmpty<Step> => [
	change(
		"Allow it now.",
		undoing(system, "sysctl", "-w", `${name}=${value === 0 ? 1 : 0}`),
		...asRoot(system, "sysctl", "-w", `${name}=${value}`),
	),
	write("And after every boot.", `${name} = ${value}`, "/etc/sysctl.d/99-rootless.conf"),
];

/** By the package manager of the distribution. */
export function installation(system: System, debian: string, fedora: string): Step {
	const ids = [system.distribution?.id ?? "", ...(system.distribution?.like ?? [])];
	const install = (advice: string, ...command: NonEmpty<string>) =>
		change(advice, undefined, ...asRoot(system, ...command));
	if (ids.some((id) => id === "debian" || id === "ubuntu")) {
		return install(`Install ${debian}.`, "apt-get", "install", "-y", debian);
	}

	return ids.some((id) => id === "fedora" || id === "rhel")
		? install(`Install ${fedora}.`, "dnf", "install", "-y", fedora)
		: advise(`Install it with the package manager of this system: Debian's package is ${debian}, Fedora's ${fedora}.`);
}

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

/** What cgroup-v2 says of an engine on v1, said of Podman, whichever engine kind takes. */
export function judgeCgroups(scene: Scene): readonly PodmanFinding[] {
	const { podman, cgroups, provider } = scene;
	if (podman.server.cgroupVersion !== 1) {
		return strayHierarchy(scene);
	}

	// One remedy ends them all, and it stands with the first.
	const found = [...judgeMounts(scene), ...judgeVersion1(scene)];
	const [first] = found;
	const worst = found.find((finding) => severityOf(finding) === "error") ?? first;
	return [
		...(first === undefined || worst === undefined
			? []
			: [{ ...worst, code: "cgroup-v1" as const, severity: severityOf(worst), remedy: first.remedy }]),
		...(provider.place === "here" && cgroups.version === 1 && cgroups.flags.withoutSystemd
			? [systemdHierarchyMissing(scene)]
			: []),
	];
}

const severityOf = ({ severity, code }: VersionFinding) => severity ?? versionFindings[code].severity;

const directory = "/sys/fs/cgroup/systemd";

function systemdHierarchyMissing({ system }: Scene): PodmanFinding {
	return {
		code: "systemd-hierarchy-missing",
		summary:
			"This host uses cgroup v1 and has no hierarchy name=systemd. Plain containers start with Podman, but systemd in a node ends at once.",
		evidence: [
			{ from: "/proc/self/mountinfo", saw: "no hierarchy name=systemd", expected: `name=systemd at ${directory}` },
		],
		remedy: [
			change("Make the directory.", undoing(system, "rmdir", directory), ...asRoot(system, "mkdir", "-p", directory)),
			change(
				"Mount the hierarchy there. capmox-doctor explain cgroup-systemd says how to keep it.",
				undoing(system, "umount", directory),
				...asRoot(system, "mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", directory),
			),
		],
	};
}

/** containers/common, pkg/cgroups/cgroups_linux.go: rootless, lines of v1 in /proc/self/cgroup count unless their path is / (podman#18103). */
function strayHierarchy({ podman, cgroups, system }: Scene): readonly PodmanFinding[] {
	const held = cgroups.own.filter(
		({ controllers, name, path }) => (controllers.length > 0 || name !== undefined) && path !== "/",
	);
	const [first] = held;
	if (podman.user === undefined || cgroups.layout !== "unified" || first === undefined) {
		return [];
	}

	const label = first.name === undefined ? first.controllers.join(",") : `name=${first.name}`;
	const mount = cgroups.hierarchies.find(
		({ name, controllers }) =>
			(first.name !== undefined && name === first.name) ||
			(first.name === undefined && controllers.join() === first.controllers.join()),
	);
	return [
		{
			code: "stray-hierarchy",
			summary: `Beside cgroup v2 there is a v1 hierarchy, ${label}, and this shell is in its cgroup ${first.path}. Rootless Podman may fail to find its own cgroup there.`,
			evidence: [
				{ from: "/proc/self/cgroup", saw: `${label}:${first.path}`, expected: "only the line that begins with 0::" },
			],
			remedy: [
				mount === undefined
					? advise("End the program that made it, usually a VPN client with split tunnel or elogind.")
					: change(
							"Unmount it. What made it, usually a VPN client with split tunnel or elogind, may do so again.",
							undefined,
							...asRoot(system, "umount", mount.mountPoint),
						),
			],
		},
	];
}
