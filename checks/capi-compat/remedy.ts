import type { NonEmpty, Step } from "../../src/check.ts";
import { minorOf } from "../../src/knowledge/compatibility.ts";
import { initCommand, type Pins, planUpgrade, type Start, upgradeCommand } from "../../src/knowledge/upgrade.ts";
import { advise } from "../steps.ts";
import { type Installed, labels } from "./installed.ts";

type Tool = NonNullable<Installed["seen"]["host.tools"]>["clusterctl"];

const change = (advice: string, command: NonEmpty<string>, undo?: string): Step => ({
	advice,
	command,
	where: "here",
	risk: "changes",
	...(undo === undefined ? {} : { undo }),
});

/** The steps to the nearest set of versions that fits, or why there is none. `maintained`: one that still gets fixes. */
export function moveTo(installed: Installed, wish: { readonly maintained?: boolean } = {}): NonEmpty<Step> {
	const plan = planUpgrade(installed.table, installed.start, installed.today, wish);
	const [first, ...rest] = plan;
	if (first === undefined) {
		return nowhereToGo(installed, wish);
	}

	const [head, ...tail] = [
		...migration(installed, plan),
		...[first, ...rest].flatMap((pins, index) =>
			upgrade(installed, pins, { before: plan[index - 1], isLast: index === rest.length }),
		),
	];
	return head === undefined ? nowhereToGo(installed, wish) : [head, ...tail];
}

interface Turn {
	readonly before: Pins | undefined;
	readonly isLast: boolean;
}

function upgrade(installed: Installed, pins: Pins, { before, isLast }: Turn): Step[] {
	switch (installed.by) {
		case "operator":
			return patches(installed, pins);
		case "manifests":
			return [
				advise(
					`clusterctl has no record of these providers, so whatever renders their manifests has to name the versions: Cluster API ${pins.core} (core, bootstrap and control plane alike), CAPMOX ${pins.capmox}, in-cluster IPAM ${pins.ipam}.`,
				),
			];
		case "clusterctl":
			return [
				...rightClusterctl(before === undefined ? installed.seen["host.tools"]?.clusterctl : before.core, pins),
				change(
					`${isLast ? "Upgrade to a set that fits" : "Upgrade to a step on the way, and see that all controllers are ready again"}: Cluster API ${pins.core}, CAPMOX ${pins.capmox}, in-cluster IPAM ${pins.ipam}. There is no way back: Cluster API supports no downgrade.`,
					upgradeCommand(pins, { kubeadm: installed.kubeadm.length > 0, ipam: installed.ipam !== undefined }),
				),
				...(installed.ipam === undefined ? [addIpam(pins)] : []),
			];
	}
}

export const addIpam = ({ ipam }: Pins): Step =>
	change(
		"Install the IPAM provider, which CAPMOX gets every machine's address from.",
		["clusterctl", "init", "--ipam", `in-cluster:${ipam}`],
		"clusterctl delete --ipam in-cluster",
	);

/** clusterctl installs and upgrades only to the contract that it was built with. */
function rightClusterctl(have: Tool | string | undefined, pins: Pins): Step[] {
	const version = typeof have === "string" ? have : have?.state === "found" ? have.version : undefined;
	if (version !== undefined && minorOf(version) === minorOf(pins.core)) {
		return [];
	}

	const here = typeof have === "object" && version !== undefined ? `clusterctl here is v${version}. ` : "";
	return [
		change(
			`${here}Fetch clusterctl ${pins.core}, of the same minor as the core that it is to install, make it executable and put it first in PATH. This one is for Linux on amd64; others lie beside it.`,
			[
				"curl",
				"-fLo",
				"clusterctl",
				`https://github.com/kubernetes-sigs/cluster-api/releases/download/${pins.core}/clusterctl-linux-amd64`,
			],
			"rm clusterctl",
		),
	];
}

/** The operator's objects stand in the namespace of what they install. */
function patches({ parts }: Installed, pins: Pins): Step[] {
	const wanted = [
		[labels.core, pins.core],
		[labels.bootstrap, pins.core],
		[labels.controlPlane, pins.core],
		[labels.capmox, pins.capmox],
		[labels.ipam, pins.ipam],
	] as const;
	return wanted.flatMap(([provider, version]) => {
		const part = parts.get(provider);
		const operator = part?.controller.operator;
		return part === undefined || operator === undefined || part.version === version
			? []
			: [
					change(`Tell the Cluster API operator to install ${version} of ${operator.name}.`, [
						"kubectl",
						"patch",
						`${operator.kind.toLowerCase()}.operator.cluster.x-k8s.io`,
						operator.name,
						"--namespace",
						part.controller.namespace,
						"--type=merge",
						"--patch",
						JSON.stringify({ spec: { version } }),
					]),
				];
	});
}

/** What an upgrade of CAPMOX asks of the user besides. */
function migration({ start }: Installed, plan: readonly Pins[]): Step[] {
	const from = minorOf(start.capmox ?? "");
	const passes = plan.some(({ capmox }) => minorOf(capmox) === "0.8" || minorOf(capmox) === "0.9");
	return passes && /^0\.[1-7]$/.test(from)
		? [
				advise(
					"From CAPMOX v0.8 on its API is v1alpha2, and the manifests that you keep have to follow. Read https://github.com/ionos-cloud/cluster-api-provider-proxmox/blob/v0.9.0/docs/migration-v0.8-v1alpha2.md before you begin.",
				),
			]
		: [];
}

/** Nothing listed lies ahead that serves what runs here, and nothing goes back. */
function nowhereToGo(installed: Installed, wish: { readonly maintained?: boolean } = {}): NonEmpty<Step> {
	const { seen, table, today, start } = installed;
	const behind = planUpgrade(table, { ...start, kubernetes: undefined, workloads: [] }, today, wish).at(-1);
	const row = table.capi.find(({ minor }) => minor === minorOf(behind?.core ?? ""));
	if (behind !== undefined && row !== undefined) {
		return [
			advise(
				`CAPMOX ${behind.capmox} with Cluster API ${behind.core} would fit, but not with the Kubernetes versions here. It wants ${row.management.join(" to ")} for the management cluster${start.kubernetes === undefined ? "" : `, which has ${start.kubernetes}`}, and ${row.workload.join(" to ")} for the others${start.workloads.length === 0 ? "" : `, which have ${[...new Set(start.workloads)].join(", ")}`}. Upgrade Kubernetes first, minor by minor, then run capmox-doctor again for the exact line.`,
			),
		];
	}

	const wait = advise(
		"No listed set of versions lies ahead of what runs here, and Cluster API supports no downgrade: stay, look at the list of CAPMOX before you upgrade anything, and try the next CAPMOX when it names this core: https://github.com/ionos-cloud/cluster-api-provider-proxmox#compatibility-with-cluster-api-and-kubernetes-versions",
	);
	const [fresh] = planUpgrade(table, { kubernetes: start.kubernetes, workloads: [] }, today, { maintained: true });
	const isUnused = seen["management.proxmoxClusters"]?.items.length === 0;
	return isUnused && fresh !== undefined
		? [
				advise(
					"No listed set of versions lies ahead of what runs here, and Cluster API supports no downgrade. But there is no ProxmoxCluster yet, so starting anew costs little: make a new management cluster, as with kind create cluster.",
				),
				...rightClusterctl(seen["host.tools"]?.clusterctl, fresh),
				change("There, install versions that fit.", [...initCommand(fresh)]),
			]
		: [wait];
}

/** For a cluster where nothing is installed. */
export function installSteps(installed: Installed): NonEmpty<Step> {
	const { table, today, start } = installed;
	const begin: Start = { kubernetes: start.kubernetes, workloads: [] };
	const [pins] = [...planUpgrade(table, begin, today, { maintained: true }), ...planUpgrade(table, begin, today)];
	if (pins === undefined) {
		return [
			advise(
				`No listed Cluster API supports Kubernetes ${start.kubernetes ?? ""} for the management cluster. Make one with another Kubernetes; capmox-doctor matrix shows the ranges.`,
			),
		];
	}

	const [fetch] = rightClusterctl(installed.seen["host.tools"]?.clusterctl, pins);
	const init = change(
		"Install versions that fit. Without these pins clusterctl takes the newest core.",
		initCommand(pins),
	);
	return fetch === undefined ? [init] : [fetch, init];
}
