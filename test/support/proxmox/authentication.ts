import { ApiError, permissionError, type Request, unescape } from "./answer.ts";
import { isUserId, splitTokenId } from "./identity.ts";
import { privilegesOn } from "./permissions.ts";
import type { World } from "./world.ts";

export interface Caller {
	/** A user or token ID; nobody on the endpoints that are open to all. */
	readonly id: string | undefined;
	readonly usesToken: boolean;
}

/** What the client sent to prove who it is; empty values count as none (pve-http-server, Formatter.pm extract_auth_value). */
export interface Credentials {
	readonly ticket: string | undefined;
	readonly token: string | undefined;
}

/** The cookie wins over a ticket in the Authorization header, and that over a token (AnyEvent.pm authenticate_and_handle_request). */
export function credentialsIn({ headers }: Request, cookie = "PVEAuthCookie"): Credentials {
	const ticket = authValue(headers["cookie"], cookie) ?? authValue(headers["authorization"], cookie);
	return { ticket, token: ticket === undefined ? authValue(headers["authorization"], "PVEAPIToken") : undefined };
}

/** pve-manager, HTTPServer.pm auth_handler. Throws what the server answers with an empty body, after its delay. */
export function authenticate(world: World, request: Request, path: string): Caller {
	if (world.state.pmxcfs === "down") {
		throw new ApiError(
			500,
			"RPCEnvironment init request failed: Unable to load access control list: Connection refused\n",
		);
	}

	const credentials = credentialsIn(request);
	const usesToken = credentials.token !== undefined;
	if (isOpen(request.method, path)) {
		return { id: undefined, usesToken };
	}

	const id = identify(world, credentials);
	checkUpload(world, request.method, path, id);
	return { id, usesToken };
}

function authValue(header: string | undefined, scheme: string): string | undefined {
	const value = new RegExp(`(?:^|\\s)${scheme}(?:=| )([^;]*)`).exec(header ?? "")?.[1] ?? "";
	return value === "" ? undefined : unescape(value);
}

function isOpen(method: string, path: string): boolean {
	return (
		(path === "/access/domains" && method === "GET") ||
		(path === "/access/ticket" && (method === "GET" || method === "POST"))
	);
}

function identify(world: World, { token, ticket }: Credentials): string {
	if (token === undefined && ticket === undefined) {
		throw new ApiError(401, "No ticket\n");
	}

	try {
		if (token === undefined) {
			throw new ApiError(401, "permission denied - invalid PVE ticket\n");
		}

		return verifyToken(world, token);
	} catch (error) {
		throw world.generation.hidesReasons ? new ApiError(401, "Authentication failed!\n") : error;
	}
}

/** pve-access-control, AccessControl.pm verify_token, with the same checks in the same order. */
function verifyToken({ state }: World, text: string): string {
	const [, id, secret] = /^(.*)=(.*)$/.exec(text) ?? [];
	if (id === undefined) {
		throw new ApiError(401, "no tokenid specified\n");
	}

	const parts = splitTokenId(id);
	if (parts === undefined) {
		throw new ApiError(401, `'${id}' is not a valid token ID - not able to split into user and token parts\n`);
	}

	checkUser(state.users, parts.owner);
	const token = state.tokens[id];
	if (token === undefined) {
		throw new ApiError(401, `no such token '${parts.name}' for user '${parts.owner}'\n`);
	}

	if (isPast(token.expire)) {
		throw new ApiError(401, `token '${parts.name}' access expired\n`);
	}

	if (token.secret !== secret) {
		throw new ApiError(401, "invalid token value!\n");
	}

	return id;
}

function checkUser(users: World["state"]["users"], name: string): void {
	if (name.length > 64) {
		throw new ApiError(401, `user name '${name}' is too long (${name.length} > 64)\n`);
	}

	const user = isUserId(name) ? users[name] : undefined;
	if (user === undefined) {
		throw new ApiError(401, `no such user ('${name}')\n`);
	}

	if (user.enabled === false) {
		throw new ApiError(401, `user '${name}' is disabled\n`);
	}

	if (isPast(user.expire)) {
		throw new ApiError(401, `user '${name}' access expired\n`);
	}
}

function isPast(expire = 0): boolean {
	return expire > 0 && expire < Date.now() / 1000;
}

/** An upload's permission is checked before its body is read, so its refusal looks like a failed authentication. */
function checkUpload(world: World, method: string, path: string, id: string): void {
	const storage = /^\/nodes\/[^/]+\/storage\/([^/]+)\/upload$/.exec(path)?.[1];
	if (method !== "POST" || storage === undefined) {
		return;
	}

	const privilege = "Datastore.AllocateTemplate";
	if (!privilegesOn(world, id, `/storage/${storage}`).has(privilege)) {
		throw permissionError(`/storage/${storage}, ${privilege}`);
	}
}
