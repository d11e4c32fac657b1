import type { Facts } from "../../src/facts/sheet.ts";

type Item<Name extends keyof Facts> = Facts[Name] extends { readonly items: readonly (infer T)[] } ? T : never;

export type Machine = Item<"management.machines">;
export type ProxmoxMachine = Item<"management.proxmoxMachines">;
export type Cluster = Item<"management.clusters">;
export type ProxmoxCluster = Item<"management.proxmoxClusters">;
export type ControlPlane = Item<"management.controlPlanes">;
export type Claim = Item<"management.claims">;
export type Address = Item<"management.addresses">;
export type Pool = Item<"management.pools">;
type Secret = NonNullable<Facts["management.credentials"]["secrets"][number]["object"]>;

/** An object of the management cluster with its kind. */
export type Thing =
	| { readonly kind: "Cluster"; readonly object: Cluster }
	| { readonly kind: "KubeadmControlPlane"; readonly object: ControlPlane }
	| { readonly kind: "ProxmoxCluster"; readonly object: ProxmoxCluster }
	| { readonly kind: "Machine"; readonly object: Machine }
	| { readonly kind: "ProxmoxMachine"; readonly object: ProxmoxMachine }
	| { readonly kind: "IPAddressClaim"; readonly object: Claim }
	| { readonly kind: "IPAddress"; readonly object: Address }
	| { readonly kind: "InClusterIPPool"; readonly object: Pool }
	| { readonly kind: "GlobalInClusterIPPool"; readonly object: Pool }
	| { readonly kind: "Secret"; readonly object: Secret };

type Needed =
	| "management.server"
	| "management.machines"
	| "management.proxmoxMachines"
	| "management.clusters"
	| "management.proxmoxClusters"
	| "management.claims"
	| "management.addresses"
	| "management.pools";
type Used =
	| "management.controlPlanes"
	| "management.controllers"
	| "management.credentials"
	| "proxmox.access"
	| "proxmox.machines"
	| "proxmox.leftovers";
export type Known = Pick<Facts, Needed> & Partial<Pick<Facts, Used>>;

/** The management cluster as this check looks at it: every object by its name, and the time by the API server's clock. */
export interface Estate {
	readonly facts: Known;
	readonly now: number;
	readonly things: readonly Thing[];
	find<Kind extends Thing["kind"]>(
		kind: Kind,
		namespace: string | undefined,
		name: string | undefined,
	): Extract<Thing, { kind: Kind }> | undefined;
	clusterOf(thing: {
		readonly namespace?: string | undefined;
		readonly cluster?: string | undefined;
	}): Cluster | undefined;
	proxmoxClusterOf(cluster: Cluster | undefined): ProxmoxCluster | undefined;
	/** By kind, namespace and owner's name. */
	claimsOf(machine: ProxmoxMachine): readonly Claim[];
}

export const keyOf = ({ kind, object: { namespace = "", name } }: Thing): string => `${kind} ${namespace}/${name}`;

/** "Machine default/prod-workers-0", as everything is named here. */
export const nameOf = ({ kind, object: { namespace, name } }: Thing): string =>
	`${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;

export function arrange(facts: Known): Estate {
	const things: Thing[] = [
		...facts["management.clusters"].items.map((object) => ({ kind: "Cluster", object }) as const),
		...(facts["management.controlPlanes"]?.items ?? []).map(
			(object) => ({ kind: "KubeadmControlPlane", object }) as const,
		),
		...facts["management.proxmoxClusters"].items.map((object) => ({ kind: "ProxmoxCluster", object }) as const),
		...facts["management.machines"].items.map((object) => ({ kind: "Machine", object }) as const),
		...facts["management.proxmoxMachines"].items.map((object) => ({ kind: "ProxmoxMachine", object }) as const),
		...facts["management.claims"].items.map((object) => ({ kind: "IPAddressClaim", object }) as const),
		...facts["management.addresses"].items.map((object) => ({ kind: "IPAddress", object }) as const),
		...facts["management.pools"].items.map((object) => ({ kind: object.kind, object }) as const),
		...(facts["management.credentials"]?.secrets ?? []).flatMap(({ object }) =>
			object === undefined ? [] : [{ kind: "Secret", object } as const],
		),
	];
	const byKey = new Map(things.map((thing) => [keyOf(thing), thing]));
	const find = <Kind extends Thing["kind"]>(kind: Kind, namespace = "", name = "") => {
		const thing = byKey.get(`${kind} ${namespace}/${name}`);
		return thing !== undefined && isOf(thing, kind) ? thing : undefined;
	};
	const claims = groupClaims(facts);
	const { date, here } = facts["management.server"];
	return {
		facts,
		now: Date.parse(date ?? here),
		things,
		find,
		clusterOf: ({ namespace, cluster }) => find("Cluster", namespace, cluster)?.object,
		proxmoxClusterOf: (cluster) =>
			cluster?.infrastructure?.kind !== "ProxmoxCluster"
				? undefined
				: find("ProxmoxCluster", cluster.namespace, cluster.infrastructure.name)?.object,
		claimsOf: ({ namespace = "", name }) => claims.get(`${namespace}/${name}`) ?? [],
	};
}

const isOf = <Kind extends Thing["kind"]>(thing: Thing, kind: Kind): thing is Extract<Thing, { kind: Kind }> =>
	thing.kind === kind;

function groupClaims(facts: Known): ReadonlyMap<string, readonly Claim[]> {
	const claims = new Map<string, Claim[]>();
	for (const claim of facts["management.claims"].items) {
		for (const { kind, name } of claim.owners) {
			if (kind === "ProxmoxMachine") {
				const key = `${claim.namespace ?? ""}/${name}`;
				const before = claims.get(key);
				if (before === undefined) {
					claims.set(key, [claim]);
				} else {
					before.push(claim);
				}
			}
		}
	}

	return claims;
}

const minute = 60_000;
/** Below it a deletion is in progress; CAPI itself calls a drain slow from here on (machine_controller_status.go). */
export const soon = 5 * minute;
/** From here on CAPI says "Machine deletion in progress since more than 15m". */
export const long = 15 * minute;
export const moment = minute;

/** Milliseconds since it was deleted. */
export const ageOf = ({ deleting }: { readonly deleting?: string | undefined }, now: number): number =>
	deleting === undefined ? 0 : now - Date.parse(deleting);

/** "2 h 5 min" */
export function spell(milliseconds: number): string {
	const minutes = Math.floor(milliseconds / minute);
	const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)];
	if (minutes < 1) {
		return "less than a minute";
	}

	return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
