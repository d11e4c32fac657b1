/**
 * The variables that capmox-doctor reads from the environment, an envfile or clusterctl's YAML; envfile.example explains each.
 * CAPMOX's own: cmd/main.go and config/default of cluster-api-provider-proxmox v0.9.0. PROXMOX_USERNAME is image-builder's.
 */
export const variables = [
	"PROXMOX_URL",
	"PROXMOX_TOKEN",
	"PROXMOX_SECRET",
	"PROXMOX_INSECURE",
	"PROXMOX_ROOT_CERT_FILE",
	"PROXMOX_USERNAME",
] as const;
export type VariableName = (typeof variables)[number];
