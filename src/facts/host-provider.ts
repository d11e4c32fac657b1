import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { ifAnswered } from "./attempt.ts";
import { type HostCgroups, hostCgroups } from "./host-cgroups.ts";
import type { HostEngines } from "./host-engines.ts";
import type { HostTools } from "./host-tools.ts";
import type { Know } from "./probe.ts";

/** Fact `host.provider`: the engine that kind starts its nodes with here, and what is known of it. */
export const hostProvider = z.object({
	/** `none`: there is neither Docker, nor Podman, nor kind. */
	engine: z.enum(["docker", "podman", "nerdctl", "none"]),
	/** Completes "kind takes this engine because". */
	chosenBecause: z.string(),
	/** The engine answers; if not, what it says instead. */
	answers: z.boolean(),
	silence: z.string().optional(),
	version: z.string().optional(),
	/** Whether its containers meet this host's kernel and cgroups. */
	place: z.enum(["here", "elsewhere"]),
	placeBecause: z.string(),
	operatingSystem: z.string().optional(),
	/** What its containers meet: this host's files say it of an engine here, and the engine of itself elsewhere. */
	cgroupVersion: z.union([z.literal(1), z.literal(2)]),
	/** What the engine reports, where this host's files say otherwise. */
	reportedVersion: z.union([z.literal(1), z.literal(2)]).optional(),
	cgroupDriver: z.string().optional(),
	/** Absent where the engine does not answer. */
	rootless: z.boolean().optional(),
	/** The default runtime: `runc`, `crun`. Where the engine does not answer, its usual one. */
	runtime: z.object({ name: z.string(), version: z.string().optional(), assumed: z.boolean() }),
	/** Containers get a cgroup namespace of their own even if kind does not ask for it. */
	privateCgroups: z.boolean(),
});
export type HostProvider = z.infer<typeof hostProvider>;

/** Fact `host.hierarchies`: the v1 hierarchies that the provider's runtime meets; none where containers live in v2. */
export const hostHierarchies = z.object({
	cgroupVersion: z.union([z.literal(1), z.literal(2)]),
	layout: hostCgroups.shape.layout,
	hierarchies: hostCgroups.shape.hierarchies,
	own: hostCgroups.shape.own,
	kernelControllers: hostCgroups.shape.kernelControllers,
	systemdDirectory: hostCgroups.shape.systemdDirectory,
	topIsReadOnly: hostCgroups.shape.topIsReadOnly,
	topBeginsWithV1: hostCgroups.shape.topBeginsWithV1,
});
export type HostHierarchies = z.infer<typeof hostHierarchies>;

export async function readHostProvider(world: World, know: Know): Promise<HostProvider> {
	const [engines, tools, system, environment] = await Promise.all([
		know("host.engines"),
		know("host.tools"),
		know("host.system"),
		world.environment(),
	]);
	const wanted = environment.lookUp("KIND_EXPERIMENTAL_PROVIDER")[0]?.value.trim();
	const chosen = chooseEngine(engines, tools, wanted);
	// Asked only where an engine does not describe them: those elsewhere do, and there may be no Linux here.
	const cgroups = async () => {
		const found = await know("host.cgroups");
		if (chosen.engine !== "none" && system.container !== undefined && found.view.namespace === "nested") {
			throw new ProbeError(
				"unreachable",
				`this is a ${system.container} container and ${chosen.engine} does not answer, so nothing tells what the host's cgroups are`,
			);
		}

		return found;
	};
	switch (chosen.engine) {
		case "docker":
			return withHostsWord(await describeDocker(engines.docker, chosen.because, cgroups), know);
		case "podman":
			return withHostsWord(await describePodman(engines.podman, chosen.because, cgroups), know);
		default:
			return assume(chosen.engine, chosen.because, await cgroups());
	}
}

/** Each container meets what is mounted when it starts; what an engine here reports is older, or of another host. */
async function withHostsWord(provider: HostProvider, know: Know): Promise<HostProvider> {
	const version = provider.place === "here" ? (await ifAnswered(know("host.cgroups")))?.version : undefined;
	if (version === undefined || version === provider.cgroupVersion) {
		return provider;
	}

	// Distributions of WSL share the kernel and not the mounts, so that the engine may live in another one.
	if ((await know("host.system")).wsl !== undefined) {
		throw new ProbeError(
			"unreadable",
			`${provider.engine} reports cgroup v${provider.cgroupVersion}, and this distribution has v${version}: it runs in another one`,
		);
	}

	return { ...provider, cgroupVersion: version, reportedVersion: provider.cgroupVersion };
}

interface Chosen {
	readonly engine: HostProvider["engine"];
	readonly because: string;
}

/** kind's own order: cluster/provider.go and runtime.go of v0.32.0. It looks only for the command, not for the daemon. */
export function chooseEngine({ docker, podman }: HostEngines, tools: HostTools, wanted: string | undefined): Chosen {
	if (wanted === "docker" || wanted === "podman") {
		return { engine: wanted, because: `KIND_EXPERIMENTAL_PROVIDER is ${wanted}` };
	}

	if (wanted !== undefined && /^(?:nerdctl|finch|nerdctl\.lima)$/.test(wanted)) {
		return { engine: "nerdctl", because: `KIND_EXPERIMENTAL_PROVIDER is ${wanted}` };
	}

	if (docker.state === "silent" || docker.state === "answering") {
		return { engine: "docker", because: "the docker command is installed" };
	}

	if (podman.state === "silent" || podman.state === "answering") {
		if (docker.state === "unknown") {
			throw new ProbeError("unreadable", `whether kind would use Docker or Podman is not known: ${docker.because}`);
		}

		return { engine: "podman", because: "podman is installed, and docker is not" };
	}

	const unclear = [docker, podman].find((engine) => engine.state === "unknown");
	if (unclear?.state === "unknown") {
		throw new ProbeError("unreadable", `whether there is a container engine is not known: ${unclear.because}`);
	}

	return tools.kind.state === "absent"
		? { engine: "none", because: "there is neither docker, nor podman, nor kind on this host" }
		: { engine: "docker", because: "kind is installed, and no engine is" };
}

/** Without an answer this host's files decide, unless the engine is somewhere else. */
async function describeDocker(
	docker: HostEngines["docker"],
	chosenBecause: string,
	cgroups: () => Promise<HostCgroups>,
): Promise<HostProvider> {
	if (docker.state === "unknown") {
		throw new ProbeError("unreadable", docker.because);
	}

	if (docker.state === "absent" || docker.state === "podman-shim") {
		return assume("docker", chosenBecause, await cgroups());
	}

	const { server, silence, place, placeBecause } = docker;
	const base = { engine: "docker", chosenBecause, placeBecause } as const;
	if (server === undefined) {
		const said = `docker info: ${silence?.said ?? "no answer"}`;
		if (place !== "here") {
			throw new ProbeError("unreachable", `${placeBecause}, and it does not answer (${said})`);
		}

		return { ...assume("docker", chosenBecause, await cgroups()), placeBecause, silence: said };
	}

	const found = server.cgroupVersion ?? (place === "here" ? (await cgroups()).version : undefined);
	if (found === undefined || place === "unknown") {
		throw new ProbeError("unreadable", `Docker ${server.version} does not say which cgroup version it uses`);
	}

	return {
		...base,
		place,
		answers: true,
		version: server.version,
		operatingSystem: server.operatingSystem,
		cgroupVersion: found,
		cgroupDriver: server.cgroupDriver,
		rootless: server.rootless,
		runtime: {
			name: server.defaultRuntime === "" ? "runc" : server.defaultRuntime,
			version: server.defaultRuntime === "runc" ? server.runcVersion : undefined,
			assumed: server.defaultRuntime === "",
		},
		privateCgroups: server.privateCgroups,
	};
}

async function describePodman(
	podman: HostEngines["podman"],
	chosenBecause: string,
	cgroups: () => Promise<HostCgroups>,
): Promise<HostProvider> {
	if (podman.state === "unknown") {
		throw new ProbeError("unreadable", podman.because);
	}

	if (podman.state === "absent") {
		return assume("podman", chosenBecause, await cgroups());
	}

	if (podman.state === "silent") {
		const said = `podman info: ${podman.said}`;
		return { ...assume("podman", chosenBecause, await cgroups()), silence: said, version: podman.version };
	}

	const { server, place } = podman;
	const found = server.cgroupVersion ?? (place === "here" ? (await cgroups()).version : undefined);
	if (found === undefined || place === "unknown") {
		throw new ProbeError("unreadable", `Podman ${server.version} does not say which cgroup version it uses`);
	}

	return {
		engine: "podman",
		chosenBecause,
		place,
		placeBecause:
			place === "here" ? "Podman runs on this host's kernel" : `Podman runs on another kernel, ${server.kernel}`,
		answers: true,
		version: server.version,
		operatingSystem: server.distribution,
		cgroupVersion: found,
		cgroupDriver: server.cgroupManager,
		rootless: server.rootless,
		runtime: { ...server.runtime, name: server.runtime.name === "" ? "crun" : server.runtime.name, assumed: false },
		// containers.conf(5): "private" on v2, "host" on v1.
		privateCgroups: found === 2,
	};
}

/** An engine that is not there, or does not answer, would find what this host's files show. */
function assume(engine: HostProvider["engine"], chosenBecause: string, { version, layout }: HostCgroups): HostProvider {
	if (version === undefined) {
		throw new ProbeError(
			engine === "none" ? "not-set-up" : "not-found",
			engine === "none" ? chosenBecause : `no container engine answers, and this host has no cgroups (${layout})`,
		);
	}

	return {
		engine,
		chosenBecause,
		answers: false,
		place: "here",
		placeBecause: "containers would run on this host's kernel",
		cgroupVersion: version,
		runtime: { name: engine === "podman" ? "crun" : "runc", assumed: true },
		privateCgroups: version === 2,
	};
}

export async function readHostHierarchies(know: Know): Promise<HostHierarchies> {
	const provider = await know("host.provider");
	if (provider.cgroupVersion === 2) {
		return {
			cgroupVersion: 2,
			layout: "unified",
			hierarchies: [],
			own: [],
			systemdDirectory: "unknown",
		};
	}

	if (provider.place === "elsewhere") {
		throw new ProbeError(
			"not-found",
			`containers run on cgroup v1 elsewhere (${provider.placeBecause}), and its hierarchies cannot be seen from here`,
		);
	}

	const { version, layout, hierarchies, own, kernelControllers, systemdDirectory, topIsReadOnly, topBeginsWithV1 } =
		await know("host.cgroups");
	if (version !== 1) {
		throw new ProbeError(
			"unreadable",
			"the engine reports cgroup v1, but this process sees v2: they do not see the same host",
		);
	}

	return {
		cgroupVersion: 1,
		layout,
		hierarchies,
		own,
		kernelControllers,
		systemdDirectory,
		topIsReadOnly,
		topBeginsWithV1,
	};
}
