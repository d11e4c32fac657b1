import { splitTokenId } from "./identity.ts";
import { rolesOf } from "./roles.ts";
import type { Acl } from "./state.ts";
import type { World } from "./world.ts";

/** 1: also on paths below. 0: held here only, but held. */
type Propagation = 0 | 1;

/** Privilege, or role, to its propagation. */
export type Held = ReadonlyMap<string, Propagation>;

/** pve-access-control, RPCEnvironment.pm permissions: what a user or a token may do on a path. */
export function privilegesOn(world: World, who: string, path: string): Held {
	if (who === "root@pam") {
		return everything(world);
	}

	const token = splitTokenId(who);
	if (token === undefined) {
		return ownPrivileges(world, who, path);
	}

	const settings = world.state.tokens[who];
	if (settings === undefined) {
		return new Map();
	}

	const ofOwner = privilegesOn(world, token.owner, path);
	return settings.privsep === false ? ofOwner : intersection(ownPrivileges(world, who, path), ofOwner);
}

/** RPCEnvironment.pm get_effective_permissions: the paths shown when none is asked for; those without a privilege are left out. */
export function effectivePermissions(world: World, who: string): Map<string, Held> {
	const { acls, pools } = world.state;
	const paths = new Set([
		...["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"],
		...acls.flatMap(({ path }) => pathsTo(path)),
		...Object.values(pools).flatMap(({ vms = [], storages = [] }) => [
			...vms.map((vmid) => `/vms/${vmid}`),
			...storages.map((storage) => `/storage/${storage}`),
		]),
	]);
	return new Map(
		[...paths].map((path) => [path, privilegesOn(world, who, path)] as const).filter(([, held]) => held.size > 0),
	);
}

function everything({ state, generation }: World): Held {
	const administrator = rolesOf(generation.major, state.roles).get("Administrator") ?? [];
	return new Map([...administrator].map((privilege) => [privilege, 1]));
}

function ownPrivileges(world: World, who: string, path: string): Held {
	const known = rolesOf(world.generation.major, world.state.roles);
	const held = new Map<string, Propagation>();
	for (const [role, propagation] of rolesWithPools(world, who, path)) {
		for (const privilege of known.get(role) ?? []) {
			held.set(privilege, held.get(privilege) === 1 ? 1 : propagation);
		}
	}

	return held;
}

/** Roles on a pool reach its members, never further, and never against a NoAccess on the member itself. */
function rolesWithPools(world: World, who: string, path: string): Held {
	const roles = rolesOn(world.state.acls, memberships(world, who), who, path);
	const fromPools = poolsWith(world, path).flatMap((pool) => [
		...rolesOn(world.state.acls, memberships(world, who), who, `/pool/${pool}`).keys(),
	]);
	if (roles.has("NoAccess")) {
		return roles;
	}

	if (fromPools.includes("NoAccess")) {
		return new Map([["NoAccess", 0]]);
	}

	return new Map([...fromPools.map((role) => [role, 0] as const), ...roles]);
}

/** AccessControl.pm roles: every path on the way down that says something replaces all that was said above it. */
function rolesOn(acls: readonly Acl[], groups: readonly string[], who: string, path: string): Held {
	let roles: Held = new Map();
	for (const step of pathsTo(path)) {
		const here = acls.filter((acl) => acl.path === step && (step === path || acl.propagate !== false));
		const own = here.filter((acl) => ("user" in acl && acl.user === who) || ("token" in acl && acl.token === who));
		const ofGroups = here.filter((acl) => "group" in acl && groups.includes(acl.group));
		const said = own.length > 0 ? own : ofGroups;
		if (said.length > 0) {
			roles = new Map(said.map(({ role, propagate }) => [role, propagate === false ? 0 : 1]));
		}
	}

	const denied = roles.get("NoAccess");
	return denied === undefined ? roles : new Map([["NoAccess", denied]]);
}

function memberships({ state }: World, who: string): string[] {
	return Object.keys(state.groups).filter((group) => state.groups[group]?.includes(who));
}

function poolsWith({ state }: World, path: string): string[] {
	return Object.entries(state.pools)
		.filter(
			([, { vms = [], storages = [] }]) =>
				vms.some((vmid) => path === `/vms/${vmid}`) || storages.some((storage) => path === `/storage/${storage}`),
		)
		.map(([pool]) => pool);
}

function intersection(own: Held, ofOwner: Held): Held {
	return new Map(
		[...own]
			.filter(([privilege]) => ofOwner.has(privilege))
			.map(([privilege, propagation]) => [privilege, ofOwner.get(privilege) === 1 ? propagation : 0]),
	);
}

/** "/vms/100" → "/", "/vms", "/vms/100". */
function pathsTo(path: string): string[] {
	const parts = path.split("/").filter((part) => part !== "");
	return ["/", ...parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`)];
}
