import { createHash } from "node:crypto";
import type { KubernetesObject } from "./kubernetes/objects.ts";

/** What is installed in a management cluster, as its providers' manifests install it. */
export interface Setup {
	readonly core: string;
	readonly bootstrap: string;
	readonly controlPlane: string;
	readonly capmox: string;
	readonly ipam: string | undefined;
	/** Kubernetes of the workload cluster. */
	readonly kubernetes: string;
	readonly workers: number;
	/** The ProxmoxCluster has a Secret of its own. */
	readonly ownCredentials: boolean;
	/** Written in front of every image's path. */
	readonly mirror: string;
	/** Installed by the Cluster API operator, in one namespace, without clusterctl's inventory. */
	readonly operator: boolean;
}

export const newest: Setup = {
	core: "v1.12.11",
	bootstrap: "v1.12.11",
	controlPlane: "v1.12.11",
	capmox: "v0.9.0",
	ipam: "v1.1.0",
	kubernetes: "v1.33.4",
	workers: 1,
	ownCredentials: true,
	mirror: "",
	operator: false,
};
export const legacy: Setup = {
	...newest,
	core: "v1.10.10",
	bootstrap: "v1.10.10",
	controlPlane: "v1.10.10",
	capmox: "v0.7.7",
	ipam: "v1.0.3",
	kubernetes: "v1.32.4",
};

/** No test may find it in an output. */
export const plantedSecret = "4a1d2f0e-77c4-4b39-9a43-0d5b6f1f7c21";

const minorOf = (version: string): number => Number(/^v\d+\.(\d+)/.exec(version)?.[1]);
const isNewCore = ({ core }: Setup): boolean => minorOf(core) >= 11;
const isNewCapmox = ({ capmox }: Setup): boolean => minorOf(capmox) >= 8;

/** Versions by generation: [what objects are written in, of all that are served]. */
const capiVersion = (setup: Setup) => (isNewCore(setup) ? "v1beta2" : "v1beta1");
const capmoxVersion = (setup: Setup) => (isNewCapmox(setup) ? "v1alpha2" : "v1alpha1");

const time = (minutes: number) => new Date(Date.UTC(2026, 7, 20, 8, minutes)).toISOString().replace(".000", "");

/** A UUID that is the same in every run. */
const uidOf = (name: string): string =>
	`0f9a3c52-7b1e-4d2a-8c41-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;

const managedFields = (manager: string) => [
	{
		manager,
		operation: "Update",
		apiVersion: "cluster.x-k8s.io/v1beta1",
		time: time(5),
		fieldsType: "FieldsV1",
		fieldsV1: {
			"f:metadata": { "f:annotations": { ".": {}, "f:cluster.x-k8s.io/cloned-from-name": {} } },
			"f:spec": { ".": {}, "f:bootstrap": { ".": {}, "f:configRef": {}, "f:dataSecretName": {} }, "f:version": {} },
			"f:status": { ".": {}, "f:addresses": {}, "f:conditions": {}, "f:nodeInfo": {}, "f:phase": {} },
		},
	},
];

interface Extra {
	readonly namespace?: string | undefined;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
	readonly finalizers?: readonly string[];
	readonly ownerReferences?: readonly unknown[];
}

function object(
	apiVersion: string,
	kind: string,
	name: string,
	extra: Extra = {},
	rest: Readonly<Record<string, unknown>> = {},
): KubernetesObject {
	const { namespace, ...others } = extra;
	return {
		apiVersion,
		kind,
		metadata: {
			name,
			...(namespace === undefined ? {} : { namespace }),
			uid: uidOf(`${kind}/${name}`),
			creationTimestamp: time(0),
			managedFields: managedFields("manager"),
			...others,
		},
		...rest,
	};
}

const owner = (apiVersion: string, kind: string, name: string) => ({
	apiVersion,
	kind,
	name,
	uid: uidOf(`${kind}/${name}`),
	controller: true,
	blockOwnerDeletion: true,
});

const namespace = "default";

/** Every object of it; `prod` is the workload cluster. */
export function managementObjects(setup: Setup = newest): KubernetesObject[] {
	return [
		...definitions(setup),
		...controllers(setup),
		...webhooks(setup),
		...workload(setup),
		...(setup.ownCredentials ? [credentials(setup)] : []),
	];
}

interface Provider {
	readonly provider: string;
	readonly namespace: string;
	readonly deployment: string;
	readonly image: string;
	readonly version: string;
	readonly operatorKind: string;
	readonly service: string;
}

function providersOf({ core, bootstrap, controlPlane, capmox, ipam }: Setup): Provider[] {
	const capi = "registry.k8s.io/cluster-api";
	return [
		{
			provider: "cluster-api",
			namespace: "capi-system",
			deployment: "capi-controller-manager",
			image: `${capi}/cluster-api-controller`,
			version: core,
			operatorKind: "CoreProvider",
			service: "capi-webhook-service",
		},
		{
			provider: "bootstrap-kubeadm",
			namespace: "capi-kubeadm-bootstrap-system",
			deployment: "capi-kubeadm-bootstrap-controller-manager",
			image: `${capi}/kubeadm-bootstrap-controller`,
			version: bootstrap,
			operatorKind: "BootstrapProvider",
			service: "capi-kubeadm-bootstrap-webhook-service",
		},
		{
			provider: "control-plane-kubeadm",
			namespace: "capi-kubeadm-control-plane-system",
			deployment: "capi-kubeadm-control-plane-controller-manager",
			image: `${capi}/kubeadm-control-plane-controller`,
			version: controlPlane,
			operatorKind: "ControlPlaneProvider",
			service: "capi-kubeadm-control-plane-webhook-service",
		},
		{
			provider: "infrastructure-proxmox",
			namespace: "capmox-system",
			deployment: "capmox-controller-manager",
			image: "ghcr.io/ionos-cloud/cluster-api-provider-proxmox",
			version: capmox,
			operatorKind: "InfrastructureProvider",
			service: "capmox-webhook-service",
		},
		...(ipam === undefined
			? []
			: [
					{
						provider: "ipam-in-cluster",
						namespace: "capi-ipam-in-cluster-system",
						deployment: "capi-ipam-in-cluster-controller-manager",
						image: "registry.k8s.io/capi-ipam-ic/cluster-api-ipam-in-cluster-controller",
						version: ipam,
						operatorKind: "IPAMProvider",
						service: "capi-ipam-in-cluster-webhook-service",
					},
				]),
	];
}

function controllers(setup: Setup): KubernetesObject[] {
	return providersOf(setup).flatMap((each) => {
		const inNamespace = setup.operator ? "capi-providers" : each.namespace;
		const name = each.provider.replace(/^(?:bootstrap|control-plane|infrastructure|ipam)-/, "");
		const operated = {
			ownerReferences: [
				{
					apiVersion: "operator.cluster.x-k8s.io/v1alpha2",
					kind: each.operatorKind,
					name,
					uid: uidOf(`${each.operatorKind}/${name}`),
				},
			],
		};
		const labels = {
			"cluster.x-k8s.io/provider": each.provider,
			"control-plane": "controller-manager",
			...(setup.operator ? {} : { "clusterctl.cluster.x-k8s.io": "" }),
		};
		const deployment = object(
			"apps/v1",
			"Deployment",
			each.deployment,
			{ namespace: inNamespace, labels, ...(setup.operator ? operated : {}) },
			{
				spec: {
					replicas: 1,
					template: {
						spec: { containers: [{ name: "manager", image: `${setup.mirror}${each.image}:${each.version}` }] },
					},
				},
				status: {
					replicas: 1,
					readyReplicas: 1,
					conditions: [{ type: "Available", status: "True", lastTransitionTime: time(1) }],
				},
			},
		);
		return setup.operator ? [deployment] : [deployment, inventory(each)];
	});
}

const inventory = ({ provider, namespace, version }: Provider): KubernetesObject =>
	object(
		"clusterctl.cluster.x-k8s.io/v1alpha3",
		"Provider",
		provider,
		{ namespace, labels: { "clusterctl.cluster.x-k8s.io/core": "inventory", "cluster.x-k8s.io/provider": provider } },
		{
			providerName: provider.replace(/^(?:bootstrap|control-plane|infrastructure|ipam)-/, ""),
			type: {
				"cluster-api": "CoreProvider",
				"bootstrap-kubeadm": "BootstrapProvider",
				"control-plane-kubeadm": "ControlPlaneProvider",
				"infrastructure-proxmox": "InfrastructureProvider",
				"ipam-in-cluster": "IPAMProvider",
			}[provider],
			version,
		},
	);

/** A certificate's beginning is enough where nobody parses it. */
const caBundle = Buffer.from("-----BEGIN CERTIFICATE-----\n").toString("base64");

function definitions(setup: Setup): KubernetesObject[] {
	const by = Object.fromEntries(providersOf(setup).map((each) => [each.provider, each]));
	const capiVersions = isNewCore(setup) ? ["v1beta1", "v1beta2"] : ["v1beta1"];
	const capiLabels = Object.fromEntries(capiVersions.map((version) => [`cluster.x-k8s.io/${version}`, version]));
	const capmoxVersions = isNewCapmox(setup) ? ["v1alpha1", "v1alpha2"] : ["v1alpha1"];
	const capmoxLabels: Record<string, string> = isNewCapmox(setup)
		? { "cluster.x-k8s.io/v1beta1": "v1alpha2", "cluster.x-k8s.io/v1beta2": "v1alpha2" }
		: { "cluster.x-k8s.io/v1beta1": "v1alpha1" };
	const define = (
		provider: string,
		group: string,
		kind: string,
		versions: readonly string[],
		labels = {},
		wide = false,
	) => definition(setup, by[provider], group, kind, versions, labels, wide);
	return [
		...["Cluster", "Machine", "MachineSet", "MachineDeployment"].map((kind) =>
			define("cluster-api", "cluster.x-k8s.io", kind, capiVersions, capiLabels),
		),
		...["IPAddressClaim", "IPAddress"].map((kind) =>
			define("cluster-api", "ipam.cluster.x-k8s.io", kind, capiVersions, capiLabels),
		),
		define("bootstrap-kubeadm", "bootstrap.cluster.x-k8s.io", "KubeadmConfig", capiVersions, capiLabels),
		define("control-plane-kubeadm", "controlplane.cluster.x-k8s.io", "KubeadmControlPlane", capiVersions, capiLabels),
		...["ProxmoxCluster", "ProxmoxMachine", "ProxmoxMachineTemplate"].map((kind) =>
			define("infrastructure-proxmox", "infrastructure.cluster.x-k8s.io", kind, capmoxVersions, capmoxLabels),
		),
		...(setup.ipam === undefined
			? []
			: [
					define("ipam-in-cluster", "ipam.cluster.x-k8s.io", "InClusterIPPool", ["v1alpha1", "v1alpha2"]),
					define(
						"ipam-in-cluster",
						"ipam.cluster.x-k8s.io",
						"GlobalInClusterIPPool",
						["v1alpha1", "v1alpha2"],
						{},
						true,
					),
				]),
		...(setup.operator
			? []
			: [definition(setup, undefined, "clusterctl.cluster.x-k8s.io", "Provider", ["v1alpha3"], {})]),
	];
}

function definition(
	setup: Setup,
	provider: Provider | undefined,
	group: string,
	kind: string,
	versions: readonly string[],
	labels: Readonly<Record<string, string>>,
	wide = false,
): KubernetesObject {
	const singular = kind.toLowerCase();
	const plural = `${singular}${singular.endsWith("s") ? "es" : "s"}`;
	const storage = versions.at(-1) ?? "";
	const label = provider === undefined ? {} : { "cluster.x-k8s.io/provider": provider.provider };
	const webhook = {
		clientConfig: {
			service: { namespace: serviceNamespace(setup, provider), name: provider?.service ?? "", path: "/convert" },
			caBundle,
		},
		conversionReviewVersions: ["v1"],
	};
	return object(
		"apiextensions.k8s.io/v1",
		"CustomResourceDefinition",
		`${plural}.${group}`,
		{ labels: { ...label, ...labels } },
		{
			spec: {
				group,
				scope: wide ? "Cluster" : "Namespaced",
				names: { kind, plural, singular, listKind: `${kind}List` },
				versions: versions.map((name) => ({
					name,
					served: true,
					storage: name === storage,
					...(name === "v1beta1" && storage === "v1beta2" ? { deprecated: true } : {}),
				})),
				conversion:
					provider !== undefined && versions.length > 1 ? { strategy: "Webhook", webhook } : { strategy: "None" },
			},
			status: { storedVersions: [storage] },
		},
	);
}

const serviceNamespace = ({ operator }: Setup, provider: Provider | undefined) =>
	operator ? "capi-providers" : (provider?.namespace ?? "");

function webhooks(setup: Setup): KubernetesObject[] {
	const capi = capiVersion(setup);
	const groups: Readonly<Record<string, readonly [group: string, version: string, resources: readonly string[]]>> = {
		"cluster-api": ["cluster.x-k8s.io", capi, ["cluster", "machine", "machinedeployment"]],
		"bootstrap-kubeadm": ["bootstrap.cluster.x-k8s.io", capi, ["kubeadmconfig"]],
		"control-plane-kubeadm": ["controlplane.cluster.x-k8s.io", capi, ["kubeadmcontrolplane"]],
		"infrastructure-proxmox": [
			"infrastructure.cluster.x-k8s.io",
			capmoxVersion(setup),
			["proxmoxcluster", "proxmoxmachine"],
		],
		"ipam-in-cluster": ["ipam.cluster.x-k8s.io", "v1alpha2", ["inclusterippool"]],
	};
	const verbs = { Validating: ["validation", "validate"], Mutating: ["default", "mutate"] } as const;
	return providersOf(setup).flatMap((provider) => {
		const [group, version, resources] = groups[provider.provider] ?? ["", "", []];
		return (["Validating", "Mutating"] as const).map((kind) => {
			const [verb, path] = verbs[kind];
			const prefix = provider.deployment.replace(/-controller-manager$/, "");
			return object(
				"admissionregistration.k8s.io/v1",
				`${kind}WebhookConfiguration`,
				`${prefix}-${kind.toLowerCase()}-webhook-configuration`,
				{ labels: { "cluster.x-k8s.io/provider": provider.provider } },
				{
					webhooks: resources.map((resource) => ({
						name: `${verb}.${resource}.${group}`,
						admissionReviewVersions: ["v1"],
						sideEffects: "None",
						failurePolicy: "Fail",
						clientConfig: {
							service: {
								namespace: serviceNamespace(setup, provider),
								name: provider.service,
								path: `/${path}-${group.replaceAll(".", "-")}-${version}-${resource}`,
							},
							caBundle,
						},
						rules: [
							{
								apiGroups: [group],
								apiVersions: [version],
								operations: ["CREATE", "UPDATE"],
								resources: [`${resource}s`],
							},
						],
					})),
				},
			);
		});
	});
}

const credentialsName = "prod-proxmox-credentials";

const credentials = (setup: Setup): KubernetesObject =>
	object(
		"v1",
		"Secret",
		credentialsName,
		{
			namespace,
			labels: { "platform.ionos.com/secret-type": "proxmox-credentials" },
			finalizers: ["proxmoxcluster.infrastructure.cluster.x-k8s.io/secret"],
			ownerReferences: [owner(`infrastructure.cluster.x-k8s.io/${capmoxVersion(setup)}`, "ProxmoxCluster", "prod")],
		},
		{
			type: "Opaque",
			data: { secret: Buffer.from(plantedSecret).toString("base64") },
			stringData: { secret: plantedSecret },
		},
	);

const address = (index: number) => `10.10.${10 + Math.floor(index / 200)}.${20 + (index % 200)}`;

function workload(setup: Setup): KubernetesObject[] {
	const [capi, capmox] = [capiVersion(setup), capmoxVersion(setup)];
	const labels = { "cluster.x-k8s.io/cluster-name": "prod" };
	const isNew = isNewCore(setup);
	const ref = (group: string, version: string, kind: string, name: string) =>
		isNew ? { apiGroup: group, kind, name } : { apiVersion: `${group}/${version}`, kind, name, namespace };
	const infrastructure = "infrastructure.cluster.x-k8s.io";
	const endpoint = { host: "10.10.10.10", port: 6443 };
	const range = { addresses: ["10.10.10.20-10.10.30.250"], prefix: 16, gateway: "10.10.0.1" };
	const condition = (type: string, reason: string, status = "True") => ({
		type,
		status,
		reason,
		message: "",
		lastTransitionTime: time(9),
	});
	const oldCondition = (type: string) => ({ type, status: "True", lastTransitionTime: time(9) });
	const capiConditions = isNew
		? {
				conditions: [condition("Available", "Available"), condition("Paused", "NotPaused", "False")],
				deprecated: { v1beta1: { conditions: [oldCondition("InfrastructureReady")] } },
			}
		: {
				conditions: [oldCondition("Ready"), oldCondition("InfrastructureReady")],
				v1beta2: { conditions: [condition("Available", "Available")] },
			};
	const provisioned = isNewCapmox(setup) ? { initialization: { provisioned: true } } : { ready: true };
	const template = (kind: string, name: string) => ({
		clusterName: "prod",
		version: setup.kubernetes,
		bootstrap: { configRef: ref("bootstrap.cluster.x-k8s.io", capi, "KubeadmConfigTemplate", name) },
		infrastructureRef: ref(infrastructure, capmox, kind, name),
	});
	const rollingUpdate = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
	return [
		object(
			`cluster.x-k8s.io/${capi}`,
			"Cluster",
			"prod",
			{ namespace, labels, finalizers: ["cluster.cluster.x-k8s.io"] },
			{
				spec: {
					controlPlaneEndpoint: endpoint,
					controlPlaneRef: ref("controlplane.cluster.x-k8s.io", capi, "KubeadmControlPlane", "prod-control-plane"),
					infrastructureRef: ref(infrastructure, capmox, "ProxmoxCluster", "prod"),
				},
				status: { phase: "Provisioned", ...capiConditions },
			},
		),
		object(
			`${infrastructure}/${capmox}`,
			"ProxmoxCluster",
			"prod",
			{
				namespace,
				labels,
				finalizers: ["proxmoxcluster.infrastructure.cluster.x-k8s.io"],
				ownerReferences: [owner(`cluster.x-k8s.io/${capi}`, "Cluster", "prod")],
			},
			{
				spec: {
					controlPlaneEndpoint: endpoint,
					dnsServers: ["10.10.0.1"],
					ipv4Config: { ...range, metric: 100 },
					allowedNodes: ["pve1", "pve2"],
					...(setup.ownCredentials ? { credentialsRef: { name: credentialsName } } : {}),
				},
				status: {
					...provisioned,
					conditions: isNewCapmox(setup)
						? [condition("ProxmoxAvailable", "Provisioned")]
						: [oldCondition("ClusterReady")],
					nodeLocations: { workers: [{ machine: { name: "prod-workers-0" }, node: "pve1" }] },
				},
			},
		),
		object(
			`controlplane.cluster.x-k8s.io/${capi}`,
			"KubeadmControlPlane",
			"prod-control-plane",
			{
				namespace,
				labels,
				finalizers: ["kubeadm.controlplane.cluster.x-k8s.io"],
				ownerReferences: [owner(`cluster.x-k8s.io/${capi}`, "Cluster", "prod")],
			},
			{
				spec: {
					version: setup.kubernetes,
					replicas: 1,
					kubeadmConfigSpec: { format: "cloud-config" },
					machineTemplate: isNew
						? {
								spec: {
									infrastructureRef: ref(infrastructure, capmox, "ProxmoxMachineTemplate", "prod-control-plane"),
								},
							}
						: { infrastructureRef: ref(infrastructure, capmox, "ProxmoxMachineTemplate", "prod-control-plane") },
				},
				status: {
					version: setup.kubernetes,
					replicas: 1,
					...(isNew ? { initialization: { controlPlaneInitialized: true } } : { initialized: true }),
				},
			},
		),
		object(
			`cluster.x-k8s.io/${capi}`,
			"MachineDeployment",
			"prod-workers",
			{ namespace, labels, finalizers: ["cluster.x-k8s.io/machinedeployment"] },
			{
				spec: {
					clusterName: "prod",
					replicas: setup.workers,
					selector: { matchLabels: labels },
					template: { metadata: { labels }, spec: template("ProxmoxMachineTemplate", "prod-workers") },
					...(isNew ? { rollout: { strategy: rollingUpdate } } : { strategy: rollingUpdate }),
				},
				status: { replicas: setup.workers },
			},
		),
		...(setup.ipam === undefined
			? []
			: [
					object(
						"ipam.cluster.x-k8s.io/v1alpha2",
						"InClusterIPPool",
						"prod-v4-icip",
						{
							namespace,
							labels,
							finalizers: ["ipam.cluster.x-k8s.io/ProtectPool"],
							ownerReferences: [owner(`${infrastructure}/${capmox}`, "ProxmoxCluster", "prod")],
						},
						{
							spec: { ...range },
							status: {
								ipAddresses: { total: 5_351, free: 5_350 - setup.workers, used: 1 + setup.workers, outOfRange: 0 },
							},
						},
					),
				]),
		...[
			"prod-control-plane-0",
			...Array.from({ length: setup.workers }, (_, index) => `prod-workers-${index}`),
		].flatMap((name, index) => machine(name, index, index === 0)),
	];

	function machine(name: string, index: number, controlPlane: boolean): KubernetesObject[] {
		const own = controlPlane ? { ...labels, "cluster.x-k8s.io/control-plane": "" } : labels;
		const providerID = `proxmox://${uidOf(`vm/${name}`)}`;
		const claim = isNewCapmox(setup) ? `${name}-net0-00-inet` : `${name}-net0-inet`;
		const pool = { apiGroup: "ipam.cluster.x-k8s.io", kind: "InClusterIPPool", name: "prod-v4-icip" };
		const addresses = isNewCapmox(setup)
			? [
					{ net: "default", ipv4: [address(index)] },
					{ net: "net0", ipv4: [address(index)] },
				]
			: { net0: { ipv4: address(index) } };
		return [
			object(
				`cluster.x-k8s.io/${capi}`,
				"Machine",
				name,
				{
					namespace,
					labels: own,
					finalizers: ["machine.cluster.x-k8s.io"],
					ownerReferences: [
						controlPlane
							? owner(`controlplane.cluster.x-k8s.io/${capi}`, "KubeadmControlPlane", "prod-control-plane")
							: owner(`cluster.x-k8s.io/${capi}`, "MachineSet", "prod-workers-7xk2p"),
					],
					annotations: controlPlane
						? { "pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup": "" }
						: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
				},
				{
					spec: {
						clusterName: "prod",
						version: setup.kubernetes,
						providerID,
						bootstrap: {
							configRef: ref("bootstrap.cluster.x-k8s.io", capi, "KubeadmConfig", name),
							dataSecretName: name,
						},
						infrastructureRef: ref(infrastructure, capmox, "ProxmoxMachine", name),
						...(isNew ? { deletion: { nodeDeletionTimeoutSeconds: 10 } } : { nodeDeletionTimeout: "10s" }),
					},
					status: {
						phase: "Running",
						nodeRef: isNew ? { name } : { apiVersion: "v1", kind: "Node", name },
						...capiConditions,
					},
				},
			),
			object(
				`${infrastructure}/${capmox}`,
				"ProxmoxMachine",
				name,
				{
					namespace,
					labels: own,
					finalizers: ["proxmoxmachine.infrastructure.cluster.x-k8s.io"],
					ownerReferences: [owner(`cluster.x-k8s.io/${capi}`, "Machine", name)],
				},
				{
					spec: {
						sourceNode: "pve1",
						templateID: 100,
						virtualMachineID: 101 + index,
						providerID,
						...(isNewCapmox(setup) ? { network: { networkDevices: [{ bridge: "vmbr0" }] } } : {}),
					},
					status: {
						...provisioned,
						proxmoxNode: "pve1",
						vmStatus: "ready",
						ipAddresses: addresses,
						conditions: isNewCapmox(setup)
							? [condition("VirtualMachineProvisioned", "Provisioned")]
							: [oldCondition("VMProvisioned")],
					},
				},
			),
			...(setup.ipam === undefined
				? []
				: [
						object(
							`ipam.cluster.x-k8s.io/${capi}`,
							"IPAddressClaim",
							claim,
							{
								namespace,
								labels,
								finalizers: ["ipam.cluster.x-k8s.io/ReleaseAddress"],
								ownerReferences: [owner(`${infrastructure}/${capmox}`, "ProxmoxMachine", name)],
							},
							{ spec: { clusterName: "prod", poolRef: pool }, status: { addressRef: { name: claim } } },
						),
						object(
							`ipam.cluster.x-k8s.io/${capi}`,
							"IPAddress",
							claim,
							{
								namespace,
								finalizers: ["ipam.cluster.x-k8s.io/ProtectAddress"],
								ownerReferences: [owner(`ipam.cluster.x-k8s.io/${capi}`, "IPAddressClaim", claim)],
							},
							{
								spec: {
									address: address(index),
									prefix: 16,
									gateway: "10.10.0.1",
									claimRef: { name: claim },
									poolRef: pool,
								},
							},
						),
					]),
		];
	}
}
