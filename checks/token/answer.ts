import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import { type Answered, codeOf } from "./answer-codes.ts";
import { nodeAddress, remedies } from "./answer-remedies.ts";
import {
	type Access,
	type Environment,
	findings,
	namesOf,
	onNode,
	type TokenCode,
	type TokenFinding,
} from "./findings.ts";

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
		saw: realms === undefined || realms === "" ? describe(open) : `the realms ${realms}`,
		expected: "JSON with a realm of type pve",
	};
	const right = nodeAddress(environment);
	if (realms !== undefined && realms !== "") {
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
