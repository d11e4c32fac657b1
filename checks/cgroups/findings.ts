import { type Evidence, error, type Finding, type NonEmpty, type Severity, warning } from "../../src/check.ts";
import { type Cgroups, describeLayout, nameOf, type Provider, type System, type Tools } from "./host.ts";
import { switchToV2 } from "./switch.ts";

/** Every way in which the cgroup version, or what is left of it, keeps kind from working. */
export const findings = {
	"no-cgroups": error("No cgroup file system is mounted."),
	"mounted-elsewhere": error("cgroup file systems are mounted, but not at /sys/fs/cgroup."),
	"no-controllers": error("cgroup v1 hierarchies are mounted, but none has a controller."),
	"devices-missing": error("cgroup v1 has no devices controller where Docker and runc look for it."),
	"kubelet-refuses-v1": error("The kubelet in kind's node image does not run on cgroup v1."),
	"rootless-on-v1": error("A rootless engine cannot run kind on cgroup v1."),
	"podman-refuses-v1": error("This Podman does not run on cgroup v1."),
	"crun-refuses-layout": error("crun starts nothing where /sys/fs/cgroup is neither a tmpfs nor cgroup2."),
	"no-cgroup-namespaces": error("The kernel has no cgroup namespaces, without which kind starts no node on cgroup v1."),
	"crun-refuses-hybrid": error("crun starts nothing where cgroup v2 holds controllers beside v1."),
	"docker-cgroup-threaded": error("Docker's cgroup is OpenRC's, too, and so has become threaded."),
	"controllers-missing": warning("A controller that the kubelet wants is missing."),
	"v1-deprecated": warning("The host still uses cgroup v1."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type VersionCode = keyof typeof findings;
export type VersionFinding = Finding<VersionCode>;

export interface Host {
	readonly provider: Provider;
	readonly cgroups: Cgroups;
	readonly tools: Tools;
	readonly system: System;
}

/** What tells the version: the engine's word, and where its containers meet them, this host's files. */
function evidenceOf({ provider, cgroups }: Host): NonEmpty<Evidence> {
	const fromFiles = {
		from: "/sys/fs/cgroup and /proc/self/mountinfo",
		saw: describeLayout(cgroups),
		expected: "cgroup v2 alone",
	};
	const fromEngine = {
		from: provider.engine === "podman" ? "podman info" : "docker info",
		saw: [
			`${nameOf(provider)}, cgroup version ${provider.reportedVersion === undefined ? provider.cgroupVersion : `${provider.reportedVersion} (the files of this host say otherwise, and containers meet those)`}`,
			...(provider.cgroupDriver === undefined ? [] : [`cgroup driver ${provider.cgroupDriver}`]),
			...(provider.rootless === true ? ["rootless"] : []),
			...(provider.place === "elsewhere" ? [provider.placeBecause] : []),
		].join(", "),
	};
	return !provider.answers ? [fromFiles] : provider.place === "here" ? [fromEngine, fromFiles] : [fromEngine];
}

/** A finding that cgroup v2 ends. */
export const problem = (
	host: Host,
	code: VersionCode,
	summary: string,
	...evidence: readonly Evidence[]
): VersionFinding => ({
	code,
	summary,
	evidence: [...evidenceOf(host), ...evidence],
	remedy: switchToV2(host.system, host.provider),
});
