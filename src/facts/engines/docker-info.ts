import * as z from "zod";
import { ProbeError } from "../../errors.ts";
import type { HostSystem } from "../host-system.ts";
import { type Answered, flag, optionalNumber, optionalText, outputOf, parseJsonIn, text } from "./answers.ts";
import type { Docker, DockerServer } from "./docker.ts";
import { placeOf } from "./docker-place.ts";
import { silenceOf } from "./docker-silence.ts";

/** `docker info`, all that is used of it. A daemon that is down leaves zeros, or nothing. */
const infoAnswer = z.object({
	ServerVersion: text,
	ServerErrors: z.array(z.string()).nullish().catch(undefined),
	OperatingSystem: text,
	OSType: text,
	KernelVersion: text,
	Architecture: optionalText,
	Name: text,
	CgroupVersion: z.enum(["1", "2"]).optional().catch(undefined),
	CgroupDriver: optionalText,
	SecurityOptions: z.array(z.string()).nullish().catch(undefined),
	DefaultRuntime: text,
	Runtimes: z
		.record(z.string(), z.object({ path: text }))
		.nullish()
		.catch(undefined),
	ContainerdCommit: z.object({ ID: text }).optional().catch(undefined),
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

	if (printed === undefined && outputOf(answers.info).trimStart().startsWith("{")) {
		return { state: "unknown", because: "what docker info printed is cut off" };
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

type Info = z.infer<typeof infoAnswer>;
type ServerVersion = NonNullable<z.infer<typeof versionAnswer>["Server"]>;

/** `docker version` says it; where that did not answer: no Docker is without containerd. */
const isPodman = (info: Info, version: ServerVersion | undefined): boolean =>
	version?.Components?.some(({ Name }) => Name === "Podman Engine") ??
	(info.ContainerdCommit?.ID === "" && info.DefaultRuntime === "crun");

/** Its name in daemon.json is free, and the program behind it may be another. */
function runtimeOf({ DefaultRuntime: name, Runtimes: runtimes }: Info): string {
	const program = runtimes?.[name]?.path.split("/").at(-1) ?? "";
	return /^crun\b/.test(program) ? program : name;
}

function serverOf(info: Info, version: ServerVersion | undefined): DockerServer {
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
		isPodman: isPodman(info, version),
		operatingSystem: info.OperatingSystem,
		...(info.OSType === "windows" ? { runsWindows: true } : {}),
		kernel: info.KernelVersion,
		architecture: info.Architecture,
		cgroupVersion: { 1: 1 as const, 2: 2 as const, unknown: undefined }[info.CgroupVersion ?? "unknown"],
		cgroupDriver: info.CgroupDriver,
		rootless: has("rootless"),
		privateCgroups: has("cgroupns"),
		defaultRuntime: runtimeOf(info),
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
