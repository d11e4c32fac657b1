import { type Answer, ApiError, pathOf, type Request } from "./answer.ts";
import { credentialsIn } from "./authentication.ts";
import { answerLikePveproxy } from "./pveproxy.ts";
import type { World } from "./world.ts";

/** A server that may sit where Proxmox VE is expected. */
export interface Product {
	/** On every answer. */
	readonly headers: Readonly<Record<string, string>>;
	readonly compresses: boolean;
	answer(world: World, request: Request): Answer;
}

export type ProductName = keyof typeof products;

const apiDaemon = { Server: "pve-api-daemon/3.0", "Cache-Control": "max-age=0", Pragma: "no-cache" } as const;

export const products = {
	pve: {
		headers: apiDaemon,
		compresses: true,
		answer: (world, request) => answerLikePveproxy(world, request),
	},
	/** Proxmox Mail Gateway: the same daemon on the same port, but no tokens, and its realms are listed elsewhere. */
	pmg: { headers: apiDaemon, compresses: true, answer: answerLikeMailGateway },
	/** Proxmox Backup Server: another daemon, another token scheme. */
	pbs: { headers: {}, compresses: false, answer: answerLikeBackupServer },
	/** A reverse proxy that sends everyone without its own session to its own login. */
	"login-proxy": { headers: { Server: "nginx" }, compresses: false, answer: answerLikeLoginProxy },
} as const satisfies Record<string, Product>;

/** pmg-api, src/PMG/HTTPServer.pm */
function answerLikeMailGateway(world: World, request: Request): Answer {
	if (request.secure && request.method === "GET" && pathOf(request.target) === "/api2/json/access/auth-realm") {
		return json({
			data: [
				{ realm: "pam", type: "pam" },
				{ realm: "pmg", type: "pmg" },
			],
		});
	}

	return answerLikePveproxy(world, request, () => {
		const { token, ticket } = credentialsIn(request, "PMGAuthCookie");
		if (token !== undefined) {
			throw new ApiError(401, "API tokens not implemented\n");
		}

		throw new ApiError(401, ticket === undefined ? "No ticket\n" : "permission denied - invalid PMG ticket\n");
	});
}

/** proxmox-rs, proxmox-rest-server/src/rest.rs and formatter.rs: the phrase is the standard one, the reason is the body. */
function answerLikeBackupServer({ state }: World, { method, headers, target }: Request): Answer {
	const path = pathOf(target);
	if (path === "/api2/json/access/domains") {
		return json({
			data: [
				{ realm: "pam", type: "pam" },
				{ realm: "pbs", type: "pbs" },
			],
		});
	}

	if (!path.startsWith("/api2/")) {
		return { status: 404, reason: "Not Found", headers: jsonType, body: `Path '${path}' not found.` };
	}

	const [, token = "", secret] = /^PBSAPIToken[= ](.*):(.*)$/.exec(headers["authorization"] ?? "") ?? [];
	if (secret === undefined || state.tokens[token]?.secret !== secret) {
		return { status: 401, reason: "Unauthorized", headers: jsonType, body: "authentication failed", withheld: true };
	}

	if (method === "GET" && path === "/api2/json/version") {
		return json({ data: { version: "4.0", release: "15", repoid: "5a1b2c3d4e5f6071" } });
	}

	return { status: 404, reason: "Not Found", headers: jsonType, body: `Path '${path}' not found.` };
}

function answerLikeLoginProxy(_: World, { headers, target }: Request): Answer {
	if (pathOf(target) === "/login") {
		const body = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form></form></body></html>\n";
		return { status: 200, reason: "OK", headers: { "Content-Type": "text/html; charset=utf-8" }, body };
	}

	const back = encodeURIComponent(target);
	return {
		status: 302,
		reason: "Found",
		headers: { "Content-Type": "text/html", Location: `https://${headers["host"] ?? "localhost"}/login?rd=${back}` },
		body: "<html><head><title>302 Found</title></head></html>\n",
	};
}

const jsonType = { "Content-Type": "application/json;charset=UTF-8" } as const;

function json(value: unknown): Answer {
	return { status: 200, reason: "OK", headers: jsonType, body: JSON.stringify(value) };
}
