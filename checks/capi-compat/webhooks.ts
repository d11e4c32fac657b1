import { found, type Step } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { CompatFinding } from "./findings.ts";
import { type Installed, nonEmpty } from "./installed.ts";

/** What the API server is to call before it stores an object, or to convert one. */
export function judgeWebhooks(installed: Installed): CompatFinding[] {
	return [
		...judgeBundles(installed),
		...judgeEndpoints(installed),
		...judgePaths(installed),
		...judgeStrategy(installed),
	];
}

interface Called {
	/** "ValidatingWebhookConfiguration capmox-validating-webhook-configuration". */
	readonly from: string;
	readonly name: string;
	readonly service?:
		| { readonly namespace: string; readonly name: string; readonly path?: string | undefined }
		| undefined;
	readonly caBundle: boolean;
	/** What it is called for, where its name does not tell. */
	readonly about?: string;
	readonly provider?: string | undefined;
}

const calledIn = ({ seen }: Installed): Called[] => [
	...(seen["management.webhooks"]?.webhooks ?? []).map(({ kind, configuration, ...rest }) => ({
		...rest,
		from: `${kind === "validating" ? "Validating" : "Mutating"}WebhookConfiguration ${configuration}`,
	})),
	...(seen["management.definitions"]?.definitions ?? []).flatMap(({ name, provider, conversion }) =>
		conversion === undefined
			? []
			: [
					{
						from: `CustomResourceDefinition ${name}`,
						name: "its conversion",
						about: `the conversion of ${name}`,
						provider,
						service: conversion.service,
						caBundle: conversion.caBundle,
					},
				],
	),
];

/** cert-manager needs some time after an installation; by the API server's clock. */
const settling = 120_000;

function isFresh({ seen, parts }: Installed, provider: string | undefined): boolean {
	const since = parts.get(provider ?? "")?.controller.availableSince;
	const now = seen["management.server"]?.date;
	return since !== undefined && now !== undefined && Date.parse(now) - Date.parse(since) < settling;
}

const restartInjector: Step = {
	advice: "cert-manager's cainjector fills them in. Start it anew, and look again after a minute.",
	command: ["kubectl", "--namespace", "cert-manager", "rollout", "restart", "deployment", "cert-manager-cainjector"],
	where: "here",
	risk: "changes",
};

function judgeBundles(installed: Installed): CompatFinding[] {
	const without = calledIn(installed).filter(({ caBundle, service }) => !caBundle && service !== undefined);
	const places = [...new Set(without.map(({ from }) => from))];
	const evidence = nonEmpty(
		places.slice(0, 10).map((from) => {
			const here = without.filter((each) => each.from === from).map(({ name }) => name);
			return { from, saw: `no caBundle for ${here.join(", ")}`, expected: "a caBundle" };
		}),
	);
	if (evidence === undefined) {
		return [];
	}

	const isTransient = without.every(({ provider }) => isFresh(installed, provider));
	return [
		{
			code: "webhook-without-ca",
			...(isTransient ? { severity: "warning", confidence: "likely" } : {}),
			summary: `${without.length === 1 ? "A webhook has" : `${without.length} webhooks have`} no CA bundle: the API server trusts nobody behind ${without.length === 1 ? "it" : "them"}, and refuses what ${without.length === 1 ? "it" : "they"} should judge ("x509: certificate signed by unknown authority").${isTransient ? " The controllers have only just come up, so it may still be filled in." : ""}`,
			evidence,
			remedy: [
				restartInjector,
				advise("Where it is empty again soon after, a GitOps tool overwrites it: have it ignore the field caBundle."),
			],
		},
	];
}

function judgeEndpoints(installed: Installed): CompatFinding[] {
	const called = calledIn(installed);
	// Where a provider has no Deployment at all, that is said already.
	const silent = (installed.seen["management.endpoints"]?.services ?? []).filter(
		({ ready, namespace, name }) =>
			!ready &&
			called.some(
				({ service, provider }) =>
					service?.namespace === namespace && service.name === name && installed.parts.has(provider ?? ""),
			),
	);
	return silent.map(({ namespace, name, from }) => {
		const about = called.filter(({ service }) => service?.namespace === namespace && service.name === name);
		return found(
			"webhook-without-endpoint",
			`Nothing is ready behind the Service ${namespace}/${name}, which the API server calls for ${about
				.map(({ name: webhook, about: what = webhook }) => what)
				.slice(0, 3)
				.join(
					", ",
				)}${about.length > 3 ? ` and ${about.length - 3} more` : ""}. Until it is, these objects cannot be written.`,
			{ from, saw: "no replica is ready", expected: "one or more" },
			{
				advice: "See what keeps the controller from running.",
				command: ["kubectl", "describe", "pods", "--namespace", namespace],
				where: "here",
				risk: "safe",
			},
			advise("Bring its Pod to Ready; its own log says why it is not."),
		);
	});
}

/** The way in which Cluster API 1.6.0 was broken, and what a half-done upgrade leaves. */
function judgePaths(installed: Installed): CompatFinding[] {
	const { seen, table, core } = installed;
	const claims = seen["management.definitions"]?.definitions.find(({ plural }) => plural === "ipaddressclaims");
	const stored = claims?.versions.find(({ storage }) => storage)?.name;
	const stale = calledIn(installed).filter(({ service }) => service?.path?.includes("-v1alpha1-ipaddress") === true);
	const evidence = nonEmpty(
		stale.map(({ from, name, service }) => ({
			from,
			saw: `${name} → ${service?.path ?? ""}`,
			expected: `a path of ${stored ?? ""}`,
		})),
	);
	const isExplained = table.capi.some(({ broken }) => broken?.[core?.version ?? ""] !== undefined);
	const namespace = core?.controller.namespace ?? "capi-system";
	return evidence === undefined || stored === undefined || stored === "v1alpha1" || isExplained
		? []
		: [
				{
					code: "ipam-webhook-paths",
					summary: `The API server calls a path of v1alpha1 for IP addresses, while ${stored} is in use: the core answers 404, and no address can be claimed ("failed to call webhook: the server could not find the requested resource").`,
					evidence,
					remedy: [
						{
							advice: "See that the core's Deployment and its webhooks come from one release.",
							command: ["kubectl", "get", "deployments", "--namespace", namespace, "--output=wide"],
							where: "here",
							risk: "safe",
						},
						{
							advice: `Install the core's own webhooks again: apply the components of its release.`,
							command: [
								"kubectl",
								"apply",
								"--server-side",
								"--force-conflicts",
								"--filename",
								`https://github.com/kubernetes-sigs/cluster-api/releases/download/${core?.version ?? ""}/core-components.yaml`,
							],
							where: "here",
							risk: "changes",
						},
					],
				},
			];
}

function judgeStrategy(installed: Installed): CompatFinding[] {
	const without = (installed.seen["management.machineDeployments"]?.items ?? []).filter(
		({ strategy, deleting }) => strategy === undefined && deleting === undefined,
	);
	const evidence = nonEmpty(
		without.slice(0, 10).map(({ namespace, name }) => ({
			from: `MachineDeployment ${namespace ?? ""}/${name}`,
			saw: "no strategy",
			expected: "RollingUpdate, which Cluster API's webhook fills in",
		})),
	);
	// Cluster API 1.11 and newer do without: https://github.com/kubernetes-sigs/cluster-api/pull/12489
	const isOld = installed.seen["management.machineDeployments"]?.version === "v1beta1";
	const [first] = without;
	return evidence === undefined || first === undefined || !isOld
		? []
		: [
				{
					code: "machine-deployment-without-strategy",
					summary: `${without.length === 1 ? "A MachineDeployment has" : `${without.length} MachineDeployments have`} no strategy, and the core stops at that with "missing MachineDeployment strategy". Its own webhook fills the field in, so that webhook did not run when the object was written.`,
					evidence,
					remedy: [
						{
							advice: "See whether the webhook is there: default.machinedeployment.cluster.x-k8s.io.",
							command: [
								"kubectl",
								"get",
								"mutatingwebhookconfigurations",
								"capi-mutating-webhook-configuration",
								"--output=yaml",
							],
							where: "here",
							risk: "safe",
						},
						{
							advice: "Once it answers, every write fills the field in; or name the strategy yourself.",
							command: [
								"kubectl",
								"patch",
								"machinedeployment.cluster.x-k8s.io",
								first.name,
								"--namespace",
								first.namespace ?? "",
								"--type=merge",
								"--patch",
								'{"spec":{"strategy":{"type":"RollingUpdate"}}}',
							],
							where: "here",
							risk: "changes",
						},
					],
				},
			];
}
