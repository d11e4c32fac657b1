import * as z from "zod";
import type { Files } from "../access/files.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { ifAnswered } from "./attempt.ts";
import { parseContainersNumber, readContainersConf } from "./engines/containers-conf.ts";
import type { PodmanServer } from "./engines/podman.ts";
import { accountOf } from "./host-podman.ts";
import { parseCount } from "./host-resources.ts";
import { readModules } from "./modules.ts";
import type { Know } from "./probe.ts";

/** Fact `host.podman-limits`: what limits the containers of a Podman on this host. */
export const hostPodmanLimits = z.object({
	/** Processes in one container; absent where there is no limit. */
	pids: z
		.object({
			limit: z.number(),
			/** A file, or Podman's own default. */
			from: z.string(),
			/** The variable that names the file; then no other file has a say. */
			variable: z.enum(["CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE"]).optional(),
			/** Where the files lie that have the last word, where no variable names one. */
			folder: z.string().optional(),
		})
		.optional(),
	/** Only for a rootless Podman, which cannot load them: modules of iptables that are neither loaded nor built in. */
	missingModules: z.array(z.object({ name: z.string(), isShipped: z.boolean().optional() })),
	/** Only for a rootless Podman: the hard limit of open files; absent where there is none. */
	openFiles: z.number().optional(),
	/** Only for a rootless Podman: the first port that a user may open, where a configuration of kind in the current folder asks for lower ones. */
	lowPorts: z.object({ from: z.string(), ports: z.array(z.number().int()), first: z.number().int() }).optional(),
	/** Only for a rootless Podman that writes logs to the journal: this user may read a journal. */
	readsJournal: z.boolean().optional(),
});
export type HostPodmanLimits = z.infer<typeof hostPodmanLimits>;

/** Where Podman is not here, or there is none, nothing on this host limits it. */
export async function readHostPodmanLimits(world: World, know: Know): Promise<HostPodmanLimits> {
	const podman = await know("host.podman");
	if (podman.state !== "answering" || podman.place !== "here") {
		return { missingModules: [] };
	}

	const { files } = world;
	const { rootless, kernel, logDriver } = podman.server;
	const [pids, missingModules, limits, lowPorts, readsJournal] = await Promise.all([
		readPidsLimit(world, podman.server, podman.user?.uid),
		rootless ? readMissing(files, kernel) : [],
		rootless ? files.readText("/proc/self/limits") : undefined,
		rootless ? readLowPorts(world) : undefined,
		rootless && logDriver === "journald" ? canReadJournal(world) : undefined,
	]);
	if (rootless && limits === undefined) {
		throw new ProbeError("not-found", "there is no /proc/self/limits, so the limit of open files cannot be seen");
	}

	return { pids, missingModules, openFiles: parseOpenFiles(limits ?? ""), lowPorts, readsJournal };
}

/** Max open files, its hard limit: proc_pid_limits(5). */
export const parseOpenFiles = (text: string): number | undefined => {
	const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1];
	return hard === undefined ? undefined : Number(hard);
};

/** containers-common, pkg/config/default.go. */
const defaultPidsLimit = 2048;

async function readPidsLimit(
	world: World,
	server: PodmanServer,
	uid: number | undefined,
): Promise<HostPodmanLimits["pids"]> {
	const { files, host } = world;
	const environment = await world.environment();
	const variable = (name: string) => environment.lookUp(name)[0]?.value.trim() ?? "";
	// unshare.HomeDir: $HOME first. A copied tree has none.
	const home = host.recorded ? "" : variable("HOME");
	const account = accountOf((await files.readText("/etc/passwd")) ?? "", uid ?? 0)?.home;
	const xdg = variable("XDG_CONFIG_HOME");
	const base = home !== "" ? home : account;
	const configHome = xdg !== "" ? xdg : base && `${base}/.config`;
	const found = await readContainersConf(files, {
		version: server.version,
		rootless: server.rootless,
		uid,
		configHome,
		instead: variable("CONTAINERS_CONF"),
		override: variable("CONTAINERS_CONF_OVERRIDE"),
	});
	if (host.recorded && found.length === 0) {
		throw new ProbeError(
			"not-found",
			"the copied tree holds no containers.conf, so the limits of Podman are not known",
		);
	}

	const told = found.flatMap(({ content, ...file }) => {
		const limit = parseContainersNumber(content, "pids_limit");
		return limit === undefined ? [] : [{ ...file, limit }];
	});
	const { path, limit, variable: by } = told.at(-1) ?? { path: "Podman's default", limit: defaultPidsLimit };
	const folder = server.rootless && configHome !== undefined ? `${configHome}/containers` : "/etc/containers";
	// Zero and less mean: no limit.
	return limit <= 0 ? undefined : { limit, from: path, ...(by === undefined ? { folder } : { variable: by }) };
}

/** What kind's page on rootless use asks for. */
const iptablesModules = ["ip_tables", "iptable_nat", "ip6_tables", "ip6table_nat"];

async function readMissing(files: Files, kernel: string): Promise<HostPodmanLimits["missingModules"]> {
	const modules = await readModules(files, kernel);
	if (modules === undefined) {
		throw new ProbeError("not-found", "neither /proc/modules nor modules.builtin tells which modules the kernel has");
	}

	return iptablesModules
		.filter((name) => !modules.isThere(name))
		.map((name) => ({ name, isShipped: modules.isShipped(name) }));
}

/** containers/common, pkg/config/systemd.go, looks at the same folders. Absent where a copied tree does not tell. */
async function canReadJournal({ files, host }: World): Promise<boolean | undefined> {
	const machines = await Promise.all(
		["/run/log/journal", "/var/log/journal"].map(async (root) => {
			const names = await ifAnswered(files.list(root));
			const found = await Promise.all((names ?? []).map((name) => ifAnswered(files.list(`${root}/${name}`))));
			return found.some((journals) => journals !== undefined);
		}),
	);
	return host.recorded ? undefined : machines.includes(true);
}

/** As the documentation of kind and of Cluster API call it. */
const configurations = ["kind.yaml", "kind-config.yaml", "kind-cluster.yaml", "kind-cluster-with-extramounts.yaml"];

const kindConfiguration = z.object({
	kind: z.literal("Cluster"),
	apiVersion: z.string().startsWith("kind.x-k8s.io/"),
	nodes: z
		.array(z.object({ extraPortMappings: z.array(z.object({ hostPort: z.number().int().optional() })).nullish() }))
		.nullish(),
});

/** Relative paths: of the current folder, and of a copied tree's top. */
async function readLowPorts({ files }: World): Promise<HostPodmanLimits["lowPorts"]> {
	const texts = await Promise.all(configurations.map((path) => ifAnswered(files.readText(path))));
	const index = texts.findIndex((text) => text?.includes("hostPort") === true);
	const asked = index === -1 ? [] : await hostPortsIn(texts[index] ?? "");
	if (asked.length === 0) {
		return undefined;
	}

	const first = parseCount(await files.readText("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
	if (first === undefined) {
		throw new ProbeError("not-found", "there is no ip_unprivileged_port_start, so who may open low ports is not known");
	}

	const ports = asked.filter((port) => port > 0 && port < first);
	return ports.length === 0 ? undefined : { from: configurations[index] ?? "", ports, first };
}

/** None where it is no configuration that kind takes. */
async function hostPortsIn(text: string): Promise<readonly number[]> {
	const { parse } = await import("../yaml.ts");
	try {
		const { nodes } = kindConfiguration.parse(parse(text));
		return (nodes ?? []).flatMap(({ extraPortMappings }) =>
			(extraPortMappings ?? []).flatMap(({ hostPort }) => hostPort ?? []),
		);
	} catch {
		return [];
	}
}
