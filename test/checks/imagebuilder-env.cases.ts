import type { Edits } from "../support/variables.ts";

export interface Case {
	readonly is: string;
	readonly variables: Edits;
	/** Everything that is found, in order. */
	readonly codes: readonly string[];
}

const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const capmox = {
	PROXMOX_URL: "https://pve.example.com:8006",
	PROXMOX_TOKEN: "capmox@pve!capi",
	PROXMOX_SECRET: secret,
};
const imageBuilder = {
	PROXMOX_URL: "https://pve.example.com:8006/api2/json",
	PROXMOX_USERNAME: "image-builder@pve!capi",
	PROXMOX_TOKEN: secret,
	PROXMOX_NODE: "pve1",
	PROXMOX_ISO_POOL: "local",
	PROXMOX_BRIDGE: "vmbr0",
	PROXMOX_STORAGE_POOL: "local-lvm",
};

export const cases: readonly Case[] = [
	{ is: "CAPMOX's names", variables: capmox, codes: [] },
	{
		is: "CAPMOX's names, behind a reverse proxy with a path",
		variables: { ...capmox, PROXMOX_URL: "https://example.com/pve" },
		codes: [],
	},
	{ is: "image-builder's names", variables: imageBuilder, codes: [] },
	{
		is: "image-builder's names, with a slash at the end",
		variables: { ...imageBuilder, PROXMOX_URL: `${imageBuilder.PROXMOX_URL}/` },
		codes: [],
	},
	{
		is: "ID and secret exchanged",
		variables: { ...capmox, PROXMOX_TOKEN: secret, PROXMOX_SECRET: "capmox@pve!capi" },
		codes: ["names-swapped"],
	},
	{
		is: "secret in PROXMOX_TOKEN and PROXMOX_SECRET",
		variables: { ...imageBuilder, PROXMOX_SECRET: secret },
		codes: ["both-names"],
	},
	{
		is: "two secrets, and the token ID nowhere",
		variables: { ...capmox, PROXMOX_TOKEN: secret },
		codes: ["both-names"],
	},
	{
		is: "one name of each program, and the common one missing",
		variables: { ...imageBuilder, PROXMOX_TOKEN: undefined, PROXMOX_SECRET: secret },
		codes: ["both-names"],
	},
	{
		is: "PROXMOX_USERNAME beside CAPMOX's names",
		variables: { ...capmox, PROXMOX_USERNAME: "capmox@pve!capi" },
		codes: ["token-id-for-image-builder"],
	},
	{
		is: "a user without token",
		variables: { ...imageBuilder, PROXMOX_USERNAME: "image-builder@pve" },
		codes: ["username-not-token-id"],
	},
	{ is: "no node", variables: { ...imageBuilder, PROXMOX_NODE: undefined }, codes: ["image-builder-incomplete"] },
	{
		is: "a lone secret, most likely meant for CAPMOX",
		variables: { PROXMOX_URL: capmox.PROXMOX_URL, PROXMOX_TOKEN: secret },
		codes: ["image-builder-incomplete"],
	},
	{
		is: "PROXMOX_USERNAME without a token",
		variables: { ...imageBuilder, PROXMOX_TOKEN: undefined },
		codes: ["image-builder-incomplete"],
	},
	{
		is: "image-builder's names without /api2/json",
		variables: { ...imageBuilder, PROXMOX_URL: capmox.PROXMOX_URL },
		codes: ["api-path-missing"],
	},
	{
		is: "CAPMOX's names with /api2/json",
		variables: { ...capmox, PROXMOX_URL: imageBuilder.PROXMOX_URL },
		codes: ["api-path-for-capmox"],
	},
	...["/api2", "//api2/json//", "/API2/JSON", "/api2/extjs"].map((path) => ({
		is: `CAPMOX's names with ${path}`,
		variables: { ...capmox, PROXMOX_URL: `${capmox.PROXMOX_URL}${path}` },
		codes: ["api-path-for-capmox"],
	})),
	{
		is: "the secret behind the ID in PROXMOX_USERNAME",
		variables: { ...imageBuilder, PROXMOX_USERNAME: `image-builder@pve!capi=${secret}` },
		codes: ["username-not-token-id"],
	},
	{
		is: "a path that only begins like the API's",
		variables: { ...capmox, PROXMOX_URL: "https://example.com/api2proxy" },
		codes: [],
	},
	{
		is: "a token ID with a slip is still CAPMOX's",
		variables: { ...capmox, PROXMOX_TOKEN: "capmox!capi@pve" },
		codes: [],
	},
];
