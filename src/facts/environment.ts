import * as z from "zod";
import { lineProblems } from "../access/envfile.ts";
import type { Environment } from "../access/environment.ts";
import type { World } from "../access/world.ts";
import { type ProxmoxVariable, proxmoxVariables } from "../knowledge/variables.ts";

const presence = z.enum(["unset", "empty", "set"]);
const origin = z.string().optional();
/** What a shell, an editor or `echo | base64` leaves around a value. */
const blemishes = z.array(z.enum(["quotes", "leading-blank", "trailing-blank", "inner-blank", "line-break"]));

/** `PROXMOX_URL` in its parts. `text` is as given, without what stands before an `@`. */
const urlVariable = z.object({
	presence,
	origin,
	text: z.string().optional(),
	scheme: z.string().optional(),
	host: z.string().optional(),
	port: z.number().int().optional(),
	path: z.string().optional(),
	userinfo: z.boolean(),
	malformed: z.boolean(),
	blemishes,
});

/** What a token ID can be mistaken for or damaged into. */
const tokenFaults = [
	"no-token-id",
	"no-realm",
	"short-token-id",
	"invalid-token-id",
	"escaped-exclamation-mark",
	"user-twice",
	"secret-appended",
	"header-pasted",
	"placeholder",
] as const;

/** `PROXMOX_TOKEN`: the token ID, `user@realm!tokenid`. `id` is only there where the value cannot hold a secret. */
const tokenVariable = z.object({
	presence,
	origin,
	shape: z.enum(["token-id", "uuid", "other"]).optional(),
	id: z.string().optional(),
	realm: z.string().optional(),
	faults: z.array(z.enum(tokenFaults)),
	blemishes,
});

/** `PROXMOX_SECRET`: only its shape. */
const secretVariable = z.object({
	presence,
	origin,
	shape: z.enum(["uuid", "uuid-upper-case", "token-id", "token-id-and-secret", "other"]).optional(),
	blemishes,
});

/** Fact `environment.proxmox`: the variables that lead to the Proxmox API, and the files they come from. */
export const environmentProxmox = z.object({
	url: urlVariable,
	token: tokenVariable,
	secret: secretVariable,
	/** CAPMOX skips verification when it is unset or exactly `true` (cmd/main.go). */
	insecure: z.object({ presence, origin, text: z.string().optional() }),
	/** Image-builder's name for the token ID. */
	username: z.object({
		presence,
		origin,
		shape: z.enum(["token-id", "other"]).optional(),
		faults: z.array(z.enum(tokenFaults)).optional(),
	}),
	conflicts: z.array(z.object({ name: z.string(), wins: z.string(), loses: z.array(z.string()) })),
	files: z.array(
		z.object({
			path: z.string(),
			/** Permission bits, octal, such as "644". */
			mode: z.string(),
			readableByOthers: z.boolean(),
			holdsSecret: z.boolean(),
			problems: z.array(
				z.object({ line: z.number().int(), problem: z.enum(lineProblems), name: z.string().optional() }),
			),
		}),
	),
});
export type EnvironmentProxmox = z.infer<typeof environmentProxmox>;

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A run that a secret with some characters missing, or without its hyphens, still has. */
const partOfUuid = /[0-9a-f-]{16}/i;
/** pve-access-control 9.1.1, AccessControl.pm and Auth/Plugin.pm: the last `@…!…` that fits is taken. */
const tokenId = /^([^\s:/]+)@([A-Za-z][A-Za-z0-9.\-_]+)!([A-Za-z][A-Za-z0-9.\-_]+)$/;
const isProxmoxVariable = (name: string | undefined): boolean => proxmoxVariables.some((known) => known === name);

/** Reads the shapes; the values themselves stay in access/. */
export function parseEnvironmentProxmox(environment: Environment): EnvironmentProxmox {
	const look = (name: ProxmoxVariable) => {
		const [winner] = environment.lookUp(name);
		if (winner === undefined) {
			return { base: { presence: "unset" as const }, value: "" };
		}

		const presence = winner.value.trim() === "" ? ("empty" as const) : ("set" as const);
		return { base: { presence, origin: winner.origin }, value: winner.value };
	};
	const url = look("PROXMOX_URL");
	const token = look("PROXMOX_TOKEN");
	const secret = look("PROXMOX_SECRET");
	const insecure = look("PROXMOX_INSECURE");
	const username = look("PROXMOX_USERNAME");
	return {
		url: { ...url.base, ...parseUrl(url.value) },
		token: { ...token.base, ...parseToken(token.value) },
		secret: { ...secret.base, ...parseSecret(secret.value) },
		insecure: { ...insecure.base, ...parseInsecure(insecure.value) },
		username: {
			...username.base,
			...(username.base.presence === "set" ? describeUsername(username.value) : {}),
		},
		conflicts: proxmoxVariables.flatMap((name) => {
			const [winner, ...others] = environment.lookUp(name);
			const losers = others.filter(({ value }) => value !== winner?.value);
			return winner === undefined || losers.length === 0
				? []
				: [{ name, wins: winner.origin, loses: losers.map(({ origin }) => origin) }];
		}),
		files: environment.files.map(({ path, mode, names, problems }) => ({
			path,
			mode: mode.toString(8),
			readableByOthers: (mode & 0o044) !== 0,
			holdsSecret: names.includes("PROXMOX_SECRET") || names.includes("PROXMOX_TOKEN"),
			problems: problems.filter(
				({ name, problem }) => name === undefined || problem === "invalid-yaml" || isProxmoxVariable(name),
			),
		})),
	};
}

/** Only words that people write for yes and no are kept: anything may have been pasted here. */
function parseInsecure(value: string): { presence?: "set"; text?: string } {
	if (value === "") {
		return {};
	}

	return { presence: "set", text: /^(?:true|false|yes|no|on|off|[yntf01])$/i.test(value) ? value : "another text" };
}

export function parseUrl(given: string): Omit<EnvironmentProxmox["url"], "presence" | "origin"> {
	const trimmed = unquote(given);
	const blemishes = blemishesOf(given);
	if (trimmed === "") {
		return { userinfo: false, malformed: false, blemishes };
	}

	const [, scheme, rest = ""] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*)$/s.exec(trimmed) ?? [];
	const userinfo = trimmed.includes("@");
	const base = {
		// What stands before an @ or behind a ? may be a secret.
		text: trimmed.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/*)?.*@/s, "$1…@").replace(/\?.*$/s, "?…"),
		...(scheme === undefined ? {} : { scheme: scheme.toLowerCase() }),
		userinfo,
		blemishes,
	};
	const authority = /^[^/?#]*/.exec(rest)?.[0] ?? "";
	const complete = scheme === undefined ? `https://${trimmed}` : trimmed;
	const parsed = URL.canParse(complete) ? new URL(complete) : undefined;
	if (parsed === undefined || !isHostAsWritten(authority, parsed) || (userinfo && !authority.includes("@"))) {
		return { ...base, malformed: true };
	}

	// URL drops a port that is the scheme's default, yet `:443` written out is a decision.
	const port = /:(\d+)$/.exec(authority)?.[1];
	const path = `${parsed.pathname === "/" ? "" : parsed.pathname}${parsed.search === "" ? "" : "?…"}${parsed.hash}`;
	return {
		...base,
		host: parsed.hostname,
		...(port === undefined ? {} : { port: Number(port) }),
		...(path === "" ? {} : { path }),
		malformed: !["http:", "https:"].includes(parsed.protocol),
	};
}

/** JavaScript reads `127.1`, `%31` and backslashes into a host; Go, and so CAPMOX, does not. Both know non-ASCII names. */
function isHostAsWritten(authority: string, { hostname, protocol }: URL): boolean {
	const host = authority.replace(/^.*@/s, "").replace(/:\d*$/, "");
	if (hostname === "" || /[\\%\s]/.test(host) || (host.toLowerCase() === "https" && protocol === "https:")) {
		return false;
	}

	return host.startsWith("[") || /[^\0-\x7F]/.test(host) || host.toLowerCase() === hostname.toLowerCase();
}

function parseToken(given: string): Omit<EnvironmentProxmox["token"], "presence" | "origin"> {
	const value = unquote(given);
	const blemishes = blemishesOf(given);
	if (value === "") {
		return { faults: [], blemishes };
	}

	if (uuid.test(value.toLowerCase())) {
		return { shape: "uuid", faults: [], blemishes };
	}

	if (/^PVEAPIToken[= ]/.test(value)) {
		return { shape: "other", faults: ["header-pasted"], blemishes };
	}

	const [, user = "", realm = "", id = ""] = tokenId.exec(value) ?? [];
	if (id !== "" && !user.includes("!")) {
		const faults =
			/^(?:token-?id|token|id|name)$/i.test(id) && id === id.toUpperCase() ? (["placeholder"] as const) : [];
		return { shape: "token-id", ...shown(value), realm, faults: [...faults], blemishes };
	}

	return { shape: "other", ...shown(value), faults: tokenFaultsOf(value), blemishes };
}

const describeUsername = (value: string): { shape: "token-id" | "other"; faults?: (typeof tokenFaults)[number][] } =>
	tokenId.test(value) ? { shape: "token-id" } : { shape: "other", faults: parseToken(value).faults };

const shown = (value: string): { id?: string } => (mayHoldSecret(value) ? {} : { id: value });

/** A user, with or without a token ID behind it, is no secret; whatever else stands in PROXMOX_TOKEN may be, or hold, one. */
export const mayHoldSecret = (value: string): boolean =>
	partOfUuid.test(value) || !/^[^\s:/=,;]+@[A-Za-z][\w.-]*(?:\\?![\w.@!-]*)?$/.test(unquote(value));

/** A shell puts the lines behind a forgotten quote into the value, `export PROXMOX_SECRET=…` among them. */
export const secretsWithin = (value: string): readonly string[] =>
	[...value.matchAll(/(?:SECRET|TOKEN)\s*[=:]\s*["']?([^\s"']+)/g)]
		.map(([, found = ""]) => found)
		.filter(mayHoldSecret);

function tokenFaultsOf(value: string): (typeof tokenFaults)[number][] {
	if (value.includes("\\!")) {
		return ["escaped-exclamation-mark"];
	}

	if (/![^=]*=/.test(value)) {
		return ["secret-appended"];
	}

	if (/@.*!.*@.*!/.test(value)) {
		return ["user-twice"];
	}

	const [, before = value, after] = /^(.*)!(.*)$/s.exec(value) ?? [];
	if (!/@[A-Za-z][A-Za-z0-9.\-_]+$/.test(before)) {
		return after === undefined ? ["no-realm", "no-token-id"] : ["no-realm"];
	}

	if (after === undefined || after === "") {
		return ["no-token-id"];
	}

	return after.length === 1 ? ["short-token-id"] : ["invalid-token-id"];
}

function parseSecret(given: string): Omit<EnvironmentProxmox["secret"], "presence" | "origin"> {
	const value = unquote(given);
	const blemishes = blemishesOf(given);
	if (value === "") {
		return { blemishes };
	}

	if (uuid.test(value)) {
		return { shape: "uuid", blemishes };
	}

	if (uuid.test(value.toLowerCase())) {
		return { shape: "uuid-upper-case", blemishes };
	}

	if (/@.*!.*=/.test(value)) {
		return { shape: "token-id-and-secret", blemishes };
	}

	return { shape: tokenId.test(value) ? "token-id" : "other", blemishes };
}

/** The value without what `blemishesOf` reports. */
export const unquote = (given: string): string =>
	given
		.trim()
		.replace(/^(["'])(.*)\1$/s, "$2")
		.trim();

function blemishesOf(given: string): EnvironmentProxmox["secret"]["blemishes"] {
	const trimmed = given.trim();
	const found: EnvironmentProxmox["secret"]["blemishes"] = [];
	if (trimmed === "") {
		return found;
	}

	if (/["']/.test(trimmed)) {
		found.push("quotes");
	}

	if (/[\r\n]/.test(given)) {
		found.push("line-break");
	} else if (/[ \t]$/.test(given)) {
		found.push("trailing-blank");
	}

	if (/^\s/.test(given)) {
		found.push("leading-blank");
	}

	// HTTP drops blanks and tabs at the end; a no-break space or a vertical tab stays, or is refused.
	if (/[\s\0-\x1F\x7F]/.test(given.replace(/[ \t\r\n]+$/, "").replace(/^\s+/, ""))) {
		found.push("inner-blank");
	}

	return found;
}

export const readEnvironmentProxmox = async (world: World): Promise<EnvironmentProxmox> =>
	parseEnvironmentProxmox(await world.environment());
