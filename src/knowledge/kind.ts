/**
 * kind's releases, newest first: the Kubernetes version of the default node image, and what its base image brings.
 * pkg/apis/config/defaults/image.go and images/base/Dockerfile at each tag of kubernetes-sigs/kind, read 2026-11-23.
 */
export const kindReleases = [
	{ kind: "0.32.0", released: "2026-06-02", kubernetes: "1.36.1", systemd: 257, base: "Debian 13" },
	{ kind: "0.31.0", released: "2025-12-17", kubernetes: "1.35.0", systemd: 252, base: "Debian 12" },
	{ kind: "0.30.0", released: "2025-08-27", kubernetes: "1.34.0", systemd: 252, base: "Debian 12" },
	{ kind: "0.29.0", released: "2025-05-21", kubernetes: "1.33.1", systemd: 252, base: "Debian 12" },
	{ kind: "0.28.0", released: "2025-05-16", kubernetes: "1.33.1", systemd: 252, base: "Debian 12" },
	{ kind: "0.27.0", released: "2025-02-14", kubernetes: "1.32.2", systemd: 252, base: "Debian 12" },
	{ kind: "0.26.0", released: "2024-12-16", kubernetes: "1.32.0", systemd: 252, base: "Debian 12" },
	{ kind: "0.25.0", released: "2024-11-08", kubernetes: "1.31.2", systemd: 252, base: "Debian 12" },
	{ kind: "0.24.0", released: "2024-08-15", kubernetes: "1.31.0", systemd: 252, base: "Debian 12" },
	{ kind: "0.23.0", released: "2024-05-13", kubernetes: "1.30.0", systemd: 252, base: "Debian 12" },
	{ kind: "0.22.0", released: "2024-02-14", kubernetes: "1.29.2", systemd: 252, base: "Debian 12" },
	{ kind: "0.21.0", released: "2024-02-02", kubernetes: "1.29.1", systemd: 252, base: "Debian 12" },
	{ kind: "0.20.0", released: "2023-06-14", kubernetes: "1.27.3", systemd: 247, base: "Debian 11" },
] as const;

/** From which version on something holds. */
export const since = {
	/** kind gives every node a cgroup namespace of its own: d16895a4, docker/provision.go. */
	kindPrivateCgroups: "0.20.0",
	/** Docker knows --cgroupns, and cgroup v2: its release notes of 20.10, API 1.41. */
	dockerCgroupNamespaces: "20.10.0",
	/** kind runs on hosts with nothing but cgroup v2: release notes of v0.10.0, CI since. */
	kindOnV2: "0.10.0",
	/** The kubelet refuses cgroup v1 (failCgroupV1 defaults to true): KEP-5573. */
	kubeletRefusesV1: "1.35.0",
	/** Podman ends with "Cgroups v1 not supported": release notes of 6.0.0, 2026-06. */
	podmanRefusesV1: "6.0.0",
	/** kind reads what Podman 6 prints: kind#4201, mended by 955ea974 of 2026-06-25, after v0.32.0. */
	kindOnPodman6: "0.33.0",
	/** Podman prints labels in another form: kind#4201, kind#4231. */
	podmanNewLabels: "6.0.0",
	/** runc names the mount as src=, dst=, data=: libcontainer/mount_linux.go, ba0b5e269. */
	runcMountWords: "1.2.0",
	/** systemd knows no v1 at all: NEWS of 258, 2025-09. */
	systemdWithoutV1: 258,
	/** systemd can use cgroup v2 alone: NEWS of 226. */
	systemdOnV2: 226,
	/** The kernel answers EINVAL to a mount option that it does not know; before, ENOENT: kernel/cgroup/cgroup-v1.c. */
	kernelNamesOptions: "5.1.0",
	/** The kernel has cgroup namespaces: cgroup_namespaces(7). RHEL 7 has none: kind#3311. */
	kernelCgroupNamespaces: "4.6.0",
	/** OpenRC names a service's cgroup openrc.<service>, out of the way of Docker's: 97689d6c, 2024-01-09. */
	openrcServicePrefix: "0.53",
} as const;
