import type { NonEmpty, Step } from "../../src/check.ts";
import { since } from "../../src/knowledge/kind.ts";
import type { Provider, System } from "./host.ts";
import { advise, asRoot, change, reboot, write } from "./steps.ts";

const look = advise("Afterwards this prints cgroup2fs.", "stat", "-fc", "%T", "/sys/fs/cgroup");

/** How this very host, or the machine that its engine runs on, gets cgroup v2 and nothing else. */
export function switchToV2(system: System, provider: Provider): NonEmpty<Step> {
	if (provider.place === "elsewhere") {
		return elsewhere(system, provider);
	}

	if (system.container !== undefined) {
		return [outside(system.container)];
	}

	if (system.wsl !== undefined) {
		return [
			change("Update WSL: from 2.5 on it mounts cgroup v2 alone.", undefined, "wsl.exe", "--update"),
			write(
				"Or, where it cannot be updated, take v1 away. The line belongs below [wsl2].",
				"kernelCommandLine = cgroup_no_v1=all",
				"%UserProfile%\\.wslconfig",
			),
			change("End all distributions; the next shell starts WSL anew.", undefined, "wsl.exe", "--shutdown"),
			look,
		];
	}

	if (system.init === "systemd" && (system.systemdVersion ?? since.systemdOnV2) < since.systemdOnV2) {
		return [
			advise(
				`systemd ${system.systemdVersion ?? ""} of this distribution knows no cgroup v2. Upgrade to a release that uses it: RHEL 9, Debian 11, Ubuntu 21.10 or newer.`,
			),
		];
	}

	const [first, ...rest] = byInit(system);
	return [first, ...rest, reboot(system), look];
}

function elsewhere(system: System, { operatingSystem = "", engine, placeBecause }: Provider): NonEmpty<Step> {
	if (operatingSystem.includes("Docker Desktop")) {
		const into = {
			darwin: "~/Library/Group Containers/group.com.docker/settings-store.json",
			win32: "%APPDATA%\\Docker\\settings-store.json",
		}[system.platform];
		return [
			write(
				"Docker Desktop was told to use cgroup v1. Turn that off, then restart Docker Desktop.",
				'"deprecatedCgroupv1": false',
				into ?? "~/.docker/desktop/settings-store.json",
			),
		];
	}

	if (engine === "podman") {
		return [
			change(
				"Make a new machine: today's images use cgroup v2. What is in the old machine stays there.",
				"podman machine rm cgroup-v2",
				"podman",
				"machine",
				"init",
				"--now",
				"cgroup-v2",
			),
		];
	}

	return [
		advise(
			`Switch the machine that the engine runs on to cgroup v2 (${placeBecause}). capmox-doctor, run there, says how.`,
		),
	];
}

/** A container has the cgroup version of the kernel that it shares. */
const outside = (container: string): Step =>
	container === "lxc"
		? {
				...advise(
					"This is an LXC container, and its cgroup version is that of the machine it runs on. Proxmox VE uses v2 alone since 7.0, unless the kernel's command line says systemd.unified_cgroup_hierarchy=0: take that out there, and reboot that machine.",
					"cat",
					"/proc/cmdline",
				),
				where: "proxmox-node",
			}
		: advise(
				`This is a container (${container}), and its cgroup version is that of the machine it runs on. Switch that one; capmox-doctor, run there, says how.`,
			);

const unified = "systemd.unified_cgroup_hierarchy=1";

function byInit(system: System): NonEmpty<Step> {
	switch (system.init) {
		case "systemd":
			return forSystemd(system);
		case "openrc":
			return [
				write(
					`Tell OpenRC to mount cgroup v2 alone. It takes OpenRC ${since.openrcServicePrefix} or newer: older ones get in Docker's way there.`,
					'rc_cgroup_mode="unified"',
					"/etc/rc.conf",
				),
			];
		case "runit":
			return [write("Tell Void's boot scripts to mount cgroup v2 alone.", "CGROUP_MODE=unified", "/etc/rc.conf")];
		case "s6":
		case "sysvinit":
		case "other":
		case "unknown":
			return [
				write(
					"Have cgroup v2 mounted at boot, and take away what mounts v1 today (a line in /etc/fstab, or a boot script such as cgroupfs-mount).",
					"cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0",
					"/etc/fstab",
				),
			];
	}
}

const isLike = ({ distribution }: System, ...ids: readonly string[]): boolean =>
	[distribution?.id ?? "", ...(distribution?.like ?? [])].some((id) => ids.includes(id));

/** systemd takes 0, no, off, false and their first letters for no; parse_boolean in src/basic/parse-util.c. */
const demandsV1 = (word: string): boolean => {
	const [key = "", value = "1"] = word.split("=");
	const isOff = /^(?:0|no?|f(?:alse)?|off)$/i.test(value);
	return key === "systemd.unified_cgroup_hierarchy" ? isOff : !isOff;
};

/** systemd uses v2 unless it is told otherwise, or was built to; its argument on the kernel's command line wins. */
function forSystemd(system: System): NonEmpty<Step> {
	const told = system.kernelArguments.filter((word) => /^systemd\.|^SYSTEMD_/.test(word));
	// Of a word that stands there twice the last one counts.
	const last = told.findLast((word) => word.startsWith("systemd.unified_"));
	const demanding = told.filter((word) => demandsV1(word) && (word === last || !word.startsWith("systemd.unified_")));
	if (last === unified && demanding.length === 0) {
		return [
			advise(
				`The kernel's command line asks for cgroup v2 already (${unified}). Find out what mounts v1 all the same, and take it out there.`,
				"grep",
				"-rIsl",
				"cgroup",
				"/etc/fstab",
				"/etc/init.d",
				"/etc/systemd/system",
			),
		];
	}

	const because =
		demanding.length === 0
			? "This systemd was built for v1; tell it otherwise."
			: `The kernel's command line says ${demanding.join(" ")}; take that back.`;
	const own = byOwnMeans(system, because, told);
	if (own !== undefined) {
		return own;
	}

	if (isLike(system, "rhel", "fedora", "centos")) {
		const names = [...new Set(told.map((word) => word.split("=")[0] ?? word))].filter(
			(name) => !unified.startsWith(`${name}=`),
		);
		return [
			change(
				because,
				`the same command with ${told.length === 0 ? `--remove-args=${unified}` : `--args="${told.join(" ")}"`}`,
				...asRoot(
					system,
					"grubby",
					"--update-kernel=ALL",
					...(names.length === 0 ? [] : [`--remove-args=${names.join(" ")}`]),
					`--args=${unified}`,
				),
			),
		];
	}

	if (isLike(system, "debian", "ubuntu")) {
		return [
			write(
				`${because} This file comes after /etc/default/grub, and the last word counts.`,
				`GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ${unified}"`,
				"/etc/default/grub.d/zz-cgroup-v2.cfg",
			),
			change("Write GRUB's configuration.", "remove the file and run update-grub", ...asRoot(system, "update-grub")),
		];
	}

	const [maker, file] = isLike(system, "suse", "opensuse")
		? (["grub2-mkconfig", "/boot/grub2/grub.cfg"] as const)
		: (["grub-mkconfig", "/boot/grub/grub.cfg"] as const);
	return [
		write(
			`${because} Add the word to the line that is there; with another boot loader than GRUB, to its kernel arguments.`,
			`GRUB_CMDLINE_LINUX="${unified}"`,
			"/etc/default/grub",
		),
		change(
			"Write GRUB's configuration.",
			`take the word out and run ${maker} again`,
			...asRoot(system, maker, "-o", file),
		),
	];
}

/** Systems that keep the kernel's arguments in no file of GRUB's: NixOS manual (boot.kernelParams), rpm-ostree(1), kernelstub(8). */
function byOwnMeans(system: System, because: string, told: readonly string[]): NonEmpty<Step> | undefined {
	if (isLike(system, "nixos")) {
		return [
			write(
				`${because} If systemd.enableUnifiedCgroupHierarchy = false stands there, take that line out.`,
				`boot.kernelParams = [ "${unified}" ];`,
				"/etc/nixos/configuration.nix",
			),
			change("Build it for the next boot.", undefined, ...asRoot(system, "nixos-rebuild", "boot")),
		];
	}

	if (system.ostree === true) {
		const others = told.filter((word) => word !== unified);
		const back = [`--delete-if-present=${unified}`, ...others.map((word) => `--append-if-missing=${word}`)];
		return [
			change(
				because,
				asRoot(system, "rpm-ostree", "kargs", ...back),
				...asRoot(
					system,
					...(["rpm-ostree", "kargs"] as const),
					...others.map((word) => `--delete-if-present=${word}`),
					`--append-if-missing=${unified}`,
				),
			),
		];
	}

	return isLike(system, "pop")
		? [
				change(
					`${because} The last word counts.`,
					asRoot(system, "kernelstub", "--delete-options", unified),
					...asRoot(system, "kernelstub", "--add-options", unified),
				),
			]
		: undefined;
}
