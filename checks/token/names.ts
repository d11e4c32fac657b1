/** The three variables that lead to Proxmox VE, by what they are in the facts. */
export const names = { url: "PROXMOX_URL", token: "PROXMOX_TOKEN", secret: "PROXMOX_SECRET" } as const;
export const keys = ["url", "token", "secret"] as const;

/** Lines for an envfile, to be filled in. */
export const examples = {
	url: "export PROXMOX_URL='https://pve.example.com:8006'",
	token: "export PROXMOX_TOKEN='capmox@pve!capi'",
	secret: "export PROXMOX_SECRET='…'",
} as const;
