import { parseAddress } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { readList } from "../../src/go-yaml.ts";
import { advise } from "../steps.ts";
import { about } from "./about.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { judgeKubernetes } from "./kubernetes.ts";
import { judgeAddress, judgeDns, notAList } from "./lists.ts";
import { judgeNumbers } from "./numbers.ts";
import { example, type Given, itemsOf, mend, quoteWhereNeeded, type Read } from "./reading.ts";
import { judgeSshKeys } from "./ssh-keys.ts";

const bridges = ["BRIDGE", "SECONDARY_BRIDGE", "EXT_SERVICE_BRIDGE"] as const;
const peers = ["IPV4_BGP_PEER", "IPV4_BGP_PEER2", "IPV6_BGP_PEER", "IPV6_BGP_PEER2"].map((name) => `METALLB_${name}`);

/** Each value by itself. */
export const judgeValues = (cluster: Cluster, read: Read): EnvfileFinding[] => [
	...judgeNumbers(read),
	...judgeBootDevice(read("BOOT_VOLUME_DEVICE")),
	...judgeTags(read("TEMPLATE_TAGS")),
	...judgeSourceNode(read("PROXMOX_SOURCENODE")),
	...judgeAllowedNodes(read("ALLOWED_NODES")),
	...bridges.flatMap((name) => judgeBridge(cluster, read(name))),
	...judgeInterface(read("VIP_NETWORK_INTERFACE"), read("BRIDGE")),
	...judgeDns(read("DNS_SERVERS")),
	...peers.flatMap((name) => [...judgeAddress(read(name)), ...judgeFamily(read(name))]),
	...judgeKubernetes(cluster, read("KUBERNETES_VERSION")),
	...judgeSshKeys(cluster),
];

/** The session announces MetalLB's range of the family in its name. */
function judgeFamily(given: Given | undefined): EnvfileFinding[] {
	const address = parseAddress(given?.value ?? "");
	const family = given?.name.includes("IPV6") === true ? 6 : 4;
	return given === undefined || address === undefined || address.family === family
		? []
		: [
				{
					...about(
						"wrong-family",
						given,
						`${given.name} is an IPv${address.family} address. The router there learns no IPv${family} routes from MetalLB.`,
						example(`Write the router's IPv${family} address.`, given),
						`an IPv${family} address`,
					),
					confidence: "likely",
				},
			];
}

/** qemu-server, PVE/QemuServer/Drive.pm: MAX_SCSI_DISKS 31, MAX_VIRTIO_DISKS 16, MAX_SATA_DISKS 6, MAX_IDE_DISKS 4. */
const disk = /^(?:ide[0-3]|sata[0-5]|scsi(?:[0-9]|[12][0-9]|30)|virtio(?:[0-9]|1[0-5]))$/;

const judgeBootDevice = (given: Given | undefined): EnvfileFinding[] =>
	given === undefined || given.value === "" || disk.test(given.value)
		? []
		: [
				about(
					"boot-device",
					given,
					"BOOT_VOLUME_DEVICE names no disk that a VM of Proxmox VE can have.",
					example("Name the disk that the template boots from; qm config shows it.", given),
				),
			];

/** The pattern of `templateSelector.matchTags` in CAPMOX's CRDs. */
const tag = /^[a-z0-9_][a-z0-9_\-+.]*$/i;

function judgeTags(given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const list = readList(`[${given.value}]`);
	const tags =
		list?.kind === "list"
			? list.items.map(({ text }) => text)
			: given.value
					.replace(/^\[|\]$/g, "")
					.split(/[,;]/)
					.map((text) => text.trim())
					.filter((text) => text !== "");
	const areTags = tags.length > 0 && tags.every((text) => tag.test(text));
	return areTags && list?.kind === "list"
		? []
		: [
				about(
					"template-tags",
					given,
					"TEMPLATE_TAGS must be tags with commas between them. The template adds the square brackets itself.",
					mend(
						"Write the template's tags like this.",
						given,
						areTags ? tags.map(quoteWhereNeeded).join(",") : undefined,
					),
				),
			];
}

/** PVE::JSONSchema, pve_verify_node_name: the host's short name. */
const nodeName = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
const isNodeName = (text: string | undefined): boolean => text !== undefined && nodeName.test(text);
const shortNameOf = (name: string): string => name.trim().split(".")[0] ?? "";
const noNode = (name: string): string =>
	`${name} is not the name of a node. Proxmox VE knows its nodes by their short names, as the web interface shows them, in exactly that case.`;

function judgeSourceNode(given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "" || isNodeName(given.value)) {
		return [];
	}

	const short = shortNameOf(given.value);
	const step = mend("Write the short name.", given, isNodeName(short) ? short : undefined);
	return [about("node-name", given, noNode(given.value), step)];
}

function judgeAllowedNodes(given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const names = itemsOf(given.value);
	if (names === undefined) {
		return [notAList(given)];
	}

	const wrong = names.find((name) => !isNodeName(name));
	const short = names.map(shortNameOf);
	const better = short.every(isNodeName) ? `[${short.join(",")}]` : undefined;
	return wrong === undefined
		? []
		: [about("node-name", given, noNode(wrong), mend("Write the short names.", given, better))];
}

/** Linux gives an interface 15 characters (IFNAMSIZ). */
const isInterface = (name: string): boolean => /^[-_.\w]{1,15}$/.test(name);

/** `pve-bridge-id` allows these; CAPMOX finds a bridge again with `bridge=(\w+)` (vmservice/utils.go, v0.7.7 to v0.9.0). */
function judgeBridge({ capmoxVersion }: Cluster, given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "" || (/^\w+$/.test(given.value) && isInterface(given.value))) {
		return [];
	}

	if (!isInterface(given.value)) {
		const step = example("Name a bridge or vnet that every node has.", given);
		return [about("bridge-name", given, `${given.name} cannot be the name of a bridge in Proxmox VE.`, step)];
	}

	const reads = `CAPMOX ${capmoxVersion} reads bridge names only up to the first hyphen or dot.`;
	const isOld = capmoxVersion === "0.7";
	return [
		{
			...found(
				"bridge-name",
				isOld
					? `${reads} It never finds ${given.value} again in the VM, configures the network anew each time, and does not get to starting the machine.`
					: `${reads} It does not recognise ${given.value} in the VM, and configures the network more often than needed. With CAPMOX 0.7 no machine would start.`,
				{ from: given.from, saw: given.value, expected: "letters, digits and underscores" },
				advise(
					`Give the bridge another name on every node, or use a vnet, whose name has letters and digits only. Then write that name into ${given.name}.`,
				),
			),
			...(isOld ? {} : { severity: "warning" as const, confidence: "likely" as const }),
		},
	];
}

/** net/core/dev.c, dev_valid_name: up to 15 bytes, without blank, slash and colon. */
const isDevice = (name: string): boolean => Buffer.byteLength(name) < 16 && !/[\s\0/:]|^\.{1,2}$/.test(name);

/** kube-vip ends where the machine has no such device. */
function judgeInterface(given: Given | undefined, bridge: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const step = example("Write what ip link shows in a machine, or nothing: kube-vip then finds the device.", given);
	if (!isDevice(given.value)) {
		const summary = "VIP_NETWORK_INTERFACE cannot be the name of a network device, so that kube-vip does not start.";
		return [about("interface-name", given, summary, step)];
	}

	return given.value === bridge?.value || /^net\d+$/.test(given.value)
		? [
				{
					...about(
						"interface-name",
						given,
						`${given.value} is a name of Proxmox VE. Inside of a machine the device has another one, and without it kube-vip does not start.`,
						step,
					),
					severity: "warning",
					confidence: "likely",
				},
			]
		: [];
}
