import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Nic {
	readonly name: string;
	readonly index: number;
	readonly driver: string;
	/** `0000:00:12.0`; empty for one that software makes. */
	readonly pci: string;
	readonly master?: string;
	readonly down?: boolean;
	/** `10.0.1.71/24`, in the kernel's order. */
	readonly addresses?: readonly string[];
}

export interface NodeTree {
	readonly nics: readonly Nic[];
	/** Whole lines of /proc/net/route and /proc/net/ipv6_route. */
	readonly route?: readonly string[];
	readonly route6?: readonly string[];
	/** Without: `ip` tells nothing, and /proc has to. */
	readonly ip?: boolean;
	/** Other files, by path. */
	readonly files?: Readonly<Record<string, string>>;
	/** No kubelet. */
	readonly plain?: boolean;
}

const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const little = (address: string): string =>
	address
		.split(".")
		.reverse()
		.map((part) => Number(part).toString(16).padStart(2, "0").toUpperCase())
		.join("");

/** As the kernel prints it. */
export const route4 = (name: string, gateway: string, metric: number): string =>
	`${name}\t00000000\t${little(gateway)}\t0003\t0\t0\t${metric}\t00000000\t0\t0\t0`;
export const link4 = (name: string, network: string, prefix: number): string =>
	`${name}\t${little(network)}\t00000000\t0001\t0\t0\t0\t${little([0, 1, 2, 3].map((part) => 256 - 2 ** (8 - Math.max(0, Math.min(8, prefix - part * 8)))).join("."))}\t0\t0\t0`;
export const route6 = (name: string, gateway: string, metric: number): string =>
	`${"0".repeat(32)} 00 ${"0".repeat(32)} 00 ${gateway} ${metric.toString(16).padStart(8, "0")} 00000001 00000000 00000003 ${name.padStart(8)}`;

/** A copy of what a node has, in a new folder: for `--root`. */
export function writeNode({ nics, route = [], route6: sixth = [], ip = true, files = {}, plain }: NodeTree): string {
	const root = mkdtempSync(join(tmpdir(), "capmox-doctor-node-"));
	const put = (path: string, text: string) => {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), text);
	};
	const link = (path: string, to: string) => {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		symlinkSync(to, join(root, path));
	};
	for (const { name, index, driver, pci, master, down } of nics) {
		if (pci === "") {
			put(`sys/devices/virtual/net/${name}/ifindex`, `${index}\n`);
			put(`sys/devices/virtual/net/${name}/flags`, "0x1003\n");
			link(`sys/class/net/${name}`, `../../devices/virtual/net/${name}`);
			continue;
		}

		const device = `devices/pci0000:00/${pci}${driver === "virtio_net" ? `/virtio${index}` : ""}`;
		put(`sys/${device}/net/${name}/ifindex`, `${index}\n`);
		put(`sys/${device}/net/${name}/flags`, down === true ? "0x1002\n" : "0x1003\n");
		link(`sys/${device}/net/${name}/device`, `../../../${device.split("/").at(-1) ?? ""}`);
		link(`sys/${device}/driver`, `${"../".repeat(device.split("/").length)}bus/drivers/${driver}`);
		link(`sys/class/net/${name}`, `../../${device}/net/${name}`);
		if (master !== undefined) {
			link(`sys/${device}/net/${name}/master`, `../../../../virtual/net/${master}`);
		}
	}

	put("proc/net/route", [header, ...route, ""].join("\n"));
	put("proc/net/ipv6_route", [...sixth, ""].join("\n"));
	if (ip) {
		put(
			"cmd/ip-j-addr.json",
			JSON.stringify(
				nics.map(({ name, addresses = [] }) => ({
					ifname: name,
					addr_info: addresses.map((each) => {
						const [local, prefixlen] = each.split("/");
						return { local, prefixlen: Number(prefixlen) };
					}),
				})),
			),
		);
	}

	if (plain !== true) {
		put("var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n");
		put(
			"var/lib/kubelet/kubeadm-flags.env",
			'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock --pod-infra-container-image=registry.k8s.io/pause:3.10"\n',
		);
		put("proc/sys/kernel/hostname", "prod-workers-0\n");
		put("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 prod-workers-0\n");
	}

	for (const [path, text] of Object.entries(files)) {
		put(path, text);
	}

	return root;
}

const place = (slot: number) => `0000:00:${slot.toString(16)}.0`;

/** The machine of the troubleshooting document: net0 e1000, the others virtio; Ubuntu, so that virtio came first. */
export const documented: NodeTree = {
	nics: [
		{ name: "ens19", index: 2, driver: "virtio_net", pci: place(19), addresses: ["10.0.2.155/24"] },
		{ name: "ens20", index: 3, driver: "virtio_net", pci: place(20), master: "vrf-ext", addresses: ["10.0.3.9/24"] },
		{ name: "ens18", index: 4, driver: "e1000", pci: place(18), addresses: ["10.0.1.72/24"] },
	],
	route: [
		route4("ens19", "10.0.2.1", 0),
		route4("ens18", "10.0.1.1", 100),
		link4("ens18", "10.0.1.0", 24),
		link4("ens19", "10.0.2.0", 24),
	],
	files: {
		"cmd/dmesg": [
			"[    0.000000] Linux version 5.15.0-89-generic (buildd@bos03-amd64-016)",
			"[    1.402311] virtio_net virtio2 ens19: renamed from eth0",
			"[    1.420076] virtio_net virtio3 ens20: renamed from eth1",
			"[    2.118220] e1000 0000:00:12.0 eth0: (PCI:33MHz:32-bit) 16:7a:ee:74:23:0d",
			"[    2.118230] e1000 0000:00:12.0 eth0: Intel(R) PRO/1000 Network Connection",
			"[    2.131514] e1000 0000:00:12.0 ens18: renamed from eth0",
			"",
		].join("\n"),
		"proc/modules": "e1000 180224 0 - Live 0x0000000000000000\n",
	},
};

/** Two virtio devices, both with a default route, net0's first. */
export const orderly: NodeTree = {
	nics: [
		{ name: "ens18", index: 2, driver: "virtio_net", pci: place(18), addresses: ["10.0.1.72/24"] },
		{ name: "ens19", index: 3, driver: "virtio_net", pci: place(19), addresses: ["10.0.2.155/24"] },
	],
	route: [
		route4("ens18", "10.0.1.1", 100),
		route4("ens19", "10.0.2.1", 200),
		link4("ens18", "10.0.1.0", 24),
		link4("ens19", "10.0.2.0", 24),
	],
	files: { "proc/modules": "virtio_net 90112 0 - Live 0x0000000000000000\n" },
};

/** With other files beside its own. */
export const withFiles = (tree: NodeTree, files: Readonly<Record<string, string>>): NodeTree => ({
	...tree,
	files: { ...tree.files, ...files },
});
