import * as z from "zod";
import type { World } from "../access/world.ts";
import { ifAnswered } from "./attempt.ts";

/** Fact `host.system`: what kind of machine this is. What cannot be told is absent. */
export const hostSystem = z.object({
	/** As Node spells it: `linux`, `darwin`, `win32`. */
	platform: z.string(),
	/** Absent for a copied tree. */
	uid: z.number().int().optional(),
	init: z.enum(["systemd", "openrc", "runit", "s6", "sysvinit", "other", "unknown"]),
	/** systemd's major version. */
	systemdVersion: z.number().int().optional(),
	/** /etc/os-release. */
	distribution: z
		.object({
			id: z.string(),
			like: z.array(z.string()),
			version: z.string().optional(),
			/** As a person reads it. */
			name: z.string(),
		})
		.optional(),
	/** Its system is an image of OSTree, such as Fedora CoreOS and Silverblue: its own tool keeps the kernel's arguments. */
	ostree: z.literal(true).optional(),
	/** `uname -r`. */
	kernel: z.string().optional(),
	/** The kernel's arguments that decide about cgroups; no others, since there may be anything. */
	kernelArguments: z.array(z.string()),
	/** Windows Subsystem for Linux: its generation. */
	wsl: z.union([z.literal(1), z.literal(2)]).optional(),
	/** What this is a container of: `lxc`, `docker`, `podman`, `systemd-nspawn` …; absent on a real or virtual machine. */
	container: z.string().optional(),
});
export type HostSystem = z.infer<typeof hostSystem>;

export async function readHostSystem({ files, commands, host }: World, signal: AbortSignal): Promise<HostSystem> {
	const [
		comm,
		runsSystemd,
		runsOpenrc,
		osRelease,
		kernel,
		commandLine,
		container,
		dockerenv,
		containerenv,
		systemctl,
		ostree,
		lxc,
	] = await Promise.all([
		ifAnswered(files.readText("/proc/1/comm")),
		ifAnswered(files.stat("/run/systemd/system")),
		ifAnswered(files.stat("/run/openrc")),
		ifAnswered(files.readText("/etc/os-release").then((text) => text ?? files.readText("/usr/lib/os-release"))),
		ifAnswered(readKernel(files, commands, signal)),
		ifAnswered(files.readText("/proc/cmdline")),
		ifAnswered(files.readText("/run/systemd/container")),
		ifAnswered(files.stat("/.dockerenv")),
		ifAnswered(files.stat("/run/.containerenv")),
		host.platform === "linux" ? ifAnswered(commands.run(["systemctl", "--version"], { signal })) : undefined,
		ifAnswered(files.stat("/run/ostree-booted")),
		ifAnswered(isLxc(files)),
	]);
	const distribution = osRelease === undefined ? undefined : parseOsRelease(osRelease);
	const systemdVersion = /^systemd (\d+)/m.exec(systemctl?.stdout ?? "")?.[1];
	const wsl = kernel === undefined ? undefined : wslGeneration(kernel);
	const within =
		container?.trim() ??
		(dockerenv !== undefined ? "docker" : containerenv !== undefined ? "podman" : lxc === true ? "lxc" : undefined);
	return {
		platform: host.platform,
		uid: host.uid,
		init: initOf({
			comm: comm?.trim(),
			runsSystemd: runsSystemd !== undefined,
			runsOpenrc: runsOpenrc !== undefined,
			distribution: distribution?.id,
		}),
		systemdVersion: systemdVersion === undefined ? undefined : Number(systemdVersion),
		distribution,
		...(ostree === undefined ? {} : { ostree: true }),
		kernel: kernel?.trim(),
		kernelArguments: parseCommandLine(commandLine ?? ""),
		wsl,
		container: within === "wsl" ? undefined : within,
	};
}

/** Only systemd writes /run/systemd/container. LXC tells its first process, and covers files of /proc with those of lxcfs. */
async function isLxc(files: World["files"]): Promise<boolean> {
	const [variables, mounts] = await Promise.all([
		ifAnswered(files.readText("/proc/1/environ")),
		ifAnswered(files.readText("/proc/self/mountinfo")),
	]);
	return (
		/(?:^|\0)container=lxc(?:\0|$)/.test(variables ?? "") ||
		/^\d+ \d+ \S+ \S+ \/proc\/\S+ .* - fuse\.lxcfs /m.test(mounts ?? "")
	);
}

const readKernel = async (files: World["files"], commands: World["commands"], signal: AbortSignal): Promise<string> =>
	(await files.readText("/proc/sys/kernel/osrelease")) ?? (await commands.run(["uname", "-r"], { signal })).stdout;

interface InitSigns {
	readonly comm?: string | undefined;
	readonly runsSystemd: boolean;
	readonly runsOpenrc: boolean;
	readonly distribution?: string | undefined;
}

/** Distributions whose `init` starts OpenRC. */
const openrcDistributions: readonly string[] = ["alpine", "gentoo", "postmarketos"];

export function initOf({ comm, runsSystemd, runsOpenrc, distribution }: InitSigns): HostSystem["init"] {
	if (comm === "systemd" || runsSystemd) {
		return "systemd";
	}

	if (runsOpenrc || comm === "openrc-init" || openrcDistributions.includes(distribution ?? "")) {
		return "openrc";
	}

	if (comm === undefined) {
		return "unknown";
	}

	if (comm === "runit" || distribution === "void") {
		return "runit";
	}

	if (comm.startsWith("s6-")) {
		return "s6";
	}

	return comm === "init" ? "sysvinit" : "other";
}

/** `KEY=value` lines with shell quoting, os-release(5). */
export function parseOsRelease(text: string): HostSystem["distribution"] {
	const values = new Map(
		text.split("\n").flatMap((line) => {
			const [, key, value = ""] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
			return key === undefined ? [] : [[key, value.replace(/^(["'])(.*)\1$/, "$2")] as const];
		}),
	);
	const id = values.get("ID");
	const version = values.get("VERSION_ID");
	return id === undefined
		? undefined
		: {
				id,
				like: (values.get("ID_LIKE") ?? "").split(" ").filter((word) => word !== ""),
				version,
				name: values.get("PRETTY_NAME") ?? id,
			};
}

const decisive =
	/^(?:systemd\.(?:unified_cgroup_hierarchy|legacy_systemd_cgroup_controller)|cgroup_no_v1|cgroup_disable|cgroup_enable|SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE)(?:=|$)/;

export const parseCommandLine = (text: string): string[] => text.split(/\s+/).filter((word) => decisive.test(word));

/** The kernel of WSL 1 calls itself `…-Microsoft`, that of WSL 2 `…-microsoft-standard-WSL2`. */
const wslGeneration = (kernel: string): 1 | 2 | undefined =>
	/microsoft/i.test(kernel) ? (/-Microsoft\s*$/.test(kernel) ? 1 : 2) : undefined;
