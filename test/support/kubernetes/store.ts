import { isDeepStrictEqual } from "node:util";
import { isRecord, type KubernetesObject, type Metadata } from "./objects.ts";
import { qualifiedName, type Resource } from "./resources.ts";
import { badRequest, conflict, continueExpired, invalid, notFound } from "./status.ts";

export interface ListOptions {
	readonly namespace?: string | undefined;
	/** Which objects are asked for; all of them when absent. */
	readonly matches?: ((object: KubernetesObject) => boolean) | undefined;
	readonly limit?: number | undefined;
	readonly continueToken?: string | undefined;
}

export interface Page {
	readonly items: readonly KubernetesObject[];
	readonly metadata: {
		readonly resourceVersion: string;
		readonly continue?: string;
		readonly remainingItemCount?: number;
	};
}

export interface Preconditions {
	readonly uid?: string | undefined;
	readonly resourceVersion?: string | undefined;
}

export interface Change {
	readonly type: "ADDED" | "MODIFIED" | "DELETED";
	readonly resource: Resource;
	readonly object: KubernetesObject;
}

/** A position in a list at one revision; -1 stands for "whatever is newest", as in etcd3's continue tokens. */
interface Position {
	readonly rv: number;
	readonly start: string;
}

/** Objects with the bookkeeping of an API server: resource versions, generations, finalizers, consistent pages. */
export class Store {
	readonly #objects = new Map<string, { readonly resource: Resource; readonly object: KubernetesObject }>();
	/** What the pages of a list continue from, by resource and revision. */
	readonly #snapshots = new Map<string, readonly KubernetesObject[]>();
	readonly #listeners = new Set<(change: Change) => void>();
	readonly #now: () => Date;
	#revision = 1_000;
	#uids = 0;

	constructor(now: () => Date) {
		this.#now = now;
	}

	all(): readonly KubernetesObject[] {
		return [...this.#objects.values()].map(({ object }) => object);
	}

	/** Creates or overwrites from outside of the API, as another client would. */
	put(resource: Resource, object: KubernetesObject): KubernetesObject {
		const namespace = resource.namespaced ? (object.metadata.namespace ?? "default") : undefined;
		const current = this.#objects.get(keyOf(resource, namespace, object.metadata.name))?.object;
		const metadata: Metadata = {
			uid: current?.metadata.uid ?? this.#newUid(),
			creationTimestamp: current?.metadata.creationTimestamp ?? timestamp(this.#now()),
			...((resource.custom || resource.group === "apps") && { generation: (current?.metadata.generation ?? 0) + 1 }),
			...object.metadata,
			...(namespace !== undefined && { namespace }),
			resourceVersion: this.#nextRevision(),
		};
		return this.#save(resource, { ...object, metadata }, current === undefined ? "ADDED" : "MODIFIED");
	}

	get(resource: Resource, namespace: string | undefined, name: string): KubernetesObject {
		const entry = this.#objects.get(keyOf(resource, namespace, name));
		if (entry === undefined) {
			throw notFound(resource, name);
		}

		return entry.object;
	}

	list(resource: Resource, { namespace, matches, limit, continueToken }: ListOptions): Page {
		const position = continueToken === undefined ? undefined : decodePosition(continueToken);
		const revision = position === undefined || position.rv < 0 ? this.#revision : position.rv;
		const source = this.#read(resource, revision);
		if (source === undefined) {
			throw continueExpired(encodePosition({ rv: -1, start: position?.start ?? "" }));
		}

		const start = position?.start ?? "";
		const found = source.filter(
			(object) =>
				pathOf(object) >= start &&
				(namespace === undefined || object.metadata.namespace === namespace) &&
				(matches === undefined || matches(object)),
		);
		const next = limit === undefined || limit === 0 ? undefined : found[limit];
		if (limit === undefined || next === undefined) {
			return { items: found, metadata: { resourceVersion: String(revision) } };
		}

		this.#snapshots.set(`${qualifiedName(resource)}@${revision}`, source);
		return {
			items: found.slice(0, limit),
			metadata: {
				resourceVersion: String(revision),
				continue: encodePosition({ rv: revision, start: pathOf(next) }),
				// With a selector the server would have to read on to know.
				...(matches === undefined && { remainingItemCount: found.length - limit }),
			},
		};
	}

	/** What etcd's compaction does every few minutes: lists that have begun cannot be continued. */
	compact(): void {
		this.#revision += 1;
		this.#snapshots.clear();
	}

	/** PUT and PATCH: `proposed` is the object as the client wants it. */
	update(
		resource: Resource,
		current: KubernetesObject,
		proposed: KubernetesObject,
		{ subresource, dryRun }: { subresource?: string | undefined; dryRun: boolean },
	): KubernetesObject {
		this.#refuseStale(resource, current, proposed);
		const next = merge(current, proposed, subresource);
		refuseNewFinalizers(resource, current, next);
		if (isDeepStrictEqual(next, current)) {
			return current;
		}

		const generation = (current.metadata.generation ?? 0) + (isDeepStrictEqual(core(next), core(current)) ? 0 : 1);
		const object: KubernetesObject = {
			...next,
			metadata: {
				...next.metadata,
				...(current.metadata.generation !== undefined && { generation }),
				resourceVersion: dryRun ? (current.metadata.resourceVersion ?? "") : this.#nextRevision(),
			},
		};
		if (dryRun) {
			return object;
		}

		return isFinal(object) ? this.#remove(resource, object) : this.#save(resource, object, "MODIFIED");
	}

	/** What is left: the object while its finalizers are waited for, nothing once it is gone. */
	delete(
		resource: Resource,
		current: KubernetesObject,
		{ preconditions, dryRun }: { preconditions: Preconditions; dryRun: boolean },
	): KubernetesObject | undefined {
		refuseUnless(preconditions, resource, current);
		const { finalizers = [], deletionTimestamp } = current.metadata;
		if (finalizers.length === 0) {
			if (!dryRun) {
				this.#remove(resource, {
					...current,
					metadata: { ...current.metadata, resourceVersion: this.#nextRevision() },
				});
			}

			return undefined;
		}

		if (deletionTimestamp !== undefined || dryRun) {
			return current;
		}

		const metadata: Metadata = {
			...current.metadata,
			deletionTimestamp: timestamp(this.#now()),
			deletionGracePeriodSeconds: 0,
			...(current.metadata.generation !== undefined && { generation: current.metadata.generation + 1 }),
			resourceVersion: this.#nextRevision(),
		};
		return this.#save(resource, { ...current, metadata }, "MODIFIED");
	}

	/** Calls back on every change until the returned function is called. */
	watch(listener: (change: Change) => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	#read(resource: Resource, revision: number): readonly KubernetesObject[] | undefined {
		const name = qualifiedName(resource);
		if (revision !== this.#revision) {
			return this.#snapshots.get(`${name}@${revision}`);
		}

		return [...this.#objects.values()]
			.filter((entry) => qualifiedName(entry.resource) === name)
			.map(({ object }) => object)
			.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
	}

	#save(resource: Resource, object: KubernetesObject, type: Change["type"]): KubernetesObject {
		this.#objects.set(keyOf(resource, object.metadata.namespace, object.metadata.name), { resource, object });
		this.#announce({ type, resource, object });
		return object;
	}

	#remove(resource: Resource, object: KubernetesObject): KubernetesObject {
		this.#objects.delete(keyOf(resource, object.metadata.namespace, object.metadata.name));
		this.#announce({ type: "DELETED", resource, object });
		return object;
	}

	#announce(change: Change): void {
		for (const listener of this.#listeners) {
			listener(change);
		}
	}

	#refuseStale(resource: Resource, { metadata }: KubernetesObject, proposed: KubernetesObject): void {
		const { resourceVersion = "", uid } = proposed.metadata;
		if (uid !== undefined && uid !== metadata.uid) {
			throw conflict(
				resource,
				metadata.name,
				`StorageError: invalid object, Code: 4, Key: /registry/${keyOf(resource, metadata.namespace, metadata.name)}, ResourceVersion: 0, ` +
					`AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ""}`,
			);
		}

		if (resourceVersion === "" && resource.custom) {
			// registry/generic/registry/store.go names the resource where the other refusals name the kind.
			throw invalid({ group: resource.group, kind: resource.plural }, metadata.name, {
				reason: "FieldValueInvalid",
				message: "Invalid value: 0x0: must be specified for an update",
				field: "metadata.resourceVersion",
			});
		}

		if (resourceVersion !== "" && resourceVersion !== metadata.resourceVersion) {
			throw conflict(
				resource,
				metadata.name,
				"the object has been modified; please apply your changes to the latest version and try again",
			);
		}
	}

	#nextRevision(): string {
		this.#revision += 1;
		return String(this.#revision);
	}

	#newUid(): string {
		this.#uids += 1;
		return `00000000-0000-4000-8000-${String(this.#uids).padStart(12, "0")}`;
	}
}

function refuseUnless(preconditions: Preconditions, { group, kind }: Resource, { metadata }: KubernetesObject): void {
	const { uid, resourceVersion } = preconditions;
	// The kind stands where a resource is expected: apiserver, registry/rest/delete.go BeforeDelete.
	const subject = { group, plural: kind };
	if (uid !== undefined && uid !== metadata.uid) {
		throw conflict(
			subject,
			metadata.name,
			`the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid ?? ""}). The object might have been deleted and then recreated`,
		);
	}

	if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
		throw conflict(
			subject,
			metadata.name,
			`the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion ?? ""}). The object might have been modified`,
		);
	}
}

function refuseNewFinalizers(resource: Resource, { metadata }: KubernetesObject, next: KubernetesObject): void {
	const added = (next.metadata.finalizers ?? []).filter((one) => metadata.finalizers?.includes(one) !== true);
	if (metadata.deletionTimestamp !== undefined && added.length > 0) {
		const list = added.map((one) => JSON.stringify(one)).join(", ");
		throw invalid(resource, metadata.name, {
			reason: "FieldValueForbidden",
			message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
			field: "metadata.finalizers",
		});
	}
}

/** `status` is written through its subresource and through nothing else; what the server owns stays as it is. */
function merge(
	current: KubernetesObject,
	proposed: KubernetesObject,
	subresource: string | undefined,
): KubernetesObject {
	if (subresource === "status") {
		return withStatus(current, proposed["status"]);
	}

	const { name, namespace, uid, creationTimestamp, deletionTimestamp, generation, resourceVersion } = current.metadata;
	const owned = { name, namespace, uid, creationTimestamp, deletionTimestamp, generation, resourceVersion };
	const metadata = { ...proposed.metadata, ...owned };
	return withStatus(
		{ ...proposed, apiVersion: current.apiVersion, kind: current.kind, metadata: definedOnly(metadata) },
		current["status"],
	);
}

function withStatus(object: KubernetesObject, status: unknown): KubernetesObject {
	const copy: KubernetesObject = { ...object, status };
	if (status === undefined) {
		Reflect.deleteProperty(copy, "status");
	}

	return copy;
}

function definedOnly(metadata: Record<string, unknown> & { name: string }): Metadata {
	const entries = Object.entries(metadata).filter(([, value]) => value !== undefined);
	return { ...Object.fromEntries(entries), name: metadata.name };
}

/** What a change of counts as a new generation. */
const core = (object: KubernetesObject) => ({ ...object, metadata: undefined, status: undefined });

const isFinal = ({ metadata }: KubernetesObject) =>
	metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;

const pathOf = ({ metadata: { namespace = "", name } }: KubernetesObject) => `${namespace}/${name}`;

function keyOf({ group, plural }: Resource, namespace: string | undefined, name: string): string {
	return [group, plural, namespace, name].filter((part) => part !== undefined && part !== "").join("/");
}

const timestamp = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");

function encodePosition(position: Position): string {
	return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", ...position })).toString("base64url");
}

function decodePosition(token: string): Position {
	const value = readJson(Buffer.from(token, "base64url").toString("utf8"));
	if (!isRecord(value) || typeof value["rv"] !== "number" || typeof value["start"] !== "string") {
		throw badRequest("continue key is not valid: server only understands encoded version 'meta.k8s.io/v1'");
	}

	return { rv: value["rv"], start: value["start"] };
}

function readJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (error instanceof SyntaxError) {
			return undefined;
		}

		throw error;
	}
}
