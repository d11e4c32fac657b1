import { found, mapNonEmpty } from "../../src/check.ts";
import { filledByClusterctl, readBy } from "../../src/knowledge/templates.ts";
import { commonNames, ignitionGate } from "../../src/knowledge/variables.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileFinding, Proxmox } from "./findings.ts";
import { formOf } from "./forms.ts";
import { otherNameFor } from "./misnomers.ts";
import { example } from "./reading.ts";
import { historyExpansion } from "./shell.ts";

/** Someone plans a cluster: a variable of one is set, and not just a name that many programs share. */
export const isPlanned = ({ variables, files }: Cluster): boolean =>
	Object.entries(variables).some(
		([name, { origin }]) => name !== ignitionGate && (!commonNames.has(name) || origin !== "the environment"),
	) ||
	files.some(({ problems }) =>
		problems.some(({ problem, name }) => problem === "yaml-collection" && name !== undefined),
	);

export const notSet = (cluster: Cluster): EnvfileFinding =>
	found(
		"not-set",
		`There is nothing to judge: no variable of a workload cluster is set.${beside(cluster)}`,
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
			[...lacking.filter(({ name }) => name !== "VM_SSH_KEYS"), ...blanks(cluster)].filter(
				({ presence }) => presence === "empty",
			),
		),
		...["KUBERNETES_VERSION", "CONTROL_PLANE_MACHINE_COUNT", "WORKER_MACHINE_COUNT"].flatMap((name) =>
			emptyForClusterctl(name, stateOf(name)),
		),
		...noKeys(stateOf("VM_SSH_KEYS")),
	];
}

/** Where a template has a default, clusterctl takes it for an empty value, but not for blanks. */
const blanks = ({ flavor, capmoxVersion, variables }: Cluster) =>
	readBy(flavor, capmoxVersion).flatMap((row) => {
		const { [row.name]: variable } = variables;
		return row.default !== undefined && variable?.value !== undefined ? [{ ...variable, name: row.name }] : [];
	});

type State = Pick<Cluster["variables"][string], "presence" | "origin">;

/** Unset, clusterctl has a default or wants the option. Set to nothing, it takes that for the value, unless the option is given. */
const emptyForClusterctl = (name: string, { presence, origin }: State): EnvfileFinding[] =>
	presence === "empty"
		? [
				{
					...found(
						"empty",
						name === "KUBERNETES_VERSION"
							? `${name} is set to nothing. Without the option --kubernetes-version, clusterctl writes that into the manifest, and Cluster API refuses it.`
							: `${name} is set to nothing. clusterctl does not take its default then, but stops with "invalid value for ${name} set".`,
						{ from: `${name} (${origin ?? "the environment"})`, saw: "nothing", expected: formOf(name) },
						example("Write a value, or take the line out.", { name, origin }),
					),
					confidence: "likely",
				},
			]
		: [];

/** The list of keys may be empty: the cluster comes up without. */
const noKeys = ({ presence, origin }: State): EnvfileFinding[] =>
	presence === "empty"
		? [
				{
					...found(
						"empty",
						"VM_SSH_KEYS is set to nothing. The cluster comes up, but nobody can log in to a machine that fails.",
						{ from: `VM_SSH_KEYS (${origin ?? "the environment"})`, saw: "nothing", expected: formOf("VM_SSH_KEYS") },
						example("Write a public key.", { name: "VM_SSH_KEYS", origin }),
					),
					severity: "warning",
				},
			]
		: [];

const beside = ({ unread }: Cluster): string =>
	unread === undefined
		? ""
		: ` What ${unread} holds does not count: clusterctl reads the first clusterctl.yaml that it finds, which is another one.`;

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
					? `${template} needs ${names}. clusterctl will say "value for variables [${first.name}${rest.length > 0 ? ", …" : ""}] is not set".${beside(cluster)}`
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
