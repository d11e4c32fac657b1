import { found, mapNonEmpty } from "../../src/check.ts";
import { type Flavor, filledByClusterctl, readBy } from "../../src/knowledge/templates.ts";
import { commonNames, misnomers } from "../../src/knowledge/variables.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileFinding, Proxmox } from "./findings.ts";
import { formOf } from "./forms.ts";
import { example, mend } from "./reading.ts";

/** Someone plans a cluster: a variable of one is set, and not just a name that many programs share. */
export const isPlanned = ({ variables, files }: Cluster): boolean =>
	Object.entries(variables).some(([name, { origin }]) => !commonNames.has(name) || origin !== "the environment") ||
	files.some(({ problems }) =>
		problems.some(({ problem, name }) => problem === "yaml-collection" && name !== undefined),
	);

export const notSet = (cluster: Cluster): EnvfileFinding =>
	found(
		"not-set",
		"There is nothing to judge: no variable of a workload cluster is set.",
		{
			from: `the environment, ${["envfile", ...cluster.files.map(({ path }) => path)].join(", ")} and clusterctl.yaml`,
			saw: "none of the variables that CAPMOX's templates read",
			expected: "at least CONTROL_PLANE_ENDPOINT_IP, NODE_IP_RANGES, GATEWAY and IP_PREFIX",
		},
		{
			advice: "Let clusterctl print what the template wants.",
			command: [
				"clusterctl",
				"generate",
				"cluster",
				"my-cluster",
				"--infrastructure",
				"proxmox",
				...(cluster.flavor === "default" ? [] : ["--flavor", cluster.flavor]),
				"--list-variables",
			],
			where: "here",
			risk: "safe",
		},
		advise("Copy envfile.example of capmox-doctor to envfile and fill it in."),
	);

/** PROXMOX_URL and PROXMOX_SECRET came from this shell, and PROXMOX_TOKEN, which holds a !, did not. */
export function historyExpansion({ url, token, secret }: Proxmox): EnvfileFinding[] {
	const fromShell = [url, secret].every(({ presence, origin }) => presence === "set" && origin === "the environment");
	return token.presence === "unset" && fromShell
		? [
				{
					...found(
						"history-expansion",
						'PROXMOX_URL and PROXMOX_SECRET are set in this shell, but PROXMOX_TOKEN is not. Inside double quotes, or without any, an interactive bash or zsh takes the ! for its history, says "event not found", and sets nothing.',
						{
							from: "PROXMOX_TOKEN (the environment)",
							saw: "not set, while PROXMOX_URL and PROXMOX_SECRET are",
							expected: "a token ID: user@realm!tokenid",
						},
						example("Write it into an envfile, in single quotes.", { name: "PROXMOX_TOKEN", origin: undefined }),
						advise("Then read that file in this shell, with: source ./envfile. A file that is read in has no history."),
					),
					confidence: "likely",
				},
			]
		: [];
}

/** Names of variables that the template needs and clusterctl does not fill in. */
const required = ({ flavor, capmoxVersion }: Cluster): readonly string[] =>
	readBy(flavor, capmoxVersion)
		.filter((row) => row.default === undefined && !filledByClusterctl.has(row.name))
		.map(({ name }) => name);

const proxmoxKeys = { PROXMOX_URL: "url", PROXMOX_TOKEN: "token", PROXMOX_SECRET: "secret" } as const;
const isProxmoxKey = (name: string): name is keyof typeof proxmoxKeys => name in proxmoxKeys;

export function judgeNames(cluster: Cluster, proxmox: Proxmox): EnvfileFinding[] {
	if (cluster.files.some(({ problems }) => problems.some(({ problem }) => problem === "invalid-yaml"))) {
		return [];
	}

	const explained = new Set([
		...cluster.files.flatMap(({ problems }) =>
			problems.flatMap(({ problem, name }) => (problem === "yaml-collection" ? (name ?? []) : [])),
		),
		...(historyExpansion(proxmox).length > 0 ? ["PROXMOX_TOKEN"] : []),
	]);
	const stateOf = (name: string) =>
		isProxmoxKey(name)
			? proxmox[proxmoxKeys[name]]
			: (cluster.variables[name] ?? { presence: "unset" as const, origin: undefined });
	const lacking = required(cluster)
		.filter((name) => !explained.has(name))
		.map((name) => ({ name, ...stateOf(name) }));
	const unset = lacking.filter(({ presence }) => presence === "unset");
	const otherwise = unset.flatMap(({ name }) => otherNameFor(cluster, name));
	const named = new Set(otherwise.map(({ wanted }) => wanted));
	return [
		...otherwise.map(({ finding }) => finding),
		...listed(
			"missing",
			cluster,
			unset.filter(({ name }) => !named.has(name)),
		),
		...listed(
			"empty",
			cluster,
			lacking.filter(({ presence }) => presence === "empty"),
		),
	];
}

interface Lacking {
	readonly name: string;
	readonly origin?: string | undefined;
}

function listed(code: "missing" | "empty", cluster: Cluster, [first, ...rest]: readonly Lacking[]): EnvfileFinding[] {
	if (first === undefined) {
		return [];
	}

	const names = [first, ...rest].map(({ name }) => name).join(", ");
	const template = `Flavor ${cluster.flavor} of CAPMOX ${cluster.capmoxVersion}`;
	return [
		{
			code,
			summary:
				code === "missing"
					? `${template} needs ${names}. clusterctl will say "value for variables [${first.name}${rest.length > 0 ? ", …" : ""}] is not set".`
					: `${template} needs ${names}, which clusterctl would fill in as nothing, without a word.`,
			evidence: mapNonEmpty([first, ...rest], ({ name, origin }) => ({
				from: name,
				saw: code === "missing" ? "not set" : `set to nothing in ${origin ?? "the environment"}`,
				expected: formOf(name),
			})),
			remedy: mapNonEmpty([first, ...rest], ({ name, origin }) => example(`Set ${name}.`, { name, origin })),
		},
	];
}

/** Pairs of names, either of which is taken for the other. The first code is for names that a release changed. */
const pairs = [
	{
		names: ["SECONDARY_IP_RANGES", "NODE_SECONDARY_IP_RANGES"],
		code: "renamed",
		why: "CAPMOX 0.8 renamed NODE_SECONDARY_IP_RANGES to SECONDARY_IP_RANGES",
	},
	{
		names: ["LB_BGP_IPV6_RANGE", "LB_BGP_IPV6_RANGES"],
		code: "singular-name",
		why: "CAPMOX's guide has the plural, its template the singular",
	},
	{
		names: ["LB_BGP_IPV4_RANGES", "LB_BGP_IPV4_RANGE"],
		code: "singular-name",
		why: "For IPv4 the template has the plural, for IPv6 the singular",
	},
] as const;

function otherNameFor(
	cluster: Cluster,
	wanted: string,
): { readonly wanted: string; readonly finding: EnvfileFinding }[] {
	return pairs.flatMap(({ names, code, why }) => {
		const given = names.find((name) => name !== wanted && cluster.variables[name] !== undefined);
		const variable = given === undefined ? undefined : cluster.variables[given];
		if (!names.some((name) => name === wanted) || given === undefined || variable === undefined) {
			return [];
		}

		return [
			{
				wanted,
				finding: found(
					code,
					`${given} is set, but flavor ${cluster.flavor} of CAPMOX ${cluster.capmoxVersion} reads ${wanted}. ${why}.`,
					{
						from: `${given} (${variable.origin ?? "the environment"})`,
						saw: variable.value ?? "a value",
						expected: `the same under the name ${wanted}`,
					},
					mend(
						`Give it the name ${wanted}.`,
						{ name: wanted, value: "", from: "", origin: variable.origin },
						variable.value,
					),
				),
			},
		];
	});
}

const withSecondNetwork: ReadonlySet<Flavor> = new Set(["multiple-vlans", "cilium-load-balancer"]);

/** Said only where the flavor has the network that the variable would belong to. */
export function neverRead(cluster: Cluster): EnvfileFinding[] {
	const [name] = misnomers;
	const variable = cluster.variables[name];
	return variable !== undefined && withSecondNetwork.has(cluster.flavor)
		? [
				found(
					"never-read",
					`${name} has no effect. CAPMOX's guide and its example name it, but no template of any version reads it; the second network uses DNS_SERVERS.`,
					{ from: `${name} (${variable.origin ?? "the environment"})`, saw: variable.value ?? "nothing" },
					advise(`Take it out, or add dnsServers to the second network device in the manifest that clusterctl prints.`),
				),
			]
		: [];
}

/** A plain `NAME=value` in a file sets a variable of the shell, not of the programs that it starts. */
export function notExported(cluster: Cluster): EnvfileFinding[] {
	const read = new Set(readBy(cluster.flavor, cluster.capmoxVersion).map(({ name }) => name));
	const [first, ...rest] = Object.entries(cluster.variables).flatMap(([name, { exported, origin, value }]) =>
		exported === false && read.has(name) ? [{ name, origin: origin ?? "envfile", value }] : [],
	);
	if (first === undefined) {
		return [];
	}

	return [
		found(
			"not-exported",
			`${rest.length === 0 ? first.name : `${first.name} and ${rest.length} more`} ${rest.length === 0 ? "is" : "are"} set without export. A shell that reads the file keeps ${rest.length === 0 ? "it" : "them"} for itself, and clusterctl says that nothing is set.`,
			{
				from: `${first.name} (${first.origin})`,
				saw: `${first.name}=… without export`,
				expected: `export ${first.name}=…`,
			},
			advise("Put export in front of each line. Or read the file like this: set -a; source ./envfile; set +a"),
		),
	];
}
