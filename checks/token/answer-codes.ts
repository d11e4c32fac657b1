import type { Access, Environment, TokenCode } from "./findings.ts";

export type Answered = Extract<Access["open"], { kind: "answered" }>;

/** Reason phrases of pve-access-control up to pve-manager 9.1.4 and 8.4.16; later ones say only "Authentication failed!". */
const reasons: readonly (readonly [RegExp, TokenCode])[] = [
	[/^no such token /, "unknown-token"],
	[/^invalid token value/, "wrong-secret"],
	[/^token '.*' access expired/, "token-expired"],
	[/^user '.*' is disabled/, "user-disabled"],
	[/^user '.*' access expired/, "user-expired"],
	[/is not a valid token ID|^no tokenid specified/, "token-malformed"],
	[/^No ticket/, "no-ticket"],
	// Proxmox Mail Gateway: the same daemon on the same port, without tokens (pmg-api, PMG/HTTPServer.pm).
	[/^API tokens not implemented/, "other-proxmox-product"],
];

/** Which finding an answer to the request with the token is. */
export function codeOf(environment: Environment, access: Access, { status, reason, server }: Answered): TokenCode {
	switch (status) {
		case 200:
			return "unexpected-answer";
		case 401:
			return codeOf401(environment, access, reason, server);
		case 403:
			return "forbidden";
		case 501:
			return "not-implemented";
		case 595:
		case 596:
		case 599:
			return "node-unreachable";
		case 500:
			return reason.startsWith("RPCEnvironment init request failed") ? "access-control-unavailable" : "server-error";
		case 502:
		case 503:
		case 504:
			return "bad-gateway";
		default:
			return status > 500 ? "server-error" : "unexpected-answer";
	}
}

function codeOf401({ token }: Environment, { realms }: Access, reason: string, server: string | undefined): TokenCode {
	const realmIsMissing =
		token.realm !== undefined && realms !== undefined && !realms.some(({ realm }) => realm === token.realm);
	if (reason.startsWith("no such user") || reason.startsWith("Authentication failed!")) {
		return realmIsMissing ? "unknown-realm" : reason.startsWith("no such user") ? "unknown-user" : "rejected";
	}

	return (
		reasons.find(([pattern]) => pattern.test(reason))?.[1] ??
		(server?.startsWith("pve-api-daemon") === true ? "rejected" : "not-proxmox")
	);
}
