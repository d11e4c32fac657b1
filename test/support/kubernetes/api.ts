import {
	aggregatedVersion,
	hasScale,
	renderAggregated,
	renderCoreVersions,
	renderGroup,
	renderGroups,
	renderResources,
	renderVersion,
} from "./discovery.ts";
import { isKubernetesObject, isRecord, joinApiVersion, type KubernetesObject } from "./objects.ts";
import { applyJsonPatch, applyMergePatch, applyStrategicPatch, PatchError } from "./patch.ts";
import { type ApiRequest, describeForbidden } from "./request.ts";
import type { Resource } from "./resources.ts";
import { parseFieldSelector, parseLabelSelector } from "./selectors.ts";
import {
	ApiError,
	badRequest,
	detailsOf,
	failure,
	methodNotAllowed,
	noSuchPath,
	patchDoesNotApply,
	unauthorized,
	unsupportedMediaType,
} from "./status.ts";
import type { Change, Preconditions, Store } from "./store.ts";

export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** A stream of changes that stays open: a line for everything that is there, then one for each change. */
export interface WatchAnswer {
	readonly timeoutSeconds: number | undefined;
	readonly initial: readonly string[];
	/** The line for a change; nothing for one that was not asked for. */
	readonly describe: (change: Change) => string | undefined;
}

export interface World {
	readonly store: Store;
	readonly resources: () => readonly Resource[];
	readonly version: string;
	/** host:port */
	readonly address: () => string;
	readonly tokens: readonly string[];
	readonly user: string;
	readonly pageLimit: number | undefined;
	readonly logs: Readonly<Record<string, string>>;
	readonly now: () => Date;
}

/** A request together with the resource that its path names. */
interface Call {
	readonly request: ApiRequest;
	readonly resource: Resource;
	readonly version: string;
	readonly namespace: string | undefined;
	readonly name: string | undefined;
	readonly subresource: string | undefined;
}

export function json(status: number, value: unknown, contentType = "application/json"): Answer {
	return { status, headers: { "content-type": contentType }, body: `${JSON.stringify(value)}\n` };
}

export const text = (status: number, body: string): Answer => ({
	status,
	headers: { "content-type": "text/plain; charset=utf-8" },
	body,
});

/** What a sound API server answers. */
export function answer(world: World, request: ApiRequest): Answer | WatchAnswer {
	try {
		authenticate(world, request);
		return request.target === undefined ? answerNonResource(world, request) : answerResource(world, request);
	} catch (error) {
		if (error instanceof ApiError) {
			return json(error.status.code, error.status);
		}

		throw error;
	}
}

function userOf({ user }: World, { headers }: ApiRequest): string {
	return headers["authorization"] === undefined ? "system:anonymous" : (headers["impersonate-user"] ?? user);
}

export function forbidden(world: World, request: ApiRequest): ApiError {
	const { target } = request;
	return failure(403, "Forbidden", describeForbidden(request, userOf(world, request)), {
		details: target === undefined ? {} : detailsOf(target, target.name),
	});
}

/** Wrong credentials are refused everywhere; none at all may still read what kubeadm's clusters show to anyone. */
function authenticate(world: World, request: ApiRequest): void {
	const authorization = request.headers["authorization"];
	if (authorization === undefined) {
		if (!["/version", "/healthz", "/livez", "/readyz"].includes(request.path)) {
			throw forbidden(world, request);
		}
	} else if (!world.tokens.some((token) => authorization === `Bearer ${token}`)) {
		throw unauthorized();
	}
}

function answerNonResource(world: World, { path, headers }: ApiRequest): Answer {
	const resources = world.resources();
	switch (path) {
		case "/version":
			return json(200, renderVersion(world.version));
		case "/healthz":
		case "/livez":
		case "/readyz":
			return text(200, "ok");
		case "/api":
		case "/apis": {
			const aggregated = aggregatedVersion(headers["accept"] ?? "", world.version);
			if (aggregated === undefined) {
				return json(200, path === "/api" ? renderCoreVersions(world.address()) : renderGroups(resources));
			}

			const type = `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`;
			return json(200, renderAggregated(resources, aggregated, path === "/api" ? "api" : "apis"), type);
		}
		default:
			return answerGroup(resources, path);
	}
}

function answerGroup(resources: readonly Resource[], path: string): Answer {
	const [, group, version] = /^\/(?:apis\/([^/]+)|api)(?:\/([^/]+))?$/.exec(path) ?? [];
	const found =
		group !== undefined && version === undefined
			? renderGroup(resources, group)
			: renderResources(resources, group ?? "", version ?? "");
	return found === undefined ? pageNotFound : json(200, found);
}

/** Where no handler is registered at all the answer is not a Status but Go's own words. */
const pageNotFound = text(404, "404 page not found\n");

function answerResource(world: World, request: ApiRequest): Answer | WatchAnswer {
	const { target } = request;
	if (target === undefined) {
		return pageNotFound;
	}

	const { group, version, plural, name, subresource } = target;
	const inVersion = world.resources().filter((one) => one.group === group && one.versions.includes(version));
	const resource = inVersion.find((one) => one.plural === plural);
	const isMisplaced =
		resource?.namespaced === true
			? target.namespace === undefined && name !== undefined
			: target.namespace !== undefined && plural !== "namespaces";
	if (resource === undefined || isMisplaced) {
		if (inVersion.some((one) => !one.custom)) {
			throw noSuchPath();
		}

		return pageNotFound;
	}

	const namespace = resource.namespaced ? target.namespace : undefined;
	const call = { request, resource, version, namespace, name, subresource };
	if (plural === "pods" && subresource === "log") {
		return answerLog(world, call);
	}

	if (subresource === "scale" && name !== undefined && hasScale(resource)) {
		return answerScale(world, call, name);
	}

	if (subresource !== undefined && subresource !== "status") {
		throw noSuchPath();
	}

	return name === undefined ? answerCollection(world, call) : answerObject(world, call, name);
}

function answerCollection(world: World, call: Call): Answer | WatchAnswer {
	const { verb } = call.request;
	if (verb === "list") {
		return answerList(world, call);
	}

	if (verb === "watch") {
		return answerWatch(world, call);
	}

	throw methodNotAllowed();
}

function answerObject(world: World, call: Call, name: string): Answer {
	const { resource, namespace, request, version } = call;
	const current = world.store.get(resource, namespace, name);
	switch (request.method) {
		case "GET": {
			const isPartial = (request.headers["accept"] ?? "").includes("as=PartialObjectMetadata;");
			return json(200, isPartial ? partial(current) : present(resource, version, current));
		}
		case "PATCH":
			return update(world, call, current, applyPatch(call, current));
		case "PUT":
			return update(world, call, current, readReplacement(call, name));
		case "DELETE":
			return answerDelete(world, call, current);
		default:
			throw methodNotAllowed();
	}
}

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/, its subresource scale. */
function answerScale(world: World, call: Call, name: string): Answer {
	const current = world.store.get(call.resource, call.namespace, name);
	const wanted = current["spec"] as { readonly replicas?: number };
	const { namespace, uid, resourceVersion, creationTimestamp } = current.metadata;
	const scale = {
		kind: "Scale",
		apiVersion: "autoscaling/v1",
		metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
		spec: { replicas: wanted.replicas },
		status: { replicas: wanted.replicas },
	};
	const { method, body } = call.request;
	if (method === "GET") {
		return json(200, scale);
	}

	if (method !== "PUT" && method !== "PATCH") {
		throw methodNotAllowed();
	}

	const { spec } = applyMergePatch(scale, parseBody(body)) as typeof scale;
	update(world, { ...call, subresource: undefined }, current, { ...current, spec: { ...wanted, ...spec } });
	return json(200, { ...scale, spec });
}

function answerList({ store, pageLimit }: World, call: Call): Answer {
	const { request, resource, version, namespace } = call;
	const { query } = request;
	const limit = Number(query.get("limit") ?? 0);
	const continueToken = query.get("continue") ?? "";
	if (continueToken !== "" && query.has("resourceVersion")) {
		throw badRequest("specifying resource version is not allowed when using continue");
	}

	const page = store.list(resource, {
		namespace,
		matches: readSelectors(call),
		limit: limit > 0 ? Math.min(limit, pageLimit ?? limit) : undefined,
		continueToken: continueToken === "" ? undefined : continueToken,
	});
	if ((request.headers["accept"] ?? "").includes("as=PartialObjectMetadataList")) {
		return json(200, {
			kind: "PartialObjectMetadataList",
			apiVersion: "meta.k8s.io/v1",
			metadata: page.metadata,
			items: page.items.map(partial),
		});
	}

	return json(200, {
		kind: `${resource.kind}List`,
		apiVersion: joinApiVersion(resource.group, version),
		metadata: page.metadata,
		items: page.items.map((object) => {
			const { apiVersion, kind, ...rest } = present(resource, version, object);
			// Items of built-in lists carry neither, those of custom resources both.
			return resource.custom ? { apiVersion, kind, ...rest } : rest;
		}),
	});
}

function answerWatch({ store }: World, call: Call): WatchAnswer {
	const { resource, version, namespace, request } = call;
	const matches = readSelectors(call) ?? (() => true);
	const timeoutSeconds = request.query.get("timeoutSeconds");
	const line = (type: Change["type"], object: KubernetesObject) =>
		`${JSON.stringify({ type, object: present(resource, version, object) })}\n`;
	const since = request.query.get("resourceVersion") ?? "";
	const isFromNow = since !== "" && since !== "0";
	return {
		timeoutSeconds: timeoutSeconds === null ? undefined : Number(timeoutSeconds),
		initial: isFromNow ? [] : store.list(resource, { namespace, matches }).items.map((object) => line("ADDED", object)),
		describe: ({ type, resource: changed, object }) => {
			const isAsked =
				changed.plural === resource.plural &&
				changed.group === resource.group &&
				(namespace === undefined || object.metadata.namespace === namespace) &&
				matches(object);
			return isAsked ? line(type, object) : undefined;
		},
	};
}

function answerLog({ store, logs, now }: World, { request: { query }, resource, namespace, name = "" }: Call): Answer {
	store.get(resource, namespace, name);
	const container = query.get("container");
	const pod = `${namespace ?? ""}/${name}`;
	const isPrevious = query.get("previous") === "true";
	const log = isPrevious
		? logs[`${pod} previous`]
		: ((container === null ? undefined : logs[`${pod}/${container}`]) ?? logs[pod]);
	if (log === undefined) {
		throw badRequest(
			isPrevious
				? `previous terminated container "${container ?? ""}" in pod "${name}" not found`
				: `container ${container ?? ""} is not valid for pod ${name}`,
		);
	}

	const kept =
		log === ""
			? []
			: log
					.replace(/\n$/, "")
					.split("\n")
					.map((line) => readLogLine(line, now()));
	const since = query.get("sinceSeconds");
	const from = since === null ? Number.NEGATIVE_INFINITY : now().getTime() - Number(since) * 1_000;
	const asked = kept.filter(({ time }) => Date.parse(time) >= from);
	const tail = query.get("tailLines");
	const last = tail === null ? asked : asked.slice(Math.max(0, asked.length - Number(tail)));
	const withTime = query.get("timestamps") === "true";
	return text(200, last.map((line) => `${withTime ? `${line.time} ` : ""}${line.said}\n`).join(""));
}

/** Kept as a node keeps it, with the time at which it took the line; what has none was said now. */
function readLogLine(line: string, now: Date): { readonly time: string; readonly said: string } {
	const [, time = now.toISOString(), said = line] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/.exec(line) ?? [];
	return { time, said };
}

function answerDelete(
	{ store }: World,
	{ resource, version, request: { query, body } }: Call,
	current: KubernetesObject,
): Answer {
	const options = body.length === 0 ? {} : parseBody(body);
	const { preconditions, dryRun } = isRecord(options) ? options : {};
	const left = store.delete(resource, current, {
		preconditions: readPreconditions(preconditions),
		dryRun: query.has("dryRun") || (Array.isArray(dryRun) && dryRun.length > 0),
	});
	if (left !== undefined) {
		return json(200, present(resource, version, left));
	}

	const { name, uid } = current.metadata;
	const details = { ...detailsOf(resource, name), ...(uid !== undefined && { uid }) };
	return json(200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details });
}

function update(world: World, call: Call, current: KubernetesObject, proposed: KubernetesObject): Answer {
	const { resource, version, subresource, request } = call;
	const options = { subresource, dryRun: request.query.has("dryRun") };
	return json(200, present(resource, version, world.store.update(resource, current, proposed, options)));
}

const mediaTypes = [
	"application/json-patch+json",
	"application/merge-patch+json",
	"application/strategic-merge-patch+json",
];

function applyPatch(
	{ resource, version, request: { headers, body } }: Call,
	current: KubernetesObject,
): KubernetesObject {
	const mediaType = (headers["content-type"] ?? "").split(";")[0] ?? "";
	const accepted = resource.custom ? mediaTypes.slice(0, 2) : mediaTypes;
	if (!accepted.includes(mediaType)) {
		throw unsupportedMediaType(accepted);
	}

	const patch = parseBody(body);
	const document = present(resource, version, current);
	if (mediaType === "application/merge-patch+json") {
		return requireObject(applyMergePatch(document, patch));
	}

	if (mediaType === "application/strategic-merge-patch+json") {
		try {
			return requireObject(applyStrategicPatch(document, patch));
		} catch (error) {
			throw error instanceof PatchError
				? failure(500, "InternalError", `Internal error occurred: ${error.message}`)
				: error;
		}
	}

	if (!Array.isArray(patch)) {
		throw badRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
	}

	try {
		return requireObject(applyJsonPatch(document, patch));
	} catch (error) {
		throw error instanceof PatchError ? patchDoesNotApply() : error;
	}
}

function readReplacement({ request: { body } }: Call, name: string): KubernetesObject {
	const object = requireObject(parseBody(body));
	if (object.metadata.name !== name) {
		throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
	}

	return object;
}

function readPreconditions(value: unknown): Preconditions {
	const { uid, resourceVersion } = isRecord(value) ? value : {};
	return {
		uid: typeof uid === "string" ? uid : undefined,
		resourceVersion: typeof resourceVersion === "string" ? resourceVersion : undefined,
	};
}

function readSelectors({ resource, request: { query } }: Call): ((object: KubernetesObject) => boolean) | undefined {
	const labels = query.get("labelSelector") ?? "";
	const fields = query.get("fieldSelector") ?? "";
	if (labels === "" && fields === "") {
		return undefined;
	}

	const [byLabel, byField] = [parseLabelSelector(labels), parseFieldSelector(fields, resource)];
	return (object) => byLabel(object) && byField(object);
}

function parseBody(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch (error) {
		throw error instanceof SyntaxError ? badRequest(`error decoding request body: ${error.message}`) : error;
	}
}

function requireObject(value: unknown): KubernetesObject {
	if (!isKubernetesObject(value)) {
		throw badRequest("Object 'Kind' is missing");
	}

	return value;
}

/** In the version that was asked for. Only the name of the version changes, as with `conversion.strategy: None`. */
function present({ group, kind }: Resource, version: string, object: KubernetesObject): KubernetesObject {
	return { ...object, apiVersion: joinApiVersion(group, version), kind };
}

const partial = ({ metadata }: KubernetesObject) => ({
	kind: "PartialObjectMetadata",
	apiVersion: "meta.k8s.io/v1",
	metadata,
});
