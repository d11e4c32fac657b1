/** What a good value looks like: in words, and as an example from the networks that RFC 5737 and 3849 reserve for examples. */
interface Form {
	readonly form: string;
	readonly example: string;
}

const ranges4 = "addresses in square brackets, each IP, FIRST-LAST or CIDR";
const address = (example: string): Form => ({ form: "an IP address", example });
const number = (form: string, example: string): Form => ({ form, example });

const forms: Readonly<Record<string, Form>> = {
	PROXMOX_URL: { form: "https://HOST:8006", example: "https://pve.example.com:8006" },
	PROXMOX_TOKEN: { form: "a token ID: user@realm!tokenid", example: "capmox@pve!capi" },
	PROXMOX_SECRET: { form: "the token's secret, a UUID", example: "…" },
	CONTROL_PLANE_ENDPOINT_IP: {
		form: "a free IP address in the nodes' subnet, outside NODE_IP_RANGES, or a host name",
		example: "192.0.2.4",
	},
	NODE_IP_RANGES: { form: ranges4, example: "[192.0.2.10-192.0.2.50]" },
	KUBERNETES_VERSION: number("the version of the template VM, with three numbers", "v1.34.8"),
	CONTROL_PLANE_MACHINE_COUNT: number("1, 3 or 5", "3"),
	WORKER_MACHINE_COUNT: number("a whole number", "2"),
	CLUSTER_NAME: { form: "lower-case letters, digits and hyphens", example: "my-cluster" },
	IP_PREFIX: number("the length of the subnet's prefix, 1 to 32", "24"),
	GATEWAY: address("192.0.2.1"),
	DNS_SERVERS: { form: "IP addresses in square brackets", example: "[192.0.2.1]" },
	VIP_NETWORK_INTERFACE: { form: "the guest's name of a network device, or nothing", example: "ens18" },
	NAMESPACE: { form: "lower-case letters, digits and hyphens", example: "default" },
	BRIDGE: { form: "a bridge or vnet of Proxmox VE", example: "vmbr0" },
	VM_SSH_KEYS: { form: "public keys, with commas between them", example: "ssh-ed25519 AAAA… you@example.com" },
	PROXMOX_SOURCENODE: { form: "the node that has the template, by its short name", example: "pve1" },
	TEMPLATE_VMID: number("the VM ID of the template, 100 or more", "9000"),
	TEMPLATE_TAGS: { form: "tags of the template, with commas between them", example: "capmox,ubuntu-2404" },
	ALLOWED_NODES: { form: "node names in square brackets", example: "[pve1,pve2]" },
	BOOT_VOLUME_DEVICE: {
		form: "the template's boot disk: scsi0 to scsi30, virtio0 to 15, sata0 to 5, ide0 to 3",
		example: "scsi0",
	},
	SECONDARY_IP_RANGES: { form: ranges4, example: "[198.51.100.10-198.51.100.50]" },
	NODE_SECONDARY_IP_RANGES: { form: ranges4, example: "[198.51.100.10-198.51.100.50]" },
	SECONDARY_IP_PREFIX: number("the length of the second subnet's prefix, 1 to 32", "24"),
	SECONDARY_GATEWAY: address("198.51.100.1"),
	SECONDARY_BRIDGE: { form: "a bridge or vnet of Proxmox VE", example: "vmbr1" },
	NODE_IPV6_RANGES: { form: ranges4, example: "[2001:db8:1::10-2001:db8:1::50]" },
	IPV6_PREFIX: number("the length of the IPv6 subnet's prefix, 1 to 128", "64"),
	IPV6_GATEWAY: address("2001:db8:1::1"),
	EXT_SERVICE_BRIDGE: { form: "a bridge or vnet of Proxmox VE", example: "vmbr2" },
	LOAD_BALANCER_MACHINE_COUNT: number("a whole number", "2"),
	LB_BGP_IPV4_RANGES: { form: ranges4, example: "[203.0.113.10-203.0.113.20]" },
	LB_BGP_IPV4_PREFIX: number("the length of that subnet's prefix, 1 to 32", "24"),
	LB_BGP_IPV6_RANGE: { form: ranges4, example: "[2001:db8:2::10-2001:db8:2::20]" },
	LB_BGP_IPV6_PREFIX: number("the length of that subnet's prefix, 1 to 128", "64"),
	METALLB_IPV4_RANGE: { form: "an IPv4 network as CIDR", example: "203.0.113.128/25" },
	METALLB_IPV6_RANGE: { form: "an IPv6 network as CIDR", example: "2001:db8:3::/64" },
};

export const formOf = (name: string): string => (forms[name] ?? formByName(name)).form;
export const exampleOf = (name: string): string => (forms[name] ?? formByName(name)).example;

/** The variables of MetalLB's two sessions come in fours. */
function formByName(name: string): Form {
	if (name.endsWith("_ASN")) {
		return number("a number of an autonomous system", "64512");
	}

	if (name.endsWith("_SECRET")) {
		return { form: "the password of the BGP session", example: "…" };
	}

	return name.includes("_BGP_PEER")
		? address(name.includes("IPV6") ? "2001:db8:2::1" : "203.0.113.1")
		: { form: "a value", example: "…" };
}
