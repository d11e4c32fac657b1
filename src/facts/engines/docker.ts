import * as z from "zod";
import { absent, cgroupVersion, places, unknown } from "./states.ts";

const dockerServer = z.object({
	version: z.string(),
	/** Podman's service answers behind Docker's command. */
	isPodman: z.boolean(),
	operatingSystem: z.string(),
	/** It runs Windows containers, and no others. */
	runsWindows: z.literal(true).optional(),
	kernel: z.string(),
	/** As `uname -m` there: x86_64, aarch64. */
	architecture: z.string().optional(),
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

/** Docker as it describes itself, in fact `host.engines`. */
export const docker = z.discriminatedUnion("state", [
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
				kind: z.enum([
					"not-running",
					"permission",
					"timeout",
					"too-old",
					"bad-context",
					"bad-host",
					"no-wsl-integration",
					"other",
				]),
				said: z.string(),
			})
			.optional(),
	}),
]);
export type Docker = z.infer<typeof docker>;
