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
