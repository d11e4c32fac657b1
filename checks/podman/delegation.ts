import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { delegateToUsers } from "../cgroups/delegate.ts";
import { isAtLeast, type System } from "../cgroups/host.ts";
import { advise, asRoot, change } from "../cgroups/steps.ts";
import { listed, type PodmanFinding, type Scene } from "./findings.ts";

/** kind, create.go and podman/provider.go: without these of a rootless engine it stops. */
const wanted = ["cpu", "memory", "pids"];
const refusal =
	'kind stops with "running kind with rootless provider requires setting systemd property "Delegate=yes"".';

/** Do the controllers come down to where Podman looks, and where on the way do they end? */
export function judgeDelegation(scene: Scene): readonly PodmanFinding[] {
	const { server, user, place } = scene.podman;
	if (!server.rootless || server.cgroupVersion !== 2) {
		return [];
	}

	const seen = server.cgroupControllers ?? [];
	// Older ones do not tell, and kind takes all for given.
	const tells = isAtLeast(server.version, "4.0.0") !== false;
	const missing = tells ? wanted.filter((name) => !seen.includes(name)) : [];
	const reported: Evidence = {
		from: "podman info, host.cgroupControllers",
		saw: seen.length === 0 ? "none" : seen.join(" "),
		expected: wanted.join(" "),
	};
	if (place !== "here" || user === undefined) {
		return missing.length === 0 ? [] : [machineNotDelegated(missing, reported)];
	}

	const { manager } = user;
	switch (manager.state) {
		case "absent":
			return [noUserManager(scene, missing, reported)];
		case "unknown":
			return missing.length === 0 ? [] : [notDelegated(scene, missing, [reported], "likely")];
		case "running": {
			const kept = wanted.filter((name) => !manager.controllers.includes(name));
			const atManager: Evidence = {
				from: `/sys/fs/cgroup${manager.cgroup}/cgroup.controllers`,
				saw: manager.controllers.join(" ") || "nothing",
				expected: wanted.join(" "),
			};
			if (kept.length > 0) {
				return [notDelegated(scene, kept, tells ? [atManager, reported] : [atManager], "certain")];
			}

			return missing.length === 0 ? [] : [notDelegatedHere(scene, missing, [reported, atManager])];
		}
	}
}

const scoped: NonEmpty<string> = [
	"systemd-run",
	"--scope",
	"--user",
	"-p",
	"Delegate=yes",
	"kind",
	"create",
	"cluster",
];

function notDelegatedHere({ podman }: Scene, missing: readonly string[], evidence: NonEmpty<Evidence>): PodmanFinding {
	return {
		code: "not-delegated-here",
		summary: `systemd hands ${listed(wanted)} to this user, but ${listed(missing)} ${missing.length === 1 ? "does" : "do"} not come down to the cgroup of this shell, which is where Podman looks. ${refusal} Terminals of a desktop are started so; a login by ssh is not.`,
		evidence: [{ from: "/proc/self/cgroup", saw: podman.user?.cgroup ?? "not known" }, ...evidence],
		remedy: [
			{
				...change(
					"Start kind in a cgroup of its own. A drop-in for user@.service does not help here.",
					undefined,
					...scoped,
				),
				undo: "kind delete cluster",
			},
			advise("Or type the same kind command in a login by ssh on this host."),
		],
	};
}

function notDelegated(
	{ system }: Scene,
	missing: readonly string[],
	evidence: NonEmpty<Evidence>,
	confidence: "certain" | "likely",
): PodmanFinding {
	return {
		code: "not-delegated",
		...(confidence === "likely" ? { confidence } : {}),
		summary: `${listed(missing)} ${missing.length === 1 ? "is" : "are"} not handed to this user's cgroups. ${refusal} systemd does it by itself since 252.`,
		evidence,
		remedy: [
			...delegateToUsers(system),
			{
				...change(
					"If kind still stops in a terminal of a desktop, start it in a cgroup of its own.",
					undefined,
					...scoped,
				),
				undo: "kind delete cluster",
			},
		],
	};
}

function noUserManager({ podman, system }: Scene, missing: readonly string[], reported: Evidence): PodmanFinding {
	const { uid, name } = podman.user ?? {};
	const user = name ?? String(uid ?? "");
	return {
		code: "no-user-manager",
		...(missing.length > 0 ? {} : { confidence: "likely" }),
		summary: `No systemd user manager runs for ${user === "" ? "this user" : `user ${user}`}, so nothing gives rootless containers cgroups of their own.${missing.length > 0 ? ` ${refusal}` : " A node then fails to start its systemd."}`,
		evidence: [
			{ from: `/run/user/${uid ?? ""}/systemd`, saw: "nothing", expected: "a directory of the user manager" },
			reported,
		],
		remedy: system.init === "systemd" ? startManager(system, user) : [rootful],
	};
}

const startManager = (system: System, user: string): NonEmpty<Step> => [
	change(
		"Have systemd run the user's manager, also without a login.",
		asRoot(system, "loginctl", "disable-linger", user),
		...asRoot(system, "loginctl", "enable-linger", user),
	),
	advise(
		"Then log in properly. su, sudo -u and cron jobs make no session; this does.",
		...asRoot(system, "machinectl", "shell", `${user}@`),
	),
];

/** With the variable inside: sudo drops it. */
const rootful: Step = {
	...change(
		"This init system hands no cgroups to users (OpenRC#452). Run Podman as root; the kubeconfig then lies below /root.",
		"sudo KIND_EXPERIMENTAL_PROVIDER=podman kind delete cluster",
		"sudo",
		"KIND_EXPERIMENTAL_PROVIDER=podman",
		"kind",
		"create",
		"cluster",
	),
};

function machineNotDelegated(missing: readonly string[], reported: Evidence): PodmanFinding {
	return {
		code: "machine-not-delegated",
		summary: `Podman runs rootless in another machine, and ${listed(missing)} ${missing.length === 1 ? "is" : "are"} not handed to its user there. ${refusal}`,
		evidence: [reported],
		remedy: [
			change("Stop the machine.", "podman machine start", "podman", "machine", "stop"),
			change(
				"Let it run Podman as root, which needs no delegation.",
				"podman machine set --rootful=false",
				"podman",
				"machine",
				"set",
				"--rootful",
			),
			change("Start it again.", "podman machine stop", "podman", "machine", "start"),
		],
	};
}
