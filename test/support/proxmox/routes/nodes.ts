import { createHash, X509Certificate } from "node:crypto";
import { ApiError } from "../answer.ts";
import { shuffled } from "../random.ts";
import type { Call, Route } from "../route.ts";
import type { Node, Storage } from "../state.ts";
import { nodeStatistics } from "./statistics.ts";

export const nodeRoutes: readonly Route[] = [
	{ method: "GET", path: "/nodes", permission: "all", answer: listNodes },
	{
		method: "GET",
		path: "/nodes/{node}/status",
		permission: { perm: "/nodes/{node}", all: ["Sys.Audit"] },
		onNode: true,
		answer: status,
	},
	{
		method: "GET",
		path: "/nodes/{node}/network",
		permission: "all",
		parameters: ["type"],
		onNode: true,
		answer: listNetworks,
	},
	{
		method: "GET",
		path: "/nodes/{node}/storage",
		permission: "all",
		parameters: ["storage", "content", "enabled", "target", "format"],
		onNode: true,
		byDaemon: true,
		answer: listNodeStorages,
	},
	{
		method: "GET",
		path: "/nodes/{node}/storage/{storage}/content",
		permission: { perm: "/storage/{storage}", any: ["Datastore.Audit", "Datastore.AllocateSpace"] },
		parameters: ["content", "vmid"],
		onNode: true,
		byDaemon: true,
		answer: listVolumes,
	},
	{
		method: "POST",
		path: "/nodes/{node}/storage/{storage}/upload",
		permission: { perm: "/storage/{storage}", all: ["Datastore.AllocateTemplate"] },
		parameters: ["content", "filename", "checksum", "checksum-algorithm", "tmpfilename"],
		onNode: true,
		byDaemon: true,
		answer: (call) => taskId(call, "imgcopy", ""),
	},
	{
		method: "GET",
		path: "/nodes/{node}/certificates/info",
		permission: "all",
		onNode: true,
		byDaemon: true,
		answer: ({ world }) => [
			certificateInfo("pve-root-ca.pem", world.authority),
			certificateInfo("pve-ssl.pem", world.certificate),
		],
	},
	{
		method: "GET",
		path: "/storage",
		permission: "all",
		parameters: ["type"],
		answer: listStorages,
	},
];

export function taskId({ world, parameters, caller }: Call, type: string, id: string): string {
	return `UPID:${parameters["node"] ?? world.state.nodes[0]?.node ?? ""}:0003A1B2:01C0FFEE:68000000:${type}:${id}:${caller}:`;
}

/** pve-manager, API2/Nodes.pm: every node is listed to everyone, its load only to auditors. */
function listNodes(call: Call): unknown {
	const [local] = call.world.state.nodes;
	return call.world.state.nodes.map((node) => ({
		...nodeStatistics(node, call.may(`/nodes/${node.node}`, "Sys.Audit")),
		ssl_fingerprint:
			node === local
				? new X509Certificate(call.world.certificate).fingerprint256
				: (node.fingerprint ?? madeUpFingerprint(node.node)),
	}));
}

function madeUpFingerprint(name: string): string {
	const digest = createHash("sha256").update(name).digest("hex").toUpperCase();
	return digest.match(/../g)?.join(":") ?? "";
}

function status({ world, parameters }: Call): unknown {
	const node = world.state.nodes.find((candidate) => candidate.node === parameters["node"]);
	return (
		node?.status ?? {
			cpu: 0.012,
			cpuinfo: { cores: node?.cpus ?? 4, cpus: node?.cpus ?? 4, sockets: 1, model: "AMD EPYC 7302P 16-Core Processor" },
			loadavg: ["0.15", "0.25", "0.30"],
			memory: { ...memoryOf(node), free: memoryOf(node).total - memoryOf(node).used },
			pveversion: `pve-manager/${world.version.version}/${world.version.repoid}`,
			uptime: 86_400,
		}
	);
}

function memoryOf(node: Node | undefined): { total: number; used: number } {
	return node?.memory ?? { total: 0, used: 0 };
}

/** pve-manager, API2/Network.pm: since release 8 a bridge is left out unless SDN.Audit or SDN.Use is held on it or a VLAN of it. */
function listNetworks(call: Call): unknown {
	const { state, generation } = call.world;
	const type = call.parameters["type"];
	const networks = state.nodes.find(({ node }) => node === call.parameters["node"])?.networks ?? [];
	const plain = networks.filter((network) => {
		const isBridge = network.type === "bridge" || network.type === "OVSBridge";
		const isHidden = isBridge && generation.major >= 8 && !maySeeBridge(call, "localnetwork", network.iface);
		const isAsked =
			type === undefined ||
			type === "include_sdn" ||
			type === network.type ||
			((type === "any_bridge" || type === "any_local_bridge") && isBridge);
		return isAsked && !isHidden;
	});
	const virtual = state.vnets
		.filter(() => type === "include_sdn" || type === "any_bridge" || type === "vnet")
		.filter(({ vnet, zone }) => maySeeBridge(call, zone, vnet))
		.map(({ vnet }) => ({ iface: vnet, type: "vnet", active: 1 }));
	return [...plain, ...virtual];
}

/** pve-access-control, RPCEnvironment.pm check_sdn_bridge. */
function maySeeBridge(call: Call, zone: string, bridge: string): boolean {
	const path = `/sdn/zones/${zone}/${bridge}`;
	const vlans = call.world.state.acls.map((acl) => acl.path).filter((candidate) => candidate.startsWith(`${path}/`));
	return [path, ...vlans].some((candidate) => call.may(candidate, "SDN.Audit", "SDN.Use"));
}

/** pve-storage, API2/Storage/Status.pm */
function listNodeStorages(call: Call): unknown {
	const { storage: name, content, enabled } = call.parameters;
	const wanted = content?.split(",");
	return visibleStorages(call)
		.filter(({ nodes }) => nodes === undefined || nodes.includes(call.parameter("node")))
		.filter(({ storage }) => name === undefined || storage === name)
		.filter(({ disabled }) => enabled !== "1" || disabled !== true)
		.filter((storage) => wanted === undefined || storage.content.split(",").some((kind) => wanted.includes(kind)))
		.map(storageStatus);
}

function storageStatus({ storage, type, content, shared, disabled, active, total = 0, used = 0 }: Storage): unknown {
	const isActive = disabled !== true && active !== false;
	const size = isActive ? { total, used, avail: total - used } : { total: 0, used: 0, avail: 0 };
	return {
		storage,
		type,
		content,
		shared: shared === true ? 1 : 0,
		enabled: disabled === true ? 0 : 1,
		active: isActive ? 1 : 0,
		...size,
		...(size.total > 0 ? { used_fraction: size.used / size.total } : {}),
	};
}

/** pve-storage, API2/Storage/Config.pm: keys that are off are absent. */
function listStorages(call: Call): unknown {
	return visibleStorages(call)
		.filter(({ type }) => call.parameters["type"] === undefined || type === call.parameters["type"])
		.map(({ storage, type, content, shared, disabled, nodes }) => ({
			storage,
			type,
			content,
			digest: "8f1f2f0cc5d5a1dc4b3d2d3b8a2a6f1f0e9d8c7b",
			...(shared === true ? { shared: 1 } : {}),
			...(disabled === true ? { disable: 1 } : {}),
			...(nodes === undefined ? {} : { nodes: nodes.join(",") }),
		}));
}

function visibleStorages(call: Call): Storage[] {
	const visible = call.world.state.storages.filter(({ storage }) =>
		call.may(`/storage/${storage}`, "Datastore.Audit", "Datastore.AllocateSpace"),
	);
	return shuffled(visible, call.world.random);
}

function listVolumes({ world, parameters }: Call): unknown {
	const storage = world.state.storages.find((candidate) => candidate.storage === parameters["storage"]);
	if (storage === undefined) {
		throw new ApiError(500, `storage '${parameters["storage"] ?? ""}' does not exist\n`);
	}

	return (storage.volumes ?? []).map((volid) => ({ volid, content: contentOf(volid), format: "raw", size: 1 }));
}

function contentOf(volid: string): string {
	return /:(iso|vztmpl|backup|snippets|import)\//.exec(volid)?.[1] ?? "images";
}

function certificateInfo(filename: string, pem: string): unknown {
	const certificate = new X509Certificate(pem);
	return {
		filename,
		fingerprint: certificate.fingerprint256,
		subject: `/${certificate.subject.replaceAll("\n", "/")}`,
		issuer: `/${certificate.issuer.replaceAll("\n", "/")}`,
		notbefore: Date.parse(certificate.validFrom) / 1000,
		notafter: Date.parse(certificate.validTo) / 1000,
		san: (certificate.subjectAltName ?? "").split(", ").map((name) => name.replace(/^[^:]*:/, "")),
		pem,
	};
}
