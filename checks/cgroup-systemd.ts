import {
	defineCheck,
	type Evidence,
	type Finding,
	healthy,
	type NonEmpty,
	notApplicable,
	problems,
	type Step,
} from "../src/check.ts";
import type { Facts } from "../src/facts/sheet.ts";
import { describeLayout, hasPrivateCgroups, type Provider, type System, type Tools } from "./cgroups/host.ts";
import { mountAtPlace, systemdHierarchy } from "./cgroups/place.ts";
import { advise, asRoot, change, orV2, write } from "./cgroups/steps.ts";

export default defineCheck({
	id: "cgroup-systemd",
	title: "Containers with systemd find the systemd hierarchy",
	group: "host",
	documented: "troubleshooting#kinddocker-without-systemd-cgroup",
	needs: ["host.hierarchies", "host.provider", "host.tools", "host.system"],
	findings: {
		"hierarchy-missing": {
			severity: "error",
			means: "The host uses cgroup v1 and has no hierarchy name=systemd, which systemd in a node needs.",
		},
		"directory-without-hierarchy": {
			severity: "error",
			means: "/sys/fs/cgroup/systemd exists, but the systemd hierarchy is not mounted there.",
		},
	},
	diagnose({ "host.hierarchies": host, "host.provider": provider, "host.tools": tools, "host.system": system }) {
		const isMissing = host.cgroupVersion === 1 && !host.hierarchies.some(({ name }) => name === "systemd");
		const found = isMissing ? [finding(host, provider, tools, system)] : [];
		if (provider.engine === "none") {
			return notApplicable(provider.chosenBecause, found[0]);
		}

		return problems(found, () =>
			healthy(
				host.cgroupVersion === 2
					? "Containers run on cgroup v2, where systemd needs no hierarchy of its own."
					: `The hierarchy name=systemd is mounted at ${host.hierarchies.find(({ name }) => name === "systemd")?.mountPoint ?? ""}.`,
			),
		);
	},
});

type Hierarchies = Facts["host.hierarchies"];
type Code = "hierarchy-missing" | "directory-without-hierarchy";

const directory = "/sys/fs/cgroup/systemd";

function finding(host: Hierarchies, provider: Provider, tools: Tools, system: System): Finding<Code> {
	const isDirectory = host.systemdDirectory === "directory";
	// It lives on in its cgroups after an umount, and then a container may mount it by itself.
	const isAlive = host.own.some(({ name }) => name === "systemd");
	const consequence =
		'systemd in a node then ends with "Failed to mount cgroup at /sys/fs/cgroup/systemd: Operation not permitted" and "Exiting PID 1...".';
	const evidence: NonEmpty<Evidence> = [
		{
			from: "/proc/self/mountinfo",
			saw: `${describeLayout(host)}; ${host.hierarchies.length} v1 hierarchies, none of them name=systemd`,
			expected: `a hierarchy name=systemd at ${directory}`,
		},
	];
	return {
		code: isDirectory ? "directory-without-hierarchy" : "hierarchy-missing",
		...(!hasPrivateCgroups(provider, tools) || isAlive ? { severity: "warning" } : {}),
		...(provider.answers && !isAlive ? {} : { confidence: "likely" }),
		summary: isDirectory
			? `${directory} is only a directory: the hierarchy name=systemd is not mounted there. Creating the directory is not enough. ${consequence}`
			: `This host uses cgroup v1 and has no hierarchy name=systemd. Plain containers start, but ${consequence}`,
		evidence: isDirectory
			? [
					...evidence,
					{ from: `statfs ${directory}`, saw: "no cgroup file system", expected: "a cgroup v1 file system" },
				]
			: evidence,
		remedy: remedyFor(host, system),
	};
}

function remedyFor(host: Hierarchies, system: System): NonEmpty<Step> {
	switch (host.layout) {
		case "hybrid-v232":
			return [leaveV232];
		// There is no tmpfs for the hierarchies of v1, so that no directory can be made for this one.
		case "none":
		case "single-legacy":
			return [orV2];
		case "odd":
			return host.hierarchies.length === 0 ? [orV2] : [...mountAtPlace(host, systemdHierarchy, system), orV2];
		default:
			return [...mountAtPlace(host, systemdHierarchy, system), ...mountAtBoot(system), orV2];
	}
}

const line = `mkdir -p ${directory} && mount -t cgroup -o none,name=systemd cgroup ${directory}`;

/** The tmpfs at /sys/fs/cgroup is empty after a boot. */
function mountAtBoot(system: System): readonly Step[] {
	if (system.wsl !== undefined) {
		return [
			write(
				"Have it done at every start of WSL. The line belongs below [boot].",
				`command = "${line}"`,
				"/etc/wsl.conf",
			),
		];
	}

	switch (system.init) {
		case "openrc":
			return [
				write("Have it done at every boot.", `#!/bin/sh\n${line}`, "/etc/local.d/cgroup-systemd.start"),
				change(
					"Make the file executable.",
					"remove the file",
					...asRoot(system, "chmod", "755", "/etc/local.d/cgroup-systemd.start"),
				),
				change(
					"Run such files at boot.",
					"rc-update delete local",
					...asRoot(system, "rc-update", "add", "local", "default"),
				),
			];
		case "systemd":
			return [
				advise("systemd mounts it by itself at boot. Find out what unmounted it.", "systemctl", "status", "init.scope"),
			];
		default:
			return [
				write(
					"Have it done at every boot. The line belongs above a final exit 0, and the file needs #!/bin/sh at its head and mode 755, or it never runs.",
					line,
					"/etc/rc.local",
				),
			];
	}
}

/** systemd 232 keeps its own cgroups in the v2 hierarchy at that very place. */
const leaveV232: Step = advise(
	"Do not mount anything there: systemd 232 uses that place itself. Upgrade the distribution (Debian 9 has this systemd), or boot with systemd.legacy_systemd_cgroup_controller=1 on the kernel's command line.",
);
