import { type Evidence, found } from "../../src/check.ts";
import { advise, write, writeExample } from "../steps.ts";
import { type Access, changeOnNode, type Environment, onNode, type TokenCode, type TokenFinding } from "./findings.ts";

type Certificate = NonNullable<Access["certificate"]>;

/**
 * What verification would say. CAPMOX verifies only where PROXMOX_INSECURE is set and not exactly `true` (cmd/main.go),
 * so the same fault stops it in one set-up and is a risk in another.
 */
export function judgeCertificate(environment: Environment, access: Access): TokenFinding[] {
	return [...judgeTrust(environment, access), ...judgeSettings(environment, access)];
}

function judgeTrust(environment: Environment, access: Access): TokenFinding[] {
	const { certificate, insecure } = access;
	if (certificate === undefined) {
		return [];
	}

	const codes = [...chainCode(certificate), ...(certificate.nameMatches ? [] : (["name-not-in-certificate"] as const))];
	return codes.map((code) => ({
		...found(
			code,
			`${summaries(code, environment, certificate)} ${consequence(insecure)}`,
			evidenceOf(code, access, certificate),
			...remedies(code, environment),
		),
		...(insecure ? { severity: "warning" as const } : {}),
	}));
}

function chainCode({ chainError }: Certificate): TrustCode[] {
	switch (chainError) {
		case undefined:
			return [];
		case "DEPTH_ZERO_SELF_SIGNED_CERT":
			return ["self-signed"];
		case "CERT_HAS_EXPIRED":
			return ["certificate-expired"];
		case "CERT_NOT_YET_VALID":
			return ["certificate-not-yet-valid"];
		default:
			return ["untrusted-ca"];
	}
}

type TrustCode = Extract<
	TokenCode,
	"untrusted-ca" | "self-signed" | "certificate-expired" | "certificate-not-yet-valid" | "name-not-in-certificate"
>;

const consequence = (insecure: boolean): string =>
	insecure
		? "CAPMOX goes on, because PROXMOX_INSECURE is true or unset: whoever sits in between can read the token."
		: "CAPMOX verifies here, and stops with an x509 error.";

function summaries(code: TrustCode, { url }: Environment, certificate: Certificate): string {
	switch (code) {
		case "untrusted-ca":
			return `The certificate is signed by "${certificate.issuer}", which is not among the trusted roots. Proxmox VE comes with a CA of its own, so this is how it is installed.`;
		case "self-signed":
			return "The certificate is signed by itself; Proxmox VE's own ones are not, so somebody put it there.";
		case "certificate-expired":
			return `The certificate has been invalid since ${day(certificate.notAfter)}.`;
		case "certificate-not-yet-valid":
			return `The certificate is valid from ${day(certificate.notBefore)} on; a clock may be wrong.`;
		case "name-not-in-certificate":
			return `The certificate does not name ${url.host ?? "the host"}.`;
	}
}

const day = (timestamp: string): string => timestamp.slice(0, 10);

function evidenceOf(code: TrustCode, access: Access, certificate: Certificate): Evidence {
	const from = `the TLS handshake with ${access.url}`;
	if (code === "name-not-in-certificate") {
		return {
			from,
			saw: `a certificate for ${certificate.names.join(", ") || certificate.subject}`,
			expected: "the host of PROXMOX_URL among them",
		};
	}

	return {
		from,
		saw: `${certificate.chainError ?? ""}, SHA-256 ${certificate.fingerprint}`,
		expected: "a chain that ends in a trusted root",
	};
}

type Step = ReturnType<typeof advise>;

function remedies(code: TrustCode, environment: Environment): readonly [Step, ...Step[]] {
	const renew: Step = {
		...onNode("Have the node make its certificate anew, and restart its server.", "pvecm", "updatecerts", "--force"),
		risk: "changes",
	};
	const restart: Step = {
		...onNode("The new certificate is served after this.", "systemctl", "restart", "pveproxy"),
		risk: "changes",
	};
	switch (code) {
		case "certificate-expired":
			return [renew, restart];
		case "certificate-not-yet-valid":
			return [
				onNode("See whether the node's clock is right.", "timedatectl", "status"),
				{ ...advise("And this host's."), command: ["timedatectl", "status"] },
			];
		case "name-not-in-certificate":
			return [
				writeExample(
					"Use one of the names that the certificate holds.",
					"export PROXMOX_URL='https://NAME:8006'",
					environment.url.origin,
				),
				changeOnNode(
					"pvenode cert delete --restart",
					"Or give the node a certificate for this name, by ACME or your own CA.",
					"pvenode",
					"cert",
					"set",
					"CERTIFICATE.pem",
					"KEY.pem",
					"--restart",
				),
			];
		case "untrusted-ca":
		case "self-signed":
			return [
				onNode("Fetch the CA's certificate; it is no secret.", "cat", "/etc/pve/pve-root-ca.pem"),
				write("Tell this program where it lies.", "export PROXMOX_ROOT_CERT_FILE='pve-root-ca.pem'", undefined),
				write(
					"Tell CAPMOX to verify; the value is compared with true letter by letter.",
					"export PROXMOX_INSECURE='false'",
					environment.insecure.origin,
				),
				advise(
					"Give CAPMOX the certificate: root_ca in the cluster's credentials Secret, or the manager's flag --proxmox-root-cert-file.",
				),
			];
	}
}

function judgeSettings({ insecure }: Environment, access: Access): TokenFinding[] {
	const from = `PROXMOX_INSECURE (${insecure.origin ?? "the environment"})`;
	const results: TokenFinding[] = [];
	if (insecure.presence === "set" && insecure.text !== "true" && insecure.text !== "false") {
		results.push(
			found(
				"insecure-misspelt",
				"CAPMOX compares PROXMOX_INSECURE with true letter by letter; with any other value it verifies certificates.",
				{ from, saw: insecure.text ?? "", expected: "true or false" },
				write(
					"Write what is meant: false to verify, true to trust any server.",
					"export PROXMOX_INSECURE='false'",
					insecure.origin,
				),
			),
		);
	}

	if (access.ownRoots && access.insecure) {
		results.push(
			found(
				"root-ca-without-effect",
				"A root certificate is given, yet CAPMOX does not look at certificates while PROXMOX_INSECURE is true or unset.",
				{ from, saw: insecure.text ?? "not set, which means true", expected: "false" },
				write("Switch verification on.", "export PROXMOX_INSECURE='false'", insecure.origin),
			),
		);
	}

	return results;
}
