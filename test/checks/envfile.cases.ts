import type { CapmoxVersion, Flavor } from "../../src/knowledge/templates.ts";
import { type Edits, renderEnvfile, type Sources, sshKey, variablesOf } from "../support/variables.ts";

export interface Case {
	readonly is: string;
	readonly flavor?: Flavor;
	readonly capmoxVersion?: CapmoxVersion;
	/** Changes to an envfile that is in order, or whole other sources. */
	readonly edits?: Edits;
	readonly sources?: Sources;
	/** Everything that is found, in order; nothing: it must stay silent. */
	readonly codes: readonly string[];
}

const whole = renderEnvfile(variablesOf());
const without = (...names: string[]): Edits => Object.fromEntries(names.map((name) => [name, undefined]));
const yamlOf = (variables: Edits): string =>
	Object.entries(variables)
		.map(([name, value]) => `${name}: "${value ?? ""}"\n`)
		.join("");

/** One value of one variable, and what it leads to. */
const value = (name: string, text: string | undefined, ...codes: string[]): Case => ({
	is: `${name}=${text ?? "(unset)"}`,
	edits: { [name]: text },
	codes,
});

const balanced = (name: string, text: string | undefined, ...codes: string[]): Case => ({
	...value(name, text, ...codes),
	flavor: "cilium-load-balancer",
});

const vlans = (edits: Edits, ...codes: string[]): Case => ({
	is: JSON.stringify(edits),
	flavor: "multiple-vlans",
	edits,
	codes,
});

export const cases: readonly Case[] = [
	{ is: "the default flavor, all in order", codes: [] },
	{
		is: "auto-image needs tags instead of a node and an ID",
		flavor: "auto-image",
		edits: without("PROXMOX_SOURCENODE", "TEMPLATE_VMID"),
		codes: [],
	},
	{ is: "calico", flavor: "calico", codes: [] },
	{ is: "cilium reads no boot device", flavor: "cilium", edits: without("BOOT_VOLUME_DEVICE"), codes: [] },
	{ is: "cilium-load-balancer", flavor: "cilium-load-balancer", codes: [] },
	{
		is: "cilium-load-balancer has a default for the boot device",
		flavor: "cilium-load-balancer",
		edits: without("BOOT_VOLUME_DEVICE", "IPV6_PREFIX"),
		codes: [],
	},
	{ is: "dual-stack", flavor: "dual-stack", codes: [] },
	{ is: "external-creds", flavor: "external-creds", codes: [] },
	{ is: "flatcar", flavor: "flatcar", codes: [] },
	{ is: "multiple-vlans", flavor: "multiple-vlans", codes: [] },
	{ is: "proxmox-labels", flavor: "proxmox-labels", codes: [] },
	{
		is: "values in the shell, none in a file",
		sources: {
			processEnvironment: Object.fromEntries(Object.entries(variablesOf()).map(([name, text]) => [name, text ?? ""])),
		},
		codes: [],
	},
	{ is: "values in clusterctl.yaml", sources: { clusterctl: yamlOf(variablesOf()) }, codes: [] },

	// Names
	{ is: "one variable is missing", edits: without("BOOT_VOLUME_DEVICE"), codes: ["missing"] },
	{ is: "several are missing", edits: without("NODE_IP_RANGES", "GATEWAY", "VM_SSH_KEYS"), codes: ["missing"] },
	{
		is: "external-creds without the secret",
		flavor: "external-creds",
		edits: without("PROXMOX_SECRET"),
		codes: ["missing"],
	},
	{ is: "the default flavor leaves the credentials to the token check", edits: without("PROXMOX_SECRET"), codes: [] },
	{
		is: "what clusterctl fills in may be missing",
		edits: without("KUBERNETES_VERSION", "CONTROL_PLANE_MACHINE_COUNT", "WORKER_MACHINE_COUNT"),
		codes: [],
	},
	{
		is: "what has a default may be missing or empty",
		edits: { ALLOWED_NODES: "", MEMORY_MIB: "", NUM_CORES: undefined },
		codes: [],
	},
	value("GATEWAY", "", "empty"),
	value("DNS_SERVERS", " ", "empty"),
	{
		is: "a 0.7 name with 0.9",
		flavor: "multiple-vlans",
		edits: { SECONDARY_IP_RANGES: undefined, NODE_SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.50]" },
		codes: ["renamed"],
	},
	{ is: "a 0.9 name with 0.7", flavor: "multiple-vlans", capmoxVersion: "0.7", codes: ["renamed"] },
	{
		is: "a 0.7 name with 0.7",
		flavor: "multiple-vlans",
		capmoxVersion: "0.7",
		edits: { SECONDARY_IP_RANGES: undefined, NODE_SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.50]" },
		codes: [],
	},
	{
		is: "both names serve both versions",
		flavor: "multiple-vlans",
		edits: { NODE_SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.50]" },
		codes: [],
	},
	{
		is: "the plural of LB_BGP_IPV6_RANGE",
		flavor: "cilium-load-balancer",
		edits: { LB_BGP_IPV6_RANGE: undefined, LB_BGP_IPV6_RANGES: "[2001:db8:2::10-2001:db8:2::20]" },
		codes: ["singular-name"],
	},
	{
		is: "the singular of LB_BGP_IPV4_RANGES",
		flavor: "cilium-load-balancer",
		edits: { LB_BGP_IPV4_RANGES: undefined, LB_BGP_IPV4_RANGE: "[172.24.16.10-172.24.16.20]" },
		codes: ["singular-name"],
	},
	{
		is: "the plural beside the singular is harmless",
		flavor: "cilium-load-balancer",
		edits: { LB_BGP_IPV6_RANGES: "[2001:db8:2::10-2001:db8:2::20]" },
		codes: [],
	},
	vlans({ SECONDARY_DNS_SERVERS: "[9.9.9.9]" }, "never-read"),
	{
		is: "SECONDARY_DNS_SERVERS where there is no second network",
		edits: { SECONDARY_DNS_SERVERS: "[9.9.9.9]" },
		codes: [],
	},
	{
		is: "the shell took the ! of PROXMOX_TOKEN",
		sources: {
			envfile: renderEnvfile(variablesOf("default", without("PROXMOX_URL", "PROXMOX_TOKEN", "PROXMOX_SECRET"))),
			processEnvironment: {
				PROXMOX_URL: "https://pve.example.com:8006",
				PROXMOX_SECRET: "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37",
			},
		},
		codes: ["history-expansion"],
	},
	{ is: "PROXMOX_TOKEN missing in a file has another cause", edits: without("PROXMOX_TOKEN"), codes: [] },

	// Files
	{
		is: "a line for shells in clusterctl.yaml",
		sources: { clusterctl: `${yamlOf(variablesOf())}EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION=true\n` },
		codes: ["invalid-yaml"],
	},
	{
		is: "the same line as YAML",
		sources: { clusterctl: `${yamlOf(variablesOf())}EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION: "true"\n` },
		codes: [],
	},
	{
		is: "another syntax error in clusterctl.yaml",
		sources: { clusterctl: `${yamlOf(variablesOf())}images: [\n` },
		codes: ["invalid-yaml"],
	},
	{
		is: "a list without quotes in clusterctl.yaml",
		sources: { clusterctl: yamlOf(variablesOf()).replace(/DNS_SERVERS: .*/, "DNS_SERVERS: [10.10.10.1,9.9.9.9]") },
		codes: ["unquoted-list"],
	},
	{
		is: "clusterctl's own lists are none of ours",
		sources: { clusterctl: `${yamlOf(variablesOf())}providers:\n  - name: proxmox\n` },
		codes: [],
	},
	{
		is: "a blank outside quotes",
		sources: {
			envfile: whole.replace(/export NODE_IP_RANGES=.*/, "export NODE_IP_RANGES=[10.10.10.5-10.10.10.50, 10.10.10.55]"),
		},
		codes: ["unquoted-blank"],
	},
	{
		is: "brackets outside quotes, without a blank",
		sources: {
			envfile: whole.replace(/export NODE_IP_RANGES=.*/, "export NODE_IP_RANGES=[10.10.10.5-10.10.10.50] # nodes"),
		},
		codes: [],
	},
	{
		is: "another variable in a value",
		sources: { envfile: whole.replace(/export GATEWAY=.*/, 'export GATEWAY="$MY_ROUTER"') },
		codes: ["file-misread"],
	},
	{
		is: "a command in a value",
		sources: { envfile: whole.replace(/export VM_SSH_KEYS=.*/, 'export VM_SSH_KEYS="$(cat ~/.ssh/id_ed25519.pub)"') },
		codes: ["file-misread"],
	},
	{
		is: "the same command, after the file was read by the shell",
		sources: {
			envfile: whole.replace(/export VM_SSH_KEYS=.*/, 'export VM_SSH_KEYS="$(cat ~/.ssh/id_ed25519.pub)"'),
			processEnvironment: { VM_SSH_KEYS: sshKey },
		},
		codes: [],
	},
	{
		is: "line ends of Windows",
		sources: { envfile: whole.replace(/(export BRIDGE=.*)\n/, "$1\r\n") },
		codes: ["file-misread"],
	},
	{
		is: "a reference in a variable that the flavor does not read",
		sources: { envfile: `${whole}export SECONDARY_BRIDGE="$OTHER"\n` },
		codes: [],
	},
	{ is: "no export", sources: { envfile: whole.replaceAll("export ", "") }, codes: ["not-exported"] },
	{ is: "no export, but set -a", sources: { envfile: `set -a\n${whole.replaceAll("export ", "")}` }, codes: [] },

	// Values
	value("DNS_SERVERS", "9.9.9.9", "not-a-list"),
	value("DNS_SERVERS", "[]", "empty-list"),
	value("DNS_SERVERS", "[dns.example.com]", "not-an-address"),
	value("DNS_SERVERS", "[2620:fe::fe, 9.9.9.9]"),
	value("NODE_IP_RANGES", "10.10.10.5-10.10.10.50", "not-a-list"),
	value("NODE_IP_RANGES", "[]", "empty-list"),
	value("ALLOWED_NODES", "pve1,pve2", "not-a-list"),
	value("ALLOWED_NODES", "[]"),
	value("ALLOWED_NODES", "[pve1.example.com]", "node-name"),
	value("ALLOWED_NODES", '["pve1", "pve-2"]'),
	value("PROXMOX_SOURCENODE", "pve1.example.com", "node-name"),
	value("PROXMOX_SOURCENODE", "PVE-1"),
	value("CONTROL_PLANE_MACHINE_COUNT", "2", "even-control-plane"),
	value("CONTROL_PLANE_MACHINE_COUNT", "1"),
	value("CONTROL_PLANE_MACHINE_COUNT", "0", "out-of-range"),
	value("CONTROL_PLANE_MACHINE_COUNT", "three", "not-a-number"),
	value("WORKER_MACHINE_COUNT", "0"),
	value("MEMORY_MIB", "16G", "not-a-number"),
	value("MEMORY_MIB", "4100", "memory-not-multiple-of-8"),
	value("MEMORY_MIB", "4096"),
	value("NUM_CORES", "0", "out-of-range"),
	value("BOOT_VOLUME_SIZE", "4", "boot-volume-too-small"),
	value("BOOT_VOLUME_SIZE", "5"),
	value("BOOT_VOLUME_SIZE", "100G", "not-a-number"),
	value("TEMPLATE_VMID", "99", "template-id-too-small"),
	value("TEMPLATE_VMID", "100"),
	value("TEMPLATE_VMID", "ubuntu-2404", "not-a-number"),
	value("BOOT_VOLUME_DEVICE", "sda", "boot-device"),
	value("BOOT_VOLUME_DEVICE", "scsi31", "boot-device"),
	value("BOOT_VOLUME_DEVICE", "virtio15"),
	{ ...value("TEMPLATE_TAGS", "[capmox, ubuntu]", "template-tags"), flavor: "auto-image" },
	{ ...value("TEMPLATE_TAGS", "capmox;ubuntu", "template-tags"), flavor: "auto-image" },
	{ ...value("TEMPLATE_TAGS", "capmox, ubuntu_24.04"), flavor: "auto-image" },
	{ ...value("BRIDGE", "br-lan", "bridge-name"), capmoxVersion: "0.7" },
	value("BRIDGE", "vmbr0.20", "bridge-name"),
	value("BRIDGE", "vmbr 0", "bridge-name"),
	value("BRIDGE", "k8s_net"),
	value("KUBERNETES_VERSION", "1.34", "kubernetes-version-malformed"),
	value("KUBERNETES_VERSION", "1.25.1", "kubernetes-version-unsupported"),
	value("KUBERNETES_VERSION", "1.28.0"),
	value("KUBERNETES_VERSION", "v1.36.2"),
	value("KUBERNETES_VERSION", "v1.37.0", "kubernetes-version-unsupported"),
	{ ...value("KUBERNETES_VERSION", "1.25.1"), capmoxVersion: "0.7" },
	{ ...value("KUBERNETES_VERSION", "1.35.1", "kubernetes-version-unsupported"), capmoxVersion: "0.8" },
	value("VM_SSH_KEYS", "ssh-ed25519 ..., ssh-ed25519 ...", "not-an-ssh-key"),
	value("VM_SSH_KEYS", "~/.ssh/id_ed25519.pub", "not-an-ssh-key"),
	value("VM_SSH_KEYS", sshKey.replace("inpQpiGQ", ""), ...(sshKey.includes("inpQpiGQ") ? ["not-an-ssh-key"] : [])),
	value("VM_SSH_KEYS", sshKey.replace(" ada", "A ada"), "not-an-ssh-key"),
	value("VM_SSH_KEYS", `${sshKey} # laptop`, "not-an-ssh-key"),
	value("VM_SSH_KEYS", `"${sshKey}"`),
	value("VM_SSH_KEYS", `${sshKey}\n${sshKey}`, "not-an-ssh-key"),
	value("VM_SSH_KEYS", `${sshKey}, ${sshKey}`),
	value(
		"VM_SSH_KEYS",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----",
		"private-key",
	),

	// The network plan
	value("NODE_IP_RANGES", "[10.10.10.5-50]", "invalid-range"),
	value("NODE_IP_RANGES", "[10.10.10.5 - 10.10.10.50]", "invalid-range"),
	value("NODE_IP_RANGES", "[10.10.10.50-10.10.10.5]", "reversed-range"),
	value("NODE_IP_RANGES", "[10.10.10.5-2001:db8::5]", "mixed-families"),
	value("NODE_IP_RANGES", "[10.10.10.5-10.10.10.50, 2001:db8:1::5]", "mixed-families"),
	value("GATEWAY", "2001:db8:1::1", "mixed-families"),
	{
		...value("NODE_IPV6_RANGES", "[10.30.0.10-10.30.0.50]", "wrong-family"),
		flavor: "dual-stack",
		edits: { NODE_IPV6_RANGES: "[10.30.0.10-10.30.0.50]", IPV6_PREFIX: "24", IPV6_GATEWAY: "10.30.0.1" },
	},
	value("IP_PREFIX", "255.255.255.0", "invalid-prefix"),
	value("IP_PREFIX", "/24", "invalid-prefix"),
	value("IP_PREFIX", "33", "invalid-prefix"),
	value("IP_PREFIX", "0", "invalid-prefix"),
	value("IP_PREFIX", "16"),
	value("NODE_IP_RANGES", "[10.10.10.5-10.10.10.50, 10.10.11.5]", "range-outside-prefix"),
	value("NODE_IP_RANGES", "[10.10.10.5-10.10.10.9, 10.10.10.32/28]"),
	value("GATEWAY", "10.10.11.1", "gateway-outside-prefix"),
	value("GATEWAY", "10.10.10.254"),
	value("GATEWAY", "10.10.10.255", "gateway-reserved"),
	value("GATEWAY", "10.10.10.20", "gateway-in-range"),
	value("GATEWAY", "router", "not-an-address"),
	{ ...value("IPV6_GATEWAY", "fe80::1"), flavor: "dual-stack" },
	{ ...value("IPV6_GATEWAY", "2001:db8:1::", "breaks-yaml"), flavor: "dual-stack" },
	{ ...value("IPV6_GATEWAY", '"2001:db8:1::"'), flavor: "dual-stack" },
	{ ...value("IPV6_GATEWAY", "2001:db8:9::1", "gateway-outside-prefix"), flavor: "dual-stack" },
	value("CONTROL_PLANE_ENDPOINT_IP", "https://10.10.10.4:6443", "endpoint-malformed"),
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.10", "endpoint-malformed"),
	value("CONTROL_PLANE_ENDPOINT_IP", "k8s.example.com"),
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.20.4", "endpoint-outside-subnet"),
	value("CONTROL_PLANE_ENDPOINT_IP", "2001:db8:1::4", "endpoint-outside-subnet"),
	{ ...value("CONTROL_PLANE_ENDPOINT_IP", "2001:db8:1::4"), flavor: "dual-stack" },
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.10.1", "endpoint-is-gateway"),
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.10.255", "endpoint-reserved"),
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.10.0", "endpoint-reserved"),
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.10.5", "endpoint-in-range"),
	value("CONTROL_PLANE_ENDPOINT_IP", "10.10.10.51"),
	vlans({ SECONDARY_IP_RANGES: "[10.10.10.40-10.10.10.80]", SECONDARY_GATEWAY: "10.10.10.1" }, "ranges-overlap"),
	vlans({ SECONDARY_IP_RANGES: "[10.10.10.100-10.10.10.150]", SECONDARY_GATEWAY: "10.10.10.254" }),
	vlans({ SECONDARY_IP_RANGES: "[10.20.0.10-10.20.0.13]" }, "too-few-addresses"),
	value("NODE_IP_RANGES", "[10.10.10.5-10.10.10.8]", "too-few-addresses"),
	value("NODE_IP_RANGES", "[10.10.10.5-10.10.10.10]", "no-address-for-upgrade"),
	value("NODE_IP_RANGES", "[10.10.10.5-10.10.10.11]"),
	{
		is: "one control plane machine and no worker need one spare address",
		edits: {
			CONTROL_PLANE_MACHINE_COUNT: undefined,
			WORKER_MACHINE_COUNT: undefined,
			NODE_IP_RANGES: "[10.10.10.5-10.10.10.6]",
		},
		codes: [],
	},
	{
		is: "the gateway inside the range is no usable address",
		edits: { NODE_IP_RANGES: "[10.10.10.1-10.10.10.3,10.10.10.5-10.10.10.8]" },
		codes: ["gateway-in-range", "no-address-for-upgrade"],
	},
	balanced("METALLB_IPV4_RANGE", "7.6.5.1-7.6.5.9", "metallb-range"),
	balanced("METALLB_IPV6_RANGE", "7.6.5.0/24", "metallb-range"),
	balanced("METALLB_IPV4_RANGE", "172.24.16.0/24", "metallb-overlap"),
	balanced("METALLB_IPV4_RANGE", "172.24.16.128/25"),
	balanced("METALLB_IPV4_RANGE", "10.10.10.4/32", "metallb-overlap"),
	balanced("METALLB_IPV4_ASN", "AS65400", "not-a-number"),
	balanced("METALLB_IPV6_ASN", "4294967296", "out-of-range"),
	balanced("METALLB_IPV4_BGP_PEER", "router.example.com", "not-an-address"),
	balanced("METALLB_IPV4_BGP_SECRET", undefined, "missing"),
	{
		is: "nodes where the template puts the pods",
		edits: {
			NODE_IP_RANGES: "[192.168.1.10-192.168.1.50]",
			GATEWAY: "192.168.1.1",
			CONTROL_PLANE_ENDPOINT_IP: "192.168.1.5",
		},
		codes: ["cluster-network-overlap"],
	},
	{
		is: "the same nodes with dual-stack, whose pods live elsewhere",
		flavor: "dual-stack",
		edits: {
			NODE_IP_RANGES: "[192.168.1.10-192.168.1.50]",
			GATEWAY: "192.168.1.1",
			CONTROL_PLANE_ENDPOINT_IP: "192.168.1.5",
		},
		codes: [],
	},
];
