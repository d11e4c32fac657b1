import { checkPermission, type Parameters } from "./access-check.ts";
import { ApiError, ForwardError, parameterError, permissionError } from "./answer.ts";
import type { Caller } from "./authentication.ts";
import { Call, matchRoute, type Route } from "./route.ts";
import { accessRoutes } from "./routes/access.ts";
import { clusterRoutes } from "./routes/cluster.ts";
import { guestRoutes } from "./routes/guests.ts";
import { nodeRoutes } from "./routes/nodes.ts";
import type { World } from "./world.ts";

const endpoints: readonly Route[] = [...accessRoutes, ...nodeRoutes, ...guestRoutes, ...clusterRoutes];

const routes: readonly Route[] = [...endpoints, ...["/", "/access", "/cluster", "/nodes/{node}"].map(indexOf)];

/** pve-manager, HTTPServer.pm rest_handler: the order of the steps decides which error a caller gets. */
export function callApi(world: World, caller: Caller, method: string, path: string, query: Parameters): unknown {
	const found = routes.flatMap((route) => {
		const parameters = matchRoute(route, method, path);
		return parameters === undefined ? [] : [{ route, parameters }];
	})[0];
	if (found === undefined) {
		throw new ApiError(501, `Method '${method} ${path}' not implemented`);
	}

	const { route } = found;
	const parameters = { ...query, ...found.parameters };
	if (route.needsTicket === true && caller.usesToken) {
		// The line break is in the original, and cuts the closing parenthesis off the reason phrase.
		throw permissionError(`URI '${path}' not available with API token, need proper ticket.\n`);
	}

	const permission =
		typeof route.permission === "function" ? route.permission(world.generation.major) : route.permission;
	checkPermission(world, permission, caller.id, parameters);
	reachNode(world, route, parameters);
	if (route.byDaemon === true && world.state.pvedaemon === "down") {
		throw new ForwardError({ status: 595, reason: "Connection refused" });
	}

	verifyParameters(route, query, found.parameters);
	return route.answer(new Call(world, caller.id, parameters));
}

/** `find_handler` answers the parents of endpoints with what is below them. */
function indexOf(parent: string): Route {
	const depth = parent.split("/").filter((part) => part !== "").length;
	const key = parent === "/" || parent === "/access" ? "subdir" : "name";
	const names = endpoints
		.map(({ path }) => path.split("/").slice(1))
		.filter((parts) => parts.length > depth && `/${parts.slice(0, depth).join("/")}` === parent)
		.flatMap((parts) => parts[depth] ?? []);
	return {
		method: "GET",
		path: parent,
		permission: "all",
		answer: () => [...new Set(names)].map((name) => ({ [key]: name })),
	};
}

function reachNode({ state }: World, route: Route, { node: name = "" }: Parameters): void {
	if (route.onNode !== true || name === "localhost") {
		return;
	}

	const node = state.nodes.find((candidate) => candidate.node === name);
	if (node === undefined) {
		throw new ApiError(
			500,
			`hostname lookup '${name}' failed - failed to get address info for: ${name}: Name or service not known\n`,
		);
	}

	const failure = node.failure ?? (node.online === false ? { status: 595, reason: "No route to host" } : undefined);
	if (failure !== undefined) {
		throw new ForwardError(failure);
	}
}

/** pve-common, JSONSchema.pm validate, as far as a reader of the API meets it. */
function verifyParameters(route: Route, query: Parameters, inPath: Parameters): void {
	const errors: Record<string, string> = {};
	for (const name of Object.keys(query)) {
		if (route.parameters?.includes(name) !== true) {
			errors[name] = "property is not defined in schema and the schema does not allow additional properties";
		}
	}

	const vmid = inPath["vmid"] ?? query["vmid"];
	if (vmid !== undefined && !/^[1-9][0-9]{2,8}$/.test(vmid)) {
		errors["vmid"] = "invalid format - value does not look like a valid VM ID\n";
	}

	if (Object.keys(errors).length > 0) {
		throw parameterError(errors);
	}
}
