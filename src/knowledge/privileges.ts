/** Releases of Proxmox VE whose privileges are known. */
export const releases = [7, 8, 9] as const;
export type Release = (typeof releases)[number];

/** What a privilege is held on. `machine`: a VM that CAPMOX makes. `guests`: every guest of the cluster. */
export const targetKinds = [
	"cluster",
	"node",
	"guests",
	"template",
	"physical-drive",
	"machine",
	"disk-storage",
	"iso-storage",
	"bridge",
	"mapping",
] as const;
export type TargetKind = (typeof targetKinds)[number];

/** `checks` of a ProxmoxMachineTemplate. */
export const skippable = ["skipQemuGuestAgent", "skipCloudInitStatus"] as const;
export type Skip = (typeof skippable)[number];

export interface Step {
	/** Completes "CAPMOX …". */
	readonly does: string;
	readonly call: string;
	readonly target: TargetKind;
	/** One of these is enough; a role gets the first. */
	readonly any: readonly [string, ...string[]];
	readonly releases: readonly Release[];
	/** Not done where the manifest says so. */
	readonly unless?: Skip;
	/** What CAPMOX shows where the privilege is missing; absent where it goes on. */
	readonly fails?: string;
	/** Code of the finding of the check `permissions`. */
	readonly code: string;
}

const all = releases;
const since8 = [8, 9] as const;
const clone = "POST /nodes/{node}/qemu/{template}/clone";
const configure = "POST /nodes/{node}/qemu/{id}/config";
const cloneFails = "unable to create new vm: not authorized to access endpoint";
const configureFails = "failed to configure VM …: unable to configure vm: not authorized to access endpoint";
const upload = "unable to inject CloudInit ISO:";

const changes = (does: string, privilege: string): Step => ({
	does,
	call: configure,
	target: "machine",
	any: [privilege],
	releases: all,
	fails: configureFails,
	code: "no-vm-config",
});

/**
 * What CAPMOX does with Proxmox VE, in its order, and what each step needs. Calls: pkg/proxmox/goproxmox/api_client.go and
 * internal/service/vmservice of cluster-api-provider-proxmox v0.7.7, v0.9.0 and main of 2026-08, go-proxmox v0.6.0 and
 * v0.8.0; all of these make the same calls. Up to v0.7 "cloud-init iso inject failed: " stands before "unable to inject".
 * Privileges: the schemas and checks of pve-manager 9.2, qemu-server 9.2, pve-storage, pve-guest-common
 * (check_vnet_access) and libpve-access-control 7.4, 8.2 and 9.1, 2026-08. go-proxmox makes "not authorized to access
 * endpoint" of every 403, and "unexpected end of JSON input" of a refused upload, whose answer has no body.
 */
export const steps: readonly Step[] = [
	{
		does: "reads the status of the cluster",
		call: "GET /cluster/status",
		target: "cluster",
		any: ["Sys.Audit"],
		releases: all,
		code: "no-cluster-audit",
	},
	{
		does: "begins every operation with the status of the node",
		call: "GET /nodes/{node}/status",
		target: "node",
		any: ["Sys.Audit"],
		releases: all,
		fails: "cannot find node with name …: not authorized to access endpoint",
		code: "no-sys-audit",
	},
	{
		does: "adds up the memory of all guests to choose a node",
		call: "GET /nodes/{node}/qemu and /nodes/{node}/lxc",
		target: "guests",
		any: ["VM.Audit"],
		releases: all,
		code: "guests-unaudited",
	},
	{
		does: "looks the template up",
		call: "GET /nodes/{node}/qemu/{template}/config, GET /cluster/resources?type=vm",
		target: "template",
		any: ["VM.Audit"],
		releases: all,
		fails: "unable to find vm template: not authorized to access endpoint",
		code: "no-vm-audit",
	},
	{
		does: "clones the template",
		call: clone,
		target: "template",
		any: ["VM.Clone"],
		releases: all,
		fails: cloneFails,
		code: "no-vm-clone",
	},
	{
		does: "clones a template that has a physical CD-ROM drive",
		call: clone,
		target: "physical-drive",
		any: ["Sys.Console"],
		releases: all,
		fails: cloneFails,
		code: "no-sys-console",
	},
	{
		does: "makes and deletes VMs",
		call: clone,
		target: "machine",
		any: ["VM.Allocate"],
		releases: all,
		fails: cloneFails,
		code: "no-vm-allocate",
	},
	{
		does: "puts disks on the storage",
		call: clone,
		target: "disk-storage",
		any: ["Datastore.AllocateSpace"],
		releases: all,
		fails: cloneFails,
		code: "no-datastore-allocate-space",
	},
	{
		// pve-access-control 8.0.0~3 and qemu-server commit 9cfd06d9; stable-7 does not check bridges.
		does: "connects VMs to the bridge",
		call: `${clone}, ${configure}`,
		target: "bridge",
		any: ["SDN.Use"],
		releases: since8,
		fails: cloneFails,
		code: "no-sdn-use",
	},
	{
		does: "clones a template with a mapped device",
		call: clone,
		target: "mapping",
		any: ["Mapping.Use"],
		releases: since8,
		fails: cloneFails,
		code: "no-mapping-use",
	},
	{
		does: "reads the VMs it made",
		call: "GET /nodes/{node}/qemu/{id}/status/current",
		target: "machine",
		any: ["VM.Audit"],
		releases: all,
		fails: "cannot find vm with id …: not authorized to access endpoint",
		code: "no-vm-audit",
	},
	changes("sets sockets and cores", "VM.Config.CPU"),
	changes("sets the memory", "VM.Config.Memory"),
	changes("sets the network devices", "VM.Config.Network"),
	changes("sets tags and description", "VM.Config.Options"),
	changes("resizes the disk and sets the boot order", "VM.Config.Disk"),
	changes("attaches the cloud-init ISO", "VM.Config.CDROM"),
	{
		does: "looks for the first storage that takes ISO images",
		call: "GET /nodes/{node}/storage",
		target: "iso-storage",
		any: ["Datastore.Audit", "Datastore.AllocateSpace"],
		releases: all,
		fails: `${upload} unable to find the item you are looking for`,
		code: "no-iso-storage",
	},
	{
		does: "uploads the cloud-init ISO",
		call: "POST /nodes/{node}/storage/{storage}/upload",
		target: "iso-storage",
		any: ["Datastore.AllocateTemplate"],
		releases: all,
		fails: `${upload} unexpected end of JSON input`,
		code: "no-datastore-allocate-template",
	},
	{
		does: "deletes the cloud-init ISO",
		call: "DELETE /nodes/{node}/storage/{storage}/content/{volume}",
		target: "iso-storage",
		any: ["Datastore.Allocate"],
		releases: all,
		fails: "failed to unmount cloud-init iso for vm",
		code: "no-datastore-allocate",
	},
	{
		does: "starts and stops VMs",
		call: "POST /nodes/{node}/qemu/{id}/status/start",
		target: "machine",
		any: ["VM.PowerMgmt"],
		releases: all,
		fails: "unable to start the virtual machine …: not authorized to access endpoint",
		code: "no-vm-powermgmt",
	},
	{
		does: "waits for the guest agent",
		call: "GET /nodes/{node}/qemu/{id}/agent/get-osinfo",
		target: "machine",
		any: ["VM.Monitor"],
		releases: [7, 8],
		unless: "skipQemuGuestAgent",
		fails: "error waiting for agent: not authorized to access endpoint",
		code: "no-guest-agent",
	},
	{
		// libpve-access-control 9.0.2, 2025-07-17, takes VM.Monitor apart.
		does: "waits for the guest agent",
		call: "GET /nodes/{node}/qemu/{id}/agent/get-osinfo",
		target: "machine",
		any: ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"],
		releases: [9],
		unless: "skipQemuGuestAgent",
		fails: "error waiting for agent: not authorized to access endpoint",
		code: "no-guest-agent",
	},
	{
		does: "runs cloud-init status in the guest",
		call: "POST /nodes/{node}/qemu/{id}/agent/exec",
		target: "machine",
		any: ["VM.Monitor"],
		releases: [7, 8],
		unless: "skipCloudInitStatus",
		fails: "unable to get cloud-init status: no pid returned from agent exec command",
		code: "no-agent-exec",
	},
	{
		does: "runs cloud-init status in the guest",
		call: "POST /nodes/{node}/qemu/{id}/agent/exec",
		target: "machine",
		any: ["VM.GuestAgent.Unrestricted"],
		releases: [9],
		unless: "skipCloudInitStatus",
		fails: "unable to get cloud-init status: no pid returned from agent exec command",
		code: "no-agent-exec",
	},
];

/** The tag that CAPMOX sets while the cloud-init ISO is attached; another one, `ip_net0_…`, changes with the address. */
export const cloudInitTag = "go-proxmox+cloud-init";

/** The highest ID that a VM can have: nobody gives it an ACL of its own, so it stands for every VM that is not there yet. */
export const newMachinePath = "/vms/999999999";

/** Of these two only Administrator has both, in every release (libpve-access-control, create_roles). */
export const administratorOnly = ["Sys.PowerMgmt", "Realm.Allocate"] as const;

/** Not CAPMOX's need: with it a VNet's zone can be seen, and a bridge is listed. */
export const alsoFor: Readonly<Partial<Record<TargetKind, readonly string[]>>> = { bridge: ["SDN.Audit"] };

/** No role of one's own may begin with PVE (libpve-access-control 8.0). */
export const roleNames: Readonly<Record<TargetKind, string>> = {
	cluster: "CapmoxCluster",
	node: "CapmoxNode",
	guests: "CapmoxGuests",
	template: "CapmoxTemplate",
	"physical-drive": "CapmoxConsole",
	machine: "CapmoxMachine",
	"disk-storage": "CapmoxDisks",
	"iso-storage": "CapmoxISO",
	bridge: "CapmoxNetwork",
	mapping: "CapmoxMapping",
};
