import type { NonEmpty, Step } from "../../src/check.ts";
import type { Host, VersionFinding } from "./findings.ts";
import { advise, reboot, write } from "./steps.ts";

/** What pods or the kubelet rely on, and is not there. */
export function controllersMissing(host: Host, wanted: readonly string[]): readonly VersionFinding[] {
	const { cgroups } = host;
	const { controllers } = cgroups;
	const missing = controllers === undefined ? [] : wanted.filter((name) => !controllers.includes(name));
	if (missing.length === 0 || (cgroups.version === 2 && cgroups.view.namespace === "nested")) {
		return [];
	}

	const names = missing.join(", ");
	return [
		{
			code: "controllers-missing",
			summary: `${names} ${missing.length === 1 ? "is" : "are"} missing among the cgroup controllers. ${cgroups.version === 1 ? 'A kubelet that still takes v1 ends with "Following Cgroup subsystem not mounted".' : "Pods with limits on them do not start."}`,
			evidence: [
				{
					from:
						cgroups.version === 2 ? "/sys/fs/cgroup/cgroup.controllers" : "the v1 hierarchies in /proc/self/mountinfo",
					saw: controllers?.join(" ") ?? "",
					expected: wanted.join(" "),
				},
			],
			remedy: whyMissing(missing, host),
		},
	];
}

/** The command line took them away, this kernel has none, or a Raspberry Pi leaves memory out unless asked. */
function whyMissing(missing: readonly string[], { cgroups, system }: Host): NonEmpty<Step> {
	const disabled = system.kernelArguments.filter((word) => /^cgroup_(?:disable|no_v1)/.test(word));
	if (disabled.length > 0) {
		return [
			advise(`The kernel's command line says ${disabled.join(" ")}: take that out.`, "cat", "/proc/cmdline"),
			reboot(system),
		];
	}

	const absent = missing.filter((name) => cgroups.kernelControllers?.includes(name) === false);
	if (absent.length > 0) {
		return [
			advise(
				`The running kernel was built without ${absent.join(", ")}: start one of the distribution's own kernels.`,
				"cat",
				"/proc/cgroups",
			),
		];
	}

	return missing.includes("memory") && cgroups.version === 2
		? [
				write(
					"Have the kernel switch memory on. On a Raspberry Pi the words belong at the end of the one line that is there.",
					"cgroup_enable=memory cgroup_memory=1",
					"/boot/firmware/cmdline.txt",
				),
				reboot(system),
			]
		: [
				advise(
					"The kernel has them, but they are not mounted as v1: it may be too new for that. With cgroup v2 alone they are all there.",
					"cat",
					"/proc/cgroups",
				),
			];
}
