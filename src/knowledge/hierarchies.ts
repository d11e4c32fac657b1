export interface HierarchyOwner {
	/** Of the hierarchy's name, or of the mount point. */
	readonly pattern: RegExp;
	readonly who: string;
	/** How it comes back, and what stops that. */
	readonly comesBack: string;
	readonly put?: { readonly line: string; readonly into: string };
}

/**
 * Who usually mounts cgroup v1 hierarchies beside those of the init system. OpenRC init.d/cgroups.in (0.63), elogind
 * src/core/mount-setup.c, lxcfs (netdata#714), Mullvad's split tunnel (podman#18103); read 2026-11-23.
 */
export const hierarchyOwners: readonly HierarchyOwner[] = [
	{
		pattern: /^openrc$/,
		who: "OpenRC, which keeps track of its services with it",
		comesBack: "OpenRC mounts it again at every boot, unless it uses cgroup v2 alone; that is its default since 0.51.",
		put: { line: 'rc_cgroup_mode="unified"', into: "/etc/rc.conf" },
	},
	{
		pattern: /^elogind$/,
		who: "elogind, which keeps track of sessions with it",
		comesBack: "elogind mounts it again when it starts. On a host with cgroup v2 alone it does no harm.",
	},
	{
		pattern: /lxcfs/,
		who: "lxcfs",
		comesBack: "lxcfs mounts it again when it starts; versions since 3.0 keep it to themselves.",
	},
	{
		pattern: /mullvad|vpn|split-?tunnel/i,
		who: "a VPN client, for its split tunnel",
		comesBack: "The VPN client mounts it again while its split tunnel is on.",
	},
];
