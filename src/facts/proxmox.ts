import * as z from "zod";
import type { Peer } from "../access/connection.ts";
import type { World } from "../access/world.ts";
import type { Know } from "./probe.ts";
import { type Asked, ask, type Exchange, exchange, openProxmox } from "./proxmox-session.ts";

const timestamp = z.iso.datetime();

/** Fact `proxmox.access`: one look at the API without, then with the token; at most two requests. */
export const proxmoxAccess = z.object({
	/** Where was asked: PROXMOX_URL without userinfo and `/api2/json`. */
	url: z.string(),
	/** CAPMOX would go on with an untrusted certificate. */
	insecure: z.boolean(),
	/** Roots of the user's own were given. */
	ownRoots: z.boolean(),
	certificate: z
		.object({
			chainError: z.string().optional(),
			nameMatches: z.boolean(),
			names: z.array(z.string()),
			subject: z.string(),
			issuer: z.string(),
			notBefore: timestamp,
			notAfter: timestamp,
			fingerprint: z.string(),
		})
		.optional(),
	/** `GET /access/domains` without credentials, which Proxmox VE answers to anyone. */
	open: exchange,
	realms: z.array(z.object({ realm: z.string(), type: z.string() })).optional(),
	/** `GET /version` with the token. */
	authenticated: exchange,
	version: z.object({ version: z.string(), release: z.string().optional() }).optional(),
	/** Seconds by which the server's clock is ahead of this one; whole seconds are all that `Date` carries. */
	clockAhead: z.number().optional(),
});
export type ProxmoxAccess = z.infer<typeof proxmoxAccess>;

export async function readProxmoxAccess(
	world: World,
	know: Know,
	signal: AbortSignal,
	note: (seen: string) => void,
): Promise<ProxmoxAccess> {
	const { url, insecure, ownRoots, api, credentials } = await openProxmox(world, know);
	try {
		note(`GET ${url}/api2/json/access/domains`);
		const open = await ask(api, "access/domains", signal);
		const reachable = open.exchange.kind === "answered";
		let authenticated: Exchange = { kind: "not-sent", because: "the server could not be asked at all" };
		let version: ProxmoxAccess["version"];
		if (reachable && !speaksProxmox(open)) {
			authenticated = { kind: "not-sent", because: "what answered does not look like a Proxmox API" };
		} else if (reachable && typeof credentials !== "string") {
			authenticated = { kind: "not-sent", because: credentials.because };
		} else if (reachable && typeof credentials === "string") {
			note(`GET ${url}/api2/json/version`);
			const answer = await ask(api, "version", signal, `PVEAPIToken=${credentials}`);
			authenticated = answer.exchange;
			version = parseVersion(answer.body);
		}

		const peer = api.peer();
		const realms = parseRealms(open.body);
		return {
			url,
			insecure,
			ownRoots,
			...(peer === undefined ? {} : { certificate: describe(peer) }),
			open: open.exchange,
			...(realms === undefined ? {} : { realms }),
			authenticated,
			...(version === undefined ? {} : { version }),
			...(open.date === undefined
				? {}
				: { clockAhead: Math.round((open.date.getTime() - world.now().getTime()) / 1_000) }),
		};
	} finally {
		api.close();
	}
}

/**
 * pveproxy names itself in every answer, also in a 401; a reverse proxy may drop the name but not the realms. Proxmox
 * Backup Server lists realms, too, but none of type pve. A redirect is no answer.
 */
function speaksProxmox({ exchange, body }: Asked): boolean {
	const realms = parseRealms(body);
	if (realms !== undefined) {
		return realms.some(({ type }) => type === "pve");
	}

	return (
		exchange.kind === "answered" &&
		exchange.server?.startsWith("pve-api-daemon") === true &&
		exchange.location === undefined
	);
}

const domains = z.object({ data: z.array(z.object({ realm: z.string(), type: z.string() })) });
const parseRealms = (body: unknown): ProxmoxAccess["realms"] => domains.safeParse(body).data?.data;

const versionAnswer = z.object({
	data: z.object({ version: z.string().regex(/^\d[\w.+~-]{0,40}$/), release: z.string().optional() }),
});
const parseVersion = (body: unknown): ProxmoxAccess["version"] => versionAnswer.safeParse(body).data?.data;

const describe = (peer: Peer): NonNullable<ProxmoxAccess["certificate"]> => ({
	...peer,
	names: [...peer.names],
	notBefore: peer.notBefore.toISOString(),
	notAfter: peer.notAfter.toISOString(),
});
