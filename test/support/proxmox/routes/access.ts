import { ApiError, permissionError } from "../answer.ts";
import { splitTokenId } from "../identity.ts";
import { effectivePermissions, type Held, privilegesOn } from "../permissions.ts";
import type { Call, Route } from "../route.ts";
import type { Token } from "../state.ts";

const ownerOrAdministrator = { or: [{ userIs: "self" }, { userInGroupWith: ["User.Modify"] }] } as const;

export const accessRoutes: readonly Route[] = [
	{ method: "GET", path: "/version", permission: "all", answer: ({ world }) => world.version },
	{ method: "GET", path: "/access/domains", permission: "world", answer: ({ world }) => world.state.realms },
	{
		method: "POST",
		path: "/access/ticket",
		permission: "world",
		parameters: ["username", "password", "realm", "otp", "new-format", "tfa-challenge", "path", "privs"],
		needsTicket: true,
		answer: () => {
			// The stand-in has no passwords, so none is right.
			throw new ApiError(401, "authentication failure\n");
		},
	},
	{
		method: "GET",
		path: "/access/permissions",
		permission: "all",
		parameters: ["path", "userid"],
		answer: permissions,
	},
	{
		method: "GET",
		path: "/access/users/{userid}/token",
		permission: ownerOrAdministrator,
		answer: ({ world, parameters: { userid } }) =>
			Object.entries(world.state.tokens).flatMap(([id, token]) => {
				const parts = splitTokenId(id);
				return parts?.owner === userid ? [{ tokenid: parts?.name, ...tokenInfo(token) }] : [];
			}),
	},
	{
		method: "GET",
		path: "/access/users/{userid}/token/{tokenid}",
		permission: ownerOrAdministrator,
		answer: (call) => {
			const [userid, tokenid] = [call.parameter("userid"), call.parameter("tokenid")];
			const token = call.world.state.tokens[`${userid}!${tokenid}`];
			if (token === undefined) {
				throw new ApiError(500, `no such token '${tokenid}' for user '${userid}'\n`);
			}

			return tokenInfo(token);
		},
	},
];

/** pve-access-control, API2/AccessControl.pm permissions. */
function permissions({ world, caller, parameters: { path, userid } }: Call): unknown {
	const mayAsk = userid === undefined || (userid === caller && world.generation.showsOwnPermissions);
	if (!mayAsk && !privilegesOn(world, caller, "/access").has("Sys.Audit")) {
		throw permissionError("/access, Sys.Audit");
	}

	const who = userid ?? caller;
	const held =
		path === undefined ? effectivePermissions(world, who) : new Map([[path, privilegesOn(world, who, path)]]);
	return Object.fromEntries([...held].map(([on, privileges]) => [on, asObject(privileges)]));
}

function asObject(held: Held): Record<string, number> {
	return Object.fromEntries(held);
}

function tokenInfo({ privsep, expire, comment }: Token): Record<string, unknown> {
	return { privsep: privsep === false ? 0 : 1, expire: expire ?? 0, ...(comment === undefined ? {} : { comment }) };
}
