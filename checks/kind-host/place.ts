import type { Evidence, Step } from "../../src/check.ts";
import { isAtLeast } from "../cgroups/host.ts";
import { advise, asRoot, change } from "../cgroups/steps.ts";
import type { Host, KindHostFinding } from "./findings.ts";
import { raise } from "./resources.ts";

/** keyrings(7): 200 by default. Only unprivileged containers, whose users are one to the kernel, come near it. */
const enoughKeys = 1_000;
const tolerableSkew = 300;

/** What kind of machine the containers run on. On another kernel than this one, nothing of it counts. */
export const judgePlace = (host: Host): readonly KindHostFinding[] =>
	host.provider.place === "elsewhere"
		? clock(host)
		: [...wsl(host), ...oldKernel(host), ...lxc(host), ...keyrings(host), ...replaced(host)];

function wsl({ system }: Host): readonly KindHostFinding[] {
	return system.wsl === 1
		? [
				{
					code: "wsl-1",
					summary: "This is WSL 1, which imitates Linux without its kernel. It runs no containers.",
					evidence: [{ from: "/proc/sys/kernel/osrelease", saw: system.kernel ?? "", expected: "a kernel of WSL 2" }],
					remedy: [
						advise("See what this distribution is called.", "wsl.exe", "--list", "--verbose"),
						advise("Then, in PowerShell, turn it into WSL 2: wsl --set-version NAME 2. Its files stay."),
					],
				},
			]
		: [];
}

/** RHEL 7 has 3.10; cgroup namespaces came with 4.6. */
function oldKernel({ system, tools }: Host): readonly KindHostFinding[] {
	const { kernel } = system;
	const { kind } = tools;
	const isHarmless = kind.state === "found" && isAtLeast(kind.version, "0.20.0") === false;
	return system.wsl === 1 || isHarmless || isAtLeast(kernel, "4.6.0") !== false
		? []
		: [
				{
					code: "kernel-too-old",
					summary: `Kernel ${kernel ?? ""} has no cgroup namespaces. kind asks for them since 0.20, and its nodes do not start without.`,
					evidence: [{ from: "uname -r", saw: kernel ?? "", expected: "4.6 or newer" }],
					remedy: [
						advise("Upgrade the distribution: RHEL 8, Debian 10, Ubuntu 18.04 or newer have such a kernel."),
						advise("Or stay with kind 0.19 and its node images."),
					],
				},
			];
}

function lxc({ system, kernel }: Host): readonly KindHostFinding[] {
	if (system.container !== "lxc") {
		return [];
	}

	const isWithoutKmsg = kernel?.kmsg === false;
	const evidence: Evidence[] = [
		...(isWithoutKmsg ? [{ from: "/dev/kmsg", saw: "not there", expected: "a device that the kubelet can open" }] : []),
		...(kernel?.shiftedUsers === true
			? [{ from: "/proc/self/uid_map", saw: "root in here is an ordinary user outside (unprivileged)" }]
			: []),
	];
	return [
		{
			code: "inside-lxc",
			...(isWithoutKmsg ? { severity: "error" } : { confidence: "likely" }),
			summary: isWithoutKmsg
				? 'This host is an LXC container without /dev/kmsg. A kubelet in here ends with "open /dev/kmsg: no such file or directory".'
				: "This host is an LXC container. kind's nodes start in one only with the features nesting and keyctl, and the kubelet may not set the kernel's values.",
			evidence: [
				{ from: "/run/systemd/container", saw: "lxc", expected: "a virtual machine, or a real one" },
				...evidence,
			],
			remedy: [
				advise("Best: make a virtual machine on Proxmox for this work; a container shares the node's kernel with it."),
				onNode(
					"Or allow nesting and keyrings, beside the features that it has, and restart it. ID is the container's number.",
					["pct", "set", "ID", "--features", "nesting=1,keyctl=1"],
				),
				{
					advice: "And hand it the kernel's log.",
					put: { line: "lxc.mount.entry: /dev/kmsg dev/kmsg none bind,create=file 0 0", into: "/etc/pve/lxc/ID.conf" },
					where: "proxmox-node",
					risk: "changes",
				},
			],
		},
	];
}

const onNode = (advice: string, command: readonly [string, ...string[]]): Step => ({
	advice,
	command,
	where: "proxmox-node",
	risk: "changes",
	undo: "pct set ID --delete features",
});

function keyrings({ system, kernel }: Host): readonly KindHostFinding[] {
	return kernel?.maxKeys === undefined || kernel.maxKeys >= enoughKeys || kernel.shiftedUsers !== true
		? []
		: [
				{
					code: "few-keyrings",
					summary: `A user may have ${kernel.maxKeys} keyrings here. Every container takes one, and all containers in here belong to one user. Beyond it they fail with "disk quota exceeded", however much disk there is.`,
					evidence: [
						{ from: "/proc/sys/kernel/keys/maxkeys", saw: String(kernel.maxKeys), expected: "2000" },
						{ from: "/proc/self/uid_map", saw: "root in here is an ordinary user outside (unprivileged)" },
					],
					remedy: raise(system, "/etc/sysctl.d/99-kind-keys.conf", {
						key: "kernel.keys.maxkeys",
						now: kernel.maxKeys,
						wanted: 2_000,
					}),
				},
			];
}

/** Arch and openSUSE remove the old kernel's modules at once. A container has those of its own distribution, and WSL's kernel needs none. */
function replaced({ system, kernel }: Host): readonly KindHostFinding[] {
	const installed = kernel?.installed ?? [];
	return kernel === undefined ||
		installed.length === 0 ||
		installed.includes(kernel.release) ||
		system.container !== undefined ||
		system.wsl !== undefined
		? []
		: [
				{
					code: "kernel-replaced",
					confidence: "likely",
					summary: `Kernel ${kernel.release} runs, but the modules on the disk belong to another one. Where Docker needs one that is not loaded yet, it fails: "Table does not exist (do you need to insmod?)", or "operation not supported" for networks.`,
					evidence: [
						{ from: "/lib/modules", saw: installed.join(", "), expected: kernel.release },
						{ from: "uname -r", saw: kernel.release },
					],
					remedy: [
						change(
							"Reboot into the new kernel, when nothing that runs here is in the way.",
							undefined,
							...asRoot(system, "reboot"),
						),
					],
				},
			];
}

function clock({ clock: found, provider }: Host): readonly KindHostFinding[] {
	if (found === undefined || Math.abs(found.aheadSeconds) < tolerableSkew) {
		return [];
	}

	const minutes = Math.round(Math.abs(found.aheadSeconds) / 60);
	const way = found.aheadSeconds > 0 ? "ahead of" : "behind";
	return [
		{
			code: "clock-skew",
			summary: `The clock of the machine that runs the containers is ${minutes} minutes ${way} the one here. One of them is wrong. Certificates then look expired or not yet valid: "x509: certificate has expired or is not yet valid".`,
			evidence: [
				{
					from: "docker info, SystemTime",
					saw: `${minutes} minutes ${way} this host`,
					expected: "less than 5 minutes apart",
				},
			],
			remedy: [
				advise("See which of the two is right.", "date", "-u"),
				advise(`Restart the machine that runs the containers, or have it follow NTP: ${provider.placeBecause}.`),
			],
		},
	];
}
