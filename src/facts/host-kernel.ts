import * as z from "zod";
import type { Files } from "../access/files.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import { knowEngine } from "./host-engine.ts";
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
	/** Modules of containers' networks and file systems that are neither loaded, nor built in, nor on the disk; absent where no list tells. */
	lacking: z.array(z.string()).optional(),
	/** Bridges hand their packets to iptables; absent where no list of modules tells. */
	filtersBridges: z.boolean().optional(),
	/** SELinux is there and denies. */
	enforcesSelinux: z.boolean().optional(),
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

	const [current, older, kmsg, users, maxKeys, ipv6, modules, security] = await Promise.all([
		files.list("/lib/modules"),
		files.list("/usr/lib/modules"),
		files.stat("/dev/kmsg"),
		files.readText("/proc/self/uid_map"),
		attempt(files.readText("/proc/sys/kernel/keys/maxkeys")),
		files.stat("/proc/net/if_inet6"),
		readNeeded(files, kernel),
		readSecurity(files),
	]);
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
		...modules,
		...security,
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
