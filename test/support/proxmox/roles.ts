interface Category {
	readonly root?: readonly string[];
	readonly admin?: readonly string[];
	readonly user?: readonly string[];
	readonly audit?: readonly string[];
}

/** Built-in and own roles of one release line, by name; privileges that release does not know are dropped, as user.cfg's parser does. */
export function rolesOf(
	major: number,
	own: Readonly<Record<string, readonly string[]>>,
): Map<string, ReadonlySet<string>> {
	const builtIn = builtInRoles(major);
	const valid = builtIn.get("Administrator") ?? new Set();
	for (const [role, privileges] of Object.entries(own)) {
		builtIn.set(role, new Set(privileges.filter((privilege) => valid.has(privilege))));
	}

	return builtIn;
}

/** pve-access-control, AccessControl.pm create_roles: roles follow from privileges sorted by who should hold them. */
function builtInRoles(major: number): Map<string, ReadonlySet<string>> {
	const roles = new Map<string, Set<string>>([["NoAccess", new Set()]]);
	const grant = (role: string, privileges: readonly string[]): void => {
		roles.set(role, new Set([...(roles.get(role) ?? []), ...privileges]));
	};

	for (const [name, { root = [], admin = [], user = [], audit = [] }] of Object.entries(categories(major))) {
		grant("Administrator", [...root, ...admin, ...user, ...audit]);
		grant(`PVE${name}Admin`, [...admin, ...user, ...audit]);
		grant("PVEAdmin", [...admin, ...user, ...audit]);
		grant("PVEAuditor", audit);
		if (user.length > 0) {
			grant(`PVE${name}User`, [...user, ...audit]);
		}
	}

	roles.get("PVEAdmin")?.delete("Mapping.Modify");
	grant("PVETemplateUser", ["VM.Audit", "VM.Clone"]);
	return roles;
}

/** The privileges of libpve-access-control 7.4, 8.2 and 9.1. */
function categories(major: number): Record<string, Category> {
	const sincePve8: Record<string, Category> = {
		Mapping: { admin: ["Mapping.Modify"], user: ["Mapping.Use"], audit: ["Mapping.Audit"] },
	};
	return {
		VM: virtualMachines(major),
		Sys: {
			root: [
				"Sys.PowerMgmt",
				"Sys.Modify",
				"Sys.Incoming",
				...(major >= 8 ? ["Sys.AccessNetwork", "Permissions.Modify"] : []),
			],
			admin: ["Sys.Console", "Sys.Syslog", ...(major >= 8 ? [] : ["Permissions.Modify"])],
			audit: ["Sys.Audit"],
		},
		Datastore: {
			admin: ["Datastore.Allocate", "Datastore.AllocateTemplate"],
			user: ["Datastore.AllocateSpace"],
			audit: ["Datastore.Audit"],
		},
		SDN: { admin: ["SDN.Allocate"], user: major >= 8 ? ["SDN.Use"] : [], audit: ["SDN.Audit"] },
		User: { root: ["Realm.Allocate"], admin: ["User.Modify", "Group.Allocate", "Realm.AllocateUser"] },
		Pool: { admin: ["Pool.Allocate"], user: ["Pool.Audit"], audit: ["Pool.Audit"] },
		...(major >= 8 ? sincePve8 : {}),
	};
}

function virtualMachines(major: number): Category {
	const config = ["CPU", "Disk", "HWType", "Memory", "Network", "Options"].map((part) => `VM.Config.${part}`);
	const admin = [...config, "VM.Allocate", "VM.Clone", "VM.Migrate", "VM.Snapshot", "VM.Snapshot.Rollback"];
	const user = ["VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.Backup", "VM.PowerMgmt"];
	if (major < 9) {
		return { admin: [...admin, "VM.Monitor"], user, audit: ["VM.Audit"] };
	}

	const agent = ["FileRead", "FileWrite", "FileSystemMgmt"].map((part) => `VM.GuestAgent.${part}`);
	return {
		admin: [...admin, "VM.Replicate", "VM.GuestAgent.Unrestricted"],
		user: [...user, ...agent],
		audit: ["VM.Audit", "VM.GuestAgent.Audit"],
	};
}
