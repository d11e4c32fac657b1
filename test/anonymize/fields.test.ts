import { describe, expect, test } from "vitest";
import { fields, kindOfVariable } from "../../src/anonymize/fields.ts";
import { clusterVariables, imageBuilderVariables } from "../../src/knowledge/variables.ts";
import { textFields } from "../support/fact-schemas.ts";

const listed = Object.entries(fields).flatMap(([fact, kinds]) => Object.keys(kinds).map((path) => `${fact} ${path}`));
const inSchemas = (await textFields()).map(({ fact, path }) => `${fact} ${path}`);

describe("every text that a fact can hold is in the table of src/anonymize/fields.ts", () => {
	test("none is missing there", () => {
		expect(inSchemas.filter((field) => !listed.includes(field))).toEqual([]);
	});

	test("none is listed that no schema has", () => {
		expect(listed.filter((field) => !inSchemas.includes(field))).toEqual([]);
	});
});

test("a variable is what its name says", () => {
	const variables = [...clusterVariables, ...imageBuilderVariables];
	const named = (kind: string) => variables.filter((name) => kindOfVariable(name) === kind).join(" ");
	expect([named("address"), named("name"), named("text")]).toMatchInlineSnapshot(`
		[
		  "CONTROL_PLANE_ENDPOINT_IP NODE_IP_RANGES GATEWAY DNS_SERVERS NODE_SECONDARY_IP_RANGES SECONDARY_IP_RANGES SECONDARY_GATEWAY NODE_IPV6_RANGES IPV6_GATEWAY LB_BGP_IPV4_RANGES LB_BGP_IPV6_RANGE METALLB_IPV4_BGP_PEER METALLB_IPV4_BGP_PEER2 METALLB_IPV4_RANGE METALLB_IPV6_BGP_PEER METALLB_IPV6_BGP_PEER2 METALLB_IPV6_RANGE SECONDARY_DNS_SERVERS LB_BGP_IPV6_RANGES LB_BGP_IPV4_RANGE",
		  "CLUSTER_NAME BRIDGE NAMESPACE ALLOWED_NODES VIP_NETWORK_INTERFACE PROXMOX_SOURCENODE TEMPLATE_TAGS SECONDARY_BRIDGE EXT_SERVICE_BRIDGE PROXMOX_NODE PROXMOX_ISO_POOL PROXMOX_BRIDGE PROXMOX_STORAGE_POOL",
		  "KUBERNETES_VERSION CONTROL_PLANE_MACHINE_COUNT WORKER_MACHINE_COUNT IP_PREFIX VM_SSH_KEYS TEMPLATE_VMID BOOT_VOLUME_DEVICE BOOT_VOLUME_SIZE NUM_SOCKETS NUM_CORES MEMORY_MIB SECONDARY_IP_PREFIX IPV6_PREFIX LOAD_BALANCER_MACHINE_COUNT LB_BGP_IPV4_PREFIX LB_BGP_IPV6_PREFIX METALLB_IPV4_ASN METALLB_IPV4_BGP_PEER_ASN METALLB_IPV4_BGP_PEER2_ASN METALLB_IPV4_BGP_SECRET METALLB_IPV6_ASN METALLB_IPV6_BGP_PEER_ASN METALLB_IPV6_BGP_PEER2_ASN METALLB_IPV6_BGP_SECRET NUM_SOCKETS_LB NUM_CORES_LB MEMORY_MIB_LB EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION PROXMOX_MTU PROXMOX_VLAN",
		]
	`);
});
