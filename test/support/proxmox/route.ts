import type { Parameters, Permission } from "./access-check.ts";
import { privilegesOn } from "./permissions.ts";
import type { World } from "./world.ts";

/** One endpoint, declared the way Proxmox VE's register_method declares it. */
export interface Route {
	readonly method: "GET" | "POST";
	/** `/nodes/{node}/status` */
	readonly path: string;
	/** Depends on the release where privileges do. */
	readonly permission: Permission | ((major: number) => Permission);
	/** Query parameters the schema knows; any other is refused. */
	readonly parameters?: readonly string[];
	/** Tokens are refused. */
	readonly needsTicket?: boolean;
	/** `proxyto => 'node'`: the node named in the path answers. */
	readonly onNode?: boolean;
	/** `protected => 1`: pvedaemon answers, on the node itself. */
	readonly byDaemon?: boolean;
	readonly answer: (call: Call) => unknown;
}

/** A permitted and well-formed call of an endpoint. */
export class Call {
	readonly world: World;
	readonly caller: string;
	readonly parameters: Parameters;

	constructor(world: World, caller: string | undefined, parameters: Parameters) {
		this.world = world;
		this.caller = caller ?? "";
		this.parameters = parameters;
	}

	/** A parameter of the path, which is always there. */
	parameter(name: string): string {
		return this.parameters[name] ?? "";
	}

	/** Holds one of the privileges on the path: what the lists are silently filtered by. */
	may(path: string, ...privileges: readonly string[]): boolean {
		const held = privilegesOn(this.world, this.caller, path);
		return privileges.some((privilege) => held.has(privilege));
	}
}

/** pve-common, RESTHandler.pm find_handler: empty path fragments are skipped. */
export function matchRoute(route: Route, method: string, path: string): Parameters | undefined {
	const wanted = fragments(route.path);
	const given = fragments(path);
	if (route.method !== method || wanted.length !== given.length) {
		return undefined;
	}

	const parameters: Record<string, string> = {};
	for (const [index, fragment] of wanted.entries()) {
		const name = /^\{(\w+)\}$/.exec(fragment)?.[1];
		const value = given[index] ?? "";
		if (name !== undefined) {
			parameters[name] = value;
		} else if (fragment !== value) {
			return undefined;
		}
	}

	return parameters;
}

function fragments(path: string): string[] {
	return path.split("/").filter((fragment) => fragment !== "");
}
