import { found } from "../../src/check.ts";
import { type CapmoxVersion, capmoxVersions, kubernetesVersions } from "../../src/knowledge/templates.ts";
import { advise } from "../steps.ts";
import { about } from "./about.ts";
import type { Cluster, EnvfileFinding } from "./findings.ts";
import { example, type Given } from "./reading.ts";

const minorOf = (version: string): number => Number(version.split(".")[1] ?? 0);
/** Cluster API, util/version: KubeSemver, which knows no zero in front. */
const threeNumbers = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

export function judgeKubernetes({ capmoxVersion }: Cluster, given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const { oldest, newest, through } = kubernetesVersions[capmoxVersion];
	const [, major = "", minor = ""] = threeNumbers.exec(given.value) ?? [];
	if (minor === "") {
		return [
			about(
				"kubernetes-version-malformed",
				given,
				"KUBERNETES_VERSION must have three numbers. Cluster API refuses anything else.",
				example("Write the version that the template VM was built with.", given, `v${newest}.0`),
				"such as v1.34.8",
			),
		];
	}

	if (isSupported(capmoxVersion, Number(major), Number(minor))) {
		return [];
	}

	const other = capmoxVersions.find((version) => isSupported(version, Number(major), Number(minor)));
	const support = / and | to /.test(through) ? "support" : "supports";
	return [
		found(
			"kubernetes-version-unsupported",
			`CAPMOX ${capmoxVersion} works with ${through}, which ${support} Kubernetes ${oldest} to ${newest} in workload clusters.`,
			{ from: given.from, saw: given.value, expected: `v${oldest} to v${newest}` },
			advise("Build a template VM with a version in that range, and name that version."),
			...(other === undefined
				? []
				: [
						advise(
							`CAPMOX ${other} works with that version. If it is the one you have, say so: capmox-doctor check envfile --capmox-version ${other}`,
						),
					]),
		),
	];
}

function isSupported(version: CapmoxVersion, major: number, minor: number): boolean {
	const { oldest, newest } = kubernetesVersions[version];
	return major === 1 && minorOf(oldest) <= minor && minor <= minorOf(newest);
}
