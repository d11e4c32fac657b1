import { error, type Finding, type Severity, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import type { Cgroups, Provider, System, Tools } from "../cgroups/host.ts";

export type Podman = Facts["host.podman"];
export type Answering = Extract<Podman, { state: "answering" }>;
export type Silent = Extract<Podman, { state: "silent" }>;
export type Limits = Facts["host.podman-limits"];

/** Every way in which Podman keeps kind from working, or makes it work badly. */
export const findings = {
	"not-installed": error("KIND_EXPERIMENTAL_PROVIDER asks for Podman, and there is none."),
	"namespaces-denied": error("The kernel keeps users from making user namespaces, which rootless Podman lives in."),
	"newuidmap-missing": error("newuidmap is not installed, which rootless Podman needs."),
	"not-answering": error("podman info fails."),
	"kind-too-old": error("This kind does not understand what Podman 6 prints."),
	outdated: warning("Podman is older than what kind expects."),
	"cgroup-v1": warning("Podman runs on cgroup v1."),
	"systemd-hierarchy-missing": error("The host uses cgroup v1 without the systemd hierarchy that a node needs."),
	"stray-hierarchy": warning("Rootless Podman stumbles over a cgroup v1 hierarchy beside cgroup v2."),
	"no-user-manager": error("Rootless Podman has no systemd user manager that could give it cgroups."),
	"not-delegated": error("systemd does not hand the controllers that kind needs to this user."),
	"not-delegated-here": error("The controllers that kind needs end above the cgroup of this shell."),
	"machine-not-delegated": error("Inside the podman machine, controllers that kind needs are not handed to its user."),
	"sub-ids-missing": error("The user has too few subordinate user or group IDs for a node image."),
	"machine-too-small": warning("The podman machine has too little memory or too few CPUs for a management cluster."),
	"slow-storage": warning("Podman copies every layer of every image instead of stacking them."),
	"kernel-without-overlay": warning("The kernel gives rootless containers no overlay file system."),
	"names-unresolved": warning("aardvark-dns is missing, so nodes do not find each other by name."),
	"iptables-modules": warning("Modules of iptables are not loaded, and rootless Podman cannot load them."),
	"pids-limit": warning("A node, which is one container, may have few processes."),
	"low-port-denied": error("kind's configuration asks for a port that this user may not open."),
	"journal-unreadable": warning(
		"Podman writes logs to a journal that this user may not read, and kind waits for a line in it.",
	),
	"few-open-files": warning("The limit of open files is below what kind's nodes ask for."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type PodmanFinding = Finding<keyof typeof findings>;

/** What the judges look at. */
export interface Scene {
	readonly podman: Answering;
	/** Podman as the checks of the cgroups know an engine, taken by kind or not. */
	readonly provider: Provider;
	readonly cgroups: Cgroups;
	readonly tools: Tools;
	readonly system: System;
}

export const listed = (names: readonly string[]): string =>
	names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
