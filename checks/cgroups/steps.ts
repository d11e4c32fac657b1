import type { NonEmpty, Step } from "../../src/check.ts";
import type { System } from "./host.ts";

export const advise = (advice: string, ...command: readonly string[]): Step => {
	const [first, ...rest] = command;
	return { advice, where: "here", risk: "safe", ...(first === undefined ? {} : { command: [first, ...rest] }) };
};

/** As root; who is root already needs no sudo. */
export const asRoot = ({ uid }: System, ...[first, ...rest]: NonEmpty<string>): NonEmpty<string> =>
	uid === 0 ? [first, ...rest] : ["sudo", first, ...rest];

export const change = (advice: string, undo: Step["undo"], ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "here",
	risk: "changes",
	...(undo === undefined ? {} : { undo }),
});

export const write = (advice: string, line: string, into: string): Step => ({
	advice,
	put: { line, into },
	where: "here",
	risk: "changes",
});

export const reboot = (system: System): Step => ({
	advice: "Reboot, when nothing that runs here is in the way. Cgroups cannot change their version on a running host.",
	command: asRoot(system, "reboot"),
	where: "here",
	risk: "changes",
});

export const orV2: Step = advise(
	"Better: switch the host to cgroup v2, where none of this matters: capmox-doctor explain cgroup-v2/v1-deprecated.",
);
