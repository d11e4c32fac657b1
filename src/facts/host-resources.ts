import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { type HostEngine, knowEngine, knowEngineHere } from "./host-engine.ts";
import type { HostEngines } from "./host-engines.ts";
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

/** Fact `host.clock`: by how many seconds the engine's clock is ahead of the one here. */
export const hostClock = z.object({ aheadSeconds: z.number() });
export type HostClock = z.infer<typeof hostClock>;

/** What Docker Desktop calls its operating system. */
const desktop = "Docker Desktop";

export const parseCount = (text: string | undefined): number | undefined =>
	text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;

async function readCount(files: World["files"], path: string): Promise<number> {
	const count = parseCount(await files.readText(path));
	if (count === undefined) {
		throw new ProbeError("not-found", `${path} is missing, or holds no number`);
	}

	return count;
}

export async function readHostInotify({ files }: World, know: Know): Promise<HostInotify> {
	if (!(await sharesKernel(know))) {
		await knowEngineHere(know, "its inotify limits");
	}

	// One after the other: of two that are missing, the same one is told each time.
	const watches = await readCount(files, "/proc/sys/fs/inotify/max_user_watches");
	return { watches, instances: await readCount(files, "/proc/sys/fs/inotify/max_user_instances") };
}

/** All distributions of WSL 2 share one kernel, Docker Desktop's own among them. @throws ProbeError not-set-up where Docker Desktop sets the limits. */
async function sharesKernel(know: Know): Promise<boolean> {
	const [{ operatingSystem }, { docker }, { wsl, kernel }] = await Promise.all([
		knowEngine(know),
		know("host.engines"),
		know("host.system"),
	]);
	if (operatingSystem !== desktop) {
		return false;
	}

	const server = docker.state === "answering" ? docker.server : undefined;
	if (wsl === 2 && server?.kernel === kernel) {
		return true;
	}

	throw new ProbeError("not-set-up", "Docker Desktop sets the inotify limits of its virtual machine itself");
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

function memoryOf({ engine }: HostEngine, { docker, podman }: HostEngines): HostMemory | undefined {
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

export async function readHostStorage(world: World, know: Know): Promise<HostStorage> {
	const [chosen, engines] = await Promise.all([knowEngine(know), know("host.engines")]);
	const told = chosen.engine === "podman" && engines.podman.state === "answering" ? engines.podman.server : undefined;
	if (told?.disk !== undefined && chosen.place !== "here") {
		const { totalBytes, usedBytes } = told.disk;
		const place = { path: told.graphRoot ?? "", fileSystem: "", availableBytes: totalBytes - usedBytes, totalBytes };
		return { because: `Podman ${told.version} says so`, places: [place] };
	}

	if (chosen.answers && chosen.operatingSystem === desktop) {
		return readDesktopDisk(world);
	}

	const engine = await knowEngineHere(know, "the disk that holds its images");
	const { because, paths } = await planStorage(world.files, engine, engines);
	return { because, places: await Promise.all(paths.map((path) => readPlace(world.files, path))) };
}

/** Docker's documentation, "Where does Docker Desktop store Linux containers and images": one file, which grows up to its size. */
const desktopDisks: Readonly<Record<string, string>> = {
	darwin: "Library/Containers/com.docker.docker/Data/vms/0/data",
	linux: ".docker/desktop/vms/0/data",
};

/** What is free in the disk of its machine, and on the disk below, whichever is less. Blocks that were freed inside may still be taken. */
async function readDesktopDisk(world: World): Promise<HostStorage> {
	const { files, host } = world;
	const home = (await world.environment()).lookUp("HOME")[0]?.value ?? "";
	const folder = `${home}/${desktopDisks[host.platform] ?? "?"}`;
	const path = `${folder}/Docker.raw`;
	const [disk, below] = await Promise.all([files.stat(path), files.statfs(folder)]);
	if (disk?.sizeBytes === undefined || disk.allocatedBytes === undefined || below?.availableBytes === undefined) {
		throw new ProbeError(
			"unreachable",
			"how full the disk of Docker Desktop's virtual machine is cannot be seen from here",
		);
	}

	const availableBytes = Math.min(disk.sizeBytes - disk.allocatedBytes, below.availableBytes);
	return {
		because: "the disk of Docker Desktop's virtual machine",
		places: [{ path, fileSystem: "", availableBytes, totalBytes: disk.sizeBytes }],
	};
}

async function planStorage(
	files: World["files"],
	{ engine }: HostEngine,
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

export async function readHostClock(world: World, know: Know): Promise<HostClock> {
	const [{ place }, { docker }] = await Promise.all([knowEngine(know), know("host.engines")]);
	const time = docker.state === "answering" ? docker.server?.systemTime : undefined;
	if (place === "here" || time === undefined || world.host.recorded) {
		throw new ProbeError("not-set-up", "there is no second clock to compare with");
	}

	return { aheadSeconds: Math.round((Date.parse(time) - world.now().getTime()) / 1_000) };
}
