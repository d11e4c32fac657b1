import { type Authority, type Certificate, createAuthority, selfSigned } from "../certificates.ts";
import type { Fault } from "./faults.ts";
import { generationOf } from "./generation.ts";
import { type ProductName, products } from "./products.ts";
import { createRandom } from "./random.ts";
import { listen, type RecordedRequest } from "./server.ts";
import { healthyState, type State } from "./state.ts";
import type { World } from "./world.ts";

export type CertificateKind = keyof typeof certificates;

/** Any part of the state takes the place of the healthy one's. */
export interface ProxmoxOptions extends Partial<State> {
	/** pve-manager's version; 9.2.11 unless said otherwise. */
	readonly generation?: string;
	readonly product?: ProductName;
	readonly certificate?: CertificateKind;
	/** Signs the certificate in place of an authority of this server's own. */
	readonly authority?: Authority;
	/** By path below `/api2/json`, or "*" for everything; what goes wrong before TLS knows no path and works with "*" only. */
	readonly faults?: Readonly<Record<string, Fault>>;
	/** What `/version` says in place of what the generation implies. */
	readonly version?: Partial<World["version"]>;
	/** Of the order in which storages are listed. */
	readonly seed?: number;
	readonly port?: number;
}

export interface Proxmox {
	/** `https://127.0.0.1:<port>`, without a path. */
	readonly url: string;
	readonly port: number;
	/** PEM: trusting it is what mends verification, for every certificate but an expired or misnamed one. */
	readonly ca: string;
	/** PEM of the leaf in use. */
	readonly certificate: string;
	/** May be changed while the server runs. */
	readonly state: State;
	/** May be changed while the server runs: by path below `/api2/json`, or "*" for everything. */
	readonly faults: Map<string, Fault>;
	/** In the order they were understood; connections that never got that far are only counted. */
	readonly requests: readonly RecordedRequest[];
	readonly connections: number;
	close(): Promise<void>;
}

/** Starts a stand-in for the Proxmox VE API, on a free port of 127.0.0.1, over real TLS. */
export async function startProxmox(options: ProxmoxOptions = {}): Promise<Proxmox> {
	const { generation, product, certificate, authority, faults, version, seed, port, ...state } = options;
	const signer = authority ?? (await createAuthority());
	const served = await certificates[certificate ?? "default"](signer);
	const release = generationOf(generation ?? "9.2.11");
	const world: World = {
		state: { ...healthyState(), ...state },
		generation: release,
		version: {
			version: release.version,
			release: /^\d+\.\d+/.exec(release.version)?.[0] ?? "",
			repoid: "14a22df35955d97d",
			...version,
		},
		certificate: served.certificate,
		authority: signer.certificate,
		random: createRandom(seed ?? 1),
	};
	const active = new Map(Object.entries(faults ?? {}));
	const listener = await listen({
		world,
		product: products[product ?? "pve"],
		key: served.key,
		chain: served.chain ?? served.certificate,
		faults: active,
		port: port ?? 0,
	});
	return {
		url: `https://127.0.0.1:${listener.port}`,
		port: listener.port,
		ca: served.ca ?? signer.certificate,
		certificate: served.certificate,
		state: world.state,
		faults: active,
		requests: listener.requests,
		get connections() {
			return listener.connections();
		},
		close: () => listener.close(),
	};
}

interface Served extends Certificate {
	readonly chain?: string;
	readonly ca?: string;
}

const leaf = { commonName: "pve1.example.com", names: ["127.0.0.1", "::1", "localhost", "pve1", "pve1.example.com"] };
const yesterday = (): Date => new Date(Date.now() - 24 * 60 * 60 * 1000);

export const certificates = {
	/** Proxmox VE's own: signed by the cluster's authority, of which the server sends nothing. */
	default: async (authority: Authority): Promise<Served> => authority.issue(leaf),
	"full-chain": async (authority: Authority): Promise<Served> => {
		const issued = await authority.issue(leaf);
		return { ...issued, chain: `${issued.certificate}\n${authority.certificate}` };
	},
	"self-signed": async (): Promise<Served> => {
		const signed = await selfSigned(leaf);
		return { ...signed, ca: signed.certificate };
	},
	expired: async (authority: Authority): Promise<Served> => authority.issue({ ...leaf, notAfter: yesterday() }),
	"wrong-name": async (authority: Authority): Promise<Served> =>
		authority.issue({ commonName: "pve.other", names: ["pve.other"] }),
} as const;
