import type { ProxmoxOptions } from "./proxmox/proxmox.ts";
import { type Acl, goodToken, healthyState, type Vm } from "./proxmox/state.ts";

/** A cluster, and a set-up for which something on it is wrong. */
export interface Scenario {
	/** In words, beside the codes. */
	readonly name: string;
	readonly options: ProxmoxOptions;
	readonly variables?: Readonly<Record<string, string>>;
	readonly manifest?: string;
	/** Another token than the good one. */
	readonly token?: string;
	/** In the order in which they are reported. */
	readonly codes: readonly string[];
	/** What a person does by hand, where a remedy is only advice. */
	readonly byHand?: (options: ProxmoxOptions) => ProxmoxOptions;
	/** The variables as that person would have them then. */
	readonly variablesByHand?: Readonly<Record<string, string>>;
}

export const usualVariables = {
	PROXMOX_SOURCENODE: "pve1",
	TEMPLATE_VMID: "9000",
	ALLOWED_NODES: "[pve1,pve2]",
	BRIDGE: "vmbr0",
};
const byTags = { ALLOWED_NODES: "[pve1,pve2]", BRIDGE: "vmbr0", TEMPLATE_TAGS: "capmox,template" };
const user = "capmox@pve";
const { nodes, storages, vms } = healthyState();
const [template, machine] = vms;
const root = { "root@pam!capi": { secret: goodToken.secret, privsep: false } };

const withVm = (change: Partial<Vm>, ...more: Vm[]): ProxmoxOptions => ({
	vms: [{ ...template!, ...change }, machine!, ...more],
});
const withStorage = (name: string, change: object): ProxmoxOptions => ({
	storages: storages.map((storage) => (storage.storage === name ? { ...storage, ...change } : storage)),
});
const noTemplate = { template: false, config: { ...template!.config, template: 0 } };
const onLocal = withVm({ config: { ...template!.config, scsi0: "local-lvm:base-9000-disk-0,size=20G" } });
const only = (...acls: Acl[]): ProxmoxOptions => ({ acls });
const grant = (path: string, role: string, propagate = true): Acl => ({ path, user, role, propagate });
const manifest = (spec: string) => `
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec: { template: { spec: { sourceNode: pve1, templateID: 9000, ${spec} network: { default: { bridge: vmbr0 } } } } }
`;

/** Everything that is wrong with the rights, and with what the set-up names, at least once. */
export const scenarios: readonly Scenario[] = [
	{
		name: "the quick start of CAPMOX's guide",
		options: only(grant("/", "PVEVMAdmin")),
		codes: ["no-sys-audit", "no-datastore-allocate-space", "no-sdn-use", "no-iso-storage", "no-cluster-audit"],
	},
	{
		name: "all rights but on the storages",
		options: only(grant("/", "PVEAdmin"), grant("/storage", "NoAccess")),
		codes: ["no-datastore-allocate-space", "no-iso-storage"],
	},
	{
		name: "rights that do not reach below",
		options: only(grant("/", "PVEAdmin", false)),
		codes: [
			"no-sys-audit",
			"no-vm-audit",
			"no-vm-clone",
			"no-vm-allocate",
			"no-datastore-allocate-space",
			"no-sdn-use",
			"no-vm-config",
			"no-vm-powermgmt",
			"no-guest-agent",
			"no-agent-exec",
			"no-iso-storage",
			"guests-unaudited",
		],
	},
	{
		name: "a deeper ACL that replaces",
		options: only(grant("/", "PVEAdmin"), grant("/vms/9000", "PVEPoolUser")),
		codes: ["no-vm-audit", "no-vm-clone"],
	},
	{
		name: "a group whose role the user's own replaces",
		options: {
			groups: { ops: [user] },
			acls: [{ path: "/", group: "ops", role: "PVEAdmin" }, grant("/nodes", "PVEVMUser")],
		},
		codes: ["no-sys-audit"],
	},
	{
		name: "a token that is separated and has nothing",
		options: { tokens: { [goodToken.id]: { secret: goodToken.secret, privsep: true } } },
		codes: ["no-privileges"],
	},
	{
		name: "a token that is separated and has less than its user",
		options: {
			tokens: { [goodToken.id]: { secret: goodToken.secret, privsep: true } },
			acls: [grant("/", "PVEAdmin"), { path: "/", token: goodToken.id, role: "PVEVMAdmin" }],
		},
		codes: ["no-sys-audit", "no-datastore-allocate-space", "no-sdn-use", "no-iso-storage", "no-cluster-audit"],
	},
	{
		name: "a token that has more than its user",
		options: {
			tokens: { [goodToken.id]: { secret: goodToken.secret, privsep: true } },
			acls: [grant("/", "PVEVMAdmin"), { path: "/", token: goodToken.id, role: "PVEAdmin" }],
		},
		codes: ["no-sys-audit", "no-datastore-allocate-space", "no-sdn-use", "no-iso-storage", "no-cluster-audit"],
	},
	{ name: "root's token", options: { tokens: root }, token: "root@pam!capi", codes: ["over-privileged"] },
	{ name: "Administrator", options: only(grant("/", "Administrator")), codes: ["over-privileged"] },
	{
		name: "rights on a pool, and none is set",
		options: only(
			grant("/", "PVEAuditor"),
			grant("/pool/capi", "PVEVMAdmin"),
			grant("/vms/9000", "PVETemplateUser"),
			grant("/storage/nfs", "PVEDatastoreAdmin"),
			grant("/sdn/zones", "PVESDNUser"),
		),
		codes: ["pool-not-set"],
	},
	{
		name: "rights on another pool than the one that is set",
		options: only(
			grant("/", "PVEAuditor"),
			grant("/pool/capi", "PVEVMAdmin"),
			grant("/vms/9000", "PVETemplateUser"),
			grant("/storage/nfs", "PVEDatastoreAdmin"),
			grant("/sdn/zones", "PVESDNUser"),
		),
		manifest: manifest("pool: other,"),
		codes: ["no-vm-allocate", "no-vm-config", "no-vm-powermgmt", "no-agent-exec", "unknown-pool"],
	},
	{
		name: "NoAccess on the pool, which takes from its members what / passes on",
		options: only(grant("/", "PVEAdmin"), grant("/pool/capi", "NoAccess")),
		manifest: manifest("pool: capi,"),
		codes: ["no-vm-allocate", "no-vm-audit", "no-vm-config", "no-vm-powermgmt", "no-guest-agent", "no-agent-exec"],
		byHand: () => only(grant("/", "PVEAdmin")),
	},
	{
		name: "NoAccess on all VMs, against which the pool's role does nothing",
		options: only(
			grant("/", "PVEAdmin"),
			grant("/vms", "NoAccess"),
			grant("/vms/9000", "PVETemplateUser"),
			grant("/pool/capi", "PVEVMAdmin"),
		),
		manifest: manifest("pool: capi,"),
		codes: ["no-vm-allocate", "no-vm-audit", "no-vm-config", "no-vm-powermgmt", "no-guest-agent", "no-agent-exec"],
		byHand: () => only(grant("/", "PVEAdmin"), grant("/pool/capi", "PVEVMAdmin")),
	},
	{ name: "a pool that does not exist", options: {}, manifest: manifest("pool: capmox,"), codes: ["unknown-pool"] },
	{
		name: "tags for nobody",
		options: { datacenter: { "user-tag-access": { "user-allow": "none" } } },
		codes: ["tags-restricted"],
	},
	{
		name: "CAPMOX's tag is registered",
		options: { datacenter: { "registered-tags": ["prod", "go-proxmox+cloud-init"] } },
		codes: ["tags-restricted"],
	},
	{
		name: "a physical CD-ROM drive and a mapped device",
		options: {
			...withVm({ config: { ...template!.config, ide2: "cdrom,media=cdrom", hostpci0: "mapping=gpu" } }),
			roles: { Almost: almost() },
			acls: [grant("/", "Almost")],
		},
		codes: ["no-sys-console", "no-mapping-use"],
	},
	{
		name: "two nodes that do not exist",
		options: {},
		variables: { ...usualVariables, ALLOWED_NODES: "[pve1,nope,gone]" },
		codes: ["unknown-node"],
	},
	{
		name: "a node by its full name, in capitals",
		options: {},
		variables: { ...usualVariables, ALLOWED_NODES: "[PVE2.example.com]" },
		codes: ["unknown-node"],
	},
	{
		name: "a target node in capitals",
		options: {},
		manifest: manifest("target: PVE2,"),
		codes: ["unknown-node"],
	},
	{
		name: "a node that does not exist among those of the template itself",
		options: {},
		manifest: manifest("allowedNodes: [pve1, pve9],"),
		codes: ["unknown-node"],
	},
	{
		name: "the source node does not exist",
		options: {},
		variables: { ...usualVariables, PROXMOX_SOURCENODE: "pve" },
		codes: ["unknown-node"],
	},
	{
		name: "the template is on another node",
		options: {},
		variables: { ...usualVariables, PROXMOX_SOURCENODE: "pve2" },
		codes: ["template-elsewhere"],
	},
	{
		name: "a VM that is no template",
		options: withVm(noTemplate),
		codes: ["not-a-template"],
	},
	{
		name: "no VM has this ID",
		options: {},
		variables: { ...usualVariables, TEMPLATE_VMID: "9001" },
		codes: ["no-template"],
	},
	{
		name: "tags divided by commas",
		options: withVm({ tags: "capmox,template" }),
		variables: byTags,
		codes: ["no-template"],
	},
	{
		name: "a tag too many",
		options: withVm({ tags: "capmox;old;template" }),
		variables: byTags,
		codes: ["no-template"],
	},
	{
		name: "the right tags on a VM that is no template",
		options: withVm(noTemplate),
		variables: byTags,
		codes: ["no-template"],
	},
	{
		name: "the same tags on each node",
		options: withVm({}, { ...template!, vmid: 9001, node: "pve2" }),
		variables: byTags,
		codes: ["several-templates"],
	},
	{
		name: "a template on a local storage",
		options: onLocal,
		codes: ["template-not-shared"],
		variablesByHand: { ...usualVariables, ALLOWED_NODES: "[pve1]" },
	},
	{
		name: "the template's storage is not enabled on the other node",
		options: {
			storages: [...withStorage("nfs", { nodes: ["pve1"] }).storages!, { storage: "iso", type: "nfs", content: "iso" }],
		},
		codes: ["unusable-storage"],
	},
	{
		name: "a storage that does not exist",
		options: {},
		manifest: manifest("storage: ceph,"),
		codes: ["unusable-storage"],
		byHand: () => ({ storages: [...storages, { storage: "ceph", type: "rbd", content: "images", shared: true }] }),
	},
	{
		name: "a storage that is disabled",
		options: {
			storages: [...storages, { storage: "ceph", type: "rbd", content: "images", shared: true, disabled: true }],
		},
		manifest: manifest("storage: ceph,"),
		codes: ["unusable-storage"],
	},
	{
		name: "a storage without disk images",
		options: {},
		manifest: manifest("storage: local,"),
		codes: ["unusable-storage"],
	},
	{
		name: "a bridge that no node has",
		options: {},
		variables: { ...usualVariables, BRIDGE: "vmbr77" },
		codes: ["unknown-bridge"],
		variablesByHand: usualVariables,
	},
	{
		name: "a bridge that only one node has",
		options: {
			nodes: nodes.map((node, index) =>
				index === 0 ? { ...node, networks: [...node.networks!, { iface: "vmbr1", type: "bridge" }] } : node,
			),
		},
		variables: { ...usualVariables, BRIDGE: "vmbr1" },
		codes: ["unknown-bridge"],
		byHand: () => ({
			nodes: nodes.map((node) => ({ ...node, networks: [...node.networks!, { iface: "vmbr1", type: "bridge" }] })),
		}),
	},
	{
		name: "a name that no bridge and no VNet has",
		options: {},
		variables: { ...usualVariables, BRIDGE: "lan" },
		codes: ["unknown-bridge"],
		variablesByHand: usualVariables,
	},
];

/** PVEAdmin of release 9 as far as CAPMOX needs it, without Sys.Console and Mapping.Use. */
function almost(): string[] {
	return [
		"Sys.Audit",
		...["Allocate", "Audit", "Clone", "PowerMgmt", "GuestAgent.Audit", "GuestAgent.Unrestricted"].map(
			(each) => `VM.${each}`,
		),
		...["CDROM", "CPU", "Disk", "Memory", "Network", "Options"].map((each) => `VM.Config.${each}`),
		...["Allocate", "AllocateSpace", "AllocateTemplate", "Audit"].map((each) => `Datastore.${each}`),
		"SDN.Use",
	];
}
