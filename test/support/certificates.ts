import { isIP } from "node:net";
import type { Extension, X509Certificate } from "@peculiar/x509";

// @peculiar/x509 refuses to load without a Reflect.getMetadata, which a polyfill package would bring; its own classes
// take no injected parameters, so "there is no metadata" is the true answer.
Object.assign(Reflect, { getMetadata: () => undefined, getOwnMetadata: () => undefined });
const {
	AuthorityKeyIdentifierExtension,
	BasicConstraintsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	PemConverter,
	SubjectAlternativeNameExtension,
	SubjectKeyIdentifierExtension,
	X509CertificateGenerator,
} = await import("@peculiar/x509");

/** A leaf certificate and its private key, both PEM. */
export interface Certificate {
	readonly certificate: string;
	readonly key: string;
}

export interface LeafOptions {
	readonly commonName: string;
	/** Subject alternative names: DNS names or IP addresses. Without any, the common name is not trusted by Node either. */
	readonly names?: readonly string[];
	readonly notBefore?: Date;
	readonly notAfter?: Date;
}

export interface Authority {
	/** PEM, what `/etc/pve/pve-root-ca.pem` holds. */
	readonly certificate: string;
	issue(options: LeafOptions): Promise<Certificate>;
}

type KeyPair = Awaited<ReturnType<typeof generateKeys>>;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 24 * 60 * 60 * 1000;

/** A private authority shaped like the one every Proxmox VE cluster makes (pve-cluster, PVE/Cluster/Setup.pm gen_pveca_cert). */
export async function createAuthority(
	options: { commonName?: string; organization?: string } = {},
): Promise<Authority> {
	const { commonName = "Proxmox Virtual Environment", organization = "PVE Cluster Manager CA" } = options;
	const keys = await generateKeys();
	const subject = [{ CN: [commonName] }, { OU: [crypto.randomUUID()] }, { O: [organization] }];
	const authority = await X509CertificateGenerator.create({
		serialNumber: serialNumber(),
		subject,
		issuer: subject,
		notBefore: new Date(Date.now() - day),
		notAfter: new Date(Date.now() + 3650 * day),
		publicKey: keys.publicKey,
		signingKey: keys.privateKey,
		signingAlgorithm: algorithm,
		extensions: [
			new BasicConstraintsExtension(true, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
			await SubjectKeyIdentifierExtension.create(keys.publicKey),
		],
	});

	return {
		certificate: authority.toString("pem"),
		issue: async (leaf) => issueLeaf(leaf, { issuer: authority, signingKey: keys.privateKey }),
	};
}

/** A leaf that signed itself, as people make by hand; Proxmox VE never does. */
export async function selfSigned(options: LeafOptions): Promise<Certificate> {
	return issueLeaf(options);
}

async function issueLeaf(
	{ commonName, names = [], notBefore, notAfter }: LeafOptions,
	by?: { issuer: X509Certificate; signingKey: KeyPair["privateKey"] },
): Promise<Certificate> {
	const keys = await generateKeys();
	const subject = [{ OU: ["PVE Cluster Node"] }, { O: ["Proxmox Virtual Environment"] }, { CN: [commonName] }];
	const extensions: Extension[] = [
		new BasicConstraintsExtension(false),
		new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
		new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
		await SubjectKeyIdentifierExtension.create(keys.publicKey),
	];
	if (names.length > 0) {
		extensions.push(
			new SubjectAlternativeNameExtension(
				names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name }) as const),
			),
		);
	}
	if (by !== undefined) {
		extensions.push(await AuthorityKeyIdentifierExtension.create(by.issuer));
	}

	const certificate = await X509CertificateGenerator.create({
		serialNumber: serialNumber(),
		subject,
		issuer: by?.issuer.subjectName ?? subject,
		notBefore: notBefore ?? new Date(Math.min(Date.now(), notAfter?.getTime() ?? Infinity) - day),
		notAfter: notAfter ?? new Date(Date.now() + 730 * day),
		publicKey: keys.publicKey,
		signingKey: by?.signingKey ?? keys.privateKey,
		signingAlgorithm: algorithm,
		extensions,
	});

	return {
		certificate: certificate.toString("pem"),
		key: PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY"),
	};
}

async function generateKeys() {
	return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function serialNumber(): string {
	return crypto.randomUUID().replaceAll("-", "");
}
