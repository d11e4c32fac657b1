import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { findings, type Host } from "./cgroups/findings.ts";
import { describeLayout, kindVersion, nameOf, releaseOf, type Tools } from "./cgroups/host.ts";
import { judgeMounts } from "./cgroups/mounts.ts";
import { judgeVersion1, v1Deprecated } from "./cgroups/version1.ts";
import { judgeVersion2 } from "./cgroups/version2.ts";

export default defineCheck({
	id: "cgroup-v2",
	title: "The cgroup version suits kind",
	group: "host",
	documented: "troubleshooting#kinddocker-cgroups-v2",
	needs: ["host.provider", "host.cgroups", "host.tools", "host.system"],
	findings,
	diagnose({ "host.provider": provider, "host.cgroups": cgroups, "host.tools": tools, "host.system": system }) {
		const host: Host = { provider, cgroups, tools, system };
		if (provider.engine === "none") {
			return provider.cgroupVersion === 1
				? notApplicable(provider.chosenBecause, v1Deprecated(host))
				: notApplicable(provider.chosenBecause);
		}

		const mounts = judgeMounts(host);
		const version = mounts.length > 0 ? [] : provider.cgroupVersion === 2 ? judgeVersion2(host) : judgeVersion1(host);
		return problems([...mounts, ...version], () => healthy(`${seen(host)} ${suits(tools)}`));
	},
});

const seen = ({ provider, cgroups }: Host): string =>
	provider.answers
		? `${nameOf(provider)} runs containers on cgroup v2.${provider.reportedVersion === undefined ? "" : ` It reports v${provider.reportedVersion}, but ${describeLayout(cgroups)} is what is mounted here.`}`
		: `This host has ${describeLayout(cgroups)}, so ${nameOf(provider)} will run containers on it${provider.engine === "nerdctl" ? "; it was not asked" : "; now it does not answer"}.`;

function suits(tools: Tools): string {
	const kind = kindVersion(tools);
	const release = kind === undefined ? undefined : releaseOf(kind);
	return kind === undefined || release === undefined
		? "That suits every kind since 0.11."
		: `That suits kind ${kind} (node image: Kubernetes ${release.kubernetes}, systemd ${release.systemd}).`;
}
