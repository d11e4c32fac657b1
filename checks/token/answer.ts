import { found } from "../../src/check.ts";
import { advise, write } from "../steps.ts";
import {
	type Access,
	changeOnNode,
	type Environment,
	findings,
	namesOf,
	onNode,
	type TokenCode,
	type TokenFinding,
} from "./findings.ts";

type Answered = Extract<Access["open"], { kind: "answered" }>;
type Step = ReturnType<typeof advise>;
type Steps = readonly [Step, ...Step[]];

/** Proxmox VE answered `GET /version` with its version: the token is good. */
export const isAccepted = ({ authenticated, version }: Access): boolean =>
	authenticated.kind === "answered" && authenticated.status === 200 && version !== undefined;

/** What the server said, to the request with the token or, where that was not sent, to the one without. What the `explained` codes would say is known already. */
export function judgeAnswer(environment: Environment, access: Access, explained: readonly TokenCode[]): TokenFinding[] {
	const { open, authenticated } = access;
	if (authenticated.kind === "answered") {
		return isAccepted(access) ? [] : judgeAuthenticated(environment, access, authenticated, explained);
	}

	return open.kind === "answered" && authenticated.kind === "not-sent" ? judgeStranger(environment, access, open) : [];
}

/** The open question already shows that this is not Proxmox VE, so the token was not shown to it. */
function judgeStranger(environment: Environment, access: Access, open: Answered): TokenFinding[] {
	const realms = access.realms?.map(({ realm, type }) => `${realm} (${type})`).join(", ");
	if (
		access.realms?.some(({ type }) => type === "pve") === true ||
		(open.server?.startsWith("pve-api-daemon") === true && open.location === undefined)
	) {
		return [];
	}

	const evidence = {
		from: `GET ${access.url}/api2/json/access/domains without the token`,
		saw: realms === undefined ? describe(open) : `the realms ${realms}`,
		expected: "JSON with a realm of type pve",
	};
	const right = nodeAddress(environment);
	if (realms !== undefined) {
		return [
			found(
				"other-proxmox-product",
				"Another Proxmox product answers here; Proxmox Backup Server listens on 8007, Datacenter Manager on 8443, Proxmox VE on 8006.",
				evidence,
				right,
			),
		];
	}

	if ([502, 503, 504].includes(open.status)) {
		return [
			found(
				"bad-gateway",
				`A reverse proxy answers ${open.status}: it reaches no Proxmox VE behind it. CAPMOX would show "unexpected end of JSON input" or "invalid character '<'".`,
				evidence,
				onNode("See whether the API's server runs.", "systemctl", "status", "pveproxy"),
				right,
			),
		];
	}

	return [
		found(
			"not-proxmox",
			`What answers is not the Proxmox VE API${open.location === undefined ? "" : `, and sends one on to ${open.location}`}. The token was not sent there; CAPMOX would, and then show "invalid character '<'".`,
			evidence,
			right,
			advise(
				"Where a reverse proxy with a login of its own is in between, go past it, or let it pass /api2/json untouched.",
			),
		),
	];
}

function judgeAuthenticated(
	environment: Environment,
	access: Access,
	answer: Answered,
	explained: readonly TokenCode[],
): TokenFinding[] {
	const code = codeOf(environment, access, answer);
	if (explained.includes(code)) {
		return [];
	}

	const [advice, ...more] = remedies(code, environment, access);
	const finding = found(
		code,
		summaryOf(code, environment, access, answer),
		{
			from: `GET ${access.url}/api2/json/version with ${environment.token.id ?? "the token"}`,
			saw: describe(answer),
			expected: "200 and the version",
		},
		advice,
		...more,
	);
	return [
		code === "rejected" || code === "no-ticket"
			? { ...finding, evidence: [...finding.evidence, realmEvidence(access)] }
			: finding,
	];
}

const describe = ({ status, reason, body, text, milliseconds }: Answered): string =>
	`${status} ${reason}${body === "json" || body === "empty" ? "" : `, ${body}: ${text ?? ""}`} after ${(milliseconds / 1_000).toFixed(1)} s`;

/** Neither accepted nor explained: said plainly, because the token was not seen to work. */
export const unexpectedAnswer = ({ url, authenticated }: Access): TokenFinding =>
	found(
		"unexpected-answer",
		"The token was not seen to work, and nothing else explains it.",
		{
			from: `GET ${url}/api2/json/version`,
			saw:
				authenticated.kind === "answered"
					? describe(authenticated)
					: authenticated.kind === "not-sent"
						? `not sent: ${authenticated.because}`
						: authenticated.kind,
			expected: "200 and the version",
		},
		onNode("Read the log of the API's server.", "journalctl", "-u", "pveproxy", "--since", "-1h"),
	);

const realmEvidence = ({ realms }: Access) => ({
	from: "GET /access/domains",
	saw: realms === undefined ? "no list of realms" : `the realms ${realms.map(({ realm }) => realm).join(", ")}`,
});

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

function codeOf(environment: Environment, access: Access, { status, reason, server }: Answered): TokenCode {
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

function summaryOf(code: TokenCode, environment: Environment, access: Access, { reason, status }: Answered): string {
	const { user, id } = namesOf(environment);
	const { token } = environment;
	switch (code) {
		case "wrong-secret":
			return `Proxmox VE knows the token ${user}!${id}, but not with this secret. A token that is created again gets a new one.`;
		case "unknown-token":
			return `Proxmox VE knows ${user}, but no token ${id} of it.`;
		case "unknown-user":
			return `Proxmox VE knows no user ${user}.`;
		case "unknown-realm":
			return `Proxmox VE has no realm ${token.realm ?? ""}: there are ${(access.realms ?? []).map(({ realm }) => realm).join(", ")}.`;
		case "rejected":
			return `Proxmox VE rejects ${token.id ?? "the token"}. ${environment.secret.shape === "uuid" && token.shape === "token-id" ? "The value is well formed and its realm exists, so" : "So"} user or token is unknown, expired or disabled, or the secret is another. Since 9.1.5 and 8.4.17 only the server's log says which.`;
		case "no-ticket":
			return "The server saw no token at all. Something between here and Proxmox VE takes the Authorization header away.";
		case "forbidden":
			return `The server answers 403 ("${reason}") to /version, which needs no privilege: this comes from something in front of Proxmox VE.`;
		case "not-implemented":
			return `The server knows no such path: ${reason}.`;
		case "node-unreachable":
			return `The node answers ${status} (${reason}): it passed the request on to another service or node, and that did not answer. CAPMOX shows this as "unexpected end of JSON input".`;
		default:
			return `${findings[code].means} It said ${status} ${reason}.`;
	}
}

const nodeAddress = ({ url }: Environment): Step =>
	write("Give the address of a Proxmox VE node.", "export PROXMOX_URL='https://pve.example.com:8006'", url.origin);

const readLog = onNode(
	"Read the reason in the log of the node that answered; it names user and token.",
	"journalctl",
	"-u",
	"pveproxy",
	"--since",
	"-1h",
	"--grep",
	"authentication failure",
);

function remedies(code: TokenCode, environment: Environment, access: Access): Steps {
	const { user, id } = namesOf(environment);
	const list = onNode("See which tokens the user has, and when they expire.", "pveum", "user", "token", "list", user);
	const users = onNode("See whether the user exists, is enabled, and when it expires.", "pveum", "user", "list");
	const keep = advise(
		"Then put the new secret into PROXMOX_SECRET here, and into the Secret capmox-manager-credentials of the management cluster.",
	);
	const create = (advice: string) =>
		changeOnNode(
			`pveum user token remove ${user} ${id}`,
			advice,
			"pveum",
			"user",
			"token",
			"add",
			user,
			id,
			"--privsep",
			"0",
		);
	const remove: Step = {
		...onNode(
			`Where the secret is lost, remove the token: a secret cannot be read again. Everything that uses ${user}!${id} must get the new one.`,
			"pveum",
			"user",
			"token",
			"remove",
			user,
			id,
		),
		risk: "destroys",
	};
	const renew: Steps = [remove, create("Create it again; the new secret is shown this once."), keep];
	switch (code) {
		case "wrong-secret":
			return [list, ...renew];
		case "unknown-token":
			return [list, create("Or create this one; its secret is shown this once."), keep];
		case "unknown-user":
			return [
				users,
				changeOnNode(`pveum user delete ${user}`, "Create the user, then its token.", "pveum", "user", "add", user),
				keep,
			];
		case "unknown-realm":
			return [
				onNode("See which realms there are.", "pveum", "realm", "list"),
				write(
					"Name the right one behind the @.",
					`export PROXMOX_TOKEN='${user.split("@")[0] ?? "capmox"}@${access.realms?.find(({ type }) => type === "pve")?.realm ?? "pve"}!${id}'`,
					environment.token.origin,
				),
			];
		case "token-expired":
			return [
				list,
				changeOnNode(
					"set the former time with --expire",
					"Let it live on; 0 means for ever.",
					"pveum",
					"user",
					"token",
					"modify",
					user,
					id,
					"--expire",
					"0",
				),
			];
		case "user-disabled":
			return [
				users,
				changeOnNode(
					`pveum user modify ${user} --enable 0`,
					"Enable the user.",
					"pveum",
					"user",
					"modify",
					user,
					"--enable",
					"1",
				),
			];
		case "user-expired":
			return [
				users,
				changeOnNode(
					"set the former time with --expire",
					"Let the user live on; 0 means for ever.",
					"pveum",
					"user",
					"modify",
					user,
					"--expire",
					"0",
				),
			];
		case "rejected":
			return [readLog, list, ...renew];
		case "token-malformed":
			return [
				readLog,
				write(
					"Write token ID and secret anew, each in single quotes.",
					`export PROXMOX_TOKEN='${user}!${id}'`,
					environment.token.origin,
				),
			];
		case "other-proxmox-product":
			return [nodeAddress(environment)];
		case "not-implemented":
			return [nodeAddress(environment), advise("Or let the reverse proxy pass /api2/json on as it is.")];
		case "no-ticket":
		case "forbidden":
		case "not-proxmox":
		case "bad-gateway":
			return [
				write(
					"Go past the reverse proxy, straight to a node.",
					"export PROXMOX_URL='https://pve.example.com:8006'",
					environment.url.origin,
				),
				advise("Or let it pass the header Authorization and the path /api2/json untouched."),
			];
		case "node-unreachable":
			return [
				onNode(
					"See whether all services of the node run.",
					"systemctl",
					"status",
					"pvedaemon",
					"pveproxy",
					"pve-cluster",
				),
				onNode("See which nodes are online.", "pvecm", "status"),
			];
		case "access-control-unavailable":
			return [
				onNode("See why pve-cluster is down.", "journalctl", "-u", "pve-cluster", "--since", "-1h"),
				{ ...onNode("Start it.", "systemctl", "restart", "pve-cluster"), risk: "changes" },
			];
		default:
			return [
				onNode(
					"Read the log of the API's server.",
					"journalctl",
					"-u",
					"pveproxy",
					"-u",
					"pvedaemon",
					"--since",
					"-1h",
				),
			];
	}
}
