import type { KubernetesObject } from "./kubernetes/objects.ts";
import { type NodeSpec, nodeObject } from "./nic-objects.ts";

export interface CalicoNode extends NodeSpec {
	/** Its annotations; absent: none. */
	readonly calico?: { readonly ipv4?: string; readonly ipv6?: string };
	readonly kubelet?: string;
	/** Of calico-node there; `null`: it does not run on this node. */
	readonly agent?: "ready" | "CrashLoopBackOff" | null;
}

export interface CalicoSetup {
	readonly nodes: readonly CalicoNode[];
	/** By the Tigera operator, in a namespace of its own. */
	readonly operator?: boolean;
	readonly variables?: Readonly<Record<string, string>>;
	/** Of the variables those whose value stands in another object. */
	readonly elsewhere?: readonly string[];
	readonly version?: string;
	/** Of kube-proxy; `null`: there is none. */
	readonly mode?: string | null;
	readonly proxyOnNoNode?: boolean;
	/** One of calico-node's two pods is of the new form. */
	readonly rolling?: boolean;
	/** As an argument of kube-proxy, in place of its ConfigMap. */
	readonly modeFlag?: string;
	readonly services?: readonly ServiceSpec[];
	/** Another network plugin. */
	readonly without?: boolean;
}

interface ServiceSpec {
	readonly name: string;
	readonly clusterIp?: string;
	readonly externalIp?: string;
	readonly loadBalancerIp?: string;
}

const variablesOf = ({ variables = {}, elsewhere = [] }: CalicoSetup) => [
	...Object.entries({ DATASTORE_TYPE: "kubernetes", IP: "autodetect", ...variables })
		.filter(([name]) => !elsewhere.includes(name))
		.map(([name, value]) => ({ name, value })),
	...elsewhere.map((name) => ({
		name,
		valueFrom:
			name === "IP"
				? { fieldRef: { fieldPath: "status.hostIP" } }
				: { configMapKeyRef: { name: "calico-config", key: name } },
	})),
];

/** A workload cluster with Calico, as its manifest or its operator installs it. */
export function calicoObjects(setup: CalicoSetup): KubernetesObject[] {
	const { nodes, operator = false, mode = "ipvs", services = [], without = false } = setup;
	const namespace = operator ? "calico-system" : "kube-system";
	return [
		...nodes.map(nodeOf),
		...(mode === null ? [] : proxy(setup, mode)),
		...(without ? [] : [agentSet(setup, namespace), ...nodes.flatMap((node) => agent(node, namespace))]),
		...[{ name: "kubernetes", clusterIp: "10.96.0.1" }, ...services].map(service),
	];
}

function nodeOf({ calico = {}, kubelet = "v1.33.4", ...node }: CalicoNode): KubernetesObject {
	const { ipv4, ipv6 } = calico;
	const annotations = {
		...(ipv4 === undefined ? {} : { "projectcalico.org/IPv4Address": ipv4 }),
		...(ipv6 === undefined ? {} : { "projectcalico.org/IPv6Address": ipv6 }),
	};
	const made = nodeObject({ ...node, annotations });
	const status = made["status"] as Record<string, unknown>;
	return { ...made, status: { ...status, nodeInfo: { kubeletVersion: kubelet, osImage: "Ubuntu 24.04.3 LTS" } } };
}

const daemonSet = (
	namespace: string,
	name: string,
	container: Readonly<Record<string, unknown>>,
	metadata: Readonly<Record<string, unknown>> = {},
	desired = 2,
	updated = desired,
): KubernetesObject => ({
	apiVersion: "apps/v1",
	kind: "DaemonSet",
	metadata: { namespace, name, labels: { "k8s-app": name }, ...metadata },
	spec: {
		selector: { matchLabels: { "k8s-app": name } },
		template: { metadata: { labels: { "k8s-app": name } }, spec: { containers: [{ name, ...container }] } },
	},
	status: { desiredNumberScheduled: desired, updatedNumberScheduled: updated, numberReady: desired },
});

const agentSet = (setup: CalicoSetup, namespace: string): KubernetesObject =>
	daemonSet(
		namespace,
		"calico-node",
		{
			image: `quay.io/calico/node:${setup.version ?? "v3.32.1"}`,
			env: [
				...variablesOf(setup),
				{ name: "NODENAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
				{ name: "A_SECRET", value: "planted-in-the-environment" },
			],
		},
		setup.operator === true
			? { ownerReferences: [{ apiVersion: "operator.tigera.io/v1", kind: "Installation", name: "default", uid: "1" }] }
			: {},
		2,
		setup.rolling === true ? 1 : 2,
	);

function agent({ name, agent: state = "ready" }: CalicoNode, namespace: string): KubernetesObject[] {
	return state === null
		? []
		: [
				{
					apiVersion: "v1",
					kind: "Pod",
					metadata: { namespace, name: `calico-node-${name.slice(-5)}`, labels: { "k8s-app": "calico-node" } },
					spec: { nodeName: name, containers: [{ name: "calico-node", image: "quay.io/calico/node" }] },
					status: {
						containerStatuses: [
							{
								name: "calico-node",
								ready: state === "ready",
								restartCount: state === "ready" ? 0 : 7,
								state: state === "ready" ? { running: {} } : { waiting: { reason: state } },
							},
						],
					},
				},
			];
}

function proxy({ modeFlag, proxyOnNoNode = false }: CalicoSetup, mode: string): KubernetesObject[] {
	const command = ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf"];
	return [
		daemonSet(
			"kube-system",
			"kube-proxy",
			{
				image: "registry.k8s.io/kube-proxy:v1.33.4",
				command: modeFlag === undefined ? command : [...command, `--proxy-mode=${modeFlag}`],
			},
			{},
			proxyOnNoNode ? 0 : 2,
		),
		{
			apiVersion: "v1",
			kind: "ConfigMap",
			metadata: { namespace: "kube-system", name: "kube-proxy" },
			data: {
				"config.conf": `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: "${mode}"\nipvs:\n  strictARP: true\n`,
			},
		},
	];
}

const service = ({ name, clusterIp, externalIp, loadBalancerIp }: ServiceSpec): KubernetesObject => ({
	apiVersion: "v1",
	kind: "Service",
	metadata: { namespace: "default", name },
	spec: {
		type: loadBalancerIp === undefined ? "ClusterIP" : "LoadBalancer",
		clusterIP: clusterIp ?? "None",
		clusterIPs: [clusterIp ?? "None"],
		...(externalIp === undefined ? {} : { externalIPs: [externalIp] }),
		ports: [{ port: 80 }],
	},
	status: { loadBalancer: loadBalancerIp === undefined ? {} : { ingress: [{ ip: loadBalancerIp }] } },
});
