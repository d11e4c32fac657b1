import * as z from "zod";
import type { Output } from "../access/commands.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import type { HostSystem } from "./host-system.ts";
import type { Know } from "./probe.ts";

const cgroupVersion = z.union([z.literal(1), z.literal(2)]);
const absent = z.object({ state: z.literal("absent") });
/** It could not be told whether it is there at all. */
const unknown = z.object({ state: z.literal("unknown"), because: z.string() });

const dockerServer = z.object({
	version: z.string(),
	/** Podman's service answers behind Docker's command. */
	isPodman: z.boolean(),
	operatingSystem: z.string(),
	kernel: z.string(),
	/** Absent before Docker 20.10. */
	cgroupVersion: cgroupVersion.optional(),
	/** `systemd`, `cgroupfs`, or `none` where it has no say. */
	cgroupDriver: z.string().optional(),
	rootless: z.boolean(),
	/** Containers get a cgroup namespace of their own unless told otherwise. */
	privateCgroups: z.boolean(),
	defaultRuntime: z.string(),
	runcVersion: z.string().optional(),
	containerdVersion: z.string().optional(),
	/** What kind asks of a rootless engine. */
	limits: z.object({ memory: z.boolean(), pids: z.boolean(), cpu: z.boolean() }),
	storageDriver: z.string(),
	/** Images are in containerd's store. */
	containerdStore: z.boolean(),
	backingFilesystem: z.string().optional(),
	rootDirectory: z.string(),
	/** Of the machine the engine runs on. */
	memoryBytes: z.number().optional(),
	cpus: z.number().optional(),
	warnings: z.array(z.string()),
	/** Networks that the engine cuts its own from; absent where it uses its built-in ones. */
	addressPools: z.array(z.object({ base: z.string(), size: z.number().int() })).optional(),
	apiVersion: z.string().optional(),
	minApiVersion: z.string().optional(),
	firewall: z.string().optional(),
	/** A proxy's address may hold a password; only NO_PROXY is kept. */
	proxy: z.object({ http: z.boolean(), https: z.boolean(), noProxy: z.string() }),
	/** RFC 3339, by the engine's clock. */
	systemTime: z.string().optional(),
});
export type DockerServer = z.infer<typeof dockerServer>;

const places = ["here", "elsewhere", "unknown"] as const;

const docker = z.discriminatedUnion("state", [
	absent,
	unknown,
	/** The command is Podman's imitation. */
	z.object({ state: z.literal("podman-shim") }),
	z.object({
		state: z.enum(["silent", "answering"]),
		clientVersion: z.string().optional(),
		clientApiVersion: z.string().optional(),
		context: z.string().optional(),
		/** `unix:///var/run/docker.sock`, without what stands before an `@`. */
		endpoint: z.string().optional(),
		/** Whether containers meet this host's kernel and cgroups; `placeBecause` says by what that was told. */
		place: z.enum(places),
		placeBecause: z.string(),
		/** Only where it answers. */
		server: dockerServer.optional(),
		/** Only where it is silent. */
		silence: z
			.object({
				kind: z.enum(["not-running", "permission", "timeout", "too-old", "bad-context", "other"]),
				said: z.string(),
			})
			.optional(),
	}),
]);
export type Docker = z.infer<typeof docker>;

const podmanServer = z.object({
	version: z.string(),
	cgroupVersion: cgroupVersion.optional(),
	cgroupManager: z.string().optional(),
	/** Rootful: those of the root cgroup. Rootless: those of the cgroup of whoever asks. */
	cgroupControllers: z.array(z.string()).optional(),
	rootless: z.boolean(),
	/** A podman machine, or another host. */
	remote: z.boolean(),
	runtime: z.object({ name: z.string(), version: z.string().optional() }),
	kernel: z.string(),
	distribution: z.string().optional(),
	networkBackend: z.string().optional(),
	rootlessNetwork: z.string().optional(),
	logDriver: z.string().optional(),
	storageDriver: z.string().optional(),
	backingFilesystem: z.string().optional(),
	graphRoot: z.string().optional(),
	memoryBytes: z.number().optional(),
	cpus: z.number().optional(),
	/** Sizes of the ranges of user IDs that a rootless container gets. */
	idMapSizes: z.array(z.number()),
	/** The same of group IDs; absent where Podman says nothing of them. */
	groupMapSizes: z.array(z.number()).optional(),
	/** Netavark resolves the names of containers with a program of its own; absent where Podman does not tell. */
	resolvesNames: z.boolean().optional(),
});
export type PodmanServer = z.infer<typeof podmanServer>;

const podman = z.discriminatedUnion("state", [
	absent,
	unknown,
	z.object({
		state: z.literal("silent"),
		version: z.string().optional(),
		said: z.string(),
		/** It was stopped before it came to an end, which says nothing about Podman. */
		timedOut: z.literal(true).optional(),
	}),
	z.object({ state: z.literal("answering"), place: z.enum(places), server: podmanServer }),
]);
export type Podman = z.infer<typeof podman>;

/** Fact `host.engines`: Docker and Podman as they describe themselves. A missing tool is a state, no error. */
export const hostEngines = z.object({ docker, podman });
export type HostEngines = z.infer<typeof hostEngines>;

/** A daemon that starts up, such as Docker Desktop's, keeps its client waiting. */
const patience = 2_000;

export async function readHostEngines(
	{ commands, files }: World,
	know: Know,
	signal: AbortSignal,
): Promise<HostEngines> {
	const run = (...argv: [string, ...string[]]) => attempt(commands.run(argv, { signal, timeout: patience }));
	const [system, hostname, info, version, context, podmanInfo] = await Promise.all([
		know("host.system"),
		ifAnswered(files.readText("/proc/sys/kernel/hostname")),
		run("docker", "info", "--format", "{{json .}}"),
		run("docker", "version", "--format", "{{json .}}"),
		run("docker", "context", "inspect"),
		run("podman", "info", "--format", "json"),
	]);
	return {
		docker: parseDocker({ info, version, context }, system, hostname?.trim()),
		podman: parsePodman(podmanInfo, system),
	};
}

type Answered = Output | ProbeError;

/** The JSON in what a command printed; warnings may stand before and behind. */
export function parseJsonIn(text: string): unknown {
	for (const candidate of [
		text,
		text.slice(text.search(/^[{[]/m), Math.max(text.lastIndexOf("}"), text.lastIndexOf("]")) + 1),
	]) {
		try {
			return JSON.parse(candidate) as unknown;
		} catch {
			continue;
		}
	}

	return undefined;
}

const text = z.string().catch("");
const flag = z.boolean().catch(false);
const optionalText = z.string().min(1).optional().catch(undefined);
const optionalNumber = z.number().positive().optional().catch(undefined);

/** `docker info`, all that is used of it. A daemon that is down leaves zeros, or nothing. */
const infoAnswer = z.object({
	ServerVersion: text,
	ServerErrors: z.array(z.string()).nullish().catch(undefined),
	OperatingSystem: text,
	KernelVersion: text,
	Name: text,
	CgroupVersion: z.enum(["1", "2"]).optional().catch(undefined),
	CgroupDriver: optionalText,
	SecurityOptions: z.array(z.string()).nullish().catch(undefined),
	DefaultRuntime: text,
	RuncCommit: z.object({ ID: text }).optional().catch(undefined),
	MemoryLimit: flag,
	PidsLimit: flag,
	CPUShares: flag,
	Driver: text,
	DriverStatus: z.array(z.array(z.string())).nullish().catch(undefined),
	DockerRootDir: text,
	MemTotal: optionalNumber,
	NCPU: optionalNumber,
	Warnings: z.array(z.string()).nullish().catch(undefined),
	DefaultAddressPools: z
		.array(z.object({ Base: z.string(), Size: z.number().int() }))
		.optional()
		.catch(undefined),
	FirewallBackend: z.object({ Driver: z.string() }).optional().catch(undefined),
	HttpProxy: text,
	HttpsProxy: text,
	NoProxy: text,
	SystemTime: optionalText,
	ClientInfo: z.object({ Context: optionalText, Version: optionalText }).optional().catch(undefined),
});

const versionAnswer = z.object({
	Client: z
		.object({ Version: optionalText, ApiVersion: optionalText, Context: optionalText })
		.optional()
		.catch(undefined),
	Server: z
		.object({
			Platform: z.object({ Name: text }).optional().catch(undefined),
			Components: z
				.array(z.object({ Name: text, Version: text }))
				.optional()
				.catch(undefined),
			ApiVersion: optionalText,
			MinAPIVersion: optionalText,
		})
		.nullish()
		.catch(undefined),
});

const contextAnswer = z.array(
	z.object({
		Name: text,
		Endpoints: z
			.object({ docker: z.object({ Host: text }) })
			.optional()
			.catch(undefined),
	}),
);

export interface DockerAnswers {
	readonly info: Answered;
	readonly version: Answered;
	readonly context: Answered;
}

/** Says nothing by exit codes: `docker info` ends with 0 while the daemon is down (20.10, 26.1), with 1 on 28.2. */
export function parseDocker(answers: DockerAnswers, system: HostSystem, hostname: string | undefined): Docker {
	const failed = answers.info;
	if (failed instanceof ProbeError && failed.reason === "tool-missing") {
		return { state: "absent" };
	}

	if (failed instanceof ProbeError && failed.reason !== "timeout") {
		return { state: "unknown", because: failed.message };
	}

	const printed = parseJsonIn(outputOf(answers.info));
	if (typeof printed === "object" && printed !== null && "host" in printed) {
		return { state: "podman-shim" };
	}

	const info = infoAnswer.safeParse(printed).data;
	const version = versionAnswer.safeParse(parseJsonIn(outputOf(answers.version))).data;
	const [context] = contextAnswer.safeParse(parseJsonIn(outputOf(answers.context))).data ?? [];
	const server =
		info === undefined || info.ServerVersion === "" || (info.ServerErrors ?? []).length > 0
			? undefined
			: serverOf(info, version?.Server ?? undefined);
	const endpoint = context?.Endpoints?.docker.Host.replace(/\/\/[^/]*@/, "//");
	const contextName = version?.Client?.Context ?? info?.ClientInfo?.Context ?? context?.Name;
	const [place, placeBecause] = placeOf({
		system,
		endpoint,
		context: contextName,
		server,
		serverName: info?.Name,
		hostname,
		platform: version?.Server?.Platform?.Name,
	});
	const clientVersion = version?.Client?.Version ?? info?.ClientInfo?.Version;
	return {
		state: server === undefined ? "silent" : "answering",
		clientVersion,
		clientApiVersion: version?.Client?.ApiVersion,
		context: contextName === "" ? undefined : contextName,
		endpoint: endpoint === "" ? undefined : endpoint,
		place,
		placeBecause,
		...(server === undefined ? { silence: silenceOf(answers.info, info?.ServerErrors ?? []) } : { server }),
	};
}

const outputOf = (answer: Answered): string => (answer instanceof ProbeError ? "" : answer.stdout);

function serverOf(
	info: z.infer<typeof infoAnswer>,
	version: NonNullable<z.infer<typeof versionAnswer>["Server"]> | undefined,
): DockerServer {
	const options = info.SecurityOptions ?? [];
	const has = (name: string) => options.some((option) => option.split(",").includes(`name=${name}`));
	const component = (name: string) => version?.Components?.find((found) => found.Name === name)?.Version;
	const runcVersion =
		component("runc") ?? (/^v?\d+\.\d+/.test(info.RuncCommit?.ID ?? "") ? info.RuncCommit?.ID : undefined);
	const containerdVersion = component("containerd");
	const status = (key: string) => info.DriverStatus?.find(([name]) => name === key)?.[1];
	const backingFilesystem = status("Backing Filesystem");
	return {
		version: info.ServerVersion,
		isPodman: version?.Components?.some(({ Name }) => Name === "Podman Engine") === true,
		operatingSystem: info.OperatingSystem,
		kernel: info.KernelVersion,
		cgroupVersion: { 1: 1 as const, 2: 2 as const, unknown: undefined }[info.CgroupVersion ?? "unknown"],
		cgroupDriver: info.CgroupDriver,
		rootless: has("rootless"),
		privateCgroups: has("cgroupns"),
		defaultRuntime: info.DefaultRuntime,
		runcVersion: runcVersion === "" ? undefined : runcVersion?.replace(/^v/, ""),
		containerdVersion,
		limits: { memory: info.MemoryLimit, pids: info.PidsLimit, cpu: info.CPUShares },
		storageDriver: info.Driver,
		containerdStore: status("driver-type")?.startsWith("io.containerd.snapshotter") === true,
		backingFilesystem,
		rootDirectory: info.DockerRootDir,
		memoryBytes: info.MemTotal,
		cpus: info.NCPU,
		warnings: info.Warnings ?? [],
		addressPools: info.DefaultAddressPools?.map(({ Base, Size }) => ({ base: Base, size: Size })),
		apiVersion: version?.ApiVersion,
		minApiVersion: version?.MinAPIVersion,
		firewall: info.FirewallBackend?.Driver,
		proxy: { http: info.HttpProxy !== "", https: info.HttpsProxy !== "", noProxy: info.NoProxy },
		systemTime: info.SystemTime,
	};
}

interface PlaceSigns {
	readonly system: HostSystem;
	readonly endpoint: string | undefined;
	readonly context: string | undefined;
	readonly server: DockerServer | undefined;
	/** Host name of the engine's machine, and of this one. */
	readonly serverName: string | undefined;
	readonly hostname: string | undefined;
	readonly platform: string | undefined;
}

/** Sockets that lead into a virtual machine: Docker Desktop, Colima, Lima, Rancher Desktop, OrbStack, podman machine. */
const virtualMachines =
	/\.docker\/(?:desktop|run)\/|\.colima\/|\.lima\/|\.rd\/|\.orbstack\/|podman-machine|podman\/machine/;

/** Where containers run, and what told so. */
function placeOf(signs: PlaceSigns): readonly [place: (typeof places)[number], because: string] {
	const { system, endpoint = "", context, server, serverName, hostname, platform = "" } = signs;
	if (system.platform !== "linux") {
		return ["elsewhere", "this host is no Linux, so Docker runs in a virtual machine"];
	}

	if (`${server?.operatingSystem ?? ""} ${platform}`.includes("Docker Desktop") || context === "desktop-linux") {
		return ["elsewhere", "Docker Desktop runs containers in a virtual machine"];
	}

	if (virtualMachines.test(endpoint)) {
		return ["elsewhere", `the endpoint ${endpoint} leads into a virtual machine`];
	}

	if (server !== undefined && system.kernel !== undefined && server.kernel !== system.kernel) {
		return ["elsewhere", `Docker runs on kernel ${server.kernel}, this host on ${system.kernel}`];
	}

	if (endpoint.startsWith("ssh://")) {
		return ["elsewhere", `the endpoint is ${endpoint}`];
	}

	if (server !== undefined && system.container !== undefined && hostname !== undefined && serverName !== hostname) {
		return ["elsewhere", `this is a ${system.container} container, and Docker runs outside of it`];
	}

	if (server !== undefined && system.kernel !== undefined) {
		return ["here", `Docker runs on this host's kernel, ${server.kernel}`];
	}

	if (endpoint.startsWith("unix://") || (endpoint === "" && context === "default")) {
		return ["here", endpoint === "" ? "Docker's context is the default one" : `the endpoint is ${endpoint}`];
	}

	return endpoint.startsWith("tcp://")
		? ["elsewhere", `the endpoint is ${endpoint}`]
		: ["unknown", "Docker's endpoint is not known"];
}

/** The words of docker 20.10 to 29, first match wins. */
const silences: readonly (readonly [RegExp, NonNullable<Extract<Docker, { silence?: unknown }>["silence"]>["kind"]])[] =
	[
		[/permission denied while trying to connect/i, "permission"],
		[/too old|too new|API version/i, "too-old"],
		[/unable to resolve docker endpoint|context .* not found/i, "bad-context"],
		[/cannot connect to the docker daemon|failed to connect to the docker api|error during connect/i, "not-running"],
	];

function silenceOf(answer: Answered, errors: readonly string[]): { kind: (typeof silences)[number][1]; said: string } {
	if (answer instanceof ProbeError) {
		return { kind: "timeout", said: answer.message };
	}

	const said = [...errors, ...answer.stderr.trim().split("\n")].find((line) => line.trim() !== "") ?? "";
	const short = said.trim().slice(0, 300);
	return {
		kind: silences.find(([pattern]) => pattern.test(`${errors.join("\n")}\n${answer.stderr}`))?.[1] ?? "other",
		said: short === "" ? `docker info ended with ${answer.exitCode} and said nothing` : short,
	};
}

const idMap = z
	.array(z.object({ size: z.number() }))
	.nullish()
	.catch(undefined);

const podmanAnswer = z.object({
	host: z.object({
		cgroupVersion: z.enum(["v1", "v2"]).optional().catch(undefined),
		cgroupManager: optionalText,
		cgroupControllers: z.array(z.string()).nullish().catch(undefined),
		security: z.object({ rootless: flag }).optional().catch(undefined),
		rootless: flag,
		serviceIsRemote: flag,
		ociRuntime: z.object({ name: text, version: text }).optional().catch(undefined),
		OCIRuntime: z.object({ name: text, version: text }).optional().catch(undefined),
		kernel: text,
		distribution: z.object({ distribution: text, version: text }).optional().catch(undefined),
		networkBackend: optionalText,
		networkBackendInfo: z
			.object({ dns: z.object({ path: text }).catch({ path: "" }) })
			.optional()
			.catch(undefined),
		rootlessNetworkCmd: optionalText,
		logDriver: optionalText,
		memTotal: optionalNumber,
		cpus: optionalNumber,
		idMappings: z
			.object({
				uidmap: idMap,
				gidmap: idMap,
			})
			.optional()
			.catch(undefined),
	}),
	store: z
		.object({
			graphDriverName: optionalText,
			graphRoot: optionalText,
			graphStatus: z.record(z.string(), z.unknown()).nullish().catch(undefined),
		})
		.optional()
		.catch(undefined),
	version: z.object({ Version: text }).optional().catch(undefined),
});

export function parsePodman(answer: Answered, system: HostSystem): Podman {
	if (answer instanceof ProbeError) {
		return answer.reason === "tool-missing"
			? { state: "absent" }
			: answer.reason === "timeout"
				? { state: "silent", said: answer.message, timedOut: true }
				: { state: "unknown", because: answer.message };
	}

	const found = podmanAnswer.safeParse(parseJsonIn(answer.stdout)).data;
	if (found === undefined) {
		const said = answer.stderr.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
		return { state: "silent", said: said === "" ? `podman info ended with ${answer.exitCode} and said nothing` : said };
	}

	const server = podmanServerOf(found);
	const isElsewhere =
		system.platform !== "linux" || server.remote || (system.kernel !== undefined && server.kernel !== system.kernel);
	return { state: "answering", place: isElsewhere ? "elsewhere" : "here", server };
}

function podmanServerOf({ host, store, version }: z.infer<typeof podmanAnswer>): PodmanServer {
	const runtime = host.ociRuntime ?? host.OCIRuntime;
	const runtimeVersion = /(\d+\.\d+[^\s]*)/.exec(runtime?.version ?? "")?.[1];
	const backing = store?.graphStatus?.["Backing Filesystem"];
	return {
		version: version?.Version ?? "",
		rootless: host.security?.rootless === true || host.rootless,
		remote: host.serviceIsRemote,
		runtime: { name: runtime?.name ?? "", version: runtimeVersion },
		kernel: host.kernel,
		idMapSizes: (host.idMappings?.uidmap ?? []).map(({ size }) => size),
		groupMapSizes: host.idMappings?.gidmap?.map(({ size }) => size),
		resolvesNames:
			host.networkBackend === "netavark" && host.networkBackendInfo !== undefined
				? host.networkBackendInfo.dns.path !== ""
				: undefined,
		cgroupVersion: { v1: 1 as const, v2: 2 as const, unknown: undefined }[host.cgroupVersion ?? "unknown"],
		cgroupManager: host.cgroupManager,
		cgroupControllers: host.cgroupControllers ?? undefined,
		distribution: host.distribution && `${host.distribution.distribution} ${host.distribution.version}`,
		networkBackend: host.networkBackend,
		rootlessNetwork: host.rootlessNetworkCmd,
		logDriver: host.logDriver,
		storageDriver: store?.graphDriverName,
		backingFilesystem: typeof backing === "string" ? backing : undefined,
		graphRoot: store?.graphRoot,
		memoryBytes: host.memTotal,
		cpus: host.cpus,
	};
}
