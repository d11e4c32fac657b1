import type { World } from "../access/world.ts";
import { parseEnvironmentCluster, parseEnvironmentImagebuilder } from "./cluster-variables.ts";
import { parseEnvironmentProxmox } from "./environment.ts";
import { readProxmoxAccess } from "./proxmox.ts";
import type { FactName, Facts } from "./sheet.ts";

/** Another fact, read once and shared. Rejects with the ProbeError of that fact. */
export type Know = <Name extends FactName>(name: Name) => Promise<Facts[Name]>;

export interface Probe<T> {
	/** Milliseconds after which the fact is unavailable, whatever the probe still does. */
	readonly deadline: number;
	/** Throws ProbeError for all that the world can do to it; `note` records what was last seen, for the timeout's message. */
	read(world: World, know: Know, signal: AbortSignal, note: (seen: string) => void): Promise<T>;
}

export const probes: { readonly [Name in FactName]: Probe<Facts[Name]> } = {
	"environment.proxmox": {
		deadline: 2_000,
		read: async (world) => parseEnvironmentProxmox(await world.environment()),
	},
	"environment.cluster": {
		deadline: 2_000,
		read: async (world) => parseEnvironmentCluster(await world.environment(), world.options),
	},
	"environment.imagebuilder": {
		deadline: 2_000,
		read: async (world) => parseEnvironmentImagebuilder(await world.environment()),
	},
	// 5 s to connect, 10 s for each of two answers; PVE withholds a 401 for 3 s.
	"proxmox.access": { deadline: 20_000, read: readProxmoxAccess },
};
