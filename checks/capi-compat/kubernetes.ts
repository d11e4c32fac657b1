import { found } from "../../src/check.ts";
import { isEndOfLife, minorOf, patchFault, rangeFault } from "../../src/knowledge/compatibility.ts";
import { advise } from "../steps.ts";
import type { CompatFinding } from "./findings.ts";
import type { Installed } from "./installed.ts";
import { moveTo } from "./remedy.ts";

/** How the core goes together with the Kubernetes below it and with those that it makes, and how long it lives. */
export function judgeKubernetes(installed: Installed): CompatFinding[] {
	const { core } = installed;
	return core?.version === undefined
		? []
		: [
				...judgeManagement(installed, core.version),
				...judgeWorkloads(installed, core.version),
				...judgePatches(installed, core.version),
			];
}

const rangeOf = ({ first, last, least }: { first: string; last: string; least?: string }): string =>
	least === undefined ? `Kubernetes ${first} to ${last}` : `Cluster API ${least} or newer for that`;

function judgeManagement(installed: Installed, core: string): CompatFinding[] {
	const server = installed.seen["management.server"];
	const fault = server === undefined ? undefined : rangeFault(installed.table, core, server.version, "management");
	return server === undefined || fault === undefined
		? []
		: [
				found(
					"management-kubernetes-unsupported",
					`The management cluster runs Kubernetes ${server.version}, which Cluster API ${core} does not support there.`,
					{ from: "GET /version", saw: server.version, expected: rangeOf(fault) },
					...(fault.least === undefined
						? ([
								advise(
									`Run the management cluster on Kubernetes ${fault.first} to ${fault.last}, or Cluster API of a minor that supports ${minorOf(server.version)}; capmox-doctor matrix shows which do.`,
								),
							] as const)
						: moveTo(installed)),
				),
			];
}

function judgeWorkloads(installed: Installed, core: string): CompatFinding[] {
	const beyond = installed.workloads.flatMap((each) => {
		const fault = rangeFault(installed.table, core, each.version, "workload");
		return fault === undefined ? [] : [{ ...each, fault }];
	});
	const [first, ...rest] = beyond;
	if (first === undefined) {
		return [];
	}

	const versions = [...new Set(beyond.map(({ version }) => version))].join(", ");
	const { fault } = first;
	return [
		{
			code: "workload-kubernetes-unsupported",
			summary: `Cluster API ${core} does not support Kubernetes ${versions} in the clusters that it manages.`,
			evidence: [{ ...first.evidence, expected: rangeOf(fault) }, ...rest.slice(0, 9).map(({ evidence }) => evidence)],
			remedy:
				fault.least === undefined
					? [
							advise(
								`Bring those clusters to Kubernetes ${fault.first} to ${fault.last}, one minor at a time, or Cluster API to a minor that supports them; capmox-doctor matrix shows which do.`,
							),
						]
					: moveTo(installed),
		},
	];
}

function judgePatches(installed: Installed, core: string): CompatFinding[] {
	const concerned = installed.workloads.flatMap((each) => {
		const fault = patchFault(installed.table, core, each.version);
		return fault === undefined ? [] : [{ ...each, fault }];
	});
	const [first, ...rest] = concerned;
	if (first === undefined) {
		return [];
	}

	const { least, why, source } = first.fault;
	return [
		{
			code: "kubernetes-needs-newer-core",
			summary: `Kubernetes ${first.version} needs ${least === undefined ? "a newer minor of Cluster API than" : `Cluster API ${least} or newer, not`} ${core}: ${why}.`,
			evidence: [
				{
					...first.evidence,
					expected: least === undefined ? "another patch of that minor" : `Cluster API ${least} or newer`,
				},
				...rest.slice(0, 9).map(({ evidence }) => evidence),
			],
			remedy: [
				...moveTo(installed),
				{
					advice: `A control plane that hangs already is freed by giving the API server the right that it lost (${source}). KUBECONFIG-OF-THE-WORKLOAD-CLUSTER is its kubeconfig.`,
					command: [
						"kubectl",
						"--kubeconfig",
						"KUBECONFIG-OF-THE-WORKLOAD-CLUSTER",
						"create",
						"clusterrolebinding",
						"kubeadm:apiserver-kubelet-client",
						"--clusterrole=system:kubelet-api-admin",
						"--user=kube-apiserver-kubelet-client",
					],
					where: "here",
					risk: "changes",
					undo: "kubectl --kubeconfig KUBECONFIG-OF-THE-WORKLOAD-CLUSTER delete clusterrolebinding kubeadm:apiserver-kubelet-client",
				},
			],
		},
	];
}

/** Said where nothing worse is, because the way out of that leads out of this, too. */
export function judgeEndOfLife(installed: Installed): CompatFinding[] {
	const { table, today, core, capmox } = installed;
	const row = table.capi.find(({ minor }) => minor === minorOf(core?.version ?? ""));
	if (core?.version === undefined || row === undefined || !isEndOfLife(row, today)) {
		return [];
	}

	const listed = table.capmox.find(({ minor }) => minor === minorOf(capmox?.version ?? ""));
	const alive = table.capi.filter((each) => listed?.capi.includes(each.minor) === true && !isEndOfLife(each, today));
	const rest =
		listed === undefined
			? ""
			: alive.length === 0
				? ` So have all that CAPMOX v${listed.minor} is approved for, so CAPMOX has to move, too.`
				: ` CAPMOX v${listed.minor} is approved for ${alive.map(({ minor }) => minor).join(" and ")}, which still get them.`;
	return [
		found(
			"end-of-life",
			`Cluster API ${row.minor} has reached the end of its life on ${row.endOfLife ?? ""}: it gets no more fixes, not even for security.${rest}`,
			{ ...core.evidence, expected: `a minor that is maintained (${row.source})` },
			...moveTo(installed, { maintained: true }),
		),
	];
}
