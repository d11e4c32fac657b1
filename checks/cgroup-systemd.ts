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
import { advise, asRoot, change, undoing, write } from "./cgroups/steps.ts";

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
		remedy:
			host.layout === "hybrid-v232" ? [leaveV232] : [...mountNow(system, isDirectory), ...mountAtBoot(system), orV2],
	};
}

function mountNow(system: System, isDirectory: boolean): NonEmpty<Step> {
	const mount = change(
		"Mount the hierarchy. Docker needs no restart; create the node again.",
		undoing(system, "umount", directory),
		...asRoot(system, "mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", directory),
	);
	return isDirectory
		? [mount]
		: [
				change("Make the directory.", undoing(system, "rmdir", directory), ...asRoot(system, "mkdir", "-p", directory)),
				mount,
			];
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
				write(
					"Have it done at every boot. The file needs #!/bin/sh at its head.",
					line,
					"/etc/local.d/cgroup-systemd.start",
				),
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
			return [write("Have it done at every boot.", line, "/etc/rc.local")];
	}
}

const orV2: Step = advise(
	"Better: switch the host to cgroup v2, where none of this matters: capmox-doctor explain cgroup-v2/v1-deprecated.",
);

/** systemd 232 keeps its own cgroups in the v2 hierarchy at that very place. */
const leaveV232: Step = advise(
	"Do not mount anything there: systemd 232 uses that place itself. Upgrade the distribution (Debian 9 has this systemd), or boot with systemd.legacy_systemd_cgroup_controller=1 on the kernel's command line.",
);
