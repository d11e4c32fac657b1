import type { KubernetesObject } from "./kubernetes/objects.ts";
import { managementObjects, newest, type Setup } from "./management.ts";

export interface DeviceSpec {
	readonly model?: string;
	/** It takes addresses from the pool `shared`, beside those of the cluster where it is net0. */
	readonly shared?: boolean;
	/** Of worker 0. */
	readonly addresses?: readonly string[];
	readonly vrf?: boolean;
}

export interface NicSetup {
	readonly setup?: Setup;
	/** Devices of the workers, net0 first. */
	readonly devices: readonly DeviceSpec[];
	/** GlobalInClusterIPPool `shared`; `null` for none. */
	readonly pool?: { readonly gateway?: string; readonly metric?: number; readonly legacyMetric?: boolean } | null;
	/** kubeletExtraArgs of the workers. */
	readonly kubelet?: Readonly<Record<string, string>>;
	readonly preKubeadmCommands?: readonly string[];
	/** The workers' ProxmoxMachine has other devices than the template has now. */
	readonly machineDevices?: readonly DeviceSpec[];
	/** An older template of the workers, which nothing names any more. */
	readonly leftover?: readonly DeviceSpec[];
	readonly range?: { readonly metric?: number };
}

const labels = { "cluster.x-k8s.io/cluster-name": "prod" };
const sharedReference = { apiGroup: "ipam.cluster.x-k8s.io", kind: "GlobalInClusterIPPool", name: "shared" };
const isNew = (version: string, minor: number): boolean => Number(/^v\d+\.(\d+)/.exec(version)?.[1]) >= minor;

function networkOf(capmox: string, devices: readonly DeviceSpec[]) {
	const [first = {}, ...others] = devices;
	const bridge = (index: number) => `vmbr${index}`;
	const vrfs = devices.flatMap(({ vrf }, index) => (vrf === true ? [`net${index}`] : []));
	const common = vrfs.length === 0 ? {} : { vrfs: [{ name: "vrf-ext", table: 500, interfaces: vrfs }] };
	return isNew(capmox, 8)
		? {
				...common,
				networkDevices: devices.map(({ model = "virtio", shared }, index) => ({
					name: `net${index}`,
					bridge: bridge(index),
					model,
					...(index === 0 ? { defaultIPv4: true, defaultIPv6: true } : {}),
					...(shared === true ? { ipPoolRef: [sharedReference] } : {}),
				})),
			}
		: {
				...common,
				default: { bridge: bridge(0), model: first.model ?? "virtio" },
				additionalDevices: others.map(({ model = "virtio" }, index) => ({
					name: `net${index + 1}`,
					bridge: bridge(index + 1),
					model,
					dnsServers: ["10.10.0.1"],
					ipv4PoolRef: sharedReference,
				})),
			};
}

const addressesOf = (capmox: string, devices: readonly DeviceSpec[]) => {
	const byFamily = (addresses: readonly string[] = []) => ({
		ipv4: addresses.filter((one) => !one.includes(":")),
		ipv6: addresses.filter((one) => one.includes(":")),
	});
	const given = devices.map(({ addresses }, index) => ({ net: `net${index}`, ...byFamily(addresses) }));
	return isNew(capmox, 8)
		? [{ net: "default", ...byFamily(devices[0]?.addresses) }, ...given]
		: Object.fromEntries(given.map(({ net, ipv4, ipv6 }) => [net, { ipv4: ipv4[0], ipv6: ipv6[0] }]));
};

type Loose = Record<string, unknown>;
const changed = (object: KubernetesObject, field: string, value: Loose): KubernetesObject => ({
	...object,
	[field]: { ...(object[field] as Loose), ...value },
});

/** The cluster `prod` with these network devices: templates, pools and what names them, beside all else. */
export function nicObjects({
	setup = newest,
	devices,
	pool,
	kubelet = {},
	range = {},
	...more
}: NicSetup): KubernetesObject[] {
	const { preKubeadmCommands, machineDevices = devices } = more;
	const capmoxVersion = isNew(setup.capmox, 8) ? "v1alpha2" : "v1alpha1";
	const capi = isNew(setup.core, 11) ? "v1beta2" : "v1beta1";
	const providerId = { "provider-id": "proxmox://'{{ ds.meta_data.instance_id }}'" };
	const extraArgs = { ...providerId, ...kubelet };
	const template = (name: string, own: readonly DeviceSpec[]): KubernetesObject => ({
		apiVersion: `infrastructure.cluster.x-k8s.io/${capmoxVersion}`,
		kind: "ProxmoxMachineTemplate",
		metadata: { name, namespace: "default", labels },
		spec: {
			template: {
				spec: {
					sourceNode: "pve1",
					templateID: 100,
					format: "qcow2",
					full: true,
					numSockets: 2,
					numCores: 4,
					memoryMiB: 16384,
					disks: { bootVolume: { disk: "scsi0", sizeGb: 100 } },
					network: networkOf(setup.capmox, own),
				},
			},
		},
	});
	const existing = managementObjects(setup);
	const bootstrap = existing.filter(
		({ kind, metadata }) => kind === "CustomResourceDefinition" && metadata.name.startsWith("kubeadmconfigs."),
	);
	return [
		...bootstrap.map(asTemplates),
		...existing.map((object) => {
			switch (`${object.kind} ${object.metadata.name}`) {
				case "ProxmoxMachine prod-workers-0": {
					const withSpec = changed(object, "spec", { network: networkOf(setup.capmox, machineDevices) });
					const withStatus = changed(withSpec, "status", { ipAddresses: addressesOf(setup.capmox, machineDevices) });
					return changed(withStatus, "metadata", {
						annotations: { "cluster.x-k8s.io/cloned-from-name": "prod-workers" },
					});
				}
				case "ProxmoxCluster prod":
					return changed(object, "spec", {
						ipv4Config: { ...((object["spec"] as Loose)["ipv4Config"] as Loose), metric: 100, ...range },
					});
				default:
					return object;
			}
		}),
		template("prod-control-plane", [{}]),
		template("prod-workers", devices),
		...(more.leftover === undefined ? [] : [template("prod-workers-old", more.leftover)]),
		{
			apiVersion: `bootstrap.cluster.x-k8s.io/${capi}`,
			kind: "KubeadmConfigTemplate",
			metadata: { name: "prod-workers", namespace: "default", labels },
			spec: {
				template: {
					spec: {
						joinConfiguration: {
							nodeRegistration: {
								kubeletExtraArgs:
									capi === "v1beta1" ? extraArgs : Object.entries(extraArgs).map(([name, value]) => ({ name, value })),
							},
						},
						...(preKubeadmCommands === undefined ? {} : { preKubeadmCommands }),
					},
				},
			},
		},
		...(pool === null || pool === undefined ? [] : [sharedPool(pool)]),
	];
}

/** The definition of KubeadmConfig as that of KubeadmConfigTemplate. */
const asTemplates = (definition: KubernetesObject): KubernetesObject =>
	JSON.parse(
		JSON.stringify(definition)
			.replaceAll("kubeadmconfig", "kubeadmconfigtemplate")
			.replaceAll("KubeadmConfig", "KubeadmConfigTemplate"),
	) as KubernetesObject;

const sharedPool = ({ gateway, metric, legacyMetric = false }: NonNullable<NicSetup["pool"]>): KubernetesObject => ({
	apiVersion: "ipam.cluster.x-k8s.io/v1alpha2",
	kind: "GlobalInClusterIPPool",
	metadata: {
		name: "shared",
		...(metric === undefined
			? {}
			: {
					annotations: {
						[legacyMetric ? "metric" : "ipam.capmox.cluster.x-k8s.io/gateway-metric"]: String(metric),
					},
				}),
	},
	spec: { addresses: ["10.20.0.10-10.20.0.99"], prefix: 24, ...(gateway === undefined ? {} : { gateway }) },
});

export interface NodeSpec {
	readonly name: string;
	readonly addresses: readonly string[];
	readonly providerId?: string;
	readonly ready?: boolean;
	readonly taints?: readonly string[];
	readonly annotations?: Readonly<Record<string, string>>;
}

export const nodeObject = ({
	name,
	addresses,
	providerId,
	ready = true,
	taints = [],
	annotations = {},
}: NodeSpec): KubernetesObject => ({
	apiVersion: "v1",
	kind: "Node",
	metadata: { name, annotations },
	spec: {
		...(providerId === undefined ? {} : { providerID: providerId }),
		taints: taints.map((key) => ({ key, effect: "NoSchedule" })),
	},
	status: {
		addresses: [...addresses.map((address) => ({ type: "InternalIP", address })), { type: "Hostname", address: name }],
		conditions: [
			{ type: "Ready", status: ready ? "True" : "False", reason: ready ? "KubeletReady" : "NodeStatusUnknown" },
		],
		nodeInfo: { kubeletVersion: "v1.33.4", osImage: "Ubuntu 24.04.3 LTS" },
	},
});
