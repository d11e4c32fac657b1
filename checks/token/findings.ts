import { error, type Finding, type NonEmpty, type Severity, type Step, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";

/** Every way in which the token can fail, from the variables to the answer. */
export const findings = {
	"not-set": error("None of PROXMOX_URL, PROXMOX_TOKEN and PROXMOX_SECRET is set."),
	"partly-set": error("Some of PROXMOX_URL, PROXMOX_TOKEN and PROXMOX_SECRET are missing or empty."),
	"invalid-clusterctl-yaml": error("clusterctl.yaml is not valid YAML, so clusterctl cannot read it."),
	"imagebuilder-names": error("The variables follow image-builder's names: PROXMOX_TOKEN holds a secret."),
	swapped: error("PROXMOX_TOKEN and PROXMOX_SECRET hold each other's value."),
	"no-token-id": error("PROXMOX_TOKEN names a user, but no token: there is no ! in it."),
	"no-realm": error("PROXMOX_TOKEN names no realm: there is no user@realm before the !."),
	"short-token-id": error("The token ID behind the ! has one character; Proxmox VE wants two or more."),
	"invalid-token-id": error("The part behind the ! of PROXMOX_TOKEN cannot be a token ID."),
	"escaped-exclamation-mark": error("PROXMOX_TOKEN holds \\!: the backslash was meant for the shell."),
	"user-twice": error("PROXMOX_TOKEN holds the user twice: user@realm!user@realm!id."),
	"secret-appended": error("PROXMOX_TOKEN holds token ID and secret together."),
	"header-pasted": error("PROXMOX_TOKEN holds the beginning of the HTTP header, PVEAPIToken=."),
	placeholder: error("PROXMOX_TOKEN still holds the placeholder of an example."),
	quotes: error("A variable holds quotation marks as part of its value."),
	blanks: error("A variable holds blanks that reach the server."),
	"trailing-blank": warning("A variable ends in a blank."),
	"line-break": error("A variable holds a line break, which CAPMOX's HTTP client refuses."),
	"secret-not-uuid": error("PROXMOX_SECRET is not shaped like a secret of Proxmox VE."),
	"url-malformed": error("PROXMOX_URL is not a URL."),
	"url-without-scheme": error("PROXMOX_URL has no https:// in front."),
	"url-plain-http": error("PROXMOX_URL begins with http://, and the token would cross the network in the clear."),
	"url-without-port": error("PROXMOX_URL has no port, and Proxmox VE does not listen on 443."),
	"url-with-api-path": error("PROXMOX_URL ends in /api2/json, which CAPMOX adds itself."),
	"url-with-path": error("PROXMOX_URL holds a path, or a part of the web interface's address."),
	"url-with-userinfo": warning("PROXMOX_URL holds a user or password."),
	"unknown-host": error("The host name in PROXMOX_URL cannot be resolved."),
	"connection-refused": error("Nothing listens at the address in PROXMOX_URL."),
	"connection-timeout": error("The address in PROXMOX_URL does not react."),
	"no-route": error("There is no network route to the address in PROXMOX_URL."),
	"connection-failed": error("The connection to the server failed."),
	"closed-before-tls": error("The server closes the connection before TLS begins."),
	"plain-http-behind-https": error("The server speaks plain HTTP on the port of PROXMOX_URL."),
	"tls-failed": error("No TLS connection came about."),
	"no-answer": error("The server took the request and did not answer in time."),
	"answer-broken": error("The server's answer broke off or was no HTTP."),
	"untrusted-ca": error("The certificate is signed by a CA that nobody was told to trust."),
	"self-signed": error("The certificate is signed by itself."),
	"certificate-expired": error("The certificate has expired."),
	"certificate-not-yet-valid": error("The certificate is not valid yet."),
	"name-not-in-certificate": error("The certificate does not name the host in PROXMOX_URL."),
	"insecure-misspelt": warning("PROXMOX_INSECURE is neither true nor false, so CAPMOX verifies certificates."),
	"root-ca-without-effect": warning("A root certificate is given, but PROXMOX_INSECURE makes CAPMOX ignore it."),
	"not-proxmox": error("What answers at PROXMOX_URL is not the Proxmox VE API."),
	"other-proxmox-product": error("Another Proxmox product answers, not Proxmox VE."),
	"bad-gateway": error("A reverse proxy answers, but reaches no Proxmox VE behind it."),
	"wrong-secret": error("The token exists, but this is not its secret."),
	"unknown-token": error("The user exists, but has no token of this ID."),
	"unknown-user": error("Proxmox VE knows no such user."),
	"unknown-realm": error("Proxmox VE has no such realm."),
	"token-expired": error("The token has expired."),
	"user-disabled": error("The token's user is disabled."),
	"user-expired": error("The token's user has expired."),
	"token-malformed": error("Proxmox VE cannot split the value into user, token ID and secret."),
	rejected: error("Proxmox VE rejects the token and says why only in its own log."),
	"no-ticket": error("The token did not reach Proxmox VE."),
	forbidden: error("The server answers 403 to a request that needs no privilege."),
	"not-implemented": error("The API does not know the path that was asked for."),
	"node-unreachable": error("The node that answers cannot reach another part of Proxmox VE."),
	"access-control-unavailable": error("The node cannot read users and tokens: pve-cluster is down."),
	"server-error": error("Proxmox VE failed to answer."),
	"unexpected-answer": error("The answer is not what Proxmox VE says to a good token."),
	"clock-skew": warning("The clocks of this host and of Proxmox VE differ."),
	"conflicting-values": warning("A variable has different values in several places."),
	"file-misread": warning("A shell reads a line of the envfile otherwise than it looks."),
	"readable-by-others": warning("A file with the secret can be read by other users."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type TokenCode = keyof typeof findings;
export type TokenFinding = Finding<TokenCode>;
export type Environment = Facts["environment.proxmox"];
export type Access = Facts["proxmox.access"];

export const onNode = (advice: string, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "proxmox-node",
	risk: "safe",
});

/** The command of a step that changes Proxmox VE, with what takes it back. */
export const changeOnNode = (undo: string, advice: string, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "proxmox-node",
	risk: "changes",
	undo,
});

/** User and token ID as the user has them, or CAPMOX's own example names where they cannot be told. */
export function namesOf({ token }: Environment): { readonly user: string; readonly id: string } {
	const [user = "capmox@pve", id = "capi"] =
		token.shape === "token-id" && token.id !== undefined ? token.id.split(/!(?=[^!]*$)/) : [];
	return { user, id };
}
