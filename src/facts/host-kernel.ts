import * as z from "zod";
import type { Files } from "../access/files.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import { knowEngine } from "./host-engine.ts";
import { parseMountinfo, visibleMounts } from "./host-mountinfo.ts";
import { parseCount } from "./host-resources.ts";
import { readModules } from "./modules.ts";
import type { Know } from "./probe.ts";

/** Fact `host.kernel`: whether the running kernel can still load modules, and what a container may do to it. */
export const hostKernel = z.object({
	release: z.string(),
	/** Kernels that have modules on the disk; absent where there is no such folder, as with a kernel that needs none. */
	installed: z.array(z.string()).optional(),
	/** /dev/kmsg is there, which a kubelet opens; absent where a copied tree does not tell. */
	kmsg: z.boolean().optional(),
	/** Root in here is an ordinary user outside: an unprivileged container. Absent where that cannot be told. */
	shiftedUsers: z.boolean().optional(),
	/** kernel.keys.maxkeys: session keyrings per user, one per container. */
	maxKeys: z.number().int().optional(),
	/** It has IPv6; absent where a copied tree does not tell. */
	ipv6: z.boolean().optional(),
	/** New interfaces begin without IPv6 (disable_ipv6), and the engine, which switches it on for a network of its own, may not write there. */
	keepsIpv6Off: z.boolean().optional(),
	/** Modules of containers' networks and file systems that are neither loaded, nor built in, nor on the disk; absent where no list tells. */
	lacking: z.array(z.string()).optional(),
	/** Bridges hand their packets to iptables; absent where no list of modules tells. */
	filtersBridges: z.boolean().optional(),
	/** SELinux is there and denies. */
	enforcesSelinux: z.boolean().optional(),
	/** AppArmor still confines programs that are gone from this host; absent where the list is not to be read, as by ordinary users. */
	leftProfiles: z
		.array(
			z.object({
				/** Its path, by which the profile holds in containers, too. */
				program: z.string(),
				/** The profile's file, where it is there. */
				file: z.string().optional(),
			}),
		)
		.optional(),
	/** Ubuntu's AppArmor keeps programs without a profile from making user namespaces. */
	restrictsNamespaces: z.boolean().optional(),
});
export type HostKernel = z.infer<typeof hostKernel>;

export async function readHostKernel({ files, host }: World, know: Know): Promise<HostKernel> {
	const provider = await knowEngine(know);
	if (provider.place !== "here") {
		throw new ProbeError("not-set-up", `${provider.placeBecause}: this host's kernel does not matter`);
	}

	const { kernel } = await know("host.system");
	if (kernel === undefined) {
		throw new ProbeError("not-found", "which kernel runs is not known");
	}

	const [current, older, kmsg, users, maxKeys, ipv6, keepsIpv6Off, modules, security, leftProfiles] = await Promise.all(
		[
			files.list("/lib/modules"),
			files.list("/usr/lib/modules"),
			files.stat("/dev/kmsg"),
			files.readText("/proc/self/uid_map"),
			attempt(files.readText("/proc/sys/kernel/keys/maxkeys")),
			files.stat("/proc/net/if_inet6"),
			readIpv6Lock(files),
			readNeeded(files, kernel),
			readSecurity(files),
			host.recorded ? undefined : readLeftProfiles(files),
		],
	);
	const isNowhere = current === undefined && older === undefined;
	if (isNowhere && host.recorded) {
		throw new ProbeError("not-found", "the copied tree does not tell which kernels have modules in /lib/modules");
	}

	return {
		release: kernel,
		installed: isNowhere ? undefined : [...new Set([...(current ?? []), ...(older ?? [])])],
		kmsg: kmsg === undefined && host.recorded ? undefined : kmsg !== undefined,
		shiftedUsers: users === undefined ? undefined : !/^\s*0\s+0\s/.test(users),
		maxKeys: maxKeys instanceof ProbeError ? undefined : parseCount(maxKeys),
		ipv6: ipv6 === undefined && host.recorded ? undefined : ipv6 !== undefined,
		keepsIpv6Off,
		...modules,
		...security,
		leftProfiles,
	};
}

/** moby, contrib/check-config.sh ("Generally Necessary"), and kube-proxy's rules: comment, statistic. */
const needed = [
	"overlay",
	"veth",
	"bridge",
	"br_netfilter",
	"nf_conntrack",
	"nf_nat",
	"xt_addrtype",
	"xt_conntrack",
	"xt_comment",
	"xt_statistic",
];

async function readNeeded(files: Files, kernel: string): Promise<Pick<HostKernel, "lacking" | "filtersBridges">> {
	const modules = await readModules(files, kernel);
	if (modules?.isComplete !== true) {
		return {};
	}

	const lacking = needed.filter((name) => !modules.isThere(name) && modules.isShipped(name) === false);
	return { lacking, filtersBridges: modules.isThere("br_netfilter") };
}

async function readSecurity(files: Files): Promise<Pick<HostKernel, "enforcesSelinux" | "restrictsNamespaces">> {
	const isOne = async (path: string) => (await ifAnswered(files.readText(path)))?.trim() === "1";
	const [enforcesSelinux, restrictsNamespaces] = await Promise.all([
		isOne("/sys/fs/selinux/enforce"),
		isOne("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
	]);
	return { enforcesSelinux, restrictsNamespaces };
}

const settings = "/proc/sys/net/ipv6/conf";

/** A network's bridge takes the value of `default`, and moby writes 0 to the bridge's own: bridge/setup_ipv6_linux.go. */
async function readIpv6Lock(files: Files): Promise<boolean | undefined> {
	const [value, mounts] = await Promise.all([
		ifAnswered(files.readText(`${settings}/default/disable_ipv6`)),
		ifAnswered(files.readText("/proc/self/mountinfo")),
	]);
	if (value === undefined || mounts === undefined) {
		return undefined;
	}

	const above = visibleMounts(parseMountinfo(mounts), ({ mountPoint }) => `${settings}/`.startsWith(`${mountPoint}/`));
	const nearest = above.toSorted((a, b) => b.mountPoint.length - a.mountPoint.length)[0];
	return value.trim() === "1" && nearest !== undefined && [...nearest.options, ...nearest.superOptions].includes("ro");
}

/** `/usr/sbin/mysqld (enforce)`: AppArmor's way to name a profile after the program that it is for. */
const ofProgram = /^(\/(?:usr\/)?s?bin\/[\w.+-]+) \(enforce\)$/;

async function readLeftProfiles(files: Files): Promise<HostKernel["leftProfiles"]> {
	const list = await ifAnswered(files.readText("/sys/kernel/security/apparmor/profiles"));
	const programs = list?.split("\n").flatMap((line) => ofProgram.exec(line)?.[1] ?? []);
	const looked = programs?.map(async (program) => {
		const file = `/etc/apparmor.d/${program.slice(1).replaceAll("/", ".")}`;
		const [isThere, profile] = await Promise.all([files.stat(program), files.stat(file)].map(ifAnswered));
		return isThere === undefined ? [{ program, ...(profile === undefined ? {} : { file }) }] : [];
	});
	return looked && (await Promise.all(looked)).flat();
}
