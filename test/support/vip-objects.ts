import { gzipSync } from "node:zlib";
import type { KubernetesObject } from "./kubernetes/objects.ts";
import { newest, type Setup } from "./management.ts";
import { type NicSetup, nicObjects } from "./nic-objects.ts";

export interface VipManifest {
	readonly image?: string;
	readonly variables?: Readonly<Record<string, string>>;
	readonly mount?: string;
}

const released = "ghcr.io/kube-vip/kube-vip:v0.7.1";

/** As CAPMOX's templates have it. */
export function vipManifest({ image = released, variables = {}, mount = "admin.conf" }: VipManifest = {}): string {
	const all = { cp_enable: "true", vip_interface: "", address: "10.10.10.10", port: "6443", ...variables };
	const rest = { vip_arp: "true", vip_leaderelection: "true", vip_leaseduration: "15" };
	return `apiVersion: v1
kind: Pod
metadata:
  creationTimestamp: null
  name: kube-vip
  namespace: kube-system
spec:
  containers:
  - args:
    - manager
    env:
${Object.entries({ ...all, ...rest })
	.map(([name, value]) => `    - name: ${name}\n      value: "${value}"\n`)
	.join("")}    image: ${image}
    imagePullPolicy: IfNotPresent
    name: kube-vip
    resources: {}
    securityContext:
      capabilities:
        add:
        - NET_ADMIN
        - NET_RAW
    volumeMounts:
    - mountPath: /etc/kubernetes/admin.conf
      name: kubeconfig
  hostAliases:
  - hostnames:
    - kubernetes
    ip: 127.0.0.1
  hostNetwork: true
  volumes:
  - hostPath:
      path: /etc/kubernetes/${mount}
      type: FileOrCreate
    name: kubeconfig
status: {}
`;
}

const prepare = {
	path: "/etc/kube-vip-prepare.sh",
	owner: "root:root",
	permissions: "0700",
	content: `#!/bin/bash
set -e
sed -i 's#path: /etc/kubernetes/admin.conf#path: /etc/kubernetes/super-admin.conf#' \\
  /etc/kubernetes/manifests/kube-vip.yaml
`,
};

export interface VipSetup extends Partial<NicSetup> {
	/** Of the KubeadmControlPlane; `null` for none. */
	readonly manifest?: VipManifest | string | null;
	readonly encoding?: "base64" | "gzip+base64";
	/** The manifest stands in a Secret. */
	readonly inSecret?: boolean;
	/** Without the file and the command that give kube-vip super-admin.conf. */
	readonly unprepared?: boolean;
	readonly commands?: readonly string[];
	readonly format?: "ignition";
	/** What the one control-plane machine was made with, where that is another one. */
	readonly machineManifest?: VipManifest;
	readonly endpoint?: string;
	/** Nothing but IPv6 in the ProxmoxCluster. */
	readonly onlyIpv6?: boolean;
	readonly notInitialized?: boolean;
	readonly paused?: boolean;
	readonly rolling?: boolean;
	/** A ClusterClass makes it. */
	readonly topology?: boolean;
	readonly external?: boolean;
	/** The control plane is of another kind. */
	readonly talos?: boolean;
}

type Loose = Record<string, unknown>;
const merged = (object: KubernetesObject, field: string, value: Loose): KubernetesObject => ({
	...object,
	[field]: { ...(object[field] as Loose | undefined), ...value },
});

const secretName = "prod-kube-vip";
const isNewCore = ({ core }: Setup): boolean => Number(/^v\d+\.(\d+)/.exec(core)?.[1]) >= 11;

/** The cluster `prod` with one control-plane machine, beside all else. */
export function vipObjects(given: VipSetup = {}): KubernetesObject[] {
	const { setup = newest, devices = [{ addresses: ["10.10.10.21"] }], endpoint = "10.10.10.10" } = given;
	const capi = isNewCore(setup) ? "v1beta2" : "v1beta1";
	const config = (manifest: VipSetup["manifest"]): Loose => {
		const files = [...(given.unprepared === true ? [] : [prepare]), ...fileOf(given, manifest)];
		const preKubeadmCommands = [...(given.unprepared === true ? [] : [prepare.path]), ...(given.commands ?? [])];
		return {
			ntp: { enabled: true },
			...(files.length === 0 ? {} : { files }),
			...(preKubeadmCommands.length === 0 ? {} : { preKubeadmCommands }),
			...(given.format === undefined ? {} : { format: given.format }),
		};
	};
	const { manifest = {}, machineManifest = manifest } = given;
	const name = "prod-control-plane-0";
	const labels = { "cluster.x-k8s.io/cluster-name": "prod", "cluster.x-k8s.io/control-plane": "" };
	return [
		...nicObjects({ setup, devices, ...given }).map((object) =>
			change(object, given, setup, config(manifest), endpoint),
		),
		{
			apiVersion: `bootstrap.cluster.x-k8s.io/${capi}`,
			kind: "KubeadmConfig",
			metadata: { name, namespace: "default", labels },
			spec: config(machineManifest),
		},
		...(given.inSecret === true ? [secret(manifest)] : []),
	];
}

const textOf = (manifest: VipSetup["manifest"]): string =>
	typeof manifest === "string" ? manifest : vipManifest(manifest ?? {});

function fileOf({ encoding, inSecret = false }: VipSetup, manifest: VipSetup["manifest"]): Loose[] {
	if (manifest === null) {
		return [];
	}

	const text = textOf(manifest);
	const content = {
		none: text,
		base64: Buffer.from(text).toString("base64"),
		"gzip+base64": gzipSync(text).toString("base64"),
	}[encoding ?? "none"];
	return [
		{
			path: "/etc/kubernetes/manifests/kube-vip.yaml",
			owner: "root:root",
			...(encoding === undefined ? {} : { encoding }),
			...(inSecret ? { contentFrom: { secret: { name: secretName, key: "kube-vip.yaml" } } } : { content }),
		},
	];
}

export const plantedInSecret = "a-word-that-no-output-may-hold";

const secret = (manifest: VipSetup["manifest"]): KubernetesObject => ({
	apiVersion: "v1",
	kind: "Secret",
	metadata: { name: secretName, namespace: "default" },
	data: {
		"kube-vip.yaml": Buffer.from(textOf(manifest)).toString("base64"),
		password: Buffer.from(plantedInSecret).toString("base64"),
	},
});

function change(
	object: KubernetesObject,
	given: VipSetup,
	setup: Setup,
	kubeadmConfigSpec: Loose,
	host: string,
): KubernetesObject {
	const endpoint = { controlPlaneEndpoint: { host, port: 6443 } };
	switch (`${object.kind} ${object.metadata.name}`) {
		case "KubeadmControlPlane prod-control-plane": {
			const withSpec = merged(object, "spec", { kubeadmConfigSpec });
			return given.notInitialized === true
				? { ...withSpec, status: { replicas: 1 } }
				: merged(withSpec, "status", given.rolling === true ? rollingOf(setup) : {});
		}
		case "Cluster prod":
			return merged(object, "spec", {
				...endpoint,
				...(given.paused === true ? { paused: true } : {}),
				...(given.topology === true ? topologyOf(setup) : {}),
				...(given.talos === true
					? { controlPlaneRef: { apiGroup: "controlplane.cluster.x-k8s.io", kind: "TalosControlPlane", name: "prod" } }
					: {}),
			});
		case "ProxmoxCluster prod":
			return merged(object, "spec", {
				...endpoint,
				...(given.external === true ? { externalManagedControlPlane: true } : {}),
				...(given.onlyIpv6 === true
					? {
							ipv4Config: undefined,
							ipv6Config: {
								addresses: ["2001:db8:1::20-2001:db8:1::99"],
								prefix: 64,
								gateway: "2001:db8:1::1",
								metric: 100,
							},
						}
					: {}),
			});
		default:
			return object;
	}
}

const rollingOf = (setup: Setup): Loose =>
	isNewCore(setup)
		? {
				conditions: [
					{
						type: "RollingOut",
						status: "True",
						reason: "RollingOut",
						message: "Rolling out 1 not up-to-date replicas",
						lastTransitionTime: "2026-08-20T08:09:00Z",
					},
				],
			}
		: {
				conditions: [
					{
						type: "MachinesSpecUpToDate",
						status: "False",
						reason: "RollingUpdateInProgress",
						message: "Rolling 1 replicas with outdated spec (0 replicas up to date)",
						severity: "Warning",
						lastTransitionTime: "2026-08-20T08:09:00Z",
					},
				],
			};

const topologyOf = (setup: Setup): Loose => ({
	topology: {
		...(isNewCore(setup)
			? { classRef: { name: "proxmox-clusterclass-v0.2.1" } }
			: { class: "proxmox-clusterclass-v0.2.1" }),
		version: setup.kubernetes,
		variables: [
			{ name: "controlPlaneEndpoint", value: { host: "10.10.10.10", port: 6443 } },
			{ name: "cloneSpec", value: { virtualIPNetworkInterface: "" } },
		],
	},
});

export interface VipPod extends VipManifest {
	readonly node: string;
	readonly waiting?: string;
	readonly restarts?: number;
	readonly exitCode?: number;
}

/** The mirror of a static pod. */
export const vipPod = ({
	node,
	waiting,
	restarts = 0,
	exitCode,
	variables = {},
	...more
}: VipPod): KubernetesObject => ({
	apiVersion: "v1",
	kind: "Pod",
	metadata: {
		name: `kube-vip-${node}`,
		namespace: "kube-system",
		annotations: { "kubernetes.io/config.source": "file" },
	},
	spec: {
		nodeName: node,
		hostNetwork: true,
		containers: [
			{
				name: "kube-vip",
				image: more.image ?? released,
				args: ["manager"],
				env: Object.entries({
					cp_enable: "true",
					vip_interface: "",
					address: "10.10.10.10",
					vip_arp: "true",
					vip_leaderelection: "true",
					...variables,
				}).map(([name, value]) => ({ name, value })),
			},
		],
	},
	status: {
		phase: "Running",
		containerStatuses: [
			{
				name: "kube-vip",
				image: more.image ?? released,
				imageID: "",
				ready: waiting === undefined,
				restartCount: restarts,
				state:
					waiting === undefined ? { running: { startedAt: "2026-08-20T08:00:00Z" } } : { waiting: { reason: waiting } },
				...(exitCode === undefined
					? {}
					: {
							lastState: { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error" } },
						}),
			},
		],
	},
});

export const lease = (holder: string, renewed: Date, name = "plndr-cp-lock"): KubernetesObject => ({
	apiVersion: "coordination.k8s.io/v1",
	kind: "Lease",
	metadata: { name, namespace: "kube-system" },
	spec: {
		holderIdentity: holder,
		leaseDurationSeconds: 15,
		renewTime: renewed.toISOString().replace("Z", "000Z"),
		leaseTransitions: 3,
	},
});
