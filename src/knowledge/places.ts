import type { CapmoxVersion } from "./templates.ts";

/**
 * How a variable stands in the templates, and what the CRDs want there. The same in v0.7.7, v0.8.2 and v0.9.0.
 *
 * - `text`: `key: ${NAME}`, a string.
 * - `quoted`: `key: "${NAME}"`, a string whatever the value.
 * - `number`: `key: ${NAME}`, an integer.
 * - `count`: an integer, but clusterctl reads the variable by itself before it fills in the template
 *   (client/config.go, templateOptionsToVariables: strconv.ParseInt).
 * - `list`: `key: ${NAME}`, a list of strings, brackets included.
 * - `entries`: `key: [${NAME}]`, a list of strings, whose brackets the template has.
 */
export type Place = "text" | "quoted" | "number" | "count" | "list" | "entries";

const places: Readonly<Record<Exclude<Place, "text">, readonly string[]>> = {
	quoted: [
		"CLUSTER_NAME",
		"NAMESPACE",
		"KUBERNETES_VERSION",
		"PROXMOX_SOURCENODE",
		"METALLB_IPV4_RANGE",
		"METALLB_IPV6_RANGE",
	],
	number: [
		"IP_PREFIX",
		"IPV6_PREFIX",
		"SECONDARY_IP_PREFIX",
		"LB_BGP_IPV4_PREFIX",
		"LB_BGP_IPV6_PREFIX",
		"TEMPLATE_VMID",
		"BOOT_VOLUME_SIZE",
		"NUM_SOCKETS",
		"NUM_CORES",
		"MEMORY_MIB",
		"NUM_SOCKETS_LB",
		"NUM_CORES_LB",
		"MEMORY_MIB_LB",
		"LOAD_BALANCER_MACHINE_COUNT",
		...["IPV4", "IPV6"].flatMap((family) =>
			["ASN", "BGP_PEER_ASN", "BGP_PEER2_ASN"].map((end) => `METALLB_${family}_${end}`),
		),
	],
	count: ["CONTROL_PLANE_MACHINE_COUNT", "WORKER_MACHINE_COUNT"],
	list: [
		"NODE_IP_RANGES",
		"NODE_IPV6_RANGES",
		"SECONDARY_IP_RANGES",
		"NODE_SECONDARY_IP_RANGES",
		"LB_BGP_IPV4_RANGES",
		"LB_BGP_IPV6_RANGE",
		"DNS_SERVERS",
		"ALLOWED_NODES",
	],
	entries: ["VM_SSH_KEYS", "TEMPLATE_TAGS"],
};

const placeByName = new Map(
	Object.entries(places).flatMap(([place, names]) => names.map((name) => [name, place as Place] as const)),
);

export const placeOf = (name: string): Place => placeByName.get(name) ?? "text";

/** `x-kubernetes-list-type: set` in the CRDs: since v1alpha2, with CAPMOX 0.8; `matchTags` had it before. */
export const isSet = (name: string, version: CapmoxVersion): boolean =>
	name === "TEMPLATE_TAGS" ||
	(version !== "0.7" && ["NODE_IP_RANGES", "NODE_IPV6_RANGES", "DNS_SERVERS", "ALLOWED_NODES"].includes(name));
