import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { places } from "./engines/states.ts";
import type { HostEngines } from "./host-engines.ts";
import { chooseEngine, hostProvider } from "./host-provider.ts";
import type { Know } from "./probe.ts";

const { engine, chosenBecause, answers, silence, version, operatingSystem, rootless } = hostProvider.shape;

/** Fact `host.engine`: the engine that kind starts its nodes with, wherever that is and whether it answers or not; without its cgroups. */
export const hostEngine = z.object({
	engine,
	chosenBecause,
	answers,
	silence,
	version,
	/** Whether its containers run on this host. */
	place: z.enum(places),
	placeBecause: z.string(),
	operatingSystem,
	rootless,
	/** Of the machine that its containers run on, as it spells it. */
	architecture: z.string().optional(),
});
export type HostEngine = z.infer<typeof hostEngine>;

/** @throws ProbeError where it cannot be told which engine kind takes, or whether that is there. */
export async function readHostEngine(world: World, know: Know): Promise<HostEngine> {
	const [engines, tools, environment] = await Promise.all([
		know("host.engines"),
		know("host.tools"),
		world.environment(),
	]);
	const wanted = environment.lookUp("KIND_EXPERIMENTAL_PROVIDER")[0]?.value.trim();
	const { engine: name, because } = chooseEngine(engines, tools, wanted);
	const chosen = { engine: name, chosenBecause: because } as const;
	switch (name) {
		case "docker":
			return { ...chosen, ...describeDocker(engines.docker) };
		case "podman":
			return { ...chosen, ...describePodman(engines.podman) };
		default:
			return { ...chosen, ...nothingThere };
	}
}

const nothingThere = { answers: false, place: "here", placeBecause: "containers would run on this host" } as const;

type Description = Omit<HostEngine, "engine" | "chosenBecause">;

function describeDocker(docker: HostEngines["docker"]): Description {
	if (docker.state === "unknown") {
		throw new ProbeError("unreadable", docker.because);
	}

	if (docker.state === "absent" || docker.state === "podman-shim") {
		return nothingThere;
	}

	const { server, place, placeBecause } = docker;
	return server === undefined
		? { answers: false, place, placeBecause, silence: `docker info: ${docker.silence?.said ?? "no answer"}` }
		: {
				answers: true,
				place,
				placeBecause,
				version: server.version,
				operatingSystem: server.operatingSystem,
				rootless: server.rootless,
				architecture: server.architecture,
			};
}

function describePodman(podman: HostEngines["podman"]): Description {
	switch (podman.state) {
		case "unknown":
			throw new ProbeError("unreadable", podman.because);
		case "absent":
			return nothingThere;
		case "silent":
			return { ...nothingThere, silence: `podman info: ${podman.said}`, version: podman.version };
		case "answering": {
			const { server, place } = podman;
			return {
				answers: true,
				place,
				placeBecause:
					place === "here" ? "Podman runs on this host's kernel" : `Podman runs on another kernel, ${server.kernel}`,
				version: server.version,
				operatingSystem: server.distribution,
				rootless: server.rootless,
				architecture: server.architecture,
			};
		}
	}
}

/** The engine, where there is one to judge. @throws ProbeError not-set-up where kind has nothing to start nodes with. */
export async function knowEngine(know: Know): Promise<HostEngine> {
	const found = await know("host.engine");
	if (found.engine === "none") {
		throw new ProbeError("not-set-up", found.chosenBecause);
	}

	return found;
}

/** @throws ProbeError where containers run on another machine, whose files are not here. */
export async function knowEngineHere(know: Know, what: string): Promise<HostEngine> {
	const found = await knowEngine(know);
	if (found.place === "here") {
		return found;
	}

	// That it does not answer is what a user has to mend first, and it is said without this fact.
	throw new ProbeError(
		found.answers ? "unreachable" : "not-set-up",
		`${found.placeBecause}: ${what} cannot be seen from here`,
	);
}
