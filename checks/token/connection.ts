import { found } from "../../src/check.ts";
import { advise, writeExample } from "../steps.ts";
import { type Access, type Environment, findings, onNode, type TokenCode, type TokenFinding } from "./findings.ts";

type Failed = Extract<Access["open"], { kind: "failed" }>;

/** How far the connection came. The stage decides; the code only names the kind. */
export function judgeConnection(environment: Environment, access: Access): TokenFinding[] {
	const attempt = [access.open, access.authenticated].find((exchange) => exchange.kind === "failed");
	if (attempt === undefined) {
		return [];
	}

	const withToken = access.open.kind !== "failed";
	const code = codeOf(attempt, withToken);
	const [advice, ...more] = remedies(code, environment, access);
	return [
		found(
			code,
			`${findings[code].means.replace(/\.$/, "")}: ${access.url}.`,
			{
				from: `GET ${access.url}/api2/json/${withToken ? "version (with the token)" : "access/domains"}`,
				saw: `${attempt.code} (${attempt.stage}): ${attempt.message}`,
				expected: "an answer",
			},
			advice,
			...more,
		),
	];
}

function codeOf({ stage, code }: Failed, withToken: boolean): TokenCode {
	switch (stage) {
		case "dns":
			return "unknown-host";
		case "tcp":
			return tcpCodes[code] ?? "connection-failed";
		case "tls":
			return code === "TIMEOUT"
				? "no-answer"
				: /WRONG_VERSION_NUMBER|HTTP_REQUEST/.test(code)
					? "plain-http-behind-https"
					: code === "ECONNRESET"
						? "closed-before-tls"
						: "tls-failed";
		case "http":
			return code === "TIMEOUT"
				? "no-answer"
				: !withToken && tcpCodes[code] !== undefined
					? (tcpCodes[code] ?? "answer-broken")
					: "answer-broken";
	}
}

const tcpCodes: Readonly<Record<string, TokenCode>> = {
	ECONNREFUSED: "connection-refused",
	ETIMEDOUT: "connection-timeout",
	TIMEOUT: "connection-timeout",
	EHOSTUNREACH: "no-route",
	ENETUNREACH: "no-route",
};

type Step = ReturnType<typeof advise>;

function remedies(code: TokenCode, { url }: Environment, access: Access): readonly [Step, ...Step[]] {
	const host = url.host ?? "";
	const right = writeExample(
		"Correct the address, or use one that can be reached from here and from the management cluster.",
		// A host that is there on another port most likely serves 8006.
		`export PROXMOX_URL='https://${code !== "unknown-host" && url.port !== 8006 && host !== "" ? host : "pve.example.com"}:8006'`,
		url.origin,
	);
	const listening = onNode(
		"See whether the API's server runs, and start it if not.",
		"systemctl",
		"status",
		"pveproxy",
	);
	switch (code) {
		case "unknown-host":
			return [
				{ ...advise("See what this host's resolver says to the name."), command: ["getent", "hosts", host] },
				right,
				advise(
					"The management cluster's pods must resolve it, too: an address in their /etc/hosts or CoreDNS, or the IP in PROXMOX_URL.",
				),
			];
		case "connection-refused":
			return [listening, advise("Check host and port: Proxmox VE listens on 8006."), right];
		case "connection-timeout":
		case "no-route":
		case "connection-failed":
			return [
				{
					...advise("See which way the packets take; a VPN or a firewall may be missing or in between."),
					command: ["ip", "route", "get", host],
				},
				listening,
				right,
			];
		case "closed-before-tls":
			return [
				onNode(
					"Proxmox VE closes at once when ALLOW_FROM, DENY_FROM and POLICY do not admit this host's address.",
					"cat",
					"/etc/default/pveproxy",
				),
				onNode(
					"Every connection that was refused stands in the access log with 403.",
					"tail",
					"/var/log/pveproxy/access.log",
				),
			];
		case "plain-http-behind-https":
			return [
				advise(
					"Ask the port that speaks TLS. Proxmox VE's own server always does, so this is another program or a reverse proxy without TLS.",
				),
				right,
			];
		case "tls-failed":
			return [
				{
					...advise("See how far TLS comes with another client."),
					command: ["openssl", "s_client", "-connect", `${host}:${url.port ?? 443}`],
				},
				listening,
			];
		default:
			return [
				listening,
				onNode(
					"A node that waits for its cluster answers slowly or not at all; see whether it has quorum.",
					"pvecm",
					"status",
				),
				advise(`Ask ${access.url} again, and go past any reverse proxy in between.`),
			];
	}
}
