/** Minor releases whose templates are known, newest first. */
export const capmoxVersions = ["0.9", "0.8", "0.7"] as const;
export type CapmoxVersion = (typeof capmoxVersions)[number];

/** What `clusterctl generate cluster --flavor` takes; `default` is the template without a name. */
export const flavors = [
	"default",
	"auto-image",
	"calico",
	"cilium",
	"cilium-load-balancer",
	"dual-stack",
	"external-creds",
	"flatcar",
	"multiple-vlans",
	"proxmox-labels",
] as const;
export type Flavor = (typeof flavors)[number];

export interface TemplateVariable {
	readonly name: string;
	readonly flavors: readonly Flavor[];
	readonly versions: readonly CapmoxVersion[];
	/** What clusterctl puts in where the variable is unset or empty; without it the variable is required. */
	readonly default?: string;
}

const allBut = (...others: Flavor[]): readonly Flavor[] => flavors.filter((flavor) => !others.includes(flavor));

const rows = (
	names: readonly string[],
	where: readonly Flavor[] = flavors,
	versions: readonly CapmoxVersion[] = capmoxVersions,
): TemplateVariable[] => names.map((name) => ({ name, flavors: where, versions }));

const withDefault = (
	defaults: Readonly<Record<string, string>>,
	where: readonly Flavor[] = flavors,
): TemplateVariable[] =>
	Object.entries(defaults).map(([name, value]) => ({
		name,
		flavors: where,
		versions: capmoxVersions,
		default: value,
	}));

/**
 * What each template reads, taken from `${…}` in templates/cluster-template*.yaml of cluster-api-provider-proxmox v0.7.7,
 * v0.8.2 and v0.9.0 (2026-08). clusterctl also takes `${ NAME }`, as flatcar has it (simple_processor.go,
 * convertLegacyVars); `$${NAME}` in flatcar is escaped and belongs to the guest.
 */
export const templateVariables: readonly TemplateVariable[] = [
	...rows([
		"CLUSTER_NAME",
		"KUBERNETES_VERSION",
		"CONTROL_PLANE_MACHINE_COUNT",
		"WORKER_MACHINE_COUNT",
		"CONTROL_PLANE_ENDPOINT_IP",
		"NODE_IP_RANGES",
		"IP_PREFIX",
		"GATEWAY",
		"DNS_SERVERS",
		"BRIDGE",
		"VM_SSH_KEYS",
	]),
	...rows(["NAMESPACE"], ["calico", "cilium"]),
	...rows(["NAMESPACE"], ["cilium-load-balancer"], ["0.9", "0.8"]),
	...withDefault({ ALLOWED_NODES: "[]", VIP_NETWORK_INTERFACE: "" }),
	...rows(["PROXMOX_SOURCENODE", "TEMPLATE_VMID"], allBut("auto-image")),
	...rows(["TEMPLATE_TAGS"], ["auto-image"]),
	...rows(["BOOT_VOLUME_DEVICE"], allBut("cilium", "cilium-load-balancer")),
	...withDefault({ BOOT_VOLUME_DEVICE: "scsi0" }, ["cilium-load-balancer"]),
	...withDefault({ BOOT_VOLUME_SIZE: "100", NUM_SOCKETS: "2", NUM_CORES: "4", MEMORY_MIB: "16384" }, allBut("cilium")),
	...rows(["PROXMOX_URL", "PROXMOX_TOKEN", "PROXMOX_SECRET"], ["external-creds"]),
	...rows(["NODE_SECONDARY_IP_RANGES"], ["multiple-vlans"], ["0.7"]),
	...rows(["SECONDARY_IP_RANGES"], ["multiple-vlans"], ["0.9", "0.8"]),
	...rows(["SECONDARY_IP_RANGES"], ["cilium-load-balancer"]),
	...rows(["SECONDARY_IP_PREFIX", "SECONDARY_BRIDGE"], ["multiple-vlans", "cilium-load-balancer"]),
	...rows(["SECONDARY_GATEWAY"], ["multiple-vlans"]),
	...rows(["NODE_IPV6_RANGES", "IPV6_GATEWAY"], ["dual-stack", "cilium-load-balancer"]),
	...rows(["IPV6_PREFIX"], ["dual-stack"]),
	...withDefault({ IPV6_PREFIX: "64" }, ["cilium-load-balancer"]),
	...rows(
		[
			"LOAD_BALANCER_MACHINE_COUNT",
			"EXT_SERVICE_BRIDGE",
			"LB_BGP_IPV4_RANGES",
			"LB_BGP_IPV4_PREFIX",
			// Singular, although CAPMOX's docs/advanced-setups.md has the plural.
			"LB_BGP_IPV6_RANGE",
			"LB_BGP_IPV6_PREFIX",
			"METALLB_IPV4_ASN",
			"METALLB_IPV4_BGP_PEER",
			"METALLB_IPV4_BGP_PEER_ASN",
			"METALLB_IPV4_BGP_PEER2",
			"METALLB_IPV4_BGP_PEER2_ASN",
			"METALLB_IPV4_BGP_SECRET",
			"METALLB_IPV4_RANGE",
			"METALLB_IPV6_ASN",
			"METALLB_IPV6_BGP_PEER",
			"METALLB_IPV6_BGP_PEER_ASN",
			"METALLB_IPV6_BGP_PEER2",
			"METALLB_IPV6_BGP_PEER2_ASN",
			"METALLB_IPV6_BGP_SECRET",
			"METALLB_IPV6_RANGE",
		],
		["cilium-load-balancer"],
	),
	...withDefault({ NUM_SOCKETS_LB: "1", NUM_CORES_LB: "4", MEMORY_MIB_LB: "2048" }, ["cilium-load-balancer"]),
];

/** What one template reads. */
export const readBy = (flavor: Flavor, version: CapmoxVersion): readonly TemplateVariable[] =>
	templateVariables.filter((row) => row.flavors.includes(flavor) && row.versions.includes(version));

/**
 * clusterctl fills these in by itself: from its arguments and options, else from the variable, else 1 control plane
 * machine, 0 workers and the namespace of the context (cmd/clusterctl/client/config.go, templateOptionsToVariables).
 */
export const filledByClusterctl: ReadonlySet<string> = new Set([
	"CLUSTER_NAME",
	"KUBERNETES_VERSION",
	"CONTROL_PLANE_MACHINE_COUNT",
	"WORKER_MACHINE_COUNT",
	"NAMESPACE",
]);

/**
 * What pods and services take: `spec.clusterNetwork` in the templates, the same in v0.7.7, v0.8.2 and v0.9.0; where that
 * names no services, kubeadm's own default (KubeadmControlPlane's ClusterConfiguration, networking.serviceSubnet).
 */
export const clusterNetworks = (flavor: Flavor): readonly { readonly cidr: string; readonly use: string }[] =>
	flavor === "dual-stack"
		? [
				{ cidr: "172.16.0.0/16", use: "pods" },
				{ cidr: "fd00:a1f:ea75:ca75::/64", use: "pods" },
				{ cidr: "192.168.128.0/17", use: "services" },
				{ cidr: "fd00:feed:a1f:ca75::/108", use: "services" },
			]
		: [
				{ cidr: "192.168.0.0/16", use: "pods" },
				{ cidr: "10.96.0.0/12", use: "services" },
			];

/**
 * Workload Kubernetes minors of the Cluster API releases that each CAPMOX supports: its README's compatibility table
 * (v0.7: CAPI 1.8–1.10, v0.8: 1.11, v0.9: 1.11–1.12) times "Core provider" in Cluster API's versions.md, 2026-08.
 */
export const kubernetesVersions: Readonly<
	Record<CapmoxVersion, { readonly oldest: string; readonly newest: string; readonly through: string }>
> = {
	"0.9": { oldest: "1.28", newest: "1.36", through: "Cluster API 1.11 and 1.12" },
	"0.8": { oldest: "1.28", newest: "1.34", through: "Cluster API 1.11" },
	"0.7": { oldest: "1.25", newest: "1.33", through: "Cluster API 1.8 to 1.10" },
};
