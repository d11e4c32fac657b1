import * as z from "zod";
import { maskShapes } from "../explain/secrets.ts";
import { machineNetwork, rawNetwork, readNetwork } from "./machine-network.ts";
import { type Kind, listOf } from "./management-list.ts";
import { clusterLabel, managementObject, rawMetadata, rawStatus, readObject } from "./management-object.ts";

/** Another object that is named by kind and name. */
export const reference = z.object({ kind: z.string(), name: z.string(), namespace: z.string().optional() });

const machine = managementObject.extend({
	phase: z.string().optional(),
	/** Of Kubernetes, as it is wanted: `v1.33.2`. */
	version: z.string().optional(),
	controlPlane: z.boolean(),
	/** No label says what `spec.clusterName` does; CAPMOX goes by the label alone. */
	unlabelled: z.literal(true).optional(),
	/** Name of its Node in the workload cluster. */
	node: z.string().optional(),
	providerId: z.string().optional(),
	infrastructure: reference.optional(),
	bootstrap: reference.optional(),
	/** Seconds; absent and 0: without end. */
	drainTimeout: z.number().optional(),
	volumeDetachTimeout: z.number().optional(),
	nodeDeletionTimeout: z.number().optional(),
	/** By the API server's clock. */
	drainStarted: z.string().optional(),
	volumeDetachStarted: z.string().optional(),
	failure: z.string().optional(),
});
export type ManagementMachine = z.infer<typeof machine>;

/** Fact `management.machines`: Machine of Cluster API. */
export const managementMachines = listOf(machine);

const proxmoxMachine = managementObject.extend({
	ready: z.boolean(),
	/** VMID; absent until one was chosen. */
	vmid: z.number().optional(),
	/** `proxmox://` and the VM's UUID. */
	providerId: z.string().optional(),
	/** Where CAPMOX believes the VM to be. */
	node: z.string().optional(),
	sourceNode: z.string().optional(),
	/** UPID of the task that it waits for. */
	task: z.string().optional(),
	addresses: z.array(z.string()),
	/** The same by device: `net0`, and `default` for those of the cluster's own pools. */
	networks: z.array(z.object({ net: z.string(), addresses: z.array(z.string()) })),
	network: machineNetwork.optional(),
	/** From which it does not come back; only CAPMOX up to v0.7 has it. */
	failure: z.string().optional(),
});
export type ManagementProxmoxMachine = z.infer<typeof proxmoxMachine>;

/** Fact `management.proxmoxMachines`. */
export const managementProxmoxMachines = listOf(proxmoxMachine);

const rawReference = z.object({ kind: z.string(), name: z.string(), namespace: z.string().optional() });
const failed = { failureReason: z.string().nullish(), failureMessage: z.string().nullish() } as const;

const rawMachine = z.object({
	metadata: rawMetadata,
	spec: z.object({
		clusterName: z.string().optional(),
		version: z.string().nullish(),
		providerID: z.string().nullish(),
		infrastructureRef: rawReference.partial().nullish(),
		bootstrap: z.object({ configRef: rawReference.partial().nullish() }).nullish(),
		nodeDrainTimeout: z.string().nullish(),
		nodeVolumeDetachTimeout: z.string().nullish(),
		nodeDeletionTimeout: z.string().nullish(),
		deletion: z
			.object({
				nodeDrainTimeoutSeconds: z.number().nullish(),
				nodeVolumeDetachTimeoutSeconds: z.number().nullish(),
				nodeDeletionTimeoutSeconds: z.number().nullish(),
			})
			.nullish(),
	}),
	status: z
		.object({
			...rawStatus,
			...failed,
			deprecated: z.object({ v1beta1: z.object({ ...failed, conditions: rawStatus.conditions }).nullish() }).nullish(),
			phase: z.string().nullish(),
			nodeRef: z.object({ name: z.string() }).nullish(),
			deletion: z
				.object({
					nodeDrainStartTime: z.string().nullish(),
					waitForNodeVolumeDetachStartTime: z.string().nullish(),
				})
				.nullish(),
		})
		.nullish(),
});

export const machines: Kind<z.infer<typeof rawMachine>, ManagementMachine> = {
	group: "cluster.x-k8s.io",
	plural: "machines",
	versions: ["v1beta2", "v1beta1"],
	raw: rawMachine,
	read: (raw) => {
		const { metadata, spec, status } = raw;
		return {
			...readObject({ ...raw, spec: { clusterName: spec.clusterName } }),
			phase: status?.phase ?? undefined,
			version: spec.version ?? undefined,
			controlPlane: metadata.labels?.["cluster.x-k8s.io/control-plane"] !== undefined,
			...(spec.clusterName === undefined || metadata.labels?.[clusterLabel] === spec.clusterName
				? {}
				: { unlabelled: true as const }),
			node: status?.nodeRef?.name,
			providerId: spec.providerID ?? undefined,
			infrastructure: named(spec.infrastructureRef),
			bootstrap: named(spec.bootstrap?.configRef),
			drainTimeout: spec.deletion?.nodeDrainTimeoutSeconds ?? secondsOf(spec.nodeDrainTimeout),
			volumeDetachTimeout: spec.deletion?.nodeVolumeDetachTimeoutSeconds ?? secondsOf(spec.nodeVolumeDetachTimeout),
			nodeDeletionTimeout: spec.deletion?.nodeDeletionTimeoutSeconds ?? secondsOf(spec.nodeDeletionTimeout),
			drainStarted: status?.deletion?.nodeDrainStartTime ?? undefined,
			volumeDetachStarted: status?.deletion?.waitForNodeVolumeDetachStartTime ?? undefined,
			failure: failureOf(status?.deprecated?.v1beta1 ?? status ?? {}),
		};
	},
};

/** A reference that a new object may still lack. */
export const named = (
	found: { kind?: string | undefined; name?: string | undefined; namespace?: string | undefined } | null | undefined,
): z.infer<typeof reference> | undefined =>
	found?.kind === undefined || found.name === undefined
		? undefined
		: { kind: found.kind, name: found.name, namespace: found.namespace };

/** Reason and message in one sentence. */
export function failureOf({
	failureReason,
	failureMessage,
}: {
	failureReason?: string | null | undefined;
	failureMessage?: string | null | undefined;
}): string | undefined {
	const parts = [failureReason ?? "", failureMessage ?? ""].filter((part) => part !== "");
	return parts.length === 0 ? undefined : maskShapes(parts.join(": "));
}

const units = { h: 3_600, m: 60, s: 1, ms: 0.001 } as const;

/** A Go duration, such as `1h0m10s`, in seconds. */
function secondsOf(duration: string | null | undefined): number | undefined {
	const parts = [...(duration ?? "").matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
	return parts.length === 0
		? undefined
		: parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit as keyof typeof units], 0);
}

const rawProxmoxMachine = z.object({
	metadata: rawMetadata,
	spec: z
		.object({
			virtualMachineID: z.number().nullish(),
			providerID: z.string().nullish(),
			sourceNode: z.string().nullish(),
			network: rawNetwork,
		})
		.nullish(),
	status: z
		.object({
			...rawStatus,
			...failed,
			ready: z.boolean().nullish(),
			initialization: z.object({ provisioned: z.boolean().nullish() }).nullish(),
			proxmoxNode: z.string().nullish(),
			taskRef: z.string().nullish(),
			ipAddresses: z
				.union([
					/** v1alpha2 */
					z.array(
						z.object({
							net: z.string().default("net0"),
							ipv4: z.array(z.string()).nullish(),
							ipv6: z.array(z.string()).nullish(),
						}),
					),
					/** v1alpha1 */
					z.record(z.string(), z.object({ ipv4: z.string().optional(), ipv6: z.string().optional() })),
				])
				.nullish(),
		})
		.nullish(),
});
type RawProxmoxMachine = z.infer<typeof rawProxmoxMachine>;

export const proxmoxMachines: Kind<RawProxmoxMachine, ManagementProxmoxMachine> = {
	group: "infrastructure.cluster.x-k8s.io",
	plural: "proxmoxmachines",
	versions: ["v1alpha2", "v1alpha1"],
	foreignVersions: ["v1beta1"],
	raw: rawProxmoxMachine,
	read: ({ metadata, spec, status }) => {
		const networks = networksOf(status?.ipAddresses);
		return {
			...readObject({ metadata, status }),
			ready: status?.ready ?? status?.initialization?.provisioned ?? false,
			vmid: vmidOf(spec?.virtualMachineID),
			providerId: spec?.providerID ?? undefined,
			node: status?.proxmoxNode ?? undefined,
			sourceNode: spec?.sourceNode ?? undefined,
			task: status?.taskRef ?? undefined,
			addresses: [...new Set(networks.flatMap(({ addresses }) => addresses))],
			networks,
			network: readNetwork(spec?.network),
			failure: failureOf(status ?? {}),
		};
	},
};

/** Proxmox VE's begin at 100; CAPMOX writes -1 before it has cloned the VM, and goes by none that is lower. */
const vmidOf = (id: number | null | undefined): number | undefined =>
	id === null || id === undefined || id < 100 ? undefined : id;

function networksOf(
	found: NonNullable<RawProxmoxMachine["status"]>["ipAddresses"],
): ManagementProxmoxMachine["networks"] {
	const perDevice = Array.isArray(found) ? found : Object.entries(found ?? {}).map(([net, each]) => ({ net, ...each }));
	return perDevice.map(({ net, ipv4, ipv6 }) => ({
		net,
		addresses: [ipv4 ?? [], ipv6 ?? []].flat().filter((address) => address !== ""),
	}));
}
