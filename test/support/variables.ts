import { type Environment, readEnvironment } from "../../src/access/environment.ts";
import type { Files } from "../../src/access/files.ts";
import type { ClusterOptions } from "../../src/access/world.ts";
import { parseEnvironmentCluster, parseEnvironmentImagebuilder } from "../../src/facts/cluster-variables.ts";
import { parseEnvironmentProxmox } from "../../src/facts/environment.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";

/** A key that ssh-keygen made for this test; its private half was thrown away. */
export const sshKey =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIADT/ABPCBM2PxvyHdqUhRBxMWdg82gNQJPkginQpiGQ ada@example.com";

/** The envfile of a cluster that works, by flavor, and the variables that it adds to the common ones. */
const common = {
	PROXMOX_URL: "https://pve.example.com:8006",
	PROXMOX_TOKEN: "capmox@pve!capi",
	PROXMOX_SECRET: "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37",
	PROXMOX_SOURCENODE: "pve1",
	TEMPLATE_VMID: "9000",
	VM_SSH_KEYS: sshKey,
	KUBERNETES_VERSION: "v1.33.4",
	CONTROL_PLANE_MACHINE_COUNT: "3",
	WORKER_MACHINE_COUNT: "2",
	CONTROL_PLANE_ENDPOINT_IP: "10.10.10.4",
	NODE_IP_RANGES: "[10.10.10.5-10.10.10.50, 10.10.10.55-10.10.10.70]",
	GATEWAY: "10.10.10.1",
	IP_PREFIX: "24",
	DNS_SERVERS: "[10.10.10.1,9.9.9.9]",
	ALLOWED_NODES: "[pve1,pve2,pve3]",
	BOOT_VOLUME_DEVICE: "scsi0",
	BRIDGE: "vmbr0",
};
const secondary = {
	SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.50]",
	SECONDARY_IP_PREFIX: "24",
	SECONDARY_BRIDGE: "vmbr1",
};
const ipv6 = {
	NODE_IPV6_RANGES: "[2001:db8:1::10-2001:db8:1::50]",
	IPV6_GATEWAY: "2001:db8:1::1",
	IPV6_PREFIX: "64",
};
const session = (family: 4 | 6, peer: string, other: string) => ({
	[`METALLB_IPV${family}_ASN`]: "65400",
	[`METALLB_IPV${family}_BGP_PEER`]: peer,
	[`METALLB_IPV${family}_BGP_PEER2`]: other,
	[`METALLB_IPV${family}_BGP_PEER_ASN`]: "65500",
	[`METALLB_IPV${family}_BGP_PEER2_ASN`]: "65500",
	[`METALLB_IPV${family}_BGP_SECRET`]: "hunter2-is-a-secret!",
});
const additions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	"auto-image": { TEMPLATE_TAGS: "capmox,ubuntu-24.04" },
	"dual-stack": ipv6,
	flatcar: { EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION: "true" },
	"multiple-vlans": { ...secondary, SECONDARY_GATEWAY: "10.20.0.1" },
	"cilium-load-balancer": {
		...secondary,
		...ipv6,
		LOAD_BALANCER_MACHINE_COUNT: "2",
		EXT_SERVICE_BRIDGE: "vmbr2",
		LB_BGP_IPV4_RANGES: "[172.24.16.10-172.24.16.20]",
		LB_BGP_IPV4_PREFIX: "24",
		LB_BGP_IPV6_RANGE: "[2001:db8:2::10-2001:db8:2::ffff]",
		LB_BGP_IPV6_PREFIX: "64",
		...session(4, "172.24.16.1", "172.24.16.2"),
		METALLB_IPV4_RANGE: "7.6.5.0/24",
		...session(6, "2001:db8:2::1", "2001:db8:2::2"),
		METALLB_IPV6_RANGE: "2001:db8:3::/64",
	},
};

/** What to change: a value, or `undefined` to leave the variable out. */
export type Edits = Readonly<Record<string, string | undefined>>;

export const variablesOf = (flavor: ClusterOptions["flavor"] = "default", edits: Edits = {}): Edits => ({
	...common,
	...additions[flavor],
	...edits,
});

const quoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

export const renderEnvfile = (variables: Edits): string =>
	Object.entries(variables)
		.flatMap(([name, value]) => (value === undefined ? [] : [`export ${name}=${quoted(value)}\n`]))
		.join("");

export interface Sources {
	readonly envfile?: string;
	readonly clusterctl?: string;
	/** Behind the other one. */
	readonly homeClusterctl?: string;
	readonly processEnvironment?: Readonly<Record<string, string>>;
}

const home = "/home/ada";
const workingDirectory = `${home}/capmox`;

/** The real reader of the environment, over files in memory. */
export function environmentFrom({
	envfile,
	clusterctl,
	homeClusterctl,
	processEnvironment = {},
}: Sources): Promise<Environment> {
	const texts = new Map([
		[`${workingDirectory}/envfile`, envfile],
		[`${home}/.config/cluster-api/clusterctl.yaml`, clusterctl],
		[`${home}/.cluster-api/clusterctl.yaml`, homeClusterctl],
	]);
	const files: Files = {
		readText: (path) => Promise.resolve(texts.get(path)),
		stat: (path) => Promise.resolve(texts.get(path) === undefined ? undefined : { mode: 0o600, isFile: true }),
		list: () => Promise.resolve(undefined),
		firstEntry: () => Promise.resolve(undefined),
		readLink: () => Promise.resolve(undefined),
		statfs: () => Promise.resolve(undefined),
	};
	return readEnvironment(files, { processEnvironment, workingDirectory, home });
}

/** The facts of the environment as the real probes read them. */
export async function variableFacts(sources: Sources, options: ClusterOptions = {}): Promise<FactSheet> {
	const environment = await environmentFrom(sources);
	return {
		"environment.proxmox": { state: "known", value: parseEnvironmentProxmox(environment) },
		"environment.cluster": { state: "known", value: parseEnvironmentCluster(environment, options) },
		"environment.imagebuilder": { state: "known", value: parseEnvironmentImagebuilder(environment) },
	};
}
