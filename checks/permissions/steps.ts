import type { NonEmpty, Step } from "../../src/check.ts";

/** A command that only looks. */
export const onNode = (advice: string, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "proxmox-node",
	risk: "safe",
});

export const printRole = (advice: string): Step => ({
	advice,
	command: ["capmox-doctor", "env", "--role"],
	where: "here",
	risk: "safe",
});
