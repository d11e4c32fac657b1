import { templateVariables } from "./templates.ts";

/** Where Proxmox VE is and how to log in. CAPMOX's own: cmd/main.go and config/default of cluster-api-provider-proxmox v0.9.0. */
export const proxmoxVariables = [
	"PROXMOX_URL",
	"PROXMOX_TOKEN",
	"PROXMOX_SECRET",
	"PROXMOX_INSECURE",
	"PROXMOX_ROOT_CERT_FILE",
	/** Image-builder's name for the token ID. */
	"PROXMOX_USERNAME",
] as const;
export type ProxmoxVariable = (typeof proxmoxVariables)[number];

/** What image-builder reads beside URL and token: images/capi/packer/proxmox/packer.json.tmpl, 2026-08. */
export const imageBuilderVariables = [
	"PROXMOX_NODE",
	"PROXMOX_ISO_POOL",
	"PROXMOX_BRIDGE",
	"PROXMOX_STORAGE_POOL",
	"PROXMOX_MTU",
	"PROXMOX_VLAN",
] as const;

/** kind's own: pkg/cluster/internal/runtime/runtime.go of v0.32.0. */
const kindVariables = ["KIND_EXPERIMENTAL_PROVIDER"] as const;

/** containers.conf(5); XDG_CONFIG_HOME and HOME, which every program has, do not stand here. */
const podmanVariables = ["CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE"] as const;

/** Go's golang.org/x/net/http/httpproxy, which kubectl, clusterctl and kind share; HTTP_PROXY concerns neither Proxmox nor clusters. */
const proxyVariables = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"] as const;

/** Read only to say that they have no effect: documented for CAPMOX, or easily written in place of another. */
export const misnomers = ["SECONDARY_DNS_SERVERS", "LB_BGP_IPV6_RANGES", "LB_BGP_IPV4_RANGE"] as const;

/**
 * Feature gate of Cluster API's kubeadm providers, off by default: clusterctl init puts it into their deployments
 * (bootstrap/kubeadm/config/manager/manager.yaml, v1.12). Flavor flatcar needs it.
 */
export const ignitionGate = "EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION";

/** What the templates of CAPMOX read to make a workload cluster, over all flavors and versions. */
export const clusterVariables: readonly string[] = [
	...new Set(templateVariables.map(({ name }) => name)),
	...misnomers,
	ignitionGate,
].filter((name) => !(proxmoxVariables as readonly string[]).includes(name));

/** Of these only is kept whether they are set. */
export const secretClusterVariables: ReadonlySet<string> = new Set(
	clusterVariables.filter((name) => name.endsWith("_SECRET")),
);

/** All variables that capmox-doctor reads from the environment, an envfile or clusterctl's YAML; envfile.example explains each. */
export const variables: readonly string[] = [
	...proxmoxVariables,
	...imageBuilderVariables,
	...kindVariables,
	...podmanVariables,
	...proxyVariables,
	...clusterVariables,
];

/** Names that other programs use, too: alone in the process environment they do not show that a cluster is planned. */
export const commonNames: ReadonlySet<string> = new Set([
	"CLUSTER_NAME",
	"NAMESPACE",
	"KUBERNETES_VERSION",
	"CONTROL_PLANE_MACHINE_COUNT",
	"WORKER_MACHINE_COUNT",
	"GATEWAY",
	"BRIDGE",
]);
