import type { HostSystem } from "../host-system.ts";
import type { DockerServer } from "./docker.ts";
import type { places } from "./states.ts";

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
export function placeOf(signs: PlaceSigns): readonly [place: (typeof places)[number], because: string] {
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

	// Two hosts of one distribution have the same kernel.
	const isNetwork = endpoint.startsWith("tcp://") && !isLoopback(endpoint);
	if (server !== undefined && isNetwork && serverName !== hostname) {
		return ["elsewhere", `the endpoint is ${endpoint}, a host by the name of ${serverName ?? ""}`];
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

/** Of an endpoint, `tcp://localhost:2375`. */
const isLoopback = (endpoint: string): boolean => /^tcp:\/\/(?:localhost|127\.|\[::1\])/.test(endpoint);
