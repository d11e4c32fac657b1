import type { NonEmpty, Step } from "../../src/check.ts";
import type { System } from "../cgroups/host.ts";
import { advise, asRoot, change } from "../cgroups/steps.ts";

/** By the package manager of the distribution. */
export function installation(system: System, debian: string, fedora: string): Step {
	const ids = [system.distribution?.id ?? "", ...(system.distribution?.like ?? [])];
	const install = (advice: string, ...command: NonEmpty<string>) =>
		change(advice, undefined, ...asRoot(system, ...command));
	if (ids.some((id) => id === "debian" || id === "ubuntu")) {
		return install(`Install ${debian}.`, "apt-get", "install", "-y", debian);
	}

	return ids.some((id) => id === "fedora" || id === "rhel")
		? install(`Install ${fedora}.`, "dnf", "install", "-y", fedora)
		: advise(`Install it with the package manager of this system: Debian's package is ${debian}, Fedora's ${fedora}.`);
}
