import * as z from "zod";
import { kubeVipPlan, rawKubeVip, readKubeVip } from "./kube-vip.ts";
import { kubeletArguments, rawKubeadmConfig, readKubeletArguments } from "./kubelet-arguments.ts";
import { type Kind, listOf } from "./management-list.ts";
import { managementObject, rawMetadata, rawStatus, readObject } from "./management-object.ts";

const machineDeployment = managementObject.extend({
	/** Of Kubernetes, as it is wanted. */
	version: z.string().optional(),
	replicas: z.number().optional(),
	/** `RollingUpdate`, `OnDelete`; the webhook of Cluster API fills it in where the user leaves it out. */
	strategy: z.string().optional(),
	/** Kind of its machines' template. */
	infrastructure: z.string().optional(),
	/** Names of its machines' templates. */
	template: z.string().optional(),
	bootstrap: z.string().optional(),
});
export type ManagementMachineDeployment = z.infer<typeof machineDeployment>;

/** Fact `management.machineDeployments`. */
export const managementMachineDeployments = listOf(machineDeployment);

const controlPlane = managementObject.extend({
	/** Of Kubernetes, as it is wanted. */
	version: z.string(),
	replicas: z.number().optional(),
	initialized: z.boolean(),
	/** Of Kubernetes, the lowest that runs; absent until it is known. */
	running: z.string().optional(),
	/** Name of its machines' template. */
	template: z.string().optional(),
	kubelet: kubeletArguments,
	/** Absent in snapshots of before it was read. */
	kubeVip: kubeVipPlan.optional(),
	/** It says that every machine is as it wants them, and has seen its newest spec; its KubeadmConfigs then tell no more than itself. */
	upToDate: z.boolean().optional(),
});
export type ManagementControlPlane = z.infer<typeof controlPlane>;

/** Fact `management.controlPlanes`: KubeadmControlPlane; other control planes are told by the Clusters' references. */
export const managementControlPlanes = listOf(controlPlane);

const strategy = z.object({ type: z.string().nullish() }).nullish();

const rawMachineDeployment = z.object({
	metadata: rawMetadata,
	spec: z.object({
		clusterName: z.string().optional(),
		paused: z.boolean().optional(),
		replicas: z.number().nullish(),
		/** v1beta1 */
		strategy,
		/** v1beta2 */
		rollout: z.object({ strategy }).nullish(),
		template: z
			.object({
				spec: z
					.object({
						version: z.string().nullish(),
						infrastructureRef: z.object({ kind: z.string(), name: z.string() }).partial().nullish(),
						bootstrap: z.object({ configRef: z.object({ name: z.string().optional() }).nullish() }).nullish(),
					})
					.nullish(),
			})
			.nullish(),
	}),
	status: z.object(rawStatus).nullish(),
});

export const machineDeployments: Kind<z.infer<typeof rawMachineDeployment>, ManagementMachineDeployment> = {
	group: "cluster.x-k8s.io",
	plural: "machinedeployments",
	versions: ["v1beta2", "v1beta1"],
	raw: rawMachineDeployment,
	read: ({ metadata, spec, status }) => ({
		...readObject({ metadata, spec: { clusterName: spec.clusterName, paused: spec.paused }, status }),
		version: spec.template?.spec?.version ?? undefined,
		replicas: spec.replicas ?? undefined,
		strategy: (spec.strategy ?? spec.rollout?.strategy)?.type ?? undefined,
		infrastructure: spec.template?.spec?.infrastructureRef?.kind,
		template: spec.template?.spec?.infrastructureRef?.name,
		bootstrap: spec.template?.spec?.bootstrap?.configRef?.name,
	}),
};

const rawNamed = z.object({ name: z.string().optional() }).nullish();

const rawControlPlane = z.object({
	metadata: rawMetadata,
	spec: z.object({
		version: z.string(),
		replicas: z.number().nullish(),
		/** v1beta2 lets it be left out. */
		kubeadmConfigSpec: z.intersection(rawKubeadmConfig, rawKubeVip).optional(),
		machineTemplate: z
			.object({
				/** v1beta1 */
				infrastructureRef: rawNamed,
				/** v1beta2 */
				spec: z.object({ infrastructureRef: rawNamed }).nullish(),
			})
			.nullish(),
	}),
	status: z
		.object({
			...rawStatus,
			initialized: z.boolean().nullish(),
			initialization: z.object({ controlPlaneInitialized: z.boolean().nullish() }).nullish(),
			version: z.string().nullish(),
			observedGeneration: z.number().nullish(),
		})
		.nullish(),
});

/** Of contract v1beta2, and of v1beta1. */
const upToDateTypes = ["MachinesUpToDate", "MachinesSpecUpToDate"];

export const controlPlanes: Kind<z.infer<typeof rawControlPlane>, ManagementControlPlane> = {
	group: "controlplane.cluster.x-k8s.io",
	plural: "kubeadmcontrolplanes",
	versions: ["v1beta2", "v1beta1"],
	raw: rawControlPlane,
	read: ({ metadata, spec, status }) => {
		const common = readObject({ metadata, status });
		return {
			...common,
			cluster: common.cluster ?? common.owners.find(({ kind }) => kind === "Cluster")?.name,
			version: spec.version,
			replicas: spec.replicas ?? undefined,
			initialized: status?.initialized ?? status?.initialization?.controlPlaneInitialized ?? false,
			running: status?.version ?? undefined,
			template: (spec.machineTemplate?.spec ?? spec.machineTemplate)?.infrastructureRef?.name,
			kubelet: readKubeletArguments(spec.kubeadmConfigSpec),
			kubeVip: readKubeVip(spec.kubeadmConfigSpec),
			upToDate:
				metadata.generation !== undefined &&
				metadata.generation === status?.observedGeneration &&
				common.conditions.some(({ type, status: value }) => upToDateTypes.includes(type) && value === "True") &&
				!common.conditions.some(({ type, status: value }) => upToDateTypes.includes(type) && value !== "True"),
		};
	},
};
