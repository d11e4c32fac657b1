import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { usable } from "./envfile/capacity.ts";
import { judgeFiles, misread } from "./envfile/files.ts";
import { type Cluster, findings } from "./envfile/findings.ts";
import { judgeFlavor } from "./envfile/flavors.ts";
import { judgeIdentity } from "./envfile/identity.ts";
import { judgeMachines } from "./envfile/machines.ts";
import { neverRead } from "./envfile/misnomers.ts";
import { isPlanned, judgeNames, notSet } from "./envfile/names.ts";
import { judgeNetwork } from "./envfile/network.ts";
import { type Pool, planPools } from "./envfile/plan.ts";
import { reading } from "./envfile/reading.ts";
import { historyExpansion, notExported } from "./envfile/shell.ts";
import { judgeValues } from "./envfile/values.ts";
import { judgeSecretText, judgeYaml } from "./envfile/yaml.ts";

export default defineCheck({
	id: "envfile",
	title: "The variables make a valid cluster",
	group: "config",
	documented: "usage#environment-variables",
	needs: ["environment.cluster", "environment.proxmox"],
	findings,
	diagnose({ "environment.cluster": cluster, "environment.proxmox": proxmox }) {
		const fromFiles = judgeFiles(cluster);
		const history = historyExpansion(proxmox);
		if (!isPlanned(cluster) && fromFiles.length === 0) {
			return notApplicable("no variable of a workload cluster is set", history[0] ?? notSet(cluster));
		}

		const read = reading(cluster);
		const { pools, findings: unplanned } = planPools(read);
		return problems(
			[
				...fromFiles,
				...history,
				...judgeNames(cluster, proxmox),
				...judgeYaml(cluster),
				...judgeSecretText(cluster),
				...unplanned,
				...judgeNetwork(cluster, read, pools),
				...judgeValues(cluster, read),
				...judgeMachines(read),
				...judgeIdentity(cluster, read),
				...judgeFlavor(cluster, proxmox),
				...misread(cluster),
				...notExported(cluster),
				...neverRead(cluster),
			],
			() => healthy(summary(cluster, pools)),
		);
	},
});

function summary({ flavor, capmoxVersion, variables }: Cluster, pools: readonly Pool[]): string {
	const sizes = pools.map((pool) => `${usable(pool)} in ${pool.given.name}`).join(", ");
	const version =
		variables["KUBERNETES_VERSION"] === undefined
			? " KUBERNETES_VERSION is left to clusterctl's --kubernetes-version."
			: "";
	return `All variables that flavor ${flavor} of CAPMOX ${capmoxVersion} needs are set and fit together. Usable addresses: ${sizes}.${version}`;
}
