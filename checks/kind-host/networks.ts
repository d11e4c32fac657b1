import {
	includes,
	intersection,
	networkOf,
	parseCidr,
	parseSpan,
	renderAddress,
	type Span,
} from "../../src/addresses.ts";
import type { NonEmpty, Step } from "../../src/check.ts";
import { advise, asRoot, change, write } from "../cgroups/steps.ts";
import type { Host, KindHostFinding } from "./findings.ts";

/** What containers or this host must reach. */
interface Target {
	readonly is: string;
	readonly span: Span;
	/** Without it nothing works; node addresses only matter to whoever logs in to a node from here. */
	readonly isVital: boolean;
	/** The engine asks it, and no pod does. */
	readonly isForEngine?: true;
}

interface Network {
	readonly name: string;
	readonly subnet: string;
	readonly span: Span;
}

/** pkg/internal/apis/config/default.go of kind. */
const kindDefaults = [
	{ is: "pods", key: "podSubnet", subnet: "10.244.0.0/16" },
	{ is: "services", key: "serviceSubnet", subnet: "10.96.0.0/16" },
] as const;

/** Bridges of Docker, Podman (netavark and CNI). */
const engineBridge = /^(?:docker\d+|br-[\da-f]{12}|podman\d+|cni-podman\d+)$/;

export function judgeNetworks(host: Host): readonly KindHostFinding[] {
	const targets = targetsOf(host);
	const vital = targets.filter(({ isVital }) => isVital);
	const clashes = networksOf(host).flatMap((network) => clash(host, network, targets));
	const next = nextNetwork(host);
	return [
		...clashes,
		...(next === undefined ? [] : nextClash(host, next, vital)),
		...kindDefaults.flatMap((network) =>
			defaultClash(
				host,
				network,
				vital.filter(({ isForEngine }) => isForEngine !== true),
			),
		),
	];
}

function targetsOf({ proxmox, cluster, networks }: Host): readonly Target[] {
	const value = (name: string) => cluster?.variables[name]?.value?.trim() ?? "";
	const endpoint = parseSpan(value("CONTROL_PLANE_ENDPOINT_IP"));
	return [
		...(proxmox?.addresses ?? []).flatMap((address): Target[] => {
			const span = parseSpan(address);
			const isName = proxmox?.host !== address;
			return typeof span === "string"
				? []
				: [{ is: `the Proxmox API (${isName ? `${proxmox?.host ?? ""}, ` : ""}${address})`, span, isVital: true }];
		}),
		...(typeof endpoint === "string"
			? []
			: [
					{
						is: `the cluster's endpoint (CONTROL_PLANE_ENDPOINT_IP, ${value("CONTROL_PLANE_ENDPOINT_IP")})`,
						span: endpoint,
						isVital: true,
					},
				]),
		...(networks?.resolvers ?? []).flatMap((address): Target[] => {
			const span = parseSpan(address);
			return typeof span === "string"
				? []
				: [{ is: `the DNS server (${address})`, span, isVital: true, isForEngine: true }];
		}),
		...["NODE_IP_RANGES", "SECONDARY_IP_RANGES", "NODE_SECONDARY_IP_RANGES"].flatMap((name) =>
			value(name)
				.replace(/^\[|\]$/g, "")
				.split(",")
				.flatMap((item): Target[] => {
					const text = item.trim().replace(/^(["'])(.*)\1$/, "$2");
					const span = parseSpan(text);
					return typeof span === "string" ? [] : [{ is: `nodes (${name}, ${text})`, span, isVital: false }];
				}),
		),
	];
}

const withSpan = ({ name, subnet }: { name: string; subnet: string }): readonly Network[] => {
	const span = parseCidr(subnet);
	return span === undefined ? [] : [{ name, subnet, span }];
};

/** The engine's own words first; its bridges show the others. */
function networksOf({ networks }: Host): readonly Network[] {
	const told = (networks?.engine ?? []).flatMap(withSpan);
	const seen = routesOf(networks).filter(
		({ name, subnet }) => engineBridge.test(name) && !told.some((network) => network.subnet === subnet),
	);
	return [...told, ...seen];
}

const routesOf = (networks: Host["networks"]): readonly Network[] =>
	(networks?.routes ?? []).flatMap(({ interface: name, subnet }) => withSpan({ name, subnet }));

/** A narrower route of another interface wins on this host, though not inside of kind's own network. */
const isRoutedElsewhere = ({ networks }: Host, network: Network, { span }: Target): boolean =>
	network.name !== "kind" &&
	routesOf(networks).some(
		(route) =>
			!engineBridge.test(route.name) &&
			includes(route.span, span) &&
			includes(network.span, route.span) &&
			route.subnet !== network.subnet,
	);

const hit = (network: { readonly span: Span }, targets: readonly Target[]): readonly Target[] =>
	targets.filter(({ span }) => intersection(network.span, span) !== undefined);

const listed = (targets: readonly Target[]): string => targets.map(({ is }) => is).join(" and ");

const addressesOf = (targets: readonly Target[]): string =>
	`the ${targets.length === 1 && targets[0]?.isVital === true ? "address" : "addresses"} of ${listed(targets)}`;

function clash(host: Host, network: Network, targets: readonly Target[]): readonly KindHostFinding[] {
	const hidden = hit(network, targets).filter((target) => !isRoutedElsewhere(host, network, target));
	if (hidden.length === 0) {
		return [];
	}

	const isVital = hidden.some((target) => target.isVital);
	return [
		{
			code: "network-clash",
			...(isVital ? {} : { severity: "warning" }),
			summary: `The container network ${network.name} (${network.subnet}) holds ${addressesOf(hidden)}. What is sent there from here, or from kind's nodes, ends in that network: connections time out.`,
			evidence: [
				{
					from:
						host.networks?.engine?.some(({ name }) => name === network.name) === true
							? `${host.provider.engine} network inspect ${network.name}`
							: "/proc/net/route",
					saw: `${network.name}: ${network.subnet}`,
					expected: `a network without ${listed(hidden)}`,
				},
			],
			remedy: [...usePools(host, targets), ...removeNetwork(host, network)],
		},
	];
}

function nextClash(host: Host, next: Network, vital: readonly Target[]): readonly KindHostFinding[] {
	const hidden = hit(next, vital);
	return hidden.length === 0
		? []
		: [
				{
					code: "next-network-clash",
					confidence: "likely",
					summary: `There is no network kind yet. The next one that ${host.provider.engine} hands out is ${next.subnet}, and that holds ${addressesOf(hidden)}. From kind's nodes, connections there will time out.`,
					evidence: [
						{
							from: `address pools of ${host.provider.engine}`,
							saw: `${next.subnet} is the first that is free`,
							expected: `a network without ${listed(hidden)}`,
						},
					],
					remedy: usePools(host, targetsOf(host)),
				},
			];
}

/** The first network of the pools that nothing here uses: what a new network gets. */
function nextNetwork(host: Host): Network | undefined {
	const { engine, pools } = host.networks ?? {};
	if (engine === undefined || pools === undefined || engine.some(({ name }) => name === "kind")) {
		return undefined;
	}

	const taken = [...engine.flatMap(withSpan), ...routesOf(host.networks)];
	for (const { base, size } of pools) {
		const pool = parseCidr(base);
		if (pool?.family !== 4 || size < 1 || size > 32) {
			continue;
		}

		const step = 1n << BigInt(32 - size);
		for (let first = pool.first; first <= pool.last; ) {
			const span = networkOf({ family: 4, value: first }, size);
			const other = taken.find((network) => intersection(network.span, span) !== undefined);
			if (other === undefined) {
				return { name: "kind", subnet: `${renderAddress({ family: 4, value: first })}/${size}`, span };
			}

			// A wide route may take millions of small networks: on to the first one behind it.
			const end = other.span.last > span.last ? other.span.last : span.last;
			first = (end / step + 1n) * step;
		}
	}

	return undefined;
}

function defaultClash(
	host: Host,
	{ is, key, subnet }: (typeof kindDefaults)[number],
	vital: readonly Target[],
): readonly KindHostFinding[] {
	const hidden = withSpan({ name: is, subnet }).flatMap((network) => hit(network, vital));
	const free = freeNetwork(host, vital, key);
	return hidden.length === 0
		? []
		: [
				{
					code: "kubernetes-network-clash",
					confidence: "likely",
					summary: `kind gives ${subnet} to ${is}, unless its configuration says otherwise, and that holds ${addressesOf(hidden)}. CAPMOX, a pod in kind, then gets no connection there: it times out.`,
					evidence: [{ from: `kind's default ${key}`, saw: subnet, expected: `a network without ${listed(hidden)}` }],
					remedy: [
						write(
							`Give ${is} another network, below networking: in the configuration of kind.`,
							`${key}: "${free}"`,
							"kind.yaml",
						),
						advise("Make the cluster with it.", "kind", "create", "cluster", "--config", "kind.yaml"),
					],
				},
			];
}

const candidates = ["10.201.0.0/16", "10.213.0.0/16", "10.87.0.0/16", "172.31.0.0/16", "192.168.128.0/17"] as const;

/** What a network is wanted for; the three must not meet either, since one host may need all of them. */
const uses = ["pools", "podSubnet", "serviceSubnet"] as const;

/** A network that neither a target nor a route uses, another one for each use. */
function freeNetwork(host: Host, targets: readonly Target[], use: (typeof uses)[number]): string {
	const taken = [...targets.map(({ span }) => span), ...routesOf(host.networks).map(({ span }) => span)];
	const isFree = (subnet: string) => {
		const span = parseCidr(subnet);
		return span !== undefined && !taken.some((other) => intersection(span, other) !== undefined);
	};
	const sorted = [...candidates.filter(isFree), ...candidates.filter((subnet) => !isFree(subnet))];
	return sorted[uses.indexOf(use)] ?? candidates[0];
}

function usePools(host: Host, targets: readonly Target[]): NonEmpty<Step> {
	const { provider, system } = host;
	const free = freeNetwork(host, targets, "pools");
	if (provider.engine === "podman") {
		return [
			write(
				"Have Podman cut networks from another range. The line belongs below [network]. Take one that you use nowhere.",
				`default_subnet_pools = [{"base" = "${free}", "size" = 24}]`,
				provider.rootless === true ? "~/.config/containers/containers.conf" : "/etc/containers/containers.conf",
			),
		];
	}

	const pool = `"default-address-pools": [{"base": "${free}", "size": 24}]`;
	const advice = "Have Docker cut networks from another range. Take one that you use nowhere.";
	if (provider.operatingSystem?.includes("Docker Desktop") === true) {
		return [advise(`${advice} In Docker Desktop: Settings, Docker Engine: ${pool}. Then Apply & restart.`)];
	}

	const into = provider.rootless === true ? "~/.config/docker/daemon.json" : "/etc/docker/daemon.json";
	const restart =
		provider.rootless === true
			? (["systemctl", "--user", "restart", "docker"] as const)
			: system.init === "systemd"
				? asRoot(system, "systemctl", "restart", "docker")
				: system.init === "openrc"
					? asRoot(system, "rc-service", "docker", "restart")
					: asRoot(system, "service", "docker", "restart");
	return [
		write(advice, pool, into),
		change("Restart Docker. Containers that run are stopped.", "take the line out and restart Docker", ...restart),
	];
}

/** The usual one is made anew at the engine's start; others keep their addresses until they are removed. */
function removeNetwork({ provider }: Host, { name }: Network): readonly Step[] {
	if (/^(?:bridge|docker0|podman0?)$/.test(name)) {
		return [];
	}

	const tool = provider.engine === "podman" ? "podman" : "docker";
	const remove = (network: string): Step => ({
		advice: "Remove the network; it is made anew with the next cluster. What runs in it must be gone first.",
		command: [tool, "network", "rm", network],
		where: "here",
		risk: "destroys",
	});
	return name === "kind"
		? [
				{
					advice:
						"Delete the kind cluster. If it manages workload clusters, move them first (clusterctl move): without it nothing manages them.",
					command: ["kind", "delete", "cluster"],
					where: "here",
					risk: "destroys",
				},
				remove("kind"),
			]
		: [
				advise(`Find the network whose ID begins with ${name.replace("br-", "")}.`, tool, "network", "ls"),
				remove(name.replace("br-", "")),
			];
}
