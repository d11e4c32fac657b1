import * as z from "zod";
import { ProbeError } from "../../errors.ts";
import type { HostSystem } from "../host-system.ts";
import { type Answered, flag, optionalNumber, optionalText, parseJsonIn, text } from "./answers.ts";
import { absent, cgroupVersion, places, unknown } from "./states.ts";

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
	/** As Go spells it: amd64, arm64. */
	architecture: z.string().optional(),
	distribution: z.string().optional(),
	networkBackend: z.string().optional(),
	rootlessNetwork: z.string().optional(),
	logDriver: z.string().optional(),
	storageDriver: z.string().optional(),
	/** SELinux labels containers; absent where it does not say so. */
	selinux: z.literal(true).optional(),
	backingFilesystem: z.string().optional(),
	graphRoot: z.string().optional(),
	/** Of the file system below it. */
	disk: z.object({ totalBytes: z.number(), usedBytes: z.number() }).optional(),
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

/** Podman as it describes itself, in fact `host.engines`. */
export const podman = z.discriminatedUnion("state", [
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

const idMap = z
	.array(z.object({ size: z.number() }))
	.nullish()
	.catch(undefined);

const podmanAnswer = z.object({
	host: z.object({
		cgroupVersion: z.enum(["v1", "v2"]).optional().catch(undefined),
		cgroupManager: optionalText,
		cgroupControllers: z.array(z.string()).nullish().catch(undefined),
		security: z.object({ rootless: flag, selinuxEnabled: flag }).optional().catch(undefined),
		rootless: flag,
		serviceIsRemote: flag,
		ociRuntime: z.object({ name: text, version: text }).optional().catch(undefined),
		OCIRuntime: z.object({ name: text, version: text }).optional().catch(undefined),
		kernel: text,
		arch: optionalText,
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
			graphRootAllocated: optionalNumber,
			graphRootUsed: optionalNumber,
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

	const printed = parseJsonIn(answer.stdout);
	if (printed === undefined && answer.stdout.trimStart().startsWith("{")) {
		return { state: "unknown", because: "what podman info printed is cut off" };
	}

	const found = podmanAnswer.safeParse(printed).data;
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
		architecture: host.arch,
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
		...(host.security?.selinuxEnabled === true ? { selinux: true } : {}),
		backingFilesystem: typeof backing === "string" ? backing : undefined,
		graphRoot: store?.graphRoot,
		disk:
			store?.graphRootAllocated === undefined || store.graphRootUsed === undefined
				? undefined
				: { totalBytes: store.graphRootAllocated, usedBytes: store.graphRootUsed },
		memoryBytes: host.memTotal,
		cpus: host.cpus,
	};
}
