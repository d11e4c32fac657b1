import { error, type Finding, type Severity, warning } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";

/** Every way in which the names of the two programs get mixed up. */
export const findings = {
	"not-set": error("Neither CAPMOX's nor image-builder's names are set."),
	"names-swapped": error("Token ID and secret stand under each other's name."),
	"both-names": error("PROXMOX_TOKEN holds a secret for image-builder, while PROXMOX_SECRET is set for CAPMOX."),
	"token-id-for-image-builder": warning(
		"PROXMOX_USERNAME is set for image-builder, but PROXMOX_TOKEN holds CAPMOX's token ID.",
	),
	"username-not-token-id": error("PROXMOX_USERNAME is no token ID, but PROXMOX_TOKEN holds a token's secret."),
	"image-builder-incomplete": error("A variable that image-builder needs is missing."),
	"api-path-missing": error("PROXMOX_URL lacks /api2/json, which image-builder needs."),
	"api-path-for-capmox": error("PROXMOX_URL ends in /api2/json, as for image-builder, but the names are CAPMOX's."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type BuilderCode = keyof typeof findings;
export type BuilderFinding = Finding<BuilderCode>;
export type Proxmox = Facts["environment.proxmox"];
export type Builder = Facts["environment.imagebuilder"];
