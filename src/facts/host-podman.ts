import * as z from "zod";
import type { Files } from "../access/files.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { ifAnswered } from "./attempt.ts";
import { type Podman, podman as podmanState } from "./engines/podman.ts";
import { chooseEngine } from "./host-provider.ts";
import type { HostSystem } from "./host-system.ts";
import type { Know } from "./probe.ts";

const [, , silent, answering] = podmanState.options;

const user = z.object({
	uid: z.number().int().optional(),
	name: z.string().optional(),
	/** The cgroup of whoever asks, which is where Podman looks for controllers. */
	cgroup: z.string().optional(),
	/** systemd's manager of this user: its cgroup and the controllers that were handed to it. */
	manager: z.discriminatedUnion("state", [
		z.object({ state: z.enum(["absent", "unknown"]) }),
		z.object({ state: z.literal("running"), cgroup: z.string(), controllers: z.array(z.string()) }),
	]),
});

/** What the kernel lets a user without privileges do; absent where the kernel does not tell. */
const namespaces = z.object({
	/** user.max_user_namespaces. */
	max: z.number().optional(),
	/** Debian's kernel.unprivileged_userns_clone. */
	unprivileged: z.boolean().optional(),
	/** Ubuntu's kernel.apparmor_restrict_unprivileged_userns. */
	apparmorRestricts: z.boolean().optional(),
	newuidmap: z.boolean(),
});

const choice = { isTaken: z.boolean(), takenBecause: z.string() };

/** Fact `host.podman`: Podman, whether kind takes it, or why it takes another engine, and whose Podman it is. */
export const hostPodman = z.discriminatedUnion("state", [
	z.object({ state: z.literal("absent"), ...choice }),
	z.object({ ...silent.shape, ...choice, user: user.optional(), namespaces: namespaces.optional() }),
	/** `user` where it is rootless and here. */
	z.object({ ...answering.shape, ...choice, user: user.optional() }),
]);
export type HostPodman = z.infer<typeof hostPodman>;

/** Fact `host.podman-limits`: what limits the containers of a Podman on this host. */
export const hostPodmanLimits = z.object({
	/** Processes in one container; absent where there is no limit. `from` is a file, or Podman's own default. */
	pids: z.object({ limit: z.number(), from: z.string() }).optional(),
	/** Only for a rootless Podman, which cannot load them: modules of iptables that are neither loaded nor built in. */
	missingModules: z.array(z.object({ name: z.string(), isShipped: z.boolean().optional() })),
	/** Only for a rootless Podman: the hard limit of open files; absent where there is none. */
	openFiles: z.number().optional(),
});
export type HostPodmanLimits = z.infer<typeof hostPodmanLimits>;

/** @throws ProbeError where Podman did not end in time, or what it says is not enough to go by. */
export async function readHostPodman(world: World, know: Know): Promise<HostPodman> {
	const [engines, tools, system, environment] = await Promise.all([
		know("host.engines"),
		know("host.tools"),
		know("host.system"),
		world.environment(),
	]);
	const { podman } = engines;
	if (podman.state === "unknown") {
		throw new ProbeError("unreadable", podman.because);
	}

	const wanted = environment.lookUp("KIND_EXPERIMENTAL_PROVIDER")[0]?.value.trim();
	if (podman.state === "absent") {
		const isTaken = wanted === "podman";
		return { state: "absent", isTaken, takenBecause: isTaken ? "podman" : "Podman is not installed" };
	}

	const chosen = chooseEngine(engines, tools, wanted);
	const choice = { isTaken: chosen.engine === "podman", takenBecause: chosen.because };
	if (podman.state === "silent") {
		return describeSilent(world, podman, system, choice);
	}

	const { server, place } = podman;
	if (place === "unknown" || server.version === "" || server.cgroupVersion === undefined) {
		throw new ProbeError("unreadable", "podman info does not tell its version, its cgroup version or where it runs");
	}

	const isHere = server.rootless && place === "here";
	return { ...podman, ...choice, ...(isHere ? { user: await readUser(world) } : {}) };
}

async function describeSilent(
	world: World,
	podman: Extract<Podman, { state: "silent" }>,
	{ platform, uid }: HostSystem,
	choice: Pick<HostPodman, "isTaken" | "takenBecause">,
): Promise<HostPodman> {
	if (podman.timedOut === true) {
		throw new ProbeError("timeout", podman.said);
	}

	if (platform !== "linux" || uid === undefined || uid === 0) {
		return { ...podman, ...choice };
	}

	const [owner, allowed] = await Promise.all([readUser(world), readNamespaces(world.files)]);
	return { ...podman, ...choice, user: owner, namespaces: allowed };
}

async function readUser({ files, host }: World): Promise<z.infer<typeof user>> {
	const [cgroups = "", passwd = ""] = await Promise.all([
		ifAnswered(files.readText("/proc/self/cgroup")),
		ifAnswered(files.readText("/etc/passwd")),
	]);
	const cgroup = /^0::(.*)$/m.exec(cgroups)?.[1];
	const fromPath = /\/user-(\d+)\.slice(?:\/|$)/.exec(cgroup ?? "")?.[1];
	const uid = host.uid ?? (fromPath === undefined ? undefined : Number(fromPath));
	return {
		uid,
		name: accountOf(passwd, uid)?.name,
		cgroup,
		manager: uid === undefined ? { state: "unknown" } : await readManager(files, uid, cgroup, host.recorded),
	};
}

/** passwd(5). */
export function accountOf(
	passwd: string,
	uid: number | undefined,
): { readonly name: string; readonly home: string } | undefined {
	const fields = passwd
		.split("\n")
		.map((line) => line.split(":"))
		.find(([, , id]) => uid !== undefined && id === String(uid));
	const [name, , , , , home] = fields ?? [];
	return name === undefined || home === undefined ? undefined : { name, home };
}

/** WSL and nested systems keep the manager somewhere else than below /user.slice; whoever runs below it sees where. */
async function readManager(
	files: Files,
	uid: number,
	cgroup: string | undefined,
	recorded: boolean,
): Promise<z.infer<typeof user>["manager"]> {
	const unit = `user@${uid}.service`;
	const around = cgroup?.includes(`/${unit}`) === true ? cgroup.slice(0, cgroup.indexOf(`/${unit}`)) : undefined;
	const path = `${around ?? `/user.slice/user-${uid}.slice`}/${unit}`;
	const [controllers, running] = await Promise.all([
		ifAnswered(files.readText(`/sys/fs/cgroup${path}/cgroup.controllers`)),
		ifAnswered(files.stat(`/run/user/${uid}/systemd`)),
	]);
	if (controllers !== undefined) {
		return { state: "running", cgroup: path, controllers: controllers.split(/\s+/).filter((word) => word !== "") };
	}

	return { state: running === undefined && !recorded ? "absent" : "unknown" };
}

async function readNamespaces(files: Files): Promise<z.infer<typeof namespaces>> {
	const read = (path: string) => ifAnswered(files.readText(`/proc/sys/${path}`));
	const [max, unprivileged, apparmor, ...helpers] = await Promise.all([
		read("user/max_user_namespaces"),
		read("kernel/unprivileged_userns_clone"),
		read("kernel/apparmor_restrict_unprivileged_userns"),
		...["/usr/bin", "/bin", "/usr/local/bin"].map((folder) => ifAnswered(files.stat(`${folder}/newuidmap`))),
	]);
	return {
		max: max === undefined ? undefined : Number(max),
		unprivileged: unprivileged === undefined ? undefined : unprivileged.trim() !== "0",
		apparmorRestricts: apparmor === undefined ? undefined : apparmor.trim() !== "0",
		newuidmap: helpers.some((found) => found !== undefined),
	};
}

/** Where Podman is not here, or there is none, nothing on this host limits it. */
export async function readHostPodmanLimits(world: World, know: Know): Promise<HostPodmanLimits> {
	const podman = await know("host.podman");
	if (podman.state !== "answering" || podman.place !== "here") {
		return { missingModules: [] };
	}

	const { files } = world;
	const { rootless, kernel } = podman.server;
	const [pids, missingModules, limits] = await Promise.all([
		readPidsLimit(world, rootless ? podman.user?.uid : undefined),
		rootless ? readModules(files, kernel) : [],
		rootless ? files.readText("/proc/self/limits") : undefined,
	]);
	if (rootless && limits === undefined) {
		throw new ProbeError("not-found", "there is no /proc/self/limits, so the limit of open files cannot be seen");
	}

	return { pids, missingModules, openFiles: parseOpenFiles(limits ?? "") };
}

/** Max open files, its hard limit: proc_pid_limits(5). */
export const parseOpenFiles = (text: string): number | undefined => {
	const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1];
	return hard === undefined ? undefined : Number(hard);
};

/** containers-common, pkg/config/default.go. */
const defaultPidsLimit = 2048;

/** The files of containers.conf(5), the later ones win; those below the home directory are for rootless use. */
async function readPidsLimit({ files, host }: World, uid: number | undefined): Promise<HostPodmanLimits["pids"]> {
	const home = uid === undefined ? undefined : accountOf((await files.readText("/etc/passwd")) ?? "", uid)?.home;
	const bases = [
		"/usr/share/containers",
		"/etc/containers",
		...(home === undefined ? [] : [`${home}/.config/containers`]),
	];
	const paths = await Promise.all(
		bases.map(async (base) => {
			const folder = `${base}/containers.conf.d`;
			const names = ((await files.list(folder)) ?? []).filter((name) => name.endsWith(".conf")).sort();
			return [`${base}/containers.conf`, ...names.map((name) => `${folder}/${name}`)];
		}),
	);
	const found = await Promise.all(paths.flat().map(async (path) => ({ path, content: await files.readText(path) })));
	if (host.recorded && found.every(({ content }) => content === undefined)) {
		throw new ProbeError(
			"not-found",
			"the copied tree holds no containers.conf, so the limits of Podman are not known",
		);
	}

	const last = found.findLast(({ content }) => content !== undefined && parsePidsLimit(content) !== undefined);
	const limit = parsePidsLimit(last?.content ?? "") ?? defaultPidsLimit;
	// Zero and less mean: no limit.
	return limit <= 0 ? undefined : { limit, from: last?.path ?? "Podman's default" };
}

/** `pids_limit` of the table `[containers]`. */
export function parsePidsLimit(toml: string): number | undefined {
	const table = toml.split(/^\s*\[/m).find((part) => /^\s*containers\s*\]/.test(part));
	const value = /^\s*pids_limit\s*=\s*(-?[\d_]+)/m.exec(table ?? "")?.[1];
	return value === undefined ? undefined : Number(value.replaceAll("_", ""));
}

/** What kind's page on rootless use asks for. */
const iptablesModules = ["ip_tables", "iptable_nat", "ip6_tables", "ip6table_nat"];

async function readModules(files: Files, kernel: string): Promise<HostPodmanLimits["missingModules"]> {
	const folder = `/lib/modules/${kernel}`;
	const [loaded, builtIn, shipped] = await Promise.all([
		files.readText("/proc/modules"),
		files.readText(`${folder}/modules.builtin`),
		files.readText(`${folder}/modules.dep`, { maxBytes: 16 * 1_048_576 }),
	]);
	if (loaded === undefined && builtIn === undefined) {
		throw new ProbeError("not-found", "neither /proc/modules nor modules.builtin tells which modules the kernel has");
	}

	const hasFile = (list: string, name: string) => new RegExp(`(?:^|/)${name}\\.ko(?:[.:\\s]|$)`, "m").test(list);
	return iptablesModules
		.filter((name) => !new RegExp(`^${name} `, "m").test(loaded ?? "") && !hasFile(builtIn ?? "", name))
		.map((name) => ({ name, isShipped: shipped === undefined ? undefined : hasFile(shipped, name) }));
}
