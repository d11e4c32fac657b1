import type { Check, Group } from "../src/check.ts";

export interface Entry {
	readonly id: string;
	readonly group: Group;
	readonly load: () => Promise<Check>;
}

const entry = (id: string, group: Group, load: () => Promise<{ default: Check }>): Entry => ({
	id,
	group,
	load: async () => (await load()).default,
});

/** Every check, in the order of the reports. Each is loaded when it is asked for. */
export const directory: readonly Entry[] = [
	entry("envfile", "config", () => import("./envfile.ts")),
	entry("imagebuilder-env", "config", () => import("./imagebuilder-env.ts")),
	entry("cgroup-v2", "host", () => import("./cgroup-v2.ts")),
	entry("cgroup-named", "host", () => import("./cgroup-named.ts")),
	entry("cgroup-systemd", "host", () => import("./cgroup-systemd.ts")),
	entry("podman", "host", () => import("./podman.ts")),
	entry("kind-host", "host", () => import("./kind-host.ts")),
	entry("token", "proxmox", () => import("./token.ts")),
	entry("permissions", "proxmox", () => import("./permissions.ts")),
	entry("capi-compat", "management", () => import("./capi-compat.ts")),
	entry("machine-deletion", "management", () => import("./machine-deletion.ts")),
	entry("kube-vip", "workload", () => import("./kube-vip.ts")),
	entry("nic-order", "workload", () => import("./nic-order.ts")),
	entry("calico-ipvs", "workload", () => import("./calico-ipvs.ts")),
];

export const load = (entries: readonly Entry[]): Promise<readonly Check[]> =>
	Promise.all(entries.map((each) => each.load()));
