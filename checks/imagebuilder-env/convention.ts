import type { Facts } from "../../src/facts/sheet.ts";

type Proxmox = Facts["environment.proxmox"];

/** Whose names the variables follow, told by the shape of PROXMOX_TOKEN: an ID for CAPMOX, a secret for image-builder. */
export type Convention = "none" | "capmox" | "image-builder" | "swapped" | "unclear";

export function conventionOf({ token, secret, username }: Pick<Proxmox, "token" | "secret" | "username">): Convention {
	if (token.presence !== "set") {
		return username.presence === "set" ? "image-builder" : "none";
	}

	if (token.shape === "uuid") {
		return secret.shape === "token-id" ? "swapped" : "image-builder";
	}

	// Whatever names a user and a token was meant as an ID.
	return token.shape === "token-id" || token.id !== undefined ? "capmox" : "unclear";
}
