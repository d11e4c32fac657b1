import { defineCheck, found, healthy, notApplicable, problems } from "../src/check.ts";
import { ageOf } from "../src/knowledge/compatibility.ts";
import { judgeControllers } from "./capi-compat/controllers.ts";
import { judgeForeign, judgeStored } from "./capi-compat/definitions.ts";
import { type CompatFinding, findings } from "./capi-compat/findings.ts";
import { type Installed, readInstalled } from "./capi-compat/installed.ts";
import { judgeEndOfLife, judgeKubernetes } from "./capi-compat/kubernetes.ts";
import { installSteps } from "./capi-compat/remedy.ts";
import { judgeVersions } from "./capi-compat/versions.ts";
import { judgeWebhooks } from "./capi-compat/webhooks.ts";

export default defineCheck({
	id: "capi-compat",
	title: "CAPMOX and Cluster API fit together",
	group: "management",
	documented: "troubleshooting#kindcluster-api-incompatibility",
	needs: ["management.controllers", "knowledge.compatibility"],
	uses: [
		"management.definitions",
		"management.inventory",
		"management.operator",
		"management.webhooks",
		"management.endpoints",
		"management.server",
		"management.proxmoxClusters",
		"management.machineDeployments",
		"management.controlPlanes",
		"host.tools",
	],
	findings,
	diagnose(seen) {
		const installed = readInstalled(seen);
		const foreign = judgeForeign(installed);
		if (installed.capmox === undefined && foreign.length > 0) {
			return problems(foreign, () => notApplicable("there is no CAPMOX"));
		}

		const ofCapmox = seen["management.definitions"]?.definitions.some(({ plural }) => plural === "proxmoxmachines");
		if (installed.parts.size === 0 && ofCapmox !== true) {
			return notApplicable("there is no Cluster API on this cluster", notInstalled(installed));
		}

		if (installed.capmox === undefined && ofCapmox === false) {
			return notApplicable("Cluster API runs here without CAPMOX");
		}

		const faults = [
			...foreign,
			...judgeVersions(installed),
			...judgeControllers(installed),
			...judgeWebhooks(installed),
			...judgeKubernetes(installed),
			...judgeStored(installed),
		];
		const isExplained = faults.some(({ code }) => movingOn.has(code));
		return problems([...faults, ...(isExplained ? [] : judgeEndOfLife(installed))], () =>
			healthy(summaryOf(installed)),
		);
	},
});

/** Their remedy already leads to other versions. */
const movingOn: ReadonlySet<CompatFinding["code"]> = new Set([
	"listed-incompatible",
	"contract-mismatch",
	"core-parts-differ",
	"broken-release",
	"kubernetes-needs-newer-core",
]);

const notInstalled = (installed: Installed): CompatFinding =>
	found(
		"not-installed",
		"There is no Cluster API on this cluster: it is not a management cluster yet, or the kubeconfig leads to another one than you mean.",
		{
			from: "Deployments with the label cluster.x-k8s.io/provider, in all namespaces",
			saw: "none",
			expected: "Cluster API, CAPMOX and the IPAM provider",
		},
		...installSteps(installed),
	);

function summaryOf({ core, capmox, ipam, seen, table, today }: Installed): string {
	const server = seen["management.server"];
	const parts = [
		`CAPMOX ${capmox?.version ?? ""}`,
		`Cluster API ${core?.version ?? ""}`,
		...(ipam?.version === undefined ? [] : [`in-cluster IPAM ${ipam.version}`]),
		...(server === undefined ? [] : [`Kubernetes ${server.version}`]),
	];
	return `${parts.join(", ")} fit together, by ${seen["knowledge.compatibility"].from} of ${table.checked}, ${ageOf(table, today)} days old.`;
}
