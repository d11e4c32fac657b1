import type { Evidence, NonEmpty } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import { type Compatibility, compareVersions } from "../../src/knowledge/compatibility.ts";
import type { Start } from "../../src/knowledge/upgrade.ts";

type Need = "knowledge.compatibility" | "management.controllers";
export type Use =
	| "management.definitions"
	| "management.inventory"
	| "management.operator"
	| "management.webhooks"
	| "management.endpoints"
	| "management.server"
	| "management.proxmoxClusters"
	| "management.machineDeployments"
	| "management.controlPlanes"
	| "host.tools";
export type Seen = Pick<Facts, Need> & Partial<Pick<Facts, Use>>;
export type Controller = Facts["management.controllers"]["controllers"][number];

/** One provider that runs, and how its version was told. */
export interface Part {
	readonly controller: Controller;
	readonly version: string | undefined;
	readonly evidence: Evidence;
	/** What clusterctl or the operator believe to have installed. */
	readonly recorded: string | undefined;
}

/** Everything that the rules judge by. */
export interface Installed {
	readonly seen: Seen;
	readonly table: Compatibility;
	readonly today: string;
	readonly parts: ReadonlyMap<string, Part>;
	readonly core: Part | undefined;
	readonly capmox: Part | undefined;
	readonly ipam: Part | undefined;
	/** Bootstrap and control plane by kubeadm, as far as they are installed. */
	readonly kubeadm: readonly Part[];
	/** Who installed it, and would upgrade it. */
	readonly by: "clusterctl" | "operator" | "manifests";
	/** Kubernetes versions that workload clusters have or are to get, with who names them. */
	readonly workloads: readonly { readonly version: string; readonly evidence: Evidence }[];
	readonly start: Start;
}

export const labels = {
	core: "cluster-api",
	bootstrap: "bootstrap-kubeadm",
	controlPlane: "control-plane-kubeadm",
	capmox: "infrastructure-proxmox",
	ipam: "ipam-in-cluster",
} as const;

/** How users know the providers. */
const names: Readonly<Record<string, string>> = {
	[labels.core]: "Cluster API's core",
	[labels.bootstrap]: "the kubeadm bootstrap provider",
	[labels.controlPlane]: "the kubeadm control-plane provider",
	[labels.capmox]: "CAPMOX",
	[labels.ipam]: "the in-cluster IPAM provider",
};
export const nameOf = (provider: string): string => names[provider] ?? provider;

export function readInstalled(seen: Seen): Installed {
	const { table, today } = seen["knowledge.compatibility"];
	const { controllers } = seen["management.controllers"];
	// Of two of a provider the one that is to run is meant, of these the one in the inventory, or else the first.
	const inOrder = [...controllers].reverse().sort((a, b) => rank(a, seen) - rank(b, seen));
	const parts = new Map(inOrder.map((controller) => [controller.provider, partOf(controller, seen)] as const));
	const kubeadm = [parts.get(labels.bootstrap), parts.get(labels.controlPlane)].filter((part) => part !== undefined);
	const [core, capmox, ipam] = [parts.get(labels.core), parts.get(labels.capmox), parts.get(labels.ipam)];
	const workloads = workloadsOf(seen);
	return {
		seen,
		table,
		today,
		parts,
		core,
		capmox,
		ipam,
		kubeadm,
		by: installedBy(seen, core),
		workloads,
		start: {
			core: newestOf([core, ...kubeadm]),
			capmox: capmox?.version,
			ipam: ipam?.version,
			kubernetes: seen["management.server"]?.version,
			workloads: workloads.map(({ version }) => version),
		},
	};
}

const inventoryOf = ({ namespace, provider }: Controller, seen: Seen) =>
	seen["management.inventory"]?.providers.find((each) => each.name === provider && each.namespace === namespace);

const rank = (controller: Controller, seen: Seen): number =>
	(controller.replicas > 0 ? 2 : 0) + (inventoryOf(controller, seen) === undefined ? 0 : 1);

/** The image wins, where its tag is a version: it is what runs. */
function partOf(controller: Controller, seen: Seen): Part {
	const { namespace, name, image, operator } = controller;
	const deployment = `Deployment ${namespace}/${name}`;
	const operated = seen["management.operator"]?.providers.find(
		(each) => each.namespace === namespace && each.kind === operator?.kind && each.name === operator.name,
	);
	const inventory = inventoryOf(controller, seen);
	const inventoried = inventory?.version === "" ? undefined : inventory?.version;
	const recorded = operated?.installed ?? inventoried;
	const version = image.version ?? recorded;
	const from =
		image.version !== undefined
			? { from: deployment, saw: `image ${image.text}` }
			: operated?.installed !== undefined
				? { from: `${operated.kind} ${namespace}/${operated.name}`, saw: `installedVersion ${operated.installed}` }
				: inventory !== undefined
					? {
							from: `clusterctl's Provider ${inventory.namespace}/${inventory.name}`,
							saw: `version ${inventory.version}`,
						}
					: { from: deployment, saw: `image ${image.text}` };
	return { controller, version: version === undefined ? undefined : withV(version), evidence: from, recorded };
}

const withV = (version: string): string => (version.startsWith("v") ? version : `v${version}`);

function installedBy(seen: Seen, core: Part | undefined): Installed["by"] {
	if (core?.controller.operator !== undefined) {
		return "operator";
	}

	const inventory = seen["management.inventory"];
	return inventory === undefined || inventory.asked === false || inventory.providers.length > 0
		? "clusterctl"
		: "manifests";
}

const newestOf = (parts: readonly (Part | undefined)[]): string | undefined =>
	parts
		.flatMap((part) => part?.version ?? [])
		.sort(compareVersions)
		.at(-1);

function workloadsOf(seen: Seen): Installed["workloads"] {
	const planes = (seen["management.controlPlanes"]?.items ?? []).flatMap(({ namespace, name, version, running }) =>
		[version, running].flatMap((each) =>
			each === undefined
				? []
				: [{ version: each, evidence: { from: `KubeadmControlPlane ${namespace ?? ""}/${name}`, saw: each } }],
		),
	);
	const deployments = (seen["management.machineDeployments"]?.items ?? []).flatMap(({ namespace, name, version }) =>
		version === undefined
			? []
			: [{ version, evidence: { from: `MachineDeployment ${namespace ?? ""}/${name}`, saw: version } }],
	);
	const distinct = new Map([...planes, ...deployments].map((each) => [`${each.evidence.from} ${each.version}`, each]));
	return [...distinct.values()];
}

/** A list that is known not to be empty, or nothing. */
export const nonEmpty = <T>([first, ...rest]: readonly T[]): NonEmpty<T> | undefined =>
	first === undefined ? undefined : [first, ...rest];
