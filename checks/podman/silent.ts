import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import type { System } from "../cgroups/host.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import type { PodmanFinding, Silent } from "./findings.ts";
import { installation } from "./installation.ts";

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
		asRoot(system, "sysctl", "-w", `${name}=${value === 0 ? 1 : 0}`),
		...asRoot(system, "sysctl", "-w", `${name}=${value}`),
	),
	write("And after every boot.", `${name} = ${value}`, "/etc/sysctl.d/99-rootless.conf"),
];
