import { X509Certificate } from "node:crypto";

/** Innermost, so that a block whose end is missing does not swallow the next one. */
const blocks = /^-----BEGIN CERTIFICATE-----(?:(?!-----BEGIN )[^])*?\n-----END CERTIFICATE-----/gm;

/**
 * The certificates of a PEM bundle that can be read, as PEM; `undefined` where there is none. What is broken, and what
 * has headers of its own, is passed over as by Go's AppendCertsFromPEM (crypto/x509, cert_pool.go).
 */
export function readableCertificates(pem: string): string | undefined {
	const readable = [...pem.matchAll(blocks)].map(([block]) => block).filter(isCertificate);
	return readable.length === 0 ? undefined : readable.join("\n");
}

function isCertificate(block: string): boolean {
	try {
		return new X509Certificate(block).raw.length > 0 && !block.includes(":");
	} catch {
		return false;
	}
}
