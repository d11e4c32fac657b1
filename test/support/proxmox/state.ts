/** Everything the stand-in knows. Plain data: a test sets what it needs, before or while the server runs. */
export interface State {
	users: Record<string, User>;
	groups: Record<string, readonly string[]>;
	/** By full token ID, `user@realm!name`. */
	tokens: Record<string, Token>;
	realms: Realm[];
	/** Own roles; the built-in ones are there anyway. */
	roles: Record<string, readonly string[]>;
	acls: Acl[];
	pools: Record<string, Pool>;
	/** The first one is the node that answers. */
	nodes: Node[];
	/** Without a name there is no cluster, as on a single node. */
	clusterName: string | undefined;
	storages: Storage[];
	vms: Vm[];
	zones: { zone: string; type: string }[];
	vnets: { vnet: string; zone: string; tag?: number }[];
	/** datacenter.cfg, what `/cluster/options` shows. */
	datacenter: Record<string, unknown>;
	/** `down`: no user configuration can be read, every API call fails before authentication. */
	pmxcfs: "up" | "down";
	/** `down`: every endpoint that needs root on the answering node fails with 595. */
	pvedaemon: "up" | "down";
	/** Seconds a failed authentication is withheld; 3 on the real server. */
	delay: number;
	/** Seconds the server's clock is ahead of ours, as its `Date` header shows. */
	clockSkew: number;
}

export interface User {
	readonly enabled?: boolean;
	/** Epoch seconds; 0 is never. */
	readonly expire?: number;
}

export interface Token {
	readonly secret: string;
	/** As on Proxmox VE, a token is separated unless one says otherwise. */
	readonly privsep?: boolean;
	/** Epoch seconds; 0 is never. */
	readonly expire?: number;
	readonly comment?: string;
}

export interface Realm {
	readonly realm: string;
	readonly type: string;
	readonly comment?: string;
}

export type Acl = ({ readonly user: string } | { readonly group: string } | { readonly token: string }) & {
	readonly path: string;
	readonly role: string;
	readonly propagate?: boolean;
};

export interface Pool {
	readonly vms?: readonly number[];
	readonly storages?: readonly string[];
	readonly comment?: string;
}

export interface Node {
	readonly node: string;
	readonly ip?: string;
	readonly online?: boolean;
	/** What the answering node gets when it passes a request on to this one, e.g. `{ status: 595, reason: "Connection refused" }`. */
	readonly failure?: { readonly status: number; readonly reason: string };
	readonly cpus?: number;
	readonly memory?: { readonly total: number; readonly used: number };
	/** What `/nodes` says the certificate of a node other than the first should be. */
	readonly fingerprint?: string;
	/** Takes the place of the whole answer of `/nodes/{node}/status`. */
	readonly status?: Record<string, unknown>;
	readonly networks?: readonly Network[];
}

/** An entry of `/nodes/{node}/network`, given out as it is. */
export interface Network {
	readonly iface: string;
	readonly type: string;
	readonly [property: string]: unknown;
}

export interface Storage {
	readonly storage: string;
	readonly type: string;
	/** Comma-separated, as the API writes it. */
	readonly content: string;
	readonly shared?: boolean;
	readonly nodes?: readonly string[];
	readonly disabled?: boolean;
	readonly active?: boolean;
	readonly total?: number;
	readonly used?: number;
	/** Volume IDs. */
	readonly volumes?: readonly string[];
}

export interface Vm {
	readonly vmid: number;
	readonly node: string;
	readonly type?: "qemu" | "lxc";
	readonly name: string;
	readonly status?: "running" | "stopped";
	readonly template?: boolean;
	/** Semicolon-separated, as the API writes it. */
	readonly tags?: string;
	readonly cpus?: number;
	readonly memory?: { readonly total: number; readonly used: number };
	readonly lock?: string;
	/** State of the HA resource that it is. */
	readonly ha?: string;
	/** `/config`, given out as it is. */
	readonly config?: Readonly<Record<string, string | number>>;
	/** What the guest agent answers, by command; without it the agent is not running in the guest. */
	readonly agent?: Readonly<Record<string, unknown>>;
}

export const goodToken = { id: "capmox@pve!capi", secret: "11111111-1111-4111-8111-111111111111" } as const;

const gigabyte = 2 ** 30;

/** A cluster on which CAPMOX can work: two nodes, shared storage, a tagged template, a token with all it needs. */
export function healthyState(): State {
	return {
		users: { "root@pam": {}, "capmox@pve": {} },
		groups: {},
		tokens: { [goodToken.id]: { secret: goodToken.secret, privsep: false } },
		realms: [
			{ realm: "pam", type: "pam", comment: "Linux PAM standard authentication" },
			{ realm: "pve", type: "pve", comment: "Proxmox VE authentication server" },
		],
		roles: {},
		acls: [{ path: "/", user: "capmox@pve", role: "PVEAdmin" }],
		pools: { capi: { vms: [100] } },
		nodes: [healthyNode("pve1", "192.0.2.11"), healthyNode("pve2", "192.0.2.12")],
		clusterName: "homelab",
		storages: [
			{ storage: "local", type: "dir", content: "backup,vztmpl,snippets", total: 96 * gigabyte, used: 22 * gigabyte },
			{ storage: "local-lvm", type: "lvmthin", content: "images,rootdir", total: 800 * gigabyte, used: 60 * gigabyte },
			{
				storage: "nfs",
				type: "nfs",
				content: "images,iso",
				shared: true,
				total: 4096 * gigabyte,
				used: 900 * gigabyte,
				volumes: ["nfs:iso/debian-13.iso", "nfs:base-9000-disk-0"],
			},
		],
		vms: [healthyTemplate(), healthyMachine()],
		zones: [],
		vnets: [],
		datacenter: { keyboard: "en-us", "tag-style": { "color-map": "capi:00ff00" } },
		pmxcfs: "up",
		pvedaemon: "up",
		delay: 0,
		clockSkew: 0,
	};
}

function healthyNode(node: string, ip: string): Node {
	return {
		node,
		ip,
		cpus: 12,
		memory: { total: 64 * gigabyte, used: 20 * gigabyte },
		networks: [
			{ iface: "eno1", type: "eth", active: 1, exists: 1, families: ["inet"], method: "manual", priority: 3 },
			{
				iface: "vmbr0",
				type: "bridge",
				// Strings and numbers side by side, as a real node answers.
				active: "1",
				autostart: 1,
				bridge_ports: "eno1",
				bridge_stp: "off",
				bridge_fd: "0",
				bridge_vlan_aware: 1,
				cidr: `${ip}/24`,
				families: ["inet"],
				method: "static",
				priority: 4,
			},
		],
	};
}

function healthyTemplate(): Vm {
	return {
		vmid: 9000,
		node: "pve1",
		name: "ubuntu-2404-kube-v1.33.4",
		template: true,
		tags: "capmox;template",
		cpus: 2,
		memory: { total: 2 * gigabyte, used: 0 },
		config: {
			agent: "1",
			boot: "order=scsi0;net0",
			cores: 2,
			memory: "2048",
			name: "ubuntu-2404-kube-v1.33.4",
			net0: "virtio=BC:24:11:2E:C5:4A,bridge=vmbr0,firewall=1",
			ostype: "l26",
			scsi0: "nfs:base-9000-disk-0,size=20G",
			scsihw: "virtio-scsi-pci",
			serial0: "socket",
			sockets: 1,
			tags: "capmox;template",
			template: 1,
		},
	};
}

function healthyMachine(): Vm {
	return {
		vmid: 100,
		node: "pve2",
		name: "capi-control-plane-7x4fd",
		status: "running",
		tags: "capi",
		cpus: 4,
		memory: { total: 8 * gigabyte, used: 3 * gigabyte },
		config: {
			agent: "enabled=1",
			cores: 4,
			memory: "8192",
			name: "capi-control-plane-7x4fd",
			net0: "virtio=BC:24:11:00:00:64,bridge=vmbr0",
			scsi0: "nfs:vm-100-disk-0,size=20G",
			sockets: 1,
		},
		agent: {
			"get-osinfo": { id: "ubuntu", "version-id": "24.04", "kernel-release": "6.8.0-31-generic" },
			"network-get-interfaces": [
				{
					name: "eth0",
					"hardware-address": "bc:24:11:00:00:64",
					"ip-addresses": [{ "ip-address": "192.0.2.100", "ip-address-type": "ipv4", prefix: 24 }],
				},
			],
		},
	};
}
