import type { FactName } from "../facts/sheet.ts";
import { clusterFields } from "./cluster-fields.ts";

/**
 * What a text is, and so what is replaced in it.
 * keep: words and versions of programs · name: names, in a list or by themselves, URLs and host names among them, all
 * replaced but for ordinary words · path: a path or a file's name; below /sys and its like as text · address: as name, and
 * addresses even where they are damaged · variable: by the variable's name · text: sentences, in which what is known as
 * a name is replaced · qualified: the name of an API group, a finalizer, an annotation, which stays where its domain is that of a public project ·
 * annotation: by the annotation's name · withhold: a stranger's words, all left out.
 * Addresses, MACs and UUIDs are replaced in all but keep.
 */
export type Kind = "keep" | "name" | "path" | "address" | "variable" | "text" | "qualified" | "annotation" | "withhold";

/** Below a fact: `[]` is an item of a list, `{key}` the key and `{}` the value of a record. */
type Fields = Readonly<Record<string, Kind>>;

const origin = { origin: "path" } as const;

const prefixed = (prefix: string, fields: Fields): Fields =>
	Object.fromEntries(Object.entries(fields).map(([path, kind]) => [`${prefix}.${path}`, kind]));

const hierarchies: Fields = {
	"hierarchies[].mountPoint": "path",
	"hierarchies[].controllers[]": "keep",
	"hierarchies[].name": "keep",
	"hierarchies[].root": "path",
	"own[].controllers[]": "keep",
	"own[].name": "keep",
	"own[].path": "path",
	"kernelControllers[]": "keep",
};

const podmanServer: Fields = {
	architecture: "keep",
	version: "keep",
	cgroupManager: "keep",
	"cgroupControllers[]": "keep",
	"runtime.name": "keep",
	"runtime.version": "keep",
	kernel: "keep",
	distribution: "keep",
	networkBackend: "keep",
	rootlessNetwork: "keep",
	logDriver: "keep",
	storageDriver: "keep",
	backingFilesystem: "keep",
	graphRoot: "path",
};

const exchange: Fields = {
	reason: "text",
	server: "text",
	location: "name",
	text: "withhold",
	code: "keep",
	message: "text",
	because: "text",
};

const problems: Fields = { "files[].path": "path", "files[].problems[].name": "keep" };

/** Every text in every fact. A test compares this with the schemas, so that no field is forgotten. */
export const fields: Readonly<Record<FactName, Fields>> = {
	"environment.proxmox": {
		...prefixed("url", { ...origin, text: "name", scheme: "keep", host: "name", path: "name" }),
		...prefixed("token", { ...origin, id: "name", realm: "name" }),
		...prefixed("secret", origin),
		...prefixed("insecure", { ...origin, text: "keep" }),
		...prefixed("username", origin),
		"conflicts[].name": "keep",
		"conflicts[].wins": "path",
		"conflicts[].loses[]": "path",
		...problems,
		"files[].mode": "keep",
	},
	"environment.cluster": {
		"variables{key}": "keep",
		"variables{}.origin": "path",
		"variables{}.value": "variable",
		"sshKeys[].type": "keep",
		unread: "path",
		...problems,
	},
	"environment.imagebuilder": {
		"variables{key}": "keep",
		"variables{}.origin": "path",
		"variables{}.value": "variable",
	},
	"environment.machines": {
		source: "path",
		"machines[].from": "name",
		"machines[].templateTags[]": "name",
		"machines[].sourceNode": "name",
		"machines[].allowedNodes[]": "name",
		"machines[].pool": "name",
		"machines[].storage": "name",
		"machines[].devices[].bridge": "name",
		"machines[].tags[]": "name",
		"machines[].target": "name",
		"machines[].origins{key}": "keep",
		"machines[].origins{}": "path",
		"otherCredentials[]": "name",
		"blanks[]": "name",
	},
	"host.cgroups": {
		...hierarchies,
		"unifiedAt[]": "path",
		"controllers[]": "keep",
		"unifiedControllers[]": "keep",
		"flags.named[]": "keep",
		"flags.comounted[][]": "keep",
		"flags.outside[]": "path",
		"flags.stray[]": "path",
		"view.nestedBy[]": "text",
		"dockerCgroup.type": "keep",
	},
	"host.hierarchies": hierarchies,
	"host.system": {
		platform: "keep",
		"distribution.id": "keep",
		"distribution.like[]": "keep",
		"distribution.version": "keep",
		"distribution.name": "keep",
		kernel: "keep",
		"kernelArguments[]": "keep",
		container: "keep",
	},
	"host.engines": {
		...prefixed("docker", {
			because: "text",
			clientVersion: "keep",
			clientApiVersion: "keep",
			context: "name",
			endpoint: "name",
			placeBecause: "text",
			"silence.said": "text",
		}),
		...prefixed("docker.server", {
			architecture: "keep",
			version: "keep",
			operatingSystem: "keep",
			kernel: "keep",
			cgroupDriver: "keep",
			defaultRuntime: "keep",
			runcVersion: "keep",
			containerdVersion: "keep",
			storageDriver: "keep",
			backingFilesystem: "keep",
			rootDirectory: "path",
			"warnings[]": "text",
			"addressPools[].base": "address",
			apiVersion: "keep",
			minApiVersion: "keep",
			firewall: "keep",
			"proxy.noProxy": "address",
			systemTime: "keep",
		}),
		...prefixed("podman", { because: "text", version: "keep", said: "text" }),
		...prefixed("podman.server", podmanServer),
	},
	"host.tools": {
		"kind.because": "text",
		"kind.version": "keep",
		"kubectl.because": "text",
		"kubectl.version": "keep",
		"clusterctl.because": "text",
		"clusterctl.version": "keep",
	},
	"host.engine": {
		chosenBecause: "text",
		silence: "text",
		version: "keep",
		placeBecause: "text",
		operatingSystem: "keep",
		architecture: "keep",
	},
	"host.provider": {
		chosenBecause: "text",
		silence: "text",
		version: "keep",
		placeBecause: "text",
		operatingSystem: "keep",
		cgroupDriver: "keep",
		"runtime.name": "keep",
		"runtime.version": "keep",
	},
	"host.podman": {
		takenBecause: "text",
		version: "keep",
		said: "text",
		"user.name": "name",
		"user.cgroup": "path",
		"user.manager.cgroup": "path",
		"user.manager.controllers[]": "keep",
		...prefixed("server", podmanServer),
	},
	"host.podman-limits": {
		"pids.from": "path",
		"pids.folder": "path",
		"missingModules[].name": "keep",
		"lowPorts.from": "path",
	},
	"host.inotify": {},
	"host.memory": { from: "path" },
	"host.storage": { because: "text", "places[].path": "path", "places[].fileSystem": "keep" },
	"host.kernel": {
		release: "keep",
		"installed[]": "keep",
		"lacking[]": "keep",
		"leftProfiles[].program": "keep",
		"leftProfiles[].file": "keep",
	},
	"host.daemon": { "openFiles.from": "path", "firewalld.backend": "keep" },
	"host.clock": {},
	"host.networks": {
		"engine[].name": "name",
		"engine[].subnet": "address",
		"routes[].interface": "name",
		"routes[].subnet": "address",
		"resolvers[]": "address",
		"pools[].base": "address",
	},
	"host.proxmoxAddresses": { host: "name", "addresses[]": "address" },
	"host.proxies": {
		"https.name": "keep",
		"https.origin": "path",
		"noProxy.name": "keep",
		"noProxy.origin": "path",
		"noProxy.entries[]": "address",
		"ofContainers.from": "path",
		"ofContainers.entries[]": "address",
	},
	"proxmox.access": {
		url: "name",
		...prefixed("certificate", {
			chainError: "keep",
			"names[]": "address",
			subject: "name",
			issuer: "name",
			notBefore: "keep",
			notAfter: "keep",
			fingerprint: "name",
		}),
		...prefixed("open", exchange),
		...prefixed("authenticated", exchange),
		"realms[].realm": "name",
		"realms[].type": "keep",
		"version.version": "keep",
		"version.release": "keep",
	},
	"proxmox.permissions": {
		"considered[]": "path",
		"notConsidered[]": "text",
		"targets[].path": "name",
		"targets[].what": "name",
		"targets[].pool": "name",
		"withoutIso[]": "name",
		"tags[]": "name",
		"tagPolicy.allow": "keep",
		"tagPolicy.registered[]": "name",
		"paths{key}": "name",
		"paths{}{key}": "keep",
		...prefixed("machines[]", {
			from: "name",
			"templateTags[]": "name",
			target: "name",
			sourceNode: "name",
			"allowedNodes[]": "name",
			"nodes[]": "name",
			storage: "name",
			pool: "name",
			"bridges[].bridge": "name",
			"bridges[].path": "name",
			"candidates[].node": "name",
			"candidates[].name": "name",
			"candidates[].storages[]": "name",
			"origins{key}": "keep",
			"origins{}": "path",
		}),
		...prefixed("listed", {
			"nodes[].node": "name",
			"nodes[].bridges[]": "name",
			"nodes[].vnets[]": "name",
			"storages[].storage": "name",
			"storages[].content[]": "keep",
			"storages[].nodes[]": "name",
			"templates[].node": "name",
			"templates[].name": "name",
			"templates[].tags[]": "name",
		}),
		"unseen[].what": "name",
		"unseen[].because": "text",
	},
	...clusterFields,
	"proxmox.machines": {
		"nodes[].node": "name",
		"vms[].name": "name",
		"vms[].node": "name",
		"vms[].status": "keep",
		"vms[].lock": "keep",
		"vms[].ha": "keep",
		"vms[].tags[]": "name",
		"vms[].config.name": "name",
		"vms[].config.uuid": "name",
		"vms[].config.created": "keep",
		"vms[].unseen": "text",
	},
	"proxmox.leftovers": { "isos[].volume": "name", "isos[].node": "name", "storages[]": "name" },
	"proxmox.setup": { "considered[]": "path", "notConsidered[]": "text", "targets[]": "name" },
};

/** Of the variables' names. */
const addresses = /(?:_IP|_RANGES?|GATEWAY|DNS_SERVERS|_BGP_PEER2?)$/;
const names = /(?:NAME|NAMESPACE|NODES?|TAGS|BRIDGE|POOL|INTERFACE)$/;
/** How long the prefix of a subnet is. */
export const isPrefixVariable = (name: string): boolean => name.endsWith("PREFIX");

export const kindOfVariable = (name: string): Kind =>
	addresses.test(name) ? "address" : names.test(name) ? "name" : "text";

/** What an annotation of Cluster API holds is mostly the name of an object, chosen by a user. */
export const kindOfAnnotation = (name: string): Kind => (name.endsWith("groupkind") ? "qualified" : "name");
