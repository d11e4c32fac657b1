import * as z from "zod";
import { type Kind, listOf } from "./management-list.ts";
import { failureOf, named, reference } from "./management-machines.ts";
import { managementObject, rawMetadata, rawStatus, readObject } from "./management-object.ts";

const endpoint = z.object({ host: z.string(), port: z.number() });

const cluster = managementObject.extend({
	phase: z.string().optional(),
	controlPlane: reference.optional(),
	infrastructure: reference.optional(),
	endpoint: endpoint.optional(),
	/** Of a ClusterClass; `version` is the Kubernetes that is wanted. */
	topology: z
		.object({
			className: z.string().optional(),
			version: z.string(),
			/** Names of its variables, in their order, which patches count by. */
			variables: z.array(z.string()).optional(),
		})
		.optional(),
});
export type ManagementCluster = z.infer<typeof cluster>;

/** Fact `management.clusters`: Cluster of Cluster API, whatever its infrastructure. */
export const managementClusters = listOf(cluster);

const range = z.object({
	family: z.literal([4, 6]),
	addresses: z.array(z.string()),
	prefix: z.number().optional(),
	gateway: z.string().optional(),
	/** Of the default route. */
	metric: z.number().optional(),
	/** Absent for the default zone. */
	zone: z.string().optional(),
});

const proxmoxCluster = managementObject.extend({
	ready: z.boolean(),
	endpoint: endpoint.optional(),
	/** Something else than CAPMOX provides the endpoint. */
	externalControlPlane: z.boolean(),
	allowedNodes: z.array(z.string()),
	ranges: z.array(range),
	dnsServers: z.array(z.string()),
	/** The Secret with credentials of its own; absent: those of the controller are used. */
	credentials: z.object({ namespace: z.string(), name: z.string() }).optional(),
	/** Where CAPMOX believes its machines to be. */
	nodeLocations: z.array(z.object({ machine: z.string(), node: z.string() })),
	failure: z.string().optional(),
});
export type ManagementProxmoxCluster = z.infer<typeof proxmoxCluster>;

/** Fact `management.proxmoxClusters`. */
export const managementProxmoxClusters = listOf(proxmoxCluster);

const rawReference = z.object({ kind: z.string(), name: z.string(), namespace: z.string() }).partial().nullish();
const rawEndpoint = z.object({ host: z.string().optional(), port: z.number().optional() }).nullish();

const rawCluster = z.object({
	metadata: rawMetadata,
	spec: z
		.object({
			paused: z.boolean().optional(),
			controlPlaneRef: rawReference,
			infrastructureRef: rawReference,
			controlPlaneEndpoint: rawEndpoint,
			topology: z
				.object({
					/** v1beta1 */
					class: z.string().nullish(),
					/** v1beta2 */
					classRef: z.object({ name: z.string() }).nullish(),
					version: z.string(),
					variables: z.array(z.object({ name: z.string() })).nullish(),
				})
				.nullish(),
		})
		.nullish(),
	status: z.object({ ...rawStatus, phase: z.string().nullish() }).nullish(),
});

export const clusters: Kind<z.infer<typeof rawCluster>, ManagementCluster> = {
	group: "cluster.x-k8s.io",
	plural: "clusters",
	versions: ["v1beta2", "v1beta1"],
	raw: rawCluster,
	read: ({ metadata, spec, status }) => ({
		...readObject({ metadata, spec: { paused: spec?.paused }, status }),
		cluster: metadata.name,
		phase: status?.phase ?? undefined,
		controlPlane: named(spec?.controlPlaneRef),
		infrastructure: named(spec?.infrastructureRef),
		endpoint: endpointOf(spec?.controlPlaneEndpoint),
		topology: spec?.topology
			? {
					className: spec.topology.classRef?.name ?? spec.topology.class ?? undefined,
					version: spec.topology.version,
					variables: spec.topology.variables?.map(({ name }) => name),
				}
			: undefined,
	}),
};

/** `{host: "", port: 0}` is how v1beta1 says that there is none yet. */
function endpointOf(found: z.infer<typeof rawEndpoint>): z.infer<typeof endpoint> | undefined {
	const { host = "", port = 0 } = found ?? {};
	return host === "" ? undefined : { host, port };
}

const rawRange = z
	.object({
		addresses: z.array(z.string()).nullish(),
		prefix: z.number().optional(),
		gateway: z.string().optional(),
		metric: z.number().nullish(),
	})
	.nullish();
const families = { ipv4Config: rawRange, ipv6Config: rawRange } as const;
const locations = z
	.array(z.object({ machine: z.object({ name: z.string().default("") }), node: z.string() }))
	.nullish();

const rawProxmoxCluster = z.object({
	metadata: rawMetadata,
	spec: z
		.object({
			...families,
			zoneConfig: z.array(z.object({ zone: z.string().optional(), ...families })).nullish(),
			controlPlaneEndpoint: rawEndpoint,
			externalManagedControlPlane: z.boolean().nullish(),
			allowedNodes: z.array(z.string()).nullish(),
			dnsServers: z.array(z.string()).nullish(),
			credentialsRef: z.object({ name: z.string().optional(), namespace: z.string().optional() }).nullish(),
		})
		.nullish(),
	status: z
		.object({
			...rawStatus,
			ready: z.boolean().nullish(),
			initialization: z.object({ provisioned: z.boolean().nullish() }).nullish(),
			failureReason: z.string().nullish(),
			failureMessage: z.string().nullish(),
			nodeLocations: z.object({ controlPlane: locations, workers: locations }).nullish(),
		})
		.nullish(),
});
type RawProxmoxCluster = z.infer<typeof rawProxmoxCluster>;

export const proxmoxClusters: Kind<RawProxmoxCluster, ManagementProxmoxCluster> = {
	group: "infrastructure.cluster.x-k8s.io",
	plural: "proxmoxclusters",
	versions: ["v1alpha2", "v1alpha1"],
	foreignVersions: ["v1beta1"],
	shared: true,
	raw: rawProxmoxCluster,
	read: ({ metadata, spec, status }) => {
		const common = readObject({ metadata, status });
		const { controlPlane, workers } = status?.nodeLocations ?? {};
		return {
			...common,
			cluster: common.cluster ?? common.owners.find(({ kind }) => kind === "Cluster")?.name,
			ready: status?.ready ?? status?.initialization?.provisioned ?? false,
			endpoint: endpointOf(spec?.controlPlaneEndpoint),
			externalControlPlane: spec?.externalManagedControlPlane ?? false,
			allowedNodes: spec?.allowedNodes ?? [],
			ranges: rangesOf(spec),
			dnsServers: spec?.dnsServers ?? [],
			credentials: credentialsOf(spec, metadata.namespace ?? ""),
			nodeLocations: [...(controlPlane ?? []), ...(workers ?? [])].map(({ machine, node }) => ({
				machine: machine.name,
				node,
			})),
			failure: failureOf(status ?? {}),
		};
	},
};

/** CAPMOX looks in the namespace of the ProxmoxCluster where the reference names none. */
function credentialsOf(spec: RawProxmoxCluster["spec"], own: string): { namespace: string; name: string } | undefined {
	const { name = "", namespace = "" } = spec?.credentialsRef ?? {};
	return name === "" ? undefined : { namespace: namespace === "" ? own : namespace, name };
}

function rangesOf(spec: RawProxmoxCluster["spec"]): z.infer<typeof range>[] {
	const zones = [{ zone: undefined, ...spec }, ...(spec?.zoneConfig ?? [])];
	return zones.flatMap(({ zone, ipv4Config, ipv6Config }) =>
		(
			[
				[4, ipv4Config],
				[6, ipv6Config],
			] as const
		).flatMap(([family, config]) =>
			config
				? [
						{
							family,
							zone,
							addresses: config.addresses ?? [],
							prefix: config.prefix,
							gateway: config.gateway,
							metric: config.metric ?? undefined,
						},
					]
				: [],
		),
	);
}
