import { kubernetesVersions } from "../../src/knowledge/templates.ts";
import { parseAddress } from "../../src/addresses.ts";
import { advise, write } from "../steps.ts";
import { type Cluster, type EnvfileCode, type EnvfileFinding, found } from "./findings.ts";
import { exampleOf, formOf } from "./forms.ts";
import { type Given, itemsOf, type Read, rewrite } from "./reading.ts";

/** One finding about one value; `better` is the line to write. */
const about = (code: EnvfileCode, given: Given, summary: string, advice: string, better: string, expected = formOf(given.name)) =>
	found(code, summary, { from: given.from, saw: given.value === "" ? "nothing" : given.value, expected }, rewrite(advice, given, better));

/** Each value by itself. */
export const judgeValues = (cluster: Cluster, read: Read): EnvfileFinding[] => [
	...numbers.flatMap((rule) => judgeNumber(rule, read(rule.name))),
	...judgeControlPlane(read("CONTROL_PLANE_MACHINE_COUNT")),
	...["MEMORY_MIB", "MEMORY_MIB_LB"].flatMap((name) => judgeMemory(read(name))),
	...judgeBootDevice(read("BOOT_VOLUME_DEVICE")),
	...judgeTags(read("TEMPLATE_TAGS")),
	...judgeNodes(read),
	...["BRIDGE", "SECONDARY_BRIDGE", "EXT_SERVICE_BRIDGE"].flatMap((name) => judgeBridge(cluster, read(name))),
	...judgeDns(read("DNS_SERVERS")),
	...peers.flatMap((name) => judgeAddress(read(name))),
	...judgeKubernetes(cluster, read("KUBERNETES_VERSION")),
	...judgeSshKeys(cluster),
];

interface NumberRule {
	readonly name: string;
	readonly min: number;
	readonly max?: number;
	readonly unit?: string;
	/** Code of a number below `min`. */
	readonly code?: EnvfileCode;
	readonly why?: string;
}

/** CRDs of CAPMOX v0.9.0 (numSockets, numCores, memoryMiB, sizeGb, vmIDRange), clusterctl for the counts, RFC 6793 for ASNs. */
const numbers: readonly NumberRule[] = [
	{ name: "CONTROL_PLANE_MACHINE_COUNT", min: 1 },
	{ name: "WORKER_MACHINE_COUNT", min: 0 },
	{ name: "LOAD_BALANCER_MACHINE_COUNT", min: 0 },
	{ name: "NUM_SOCKETS", min: 1 },
	{ name: "NUM_CORES", min: 1 },
	{ name: "NUM_SOCKETS_LB", min: 1 },
	{ name: "NUM_CORES_LB", min: 1 },
	{ name: "MEMORY_MIB", min: 8, unit: "MiB" },
	{ name: "MEMORY_MIB_LB", min: 8, unit: "MiB" },
	{ name: "BOOT_VOLUME_SIZE", min: 5, unit: "GiB", code: "boot-volume-too-small", why: "CAPMOX refuses a boot volume below 5 GiB. It must also be no smaller than the template's disk, because a disk cannot shrink." },
	{ name: "TEMPLATE_VMID", min: 100, max: 999_999_999, code: "template-id-too-small", why: "Proxmox VE gives IDs from 100 on; CAPMOX takes a smaller one for no VM." },
	...["IPV4_ASN", "IPV4_BGP_PEER_ASN", "IPV4_BGP_PEER2_ASN", "IPV6_ASN", "IPV6_BGP_PEER_ASN", "IPV6_BGP_PEER2_ASN"].map(
		(name) => ({ name: `METALLB_${name}`, min: 1, max: 4_294_967_295 }),
	),
];

const wholeNumber = /^(?:0|[1-9]\d{0,15})$/;

function judgeNumber({ name, min, max, unit, code = "out-of-range", why }: NumberRule, given: Given | undefined): EnvfileFinding[] {
	// Nothing at all is told of with the names.
	if (given === undefined || given.value === "") {
		return [];
	}

	const expected = `a whole number${unit === undefined ? "" : ` of ${unit}`}, ${max === undefined ? `${min} or more` : `${min} to ${max}`}`;
	const better = String(Math.max(min, Number(suggestions[name] ?? min)));
	if (!wholeNumber.test(given.value)) {
		return [about("not-a-number", given, `${name} is not a whole number. Kubernetes rejects the manifest: it wants digits only, without unit, quotes or sign.`, "Write the bare number.", better, expected)];
	}

	const number = Number(given.value);
	return number < min || (max !== undefined && number > max)
		? [about(number < min ? code : "out-of-range", given, why ?? `${name} must be ${max === undefined ? `${min} or more` : `between ${min} and ${max}`}.`, "Write a number that is allowed.", better, expected)]
		: [];
}

const suggestions: Readonly<Record<string, string>> = {
	MEMORY_MIB: "16384",
	MEMORY_MIB_LB: "2048",
	BOOT_VOLUME_SIZE: "100",
	NUM_CORES: "4",
	TEMPLATE_VMID: "9000",
	...Object.fromEntries(["IPV4", "IPV6"].flatMap((family) => ["ASN", "BGP_PEER_ASN", "BGP_PEER2_ASN"].map((end) => [`METALLB_${family}_${end}`, "64512"]))),
};

/** KubeadmControlPlane's webhook: "cannot be an even number when etcd is stacked". */
const judgeControlPlane = (given: Given | undefined): EnvfileFinding[] =>
	given !== undefined && wholeNumber.test(given.value) && given.value !== "0" && Number(given.value) % 2 === 0
		? [about("even-control-plane", given, "Each control plane machine is a member of etcd, and Cluster API refuses an even number of those.", "Take the next odd number.", String(Number(given.value) + 1), "1, 3 or 5")]
		: [];

const judgeMemory = (given: Given | undefined): EnvfileFinding[] =>
	given !== undefined && wholeNumber.test(given.value) && Number(given.value) >= 8 && Number(given.value) % 8 !== 0
		? [about("memory-not-multiple-of-8", given, "CAPMOX takes only multiples of 8 MiB.", "Round it.", String(Math.round(Number(given.value) / 8) * 8), "a multiple of 8")]
		: [];

/** qemu-server, PVE/QemuServer/Drive.pm: MAX_SCSI_DISKS 31, MAX_VIRTIO_DISKS 16, MAX_SATA_DISKS 6, MAX_IDE_DISKS 4. */
const disk = /^(?:ide[0-3]|sata[0-5]|scsi(?:[0-9]|[12][0-9]|30)|virtio(?:[0-9]|1[0-5]))$/;

const judgeBootDevice = (given: Given | undefined): EnvfileFinding[] =>
	given === undefined || given.value === "" || disk.test(given.value)
		? []
		: [about("boot-device", given, "BOOT_VOLUME_DEVICE names no disk that a VM of Proxmox VE can have.", "Name the disk that the template boots from; qm config shows it.", "scsi0")];

/** The pattern of `templateSelector.matchTags` in CAPMOX's CRDs. */
const tag = /^[a-z0-9_][a-z0-9_\-+.]*$/i;

function judgeTags(given: Given | undefined): EnvfileFinding[] {
	const tags = given?.value.replace(/^\[|\]$/g, "").split(",").map((text) => text.trim()) ?? [];
	return given === undefined || given.value === "" || (tags.every((text) => tag.test(text)) && !given.value.startsWith("["))
		? []
		: [
				about(
					"template-tags",
					given,
					"TEMPLATE_TAGS must be tags with commas between them. The template adds the square brackets itself.",
					"Name the tags that the template has in Proxmox VE.",
					tags.filter((text) => tag.test(text)).join(",") || exampleOf(given.name),
				),
			];
}

/** PVE::JSONSchema, pve_verify_node_name: the host's short name. */
const nodeName = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;

function judgeNodes(read: Read): EnvfileFinding[] {
	const source = read("PROXMOX_SOURCENODE");
	const allowed = read("ALLOWED_NODES");
	const names = allowed === undefined ? undefined : itemsOf(allowed.value);
	const summary = (name: string) =>
		`${name} is not the name of a node. Proxmox VE knows its nodes by their short names, as the web interface shows them, in exactly that case.`;
	return [
		...(source === undefined || source.value === "" || nodeName.test(source.value)
			? []
			: [about("node-name", source, summary(source.value), "Write the short name.", nodeName.exec(source.value.split(".")[0] ?? "")?.[0] ?? "pve1")]),
		...(allowed !== undefined && names === undefined ? [notAList(allowed)] : []),
		...(allowed === undefined
			? []
			: (names ?? [])
					.filter((name) => !nodeName.test(name))
					.slice(0, 1)
					.map((name) => about("node-name", allowed, summary(name), "Write the short names.", `[${(names ?? []).map((each) => each.split(".")[0] ?? "").join(",")}]`))),
	];
}

export const notAList = (given: Given): EnvfileFinding =>
	about(
		"not-a-list",
		given,
		`${given.name} is put into the manifest as it stands, where a list must be.`,
		"Put square brackets around it, and the whole into single quotes.",
		`[${given.value.replace(/["'[\]]/g, "").trim().split(/[\s,;]+/).filter((item) => item !== "").join(",")}]`,
	);

export const emptyList = (given: Given): EnvfileFinding =>
	about("empty-list", given, `${given.name} is an empty list; CAPMOX wants at least one entry.`, "Write what belongs there.", exampleOf(given.name));

/** `pve-bridge-id` allows these; CAPMOX finds a bridge again with `bridge=(\w+)` (vmservice/utils.go, v0.7.7 to v0.9.0). */
function judgeBridge({ capmoxVersion }: Cluster, given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "" || /^\w+$/.test(given.value)) {
		return [];
	}

	if (!/^[-_.\w]+$/.test(given.value)) {
		return [about("bridge-name", given, `${given.name} cannot be the name of a bridge in Proxmox VE.`, "Name a bridge or vnet that every node has.", "vmbr0")];
	}

	const isOld = capmoxVersion === "0.7";
	return [
		{
			...found(
				"bridge-name",
				isOld
					? `CAPMOX ${capmoxVersion} reads bridge names only up to the first - or dot. It never finds ${given.value} again in the VM, configures the network anew each time, and does not get to starting the machine.`
					: `CAPMOX ${capmoxVersion} reads bridge names only up to the first - or dot. It does not recognise ${given.value} in the VM, and configures the network more often than needed. With CAPMOX 0.7 no machine would start.`,
				{ from: given.from, saw: given.value, expected: "letters, digits and underscores" },
				advise("Give the bridge another name on every node, or use a vnet; their names have letters and digits only."),
				rewrite("Then write that name.", given, given.value.replace(/[^\w]/g, "")),
			),
			...(isOld ? {} : { severity: "warning" as const, confidence: "likely" as const }),
		},
	];
}

const peers = ["IPV4_BGP_PEER", "IPV4_BGP_PEER2", "IPV6_BGP_PEER", "IPV6_BGP_PEER2"].map((name) => `METALLB_${name}`);

export function judgeAddress(given: Given | undefined): EnvfileFinding[] {
	return given === undefined || given.value === "" || parseAddress(given.value) !== undefined
		? []
		: [about("not-an-address", given, `${given.name} is not an IP address.`, "Write one address, without prefix, port or brackets.", addressIn(given.value) ?? exampleOf(given.name))];
}

/** The address that was meant, where something is around it. */
const addressIn = (text: string): string | undefined => {
	const bare = text.replace(/["'[\]\s]/g, "").replace(/\/\d+$/, "");
	return parseAddress(bare) === undefined ? undefined : bare;
};

function judgeDns(given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const servers = itemsOf(given.value);
	if (servers === undefined) {
		return [notAList(given)];
	}

	const [wrong] = servers.filter((server) => parseAddress(server) === undefined);
	return servers.length === 0
		? [emptyList(given)]
		: wrong === undefined
			? []
			: [about("not-an-address", given, `${given.name} holds ${wrong}, which is not an IP address.`, "Write addresses with commas between them.", exampleOf(given.name))];
}

const minorOf = (version: string): number => Number(version.split(".")[1] ?? 0);

function judgeKubernetes({ capmoxVersion }: Cluster, given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const { oldest, newest, through } = kubernetesVersions[capmoxVersion];
	const [, major = "", minor = ""] = /^v?(\d+)\.(\d+)\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/.exec(given.value) ?? [];
	if (minor === "") {
		return [
			about(
				"kubernetes-version-malformed",
				given,
				"KUBERNETES_VERSION must have three numbers; Cluster API refuses anything else, and the template VM has exactly one patch release.",
				"Write the version that the template VM was built with.",
				/^v?\d+\.\d+$/.test(given.value) ? `${given.value.startsWith("v") ? "" : "v"}${given.value}.0` : `v${newest}.0`,
				"such as v1.34.8",
			),
		];
	}

	return Number(major) === 1 && minorOf(oldest) <= Number(minor) && Number(minor) <= minorOf(newest)
		? []
		: [
				found(
					"kubernetes-version-unsupported",
					`CAPMOX ${capmoxVersion} works with ${through}, and ${through.includes(" and ") || through.includes(" to ") ? "these support" : "this supports"} Kubernetes ${oldest} to ${newest} in workload clusters.`,
					{ from: given.from, saw: given.value, expected: `v${oldest} to v${newest}` },
					advise(`Build a template with a version in that range, and name it. For this Kubernetes another CAPMOX may fit: capmox-doctor check envfile --capmox-version VERSION`),
				),
			];
}

const keyTroubles = {
	placeholder: "still holds the placeholder of the example",
	"file-name": "holds the name of a file; the key itself must stand there",
	"several-without-comma": "holds two keys without a comma between them",
	"yaml-special": "holds a comment with a # or a colon, which YAML takes for its own",
	damaged: "holds a key that is cut off or damaged",
	other: "holds something that does not begin like a public key",
} as const;

/** Only shapes are known here: keys name people. */
function judgeSshKeys({ sshKeys, variables }: Cluster): EnvfileFinding[] {
	const { VM_SSH_KEYS: variable } = variables;
	const from = `VM_SSH_KEYS (${variable?.origin ?? "the environment"})`;
	if (sshKeys.some(({ shape }) => shape === "private-key")) {
		return [
			found(
				"private-key",
				"VM_SSH_KEYS holds a private key. It would stand in every machine's configuration, readable by all who can read the cluster.",
				{ from, saw: "a private key, which is not shown", expected: "the public key, from the file that ends in .pub" },
				write("Write the public key.", "export VM_SSH_KEYS='ssh-ed25519 AAAA… you@example.com'", variable?.origin),
				advise("Where it was used already, replace that key pair."),
			),
		];
	}

	return sshKeys.flatMap(({ shape, type }, index) =>
		shape === "key" || shape === "private-key"
			? []
			: [
					found(
						"not-an-ssh-key",
						`VM_SSH_KEYS ${keyTroubles[shape]}. Nobody could log in with it, and the manifest may not even be read.`,
						{ from, saw: `entry ${index + 1} of ${sshKeys.length}${type === undefined ? "" : `, of type ${type}`}, which is not shown`, expected: "TYPE KEY COMMENT, with commas between the keys" },
						write("Write the public key, from the file that ends in .pub.", "export VM_SSH_KEYS='ssh-ed25519 AAAA… you@example.com'", variable?.origin),
					),
				],
	);
}
