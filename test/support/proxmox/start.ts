import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FaultName, faults } from "./faults.ts";
import { type ProductName, products } from "./products.ts";
import { type CertificateKind, certificates, startProxmox } from "./proxmox.ts";
import { goodToken, healthyState } from "./state.ts";

const usage = `npm run proxmox:stand-in -- [options]

  --generation VERSION   pve-manager's version, 9.2.11 unless said otherwise
  --port PORT            8006 unless said otherwise; 0 takes a free one
  --delay SECONDS        how long a 401 is withheld, 3 unless said otherwise
  --fault NAME           ${Object.keys(faults).join(" | ")}
  --cert KIND            ${Object.keys(certificates).join(" | ")}
  --product NAME         ${Object.keys(products).join(" | ")}
`;

const { secret } = goodToken;
const otherSecret = "22222222-2222-4222-8222-222222222222";

const tokens: readonly { what: string; id: string; secret: string }[] = [
	{ what: "a token with all that CAPMOX needs", ...goodToken },
	{ what: "wrong secret", id: goodToken.id, secret: otherSecret },
	{ what: "no such token", id: "capmox@pve!typo", secret },
	{ what: "no such user", id: "nobody@pve!capi", secret },
	{ what: "no token name", id: "capmox@pve", secret },
	{ what: "expired token", id: "capmox@pve!old", secret },
	{ what: "disabled user", id: "off@pve!capi", secret },
	{ what: "separated token without a permission", id: "capmox@pve!separated", secret },
	{ what: "user who may only audit", id: "auditor@pve!capi", secret },
];

function choice<Name extends string>(
	option: string,
	value: string | undefined,
	known: Record<Name, unknown>,
): Name | undefined {
	const name = (Object.keys(known) as Name[]).find((candidate) => candidate === value);
	if (value !== undefined && name === undefined) {
		throw new Error(`--${option} ${value} is not one of ${Object.keys(known).join(", ")}`);
	}

	return name;
}

function readOptions() {
	const { values } = parseArgs({
		options: {
			generation: { type: "string" },
			port: { type: "string", default: "8006" },
			delay: { type: "string", default: "3" },
			fault: { type: "string" },
			cert: { type: "string" },
			product: { type: "string" },
			help: { type: "boolean", default: false },
		},
	});
	return {
		help: values.help,
		generation: values.generation ?? "9.2.11",
		port: Number(values.port),
		delay: Number(values.delay),
		fault: choice<FaultName>("fault", values.fault, faults),
		certificate: choice<CertificateKind>("cert", values.cert, certificates) ?? "default",
		product: choice<ProductName>("product", values.product, products) ?? "pve",
	};
}

async function main(): Promise<void> {
	const { help, fault, ...options } = readOptions();
	if (help) {
		console.log(usage);
		return;
	}

	const healthy = healthyState();
	const proxmox = await startProxmox({
		...options,
		faults: fault === undefined ? {} : { "*": faults[fault]() },
		users: { ...healthy.users, "off@pve": { enabled: false }, "auditor@pve": {} },
		tokens: {
			...healthy.tokens,
			"capmox@pve!old": { secret, privsep: false, expire: 1000 },
			"capmox@pve!separated": { secret },
			"off@pve!capi": { secret, privsep: false },
			"auditor@pve!capi": { secret, privsep: false },
		},
		acls: [...healthy.acls, { path: "/", user: "auditor@pve", role: "PVEAuditor" }],
	});
	const directory = mkdtempSync(join(tmpdir(), "proxmox-stand-in-"));
	const authority = join(directory, "pve-root-ca.pem");
	writeFileSync(authority, proxmox.ca);

	console.log(`A stand-in for Proxmox VE ${options.generation} listens on ${proxmox.url} until Ctrl-C.`);
	console.log(`Its authority is in ${authority}\n`);
	console.log(`export PROXMOX_URL='${proxmox.url}'`);
	for (const token of tokens) {
		console.log(`\n# ${token.what}\nexport PROXMOX_TOKEN='${token.id}' PROXMOX_SECRET='${token.secret}'`);
	}

	process.once("SIGINT", () => {
		rmSync(directory, { recursive: true });
		void proxmox.close();
	});
}

try {
	await main();
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 2;
}
