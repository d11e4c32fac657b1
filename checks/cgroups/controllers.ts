import type { NonEmpty, Step } from "../../src/check.ts";
import type { Host, VersionFinding } from "./findings.ts";
import type { System } from "./host.ts";
import { advise, asRoot, change, reboot } from "./steps.ts";

/** What pods or the kubelet rely on, and is not there. */
export function controllersMissing(host: Host, wanted: readonly string[]): readonly VersionFinding[] {
	const { cgroups } = host;
	const { controllers } = cgroups;
	const missing = controllers === undefined ? [] : wanted.filter((name) => !controllers.includes(name));
	if (missing.length === 0 || showsAnother(host)) {
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

/** What a namespace was given tells of the engine only where the engine has that same namespace. */
const showsAnother = ({ cgroups, provider }: Host): boolean =>
	cgroups.version === 2 && cgroups.view.namespace === "nested" && !(provider.answers && provider.place === "here");

/** The command line took them away, this kernel has none, or it leaves memory out unless asked. */
function whyMissing(missing: readonly string[], { cgroups, system }: Host): NonEmpty<Step> {
	if (missing.includes("memory") && isRaspberryPi(system)) {
		return [switchMemoryOn(system), reboot(system)];
	}

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

	if (cgroups.view.namespace === "nested") {
		return [advise("What runs this container did not give it these controllers. Have it delegate them.")];
	}

	return missing.includes("memory") && cgroups.version === 2
		? [
				advise(
					"This kernel leaves memory out unless it is asked: put cgroup_enable=memory on its command line.",
					"cat",
					"/proc/cmdline",
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

/** Kernels of Raspberry Pi OS and Ubuntu: `6.6.31+rpt-rpi-v8`, `5.15.84-v8+`, `6.8.0-1013-raspi`. */
const isRaspberryPi = ({ kernel = "", distribution }: System): boolean =>
	/rpi|raspi|-v\d+l?\+/.test(kernel) || distribution?.id === "raspbian";

/** Its firmware puts cgroup_disable=memory on the command line; what the file asks for comes later and wins. */
function switchMemoryOn(system: System): Step {
	const isOld = Number(system.distribution?.version) < 12;
	const file = isOld ? "/boot/cmdline.txt" : "/boot/firmware/cmdline.txt";
	const words = " cgroup_enable=memory cgroup_memory=1";
	return change(
		"A Raspberry Pi leaves memory out unless it is asked. The words belong at the end of the one line that is there.",
		asRoot(system, "sed", "-i", `1s/${words}//`, file),
		...asRoot(system, "sed", "-i", `1s/$/${words}/`, file),
	);
}
