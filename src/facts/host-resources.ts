import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { HostEngines } from "./host-engines.ts";
import type { HostProvider } from "./host-provider.ts";
import type { Know } from "./probe.ts";

/** Fact `host.inotify`: the limits per user of the kernel that containers run on. */
export const hostInotify = z.object({ watches: z.number().int(), instances: z.number().int() });
export type HostInotify = z.infer<typeof hostInotify>;

/** Fact `host.memory`: bytes of the machine that containers run on. */
export const hostMemory = z.object({ totalBytes: z.number(), from: z.string() });
export type HostMemory = z.infer<typeof hostMemory>;

/** Fact `host.storage`: where the engine keeps images and containers, by what told so, and the space there. */
export const hostStorage = z.object({
	because: z.string(),
	/** The file system that holds `path`, which itself need not exist yet. */
	places: z.array(
		z.object({ path: z.string(), fileSystem: z.string(), availableBytes: z.number(), totalBytes: z.number() }),
	),
});
export type HostStorage = z.infer<typeof hostStorage>;

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
});
export type HostKernel = z.infer<typeof hostKernel>;

/** Fact `host.clock`: by how many seconds the engine's clock is ahead of the one here. */
export const hostClock = z.object({ aheadSeconds: z.number() });
export type HostClock = z.infer<typeof hostClock>;

/** The engine, where there is one to judge. @throws ProbeError not-set-up where kind has nothing to start nodes with. */
export async function knowEngine(know: Know): Promise<HostProvider> {
	const provider = await know("host.provider");
	if (provider.engine === "none") {
		throw new ProbeError("not-set-up", provider.chosenBecause);
	}

	return provider;
}

/** @throws ProbeError unreachable where containers run on another kernel, whose files are not here. */
async function knowEngineHere(know: Know, what: string): Promise<HostProvider> {
	const provider = await knowEngine(know);
	if (provider.place === "elsewhere") {
		throw new ProbeError("unreachable", `${provider.placeBecause}: ${what} cannot be seen from here`);
	}

	return provider;
}

const parseCount = (text: string | undefined): number | undefined =>
	text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;

async function readCount(files: World["files"], path: string): Promise<number> {
	const count = parseCount(await files.readText(path));
	if (count === undefined) {
		throw new ProbeError("not-found", `${path} is missing, or holds no number`);
	}

	return count;
}

export async function readHostInotify({ files }: World, know: Know): Promise<HostInotify> {
	await knowEngineHere(know, "its inotify limits");
	const [watches, instances] = await Promise.all([
		readCount(files, "/proc/sys/fs/inotify/max_user_watches"),
		readCount(files, "/proc/sys/fs/inotify/max_user_instances"),
	]);
	return { watches, instances };
}

export async function readHostMemory({ files }: World, know: Know): Promise<HostMemory> {
	const [provider, engines] = await Promise.all([knowEngine(know), know("host.engines")]);
	const told = memoryOf(provider, engines);
	if (told !== undefined) {
		return told;
	}

	await knowEngineHere(know, "its memory");
	const total = parseMemTotal((await files.readText("/proc/meminfo")) ?? "");
	if (total === undefined) {
		throw new ProbeError("not-found", "/proc/meminfo is missing, or has no MemTotal");
	}

	return { totalBytes: total, from: "/proc/meminfo, MemTotal" };
}

function memoryOf({ engine }: HostProvider, { docker, podman }: HostEngines): HostMemory | undefined {
	const found =
		engine === "docker" && docker.state === "answering"
			? docker.server?.memoryBytes
			: engine === "podman" && podman.state === "answering"
				? podman.server.memoryBytes
				: undefined;
	return found === undefined ? undefined : { totalBytes: found, from: `${engine} info` };
}

/** `MemTotal:       24684100 kB`, in bytes. */
export function parseMemTotal(meminfo: string): number | undefined {
	const kibibytes = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1];
	return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}

/** linux/magic.h, and OpenZFS. */
const fileSystems: Readonly<Record<number, string>> = {
	61267: "ext4",
	1481003842: "xfs",
	2435016766: "btrfs",
	801189825: "zfs",
	2035054128: "overlay",
	16914836: "tmpfs",
	26985: "nfs",
	1702057286: "fuse",
};

interface StoragePlan {
	readonly because: string;
	readonly paths: readonly string[];
}

export async function readHostStorage({ files }: World, know: Know): Promise<HostStorage> {
	const provider = await knowEngineHere(know, "the disk that holds its images");
	const { because, paths } = await planStorage(files, provider, await know("host.engines"));
	return { because, places: await Promise.all(paths.map((path) => readPlace(files, path))) };
}

async function planStorage(
	files: World["files"],
	{ engine }: HostProvider,
	{ docker, podman }: HostEngines,
): Promise<StoragePlan> {
	const server = docker.state === "answering" ? docker.server : undefined;
	if (engine === "docker" && server !== undefined) {
		// Docker 29 keeps images with containerd, whose folder is not that of Docker where it runs as a service of its own.
		const isOwn = server.containerdStore && !server.rootless && (await files.stat("/var/lib/containerd")) !== undefined;
		return {
			because: `Docker ${server.version} says so`,
			paths: [server.rootDirectory, ...(isOwn ? ["/var/lib/containerd"] : [])],
		};
	}

	if (engine === "podman" && podman.state === "answering" && podman.server.graphRoot !== undefined) {
		return { because: `Podman ${podman.server.version} says so`, paths: [podman.server.graphRoot] };
	}

	if (engine === "docker" && (docker.state !== "silent" || docker.endpoint?.startsWith("unix:///run/user/") !== true)) {
		const told = parseDataRoot((await files.readText("/etc/docker/daemon.json")) ?? "{}");
		return told === undefined
			? { because: "that is Docker's usual place", paths: ["/var/lib/docker"] }
			: { because: "/etc/docker/daemon.json says so", paths: [told] };
	}

	throw new ProbeError("unreachable", `${engine} does not answer, so where it keeps images is not known`);
}

const daemonFile = z.object({ "data-root": z.string().startsWith("/").optional() });

/** `data-root` of daemon.json. @throws ProbeError misconfigured where it is no JSON: Docker would not start with it either. */
export function parseDataRoot(text: string): string | undefined {
	try {
		return daemonFile.parse(JSON.parse(text === "" ? "{}" : text))["data-root"];
	} catch (error) {
		throw new ProbeError("misconfigured", "/etc/docker/daemon.json is not what Docker can read", { cause: error });
	}
}

async function readPlace(files: World["files"], path: string): Promise<HostStorage["places"][number]> {
	for (let at = path; ; at = at.replace(/\/[^/]*$/, "") || "/") {
		const found = await files.statfs(at);
		if (found?.availableBytes !== undefined && found.totalBytes !== undefined) {
			return {
				path,
				fileSystem: fileSystems[found.type] ?? `0x${found.type.toString(16)}`,
				availableBytes: found.availableBytes,
				totalBytes: found.totalBytes,
			};
		}

		if (at === "/") {
			throw new ProbeError("not-found", `how much space there is at ${path} is not known`);
		}
	}
}

export async function readHostKernel({ files, host }: World, know: Know): Promise<HostKernel> {
	const provider = await knowEngine(know);
	if (provider.place === "elsewhere") {
		throw new ProbeError("not-set-up", `${provider.placeBecause}: this host's kernel does not matter`);
	}

	const { kernel } = await know("host.system");
	if (kernel === undefined) {
		throw new ProbeError("not-found", "which kernel runs is not known");
	}

	const [current, older, kmsg, users, maxKeys] = await Promise.all([
		files.list("/lib/modules"),
		files.list("/usr/lib/modules"),
		files.stat("/dev/kmsg"),
		files.readText("/proc/self/uid_map"),
		attempt(files.readText("/proc/sys/kernel/keys/maxkeys")),
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
	};
}

export async function readHostClock(world: World, know: Know): Promise<HostClock> {
	const [{ place }, { docker }] = await Promise.all([knowEngine(know), know("host.engines")]);
	const time = docker.state === "answering" ? docker.server?.systemTime : undefined;
	if (place === "here" || time === undefined || world.host.recorded) {
		throw new ProbeError("not-set-up", "there is no second clock to compare with");
	}

	return { aheadSeconds: Math.round((Date.parse(time) - world.now().getTime()) / 1_000) };
}
