import { found, type NonEmpty, type Step } from "../../src/check.ts";
import { ageOf, daysUntilOld, minorOf } from "../../src/knowledge/compatibility.ts";
import { advise } from "../steps.ts";
import type { CompatFinding } from "./findings.ts";
import { type Controller, type Installed, labels, nameOf } from "./installed.ts";
import { newerTable } from "./versions.ts";

/** Which providers run, and whether their version can be told. */
export const judgeControllers = (installed: Installed): CompatFinding[] => [
	...judgeMissing(installed),
	...judgeTwice(installed),
	...judgeUnknown(installed),
	...judgeOverridden(installed),
	...judgeClusterctl(installed),
	...judgeTable(installed),
];

/** Every provider brings definitions, so that these without a Deployment mean that nobody acts on their objects. */
function judgeMissing({ seen, parts }: Installed): CompatFinding[] {
	const definitions = seen["management.definitions"]?.definitions ?? [];
	const isDefined = (name: string) => definitions.some((each) => each.name === name);
	const machines = "proxmoxmachines.infrastructure.cluster.x-k8s.io";
	const expected: readonly (readonly [provider: string, because: string, isExpected: boolean])[] = [
		[labels.core, "other providers run here", true],
		[labels.capmox, `${machines} is defined`, isDefined(machines)],
	];
	return expected.flatMap(([provider, because, isExpected]) => {
		return !isExpected || parts.has(provider)
			? []
			: [
					found(
						"controller-missing",
						`No Deployment with the label cluster.x-k8s.io/provider=${provider} runs ${nameOf(provider)}, although ${because}. Nobody acts on its objects, or the Deployment has lost its label and cannot be told.`,
						{
							from: "Deployments with the label cluster.x-k8s.io/provider",
							saw: [...parts.keys()].join(", ") || "none",
							expected: provider,
						},
						look(
							"See which controllers there are, with any label.",
							"kubectl",
							"get",
							"deployments",
							"--all-namespaces",
						),
						advise(
							"Install the provider again as it was installed, or give its Deployment the label back in what renders its manifests.",
						),
					),
				];
	});
}

const look = (advice: string, ...command: NonEmpty<string>): Step => ({ advice, command, where: "here", risk: "safe" });

function judgeTwice({ seen }: Installed): CompatFinding[] {
	const { controllers } = seen["management.controllers"];
	return [...new Set(controllers.map(({ provider }) => provider))].flatMap((provider) => {
		// One at 0 replicas undoes nothing.
		const [first, ...others] = controllers.filter((each) => each.provider === provider && each.replicas > 0);
		const other = others.find(({ image }) => image.text !== first?.image.text);
		if (first === undefined || other === undefined) {
			return [];
		}

		const evidence = (one: Controller) => ({ from: deploymentOf(one), saw: `image ${one.image.text}` });
		return [
			{
				code: "provider-twice" as const,
				summary: `The controller of ${nameOf(provider)} runs twice, in different versions. Both act on the same objects and undo each other's work.`,
				evidence: [evidence(first), { ...evidence(other), expected: "one Deployment of a provider" }] as const,
				remedy: [
					look(
						"See which one is meant: the other is left from an earlier installation.",
						"kubectl",
						"get",
						"deployments",
						"--all-namespaces",
						"--selector",
						`cluster.x-k8s.io/provider=${provider}`,
						"--output=wide",
					),
					advise("Scale the other one down to 0, see that all goes on, then remove it."),
				] as const,
			},
		];
	});
}

const deploymentOf = ({ namespace, name }: Controller): string => `Deployment ${namespace}/${name}`;

function judgeUnknown({ parts, by }: Installed): CompatFinding[] {
	const judged: readonly string[] = Object.values(labels);
	return [...parts.values()]
		.filter(({ version, controller }) => version === undefined && judged.includes(controller.provider))
		.map(({ controller }) =>
			found(
				"version-unknown",
				`The version of ${nameOf(controller.provider)} cannot be told, so whether it fits was not judged: the image has ${controller.image.tag === undefined ? "no tag" : `the tag ${controller.image.tag}`}${by === "clusterctl" ? ", and clusterctl's inventory does not name it" : ""}.`,
				{ from: deploymentOf(controller), saw: `image ${controller.image.text}`, expected: "a tag such as v0.9.0" },
				advise("Give the image a tag that is a version beside its digest, as in image:v0.9.0@sha256:…"),
			),
		);
}

function judgeOverridden({ parts }: Installed): CompatFinding[] {
	return [...parts.values()].flatMap(({ controller, version, recorded, evidence }) => {
		const isSame = controller.image.version === undefined || recorded === undefined || same(version, recorded);
		return isSame
			? []
			: [
					found(
						"image-overridden",
						`${nameOf(controller.provider)} runs as ${version ?? ""}, but ${recorded} was installed: its definitions, rights and webhooks are of ${recorded}. It was judged by the image.`,
						{ ...evidence, expected: recorded },
						look(
							"See who changed it: an image override in clusterctl.yaml, a GitOps tool, or somebody by hand.",
							"kubectl",
							"get",
							"deployment",
							controller.name,
							"--namespace",
							controller.namespace,
							"--output=yaml",
							"--show-managed-fields",
						),
						advise("Take the override away, or install the whole provider in the version that is meant."),
					),
				];
	});
}

const same = (a: string | undefined, b: string): boolean => a?.replace(/^v/, "") === b.replace(/^v/, "");

/** The operator does without clusterctl. */
function judgeClusterctl({ seen, core, by }: Installed): CompatFinding[] {
	const clusterctl = seen["host.tools"]?.clusterctl;
	if (by !== "clusterctl" || core?.version === undefined || clusterctl?.state !== "found") {
		return [];
	}

	return minorOf(clusterctl.version) === minorOf(core.version)
		? []
		: [
				found(
					"clusterctl-other-minor",
					`clusterctl on this host is v${clusterctl.version}, the core is ${core.version}. clusterctl moves, describes and upgrades only what it was made for, and another minor may refuse or misread the rest.`,
					{ from: "clusterctl version", saw: `v${clusterctl.version}`, expected: `v${minorOf(core.version)}` },
					{
						advice:
							"Fetch the one of the core's release, make it executable and put it first in PATH. This one is for Linux on amd64; others lie beside it.",
						command: [
							"curl",
							"-fLo",
							"clusterctl",
							`https://github.com/kubernetes-sigs/cluster-api/releases/download/${core.version}/clusterctl-linux-amd64`,
						],
						where: "here",
						risk: "changes",
						undo: "rm clusterctl",
					},
				),
			];
}

function judgeTable({ seen, table, today }: Installed): CompatFinding[] {
	const age = ageOf(table, today);
	return age <= daysUntilOld
		? []
		: [
				found(
					"knowledge-old",
					`The table that this was judged by was compared with its sources ${age} days ago. Newer releases are not in it, and dates of end of life may have come.`,
					{
						from: seen["knowledge.compatibility"].from,
						saw: `checked ${table.checked}`,
						expected: `at most ${daysUntilOld} days ago`,
					},
					...newerTable,
				),
			];
}
