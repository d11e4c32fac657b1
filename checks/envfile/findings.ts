import { error, type Finding, type Severity, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";

/** Every way in which the variables can fail to make a cluster. */
export const findings = {
	"not-set": error("No variable of a workload cluster is set."),
	"history-expansion": error("PROXMOX_TOKEN is missing: the shell most likely took its ! for the history."),
	"invalid-yaml": error("clusterctl.yaml is not valid YAML, so clusterctl cannot read it."),
	"unquoted-list": error("A list in clusterctl.yaml has no quotes, so clusterctl reads it as empty."),
	"unquoted-blank": error("A value has a blank outside quotes, at which a shell cuts it off."),
	renamed: error("A variable has the name that another version of CAPMOX reads."),
	"singular-name": error("A variable has the plural where the template reads the singular, or the reverse."),
	missing: error("Variables that the template needs are not set."),
	empty: error("Variables that the template needs are set to nothing."),
	"not-a-list": error("A value that must be a list has no square brackets around it."),
	"empty-list": error("A list that needs an entry has none."),
	"not-an-address": error("A value that must be an IP address is none."),
	"not-a-number": error("A value that must be a whole number is none."),
	"out-of-range": error("A number is smaller or larger than allowed."),
	"even-control-plane": error("The number of control plane machines is even."),
	"memory-not-multiple-of-8": error("The memory is no multiple of 8 MiB."),
	"boot-volume-too-small": error("The boot volume is smaller than 5 GiB."),
	"template-id-too-small": error("TEMPLATE_VMID is below 100, where Proxmox VE's IDs begin."),
	"boot-device": error("BOOT_VOLUME_DEVICE is no disk of a VM."),
	"template-tags": error("TEMPLATE_TAGS holds something that is no tag."),
	"node-name": error("A Proxmox VE node is not given by its name."),
	"bridge-name": error("A bridge has a name that CAPMOX cannot work with."),
	"kubernetes-version-malformed": error("KUBERNETES_VERSION is no version with three parts."),
	"kubernetes-version-unsupported": warning("This CAPMOX's Cluster API does not support that Kubernetes."),
	"private-key": error("VM_SSH_KEYS holds a private key."),
	"not-an-ssh-key": error("VM_SSH_KEYS holds something that is no public key."),
	"invalid-range": error("A range of addresses cannot be read."),
	"reversed-range": error("A range of addresses ends before it begins."),
	"mixed-families": error("IPv4 and IPv6 are mixed in one pool."),
	"wrong-family": warning("A variable for one IP family holds addresses of the other."),
	"invalid-prefix": error("A prefix length does not fit its addresses."),
	"range-outside-prefix": error("The addresses of one pool lie in several subnets."),
	"gateway-outside-prefix": error("The gateway is not in the subnet of its nodes."),
	"gateway-reserved": error("The gateway is the network or broadcast address of its subnet."),
	"gateway-in-range": warning("The gateway lies in a range of addresses for machines."),
	"endpoint-malformed": error("CONTROL_PLANE_ENDPOINT_IP is neither an IP address nor a host name."),
	"endpoint-outside-subnet": error("The control plane endpoint is not in the subnet of the nodes."),
	"endpoint-is-gateway": error("The control plane endpoint is the gateway."),
	"endpoint-reserved": error("The control plane endpoint is the network or broadcast address."),
	"endpoint-in-range": error("The control plane endpoint lies in a range of addresses for machines."),
	"ranges-overlap": error("Two pools hand out the same addresses."),
	"too-few-addresses": error("There are fewer addresses than machines."),
	"no-address-for-upgrade": warning("There is no spare address for the machines that an upgrade adds."),
	"metallb-range": error("A range for MetalLB is no CIDR of its family."),
	"metallb-overlap": error("MetalLB hands out addresses that machines have, too."),
	"cluster-network-overlap": warning("The nodes' subnet overlaps the network of pods or services."),
	"file-misread": warning("A shell reads a line otherwise than it looks."),
	"not-exported": warning("Variables are set without export, so clusterctl does not get them."),
	"never-read": warning("A variable is set that no template reads."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export { found } from "../../src/check.ts";
export type EnvfileCode = keyof typeof findings;
export type EnvfileFinding = Finding<EnvfileCode>;
export type Cluster = Facts["environment.cluster"];
export type Proxmox = Facts["environment.proxmox"];
