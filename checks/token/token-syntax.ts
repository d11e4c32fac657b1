import { found } from "../../src/check.ts";
import { write } from "../steps.ts";
import { type Environment, findings, onNode, type TokenFinding } from "./findings.ts";

/** By what `parseToken` found; the example is the value as it should be, where that can be told. */
export function tokenSyntax({ token }: Environment): TokenFinding[] {
	const from = `PROXMOX_TOKEN (${token.origin ?? "the environment"})`;
	const saw = token.id ?? "a value that is not shown, because it may hold a secret";
	return token.faults.map((fault) =>
		found(
			fault,
			findings[fault].means,
			{ from, saw, expected: "user@realm!tokenid, such as capmox@pve!capi" },
			write(repairs[fault], `export PROXMOX_TOKEN='${repaired(fault, token.id)}'`, token.origin),
			onNode(
				"The token IDs of a user are listed by this; nothing in it is secret.",
				"pveum",
				"user",
				"token",
				"list",
				userOf(token.id),
			),
		),
	);
}

export const repairs = {
	"no-token-id": "Append ! and the token ID to the user.",
	"no-realm": "Write the user with its realm; a token of capmox in the realm pve begins with capmox@pve.",
	"short-token-id": "Create a token with a longer ID, and name that one.",
	"invalid-token-id":
		"A token ID begins with a letter and goes on with letters, digits, dots, hyphens and underscores.",
	"escaped-exclamation-mark": "Take the backslash out and put the value into single quotes.",
	"user-twice": "Give the user once. What pveum prints as full-tokenid is the whole value already.",
	"secret-appended": "Keep what stands before the = here; what stands behind it belongs into PROXMOX_SECRET.",
	"header-pasted": "Keep user@realm!tokenid; CAPMOX puts PVEAPIToken= in front by itself.",
	placeholder: "Put the ID of your own token behind the !.",
} as const satisfies Record<Environment["token"]["faults"][number], string>;

function repaired(fault: Environment["token"]["faults"][number], id: string | undefined): string {
	if (id === undefined) {
		return "capmox@pve!capi";
	}

	switch (fault) {
		case "escaped-exclamation-mark":
			return id.replaceAll("\\!", "!");
		case "user-twice":
			return id.replace(/^.*!(?=.*@.*!)/, "");
		default:
			return `${userOf(id)}!capi`;
	}
}

const userOf = (id = ""): string => /^[^\s!]+@[A-Za-z][\w.-]+/.exec(id.replaceAll("\\", ""))?.[0] ?? "capmox@pve";
