import { permissionError } from "./answer.ts";
import { privilegesOn } from "./permissions.ts";
import type { World } from "./world.ts";

export type Parameters = Readonly<Record<string, string>>;

/** Who may call an endpoint, as its schema in Proxmox VE declares it. */
export type Permission =
	/** Nobody needs to log in. */
	| "world"
	/** Any login. */
	| "all"
	/** No permission is declared, which leaves the user root@pam; its tokens are not that user. */
	| "root"
	| Check;

export type Check =
	| { readonly perm: string; readonly all: readonly string[]; readonly needs?: string }
	| { readonly perm: string; readonly any: readonly string[] }
	| { readonly or: readonly Check[] }
	| { readonly and: readonly Check[] }
	| { readonly userIs: "self" }
	| { readonly userInGroupWith: readonly string[] };

/** pve-access-control, RPCEnvironment.pm check_api2_permissions. */
export function checkPermission(
	world: World,
	permission: Permission,
	who: string | undefined,
	parameters: Parameters,
): void {
	if (permission === "world" && who === undefined) {
		return;
	}

	if (who === undefined) {
		throw permissionError("user != null");
	}

	if (permission === "root") {
		throw permissionError("user != root@pam");
	}

	if (permission === "all" || permission === "world") {
		return;
	}

	check(world, permission, who, parameters);
}

/** RPCEnvironment.pm exec_api2_perm_check. An `or` that fails says nothing of what was missing. */
function check(world: World, wanted: Check, who: string, parameters: Parameters): void {
	if ("and" in wanted) {
		for (const part of wanted.and) {
			check(world, part, who, parameters);
		}
	} else if ("or" in wanted) {
		if (!wanted.or.some((part) => passes(world, part, who, parameters))) {
			throw permissionError();
		}
	} else if (!passes(world, wanted, who, parameters)) {
		throw permissionError(missing(world, wanted, who, parameters));
	}
}

function passes(world: World, wanted: Check, who: string, parameters: Parameters): boolean {
	if ("and" in wanted) {
		return wanted.and.every((part) => passes(world, part, who, parameters));
	}

	if ("or" in wanted) {
		return wanted.or.some((part) => passes(world, part, who, parameters));
	}

	if ("userIs" in wanted) {
		return parameters["userid"] === who && who in world.state.users;
	}

	if ("userInGroupWith" in wanted) {
		return mayManage(world, wanted.userInGroupWith, who, parameters["userid"] ?? "");
	}

	const held = privilegesOn(world, who, filled(wanted.perm, parameters));
	if ("any" in wanted) {
		return wanted.any.some((privilege) => held.has(privilege));
	}

	return (
		(wanted.needs === undefined || wanted.needs in parameters) && wanted.all.every((privilege) => held.has(privilege))
	);
}

function missing(world: World, wanted: Check, who: string, parameters: Parameters): string | undefined {
	if (!("perm" in wanted)) {
		return undefined;
	}

	const path = filled(wanted.perm, parameters);
	const held = privilegesOn(world, who, path);
	const privileges = "any" in wanted ? wanted.any.join("|") : wanted.all.find((privilege) => !held.has(privilege));
	return `${path}, ${privileges ?? ""}`;
}

/** The user exists, and the caller holds one of the privileges on all groups or on one the user is in. */
function mayManage(world: World, privileges: readonly string[], who: string, user: string): boolean {
	const holdsOn = (path: string): boolean => {
		const held = privilegesOn(world, who, path);
		return privileges.some((privilege) => held.has(privilege));
	};
	const groups = Object.entries(world.state.groups).filter(([, members]) => members.includes(user));
	return (
		user in world.state.users &&
		(holdsOn("/access/groups") || groups.some(([group]) => holdsOn(`/access/groups/${group}`)))
	);
}

function filled(path: string, parameters: Parameters): string {
	return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? "");
}
