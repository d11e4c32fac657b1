import { joinApiVersion } from "./objects.ts";
import { byPriority, type Resource } from "./resources.ts";

type Json = Readonly<Record<string, unknown>>;

const verbs = ["delete", "get", "list", "patch", "update", "watch"];

export function renderVersion(gitVersion: string): Json {
	const { major, minor } = readVersion(gitVersion);
	return {
		major: String(major),
		minor: String(minor),
		gitVersion,
		gitCommit: "a57b6f7709f6c2722b92f07b8b4c48210a51fc40",
		gitTreeState: "clean",
		buildDate: "2025-06-17T18:32:20Z",
		goVersion: "go1.24.4",
		compiler: "gc",
		platform: "linux/amd64",
	};
}

/** `/api` */
export function renderCoreVersions(address: string): Json {
	const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: address }];
	return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
}

/** `/apis` */
export function renderGroups(resources: readonly Resource[]): Json {
	const groups = groupNames(resources).map((name) => describeGroup(resources, name));
	return { kind: "APIGroupList", apiVersion: "v1", groups };
}

/** `/apis/GROUP`; nothing when there is no such group. */
export function renderGroup(resources: readonly Resource[], name: string): Json | undefined {
	return groupNames(resources).includes(name)
		? { kind: "APIGroup", apiVersion: "v1", ...describeGroup(resources, name) }
		: undefined;
}

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" };

/** What `kubectl scale` takes, as far as anything here is scaled. */
export const hasScale = ({ group, plural }: Pick<Resource, "group" | "plural">): boolean =>
	group === "apps" && plural === "deployments";

/** `/api/v1` and `/apis/GROUP/VERSION`; nothing when that version is not served. */
export function renderResources(resources: readonly Resource[], group: string, version: string): Json | undefined {
	const served = resources.filter((resource) => resource.group === group && resource.versions.includes(version));
	if (served.length === 0) {
		return undefined;
	}

	return {
		kind: "APIResourceList",
		apiVersion: "v1",
		groupVersion: joinApiVersion(group, version),
		resources: served.flatMap(({ plural, singular, namespaced, kind, shortNames }) => [
			{
				name: plural,
				singularName: singular,
				namespaced,
				kind,
				verbs,
				...(shortNames.length > 0 && { shortNames }),
			},
			{ name: `${plural}/status`, singularName: "", namespaced, kind, verbs: ["get", "patch", "update"] },
			...(hasScale({ group, plural })
				? [{ name: `${plural}/scale`, singularName: "", namespaced, ...scaleKind, verbs: ["get", "patch", "update"] }]
				: []),
		]),
	};
}

/**
 * `/api` and `/apis` in one document each, for clients that accept it:
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
 */
export function renderAggregated(
	resources: readonly Resource[],
	version: "v2" | "v2beta1",
	root: "api" | "apis",
): Json {
	return {
		kind: "APIGroupDiscoveryList",
		apiVersion: `apidiscovery.k8s.io/${version}`,
		metadata: {},
		items: (root === "api" ? [""] : groupNames(resources)).map((group) => ({
			metadata: { ...(group !== "" && { name: group }), creationTimestamp: null },
			versions: groupVersions(resources, group).map((served) => ({
				version: served,
				freshness: "Current",
				resources: resources
					.filter((resource) => resource.group === group && resource.versions.includes(served))
					.map((resource) => describeAggregated(resource, served)),
			})),
		})),
	};
}

/** The newest form of aggregated discovery that both sides know; nothing where only the old, separate documents will do. */
export function aggregatedVersion(accept: string, gitVersion: string): "v2" | "v2beta1" | undefined {
	const { minor } = readVersion(gitVersion);
	const accepts = (version: string) =>
		accept
			.split(",")
			.some((type) => type.includes("as=APIGroupDiscoveryList") && type.split(";").includes(`v=${version}`));
	if (minor >= 30 && accepts("v2")) {
		return "v2";
	}

	return minor >= 27 && accepts("v2beta1") ? "v2beta1" : undefined;
}

function describeAggregated(
	{ group, plural, singular, namespaced, kind, shortNames }: Resource,
	version: string,
): Json {
	const responseKind = { group, version, kind };
	return {
		resource: plural,
		responseKind,
		scope: namespaced ? "Namespaced" : "Cluster",
		singularResource: singular,
		verbs,
		...(shortNames.length > 0 && { shortNames }),
		subresources: [
			{ subresource: "status", responseKind, verbs: ["get", "patch", "update"] },
			...(hasScale({ group, plural })
				? [{ subresource: "scale", responseKind: scaleKind, verbs: ["get", "patch", "update"] }]
				: []),
		],
	};
}

function describeGroup(resources: readonly Resource[], name: string): Json {
	const versions = groupVersions(resources, name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
	return { name, versions, preferredVersion: versions[0] };
}

function groupNames(resources: readonly Resource[]): readonly string[] {
	return [...new Set(resources.map(({ group }) => group))].filter((group) => group !== "");
}

function groupVersions(resources: readonly Resource[], group: string): readonly string[] {
	const versions = resources.filter((resource) => resource.group === group).flatMap((resource) => resource.versions);
	return [...new Set(versions)].sort(byPriority);
}

function readVersion(gitVersion: string): { major: number; minor: number } {
	const [, major, minor] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
	if (major === undefined || minor === undefined) {
		throw new Error(`Not a Kubernetes version: ${gitVersion}`);
	}

	return { major: Number(major), minor: Number(minor) };
}
