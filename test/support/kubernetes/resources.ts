import { isRecord, type KubernetesObject, splitApiVersion } from "./objects.ts";

/** One kind of object that the API server serves, at a URL of its own. */
export interface Resource {
	readonly group: string;
	/** Served versions, the preferred one first. */
	readonly versions: readonly string[];
	readonly kind: string;
	readonly plural: string;
	readonly singular: string;
	readonly shortNames: readonly string[];
	readonly namespaced: boolean;
	/** Defined by a CustomResourceDefinition; built-in resources answer differently in places. */
	readonly custom: boolean;
}

/** As error messages spell it: `machines.cluster.x-k8s.io`, `secrets`. */
export const qualifiedName = ({ plural, group }: Pick<Resource, "plural" | "group">) =>
	group === "" ? plural : `${plural}.${group}`;

/**
 * What a server with these objects serves. Kubernetes' own resources are always there. Those of providers are there
 * once one of their group's versions is loaded or named in `serves`; a group with a CustomResourceDefinition serves
 * what is defined, at the versions marked `served`, and kinds that have objects.
 */
export function listResources(objects: readonly KubernetesObject[], serves: readonly string[] = []): Resource[] {
	const defined = objects.filter(({ kind }) => kind === "CustomResourceDefinition").map(readDefinition);
	const isDefined = (resource: Resource) => defined.some((other) => qualifiedName(other) === qualifiedName(resource));
	const definedGroups = new Set(defined.map(({ group }) => group));
	const groupVersions = new Set([...serves, ...objects.map(({ apiVersion }) => apiVersion)]);

	const wellKnown = [...builtIn, ...provided.flatMap(installed)].filter((resource) => !isDefined(resource));
	const resources = [...defined, ...wellKnown];
	for (const object of objects) {
		if (findByKind(resources, object) === undefined) {
			resources.push(guessResource(object, objects));
		}
	}

	return resources;

	function installed(resource: Resource): Resource[] {
		const used = versionsOf(resource, objects);
		const inGroup = resource.versions.filter((version) => groupVersions.has(`${resource.group}/${version}`));
		const versions = definedGroups.has(resource.group) ? used : [...new Set([...used, ...inGroup])];
		if (versions.length > 0) {
			return [{ ...resource, versions: versions.sort(byPriority) }];
		}

		const groupIsThere = [...groupVersions].some((apiVersion) => splitApiVersion(apiVersion).group === resource.group);
		return groupIsThere && !definedGroups.has(resource.group) ? [resource] : [];
	}
}

/** @throws Error when the object's version is not served: no request could ever have created it. */
export function resourceOf(resources: readonly Resource[], object: KubernetesObject): Resource {
	const resource = findByKind(resources, object);
	if (resource?.versions.includes(splitApiVersion(object.apiVersion).version) !== true) {
		throw new Error(`${object.apiVersion} ${object.kind} "${object.metadata.name}" is of a version that is not served`);
	}

	return resource;
}

/** GA before beta before alpha, newer first: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority */
export function byPriority(a: string, b: string): number {
	const [left, right] = [rank(a), rank(b)];
	const difference = left.findIndex((value, index) => value !== right[index]);
	return difference < 0 ? 0 : right[difference]! - left[difference]!;
}

function rank(version: string): [stability: number, major: number, minor: number] {
	const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
	const stability = match === null ? -1 : ["alpha", "beta", undefined].indexOf(match[2]);
	return [stability, Number(match?.[1] ?? 0), Number(match?.[3] ?? 0)];
}

function findByKind(resources: readonly Resource[], { apiVersion, kind }: KubernetesObject): Resource | undefined {
	const { group } = splitApiVersion(apiVersion);
	return resources.find((resource) => resource.group === group && resource.kind === kind);
}

function versionsOf({ group, kind }: Pick<Resource, "group" | "kind">, objects: readonly KubernetesObject[]): string[] {
	const versions = objects
		.filter((object) => object.kind === kind && splitApiVersion(object.apiVersion).group === group)
		.map(({ apiVersion }) => splitApiVersion(apiVersion).version);
	return [...new Set(versions)];
}

function readDefinition(definition: KubernetesObject): Resource {
	const spec = isRecord(definition["spec"]) ? definition["spec"] : {};
	const names = isRecord(spec["names"]) ? spec["names"] : {};
	const kind = String(names["kind"]);
	const versions = (Array.isArray(spec["versions"]) ? spec["versions"] : []).filter(isRecord);
	return {
		group: String(spec["group"]),
		versions: versions
			.filter(({ served }) => served === true)
			.map(({ name }) => String(name))
			.sort(byPriority),
		kind,
		plural: String(names["plural"]),
		singular: typeof names["singular"] === "string" ? names["singular"] : kind.toLowerCase(),
		shortNames: Array.isArray(names["shortNames"]) ? names["shortNames"].map(String) : [],
		namespaced: spec["scope"] === "Namespaced",
		custom: true,
	};
}

function guessResource(object: KubernetesObject, objects: readonly KubernetesObject[]): Resource {
	const { kind } = object;
	const { group } = splitApiVersion(object.apiVersion);
	return {
		group,
		versions: versionsOf({ group, kind }, objects).sort(byPriority),
		kind,
		plural: pluralOf(kind),
		singular: kind.toLowerCase(),
		shortNames: [],
		namespaced: object.metadata.namespace !== undefined,
		custom: true,
	};
}

function pluralOf(kind: string): string {
	const singular = kind.toLowerCase();
	if (/[^aeiou]y$/.test(singular)) {
		return `${singular.slice(0, -1)}ies`;
	}

	return /(?:s|x|ch|sh)$/.test(singular) ? `${singular}es` : `${singular}s`;
}

/** `Kind` or `Kind(short,names)`; `*` marks what lives outside of namespaces. */
function table(custom: boolean, group: string, versions: string, kinds: string): Resource[] {
	return kinds.split(" ").map((entry) => {
		const [, kind = "", shortNames = "", clusterWide] = /^(\w+)(?:\(([\w,]+)\))?(\*?)$/.exec(entry) ?? [];
		return {
			group,
			versions: versions.split(" "),
			kind,
			plural: irregular[kind] ?? pluralOf(kind),
			singular: kind.toLowerCase(),
			shortNames: shortNames.split(",").filter((name) => name !== ""),
			namespaced: clusterWide === "",
			custom,
		};
	});
}

const irregular: Readonly<Record<string, string>> = { Endpoints: "endpoints" };

/** From `kubectl api-resources` of Kubernetes 1.33. */
const builtIn: readonly Resource[] = [
	...table(
		false,
		"",
		"v1",
		"Namespace(ns)* Node(no)* PersistentVolume(pv)* Pod(po) Service(svc) Secret ConfigMap(cm) Event(ev) Endpoints(ep) ServiceAccount(sa) PersistentVolumeClaim(pvc) ReplicationController(rc)",
	),
	...table(false, "apps", "v1", "Deployment(deploy) DaemonSet(ds) ReplicaSet(rs) StatefulSet(sts) ControllerRevision"),
	...table(false, "batch", "v1", "Job CronJob(cj)"),
	...table(false, "policy", "v1", "PodDisruptionBudget(pdb)"),
	...table(false, "coordination.k8s.io", "v1", "Lease"),
	...table(false, "discovery.k8s.io", "v1", "EndpointSlice"),
	...table(false, "networking.k8s.io", "v1", "Ingress(ing) NetworkPolicy(netpol)"),
	...table(false, "apiextensions.k8s.io", "v1", "CustomResourceDefinition(crd,crds)*"),
	...table(false, "apiregistration.k8s.io", "v1", "APIService*"),
	...table(
		false,
		"admissionregistration.k8s.io",
		"v1",
		"ValidatingWebhookConfiguration* MutatingWebhookConfiguration*",
	),
	...table(false, "rbac.authorization.k8s.io", "v1", "Role RoleBinding ClusterRole* ClusterRoleBinding*"),
	...table(false, "certificates.k8s.io", "v1", "CertificateSigningRequest(csr)*"),
	...table(false, "storage.k8s.io", "v1", "StorageClass(sc)* VolumeAttachment* CSIDriver* CSINode*"),
];

/** From the CustomResourceDefinitions of Cluster API 1.10 to 1.14, its operator 0.28, CAPMOX 0.7 to 0.9 and the in-cluster IPAM provider. */
const provided: readonly Resource[] = [
	...table(
		true,
		"cluster.x-k8s.io",
		"v1beta2 v1beta1",
		"Cluster(cl) ClusterClass(cc) Machine(ma) MachineSet(ms) MachineDeployment(md) MachinePool(mp) MachineHealthCheck(mhc,mhcs) MachineDrainRule",
	),
	...table(true, "addons.cluster.x-k8s.io", "v1beta2 v1beta1", "ClusterResourceSet ClusterResourceSetBinding"),
	...table(true, "bootstrap.cluster.x-k8s.io", "v1beta2 v1beta1", "KubeadmConfig KubeadmConfigTemplate"),
	...table(
		true,
		"controlplane.cluster.x-k8s.io",
		"v1beta2 v1beta1",
		"KubeadmControlPlane(kcp) KubeadmControlPlaneTemplate",
	),
	...table(
		true,
		"infrastructure.cluster.x-k8s.io",
		"v1alpha2 v1alpha1",
		"ProxmoxCluster ProxmoxClusterTemplate(pct) ProxmoxMachine(moxm) ProxmoxMachineTemplate(pmt)",
	),
	...table(true, "ipam.cluster.x-k8s.io", "v1beta2 v1beta1 v1alpha1", "IPAddressClaim IPAddress"),
	...table(true, "ipam.cluster.x-k8s.io", "v1alpha2 v1alpha1", "InClusterIPPool GlobalInClusterIPPool*"),
	...table(true, "clusterctl.cluster.x-k8s.io", "v1alpha3", "Provider"),
	...table(
		true,
		"operator.cluster.x-k8s.io",
		"v1alpha2",
		"CoreProvider BootstrapProvider ControlPlaneProvider InfrastructureProvider IPAMProvider AddonProvider RuntimeExtensionProvider",
	),
	...table(true, "cert-manager.io", "v1", "Certificate(cert,certs) CertificateRequest(cr,crs) Issuer ClusterIssuer*"),
];
