import { qualifiedName } from "./resources.ts";

export type Verb =
	| "get"
	| "list"
	| "watch"
	| "create"
	| "update"
	| "patch"
	| "delete"
	| "deletecollection"
	| "head"
	| "options";

/** The object or collection that a path addresses, whether or not it exists. */
export interface Target {
	readonly group: string;
	readonly version: string;
	readonly plural: string;
	readonly namespace?: string;
	readonly name?: string;
	readonly subresource?: string;
}

export interface ApiRequest {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer;
	readonly verb: Verb;
	readonly target?: Target;
}

/** As apiserver's request info resolver reads it (endpoints/request/requestinfo.go). */
export function readRequest(
	method: string,
	url: string,
	headers: Readonly<Record<string, string>>,
	body: Buffer,
): ApiRequest {
	const { pathname: path, searchParams: query } = new URL(url, "https://localhost");
	const target = readTarget(path.split("/").slice(1).map(decodeURIComponent));
	const verb = readVerb(method, query, target);
	return { method, path, query, headers, body, verb, ...(target !== undefined && { target }) };
}

/** Why a request may not be made, as the authorizer words it (endpoints/handlers/responsewriters/errors.go forbiddenMessage). */
export function describeForbidden({ path, verb, target }: ApiRequest, user: string): string {
	if (target === undefined) {
		return `forbidden: User "${user}" cannot ${verb} path "${path}"`;
	}

	const { name, namespace, group, plural, subresource } = target;
	const subject = name === undefined ? qualifiedName(target) : `${qualifiedName(target)} "${name}"`;
	const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
	const scope = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
	return `${subject} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`;
}

function readTarget(segments: readonly string[]): Target | undefined {
	const [root, ...rest] = segments.filter((segment) => segment !== "");
	if (root !== "api" && root !== "apis") {
		return undefined;
	}

	const group = root === "api" ? "" : rest.shift();
	const version = rest.shift();
	if (group === undefined || version === undefined || rest.length === 0) {
		return undefined;
	}

	// `namespaces/NAME` and its subresources are about the namespace, what follows is about something in it.
	const isInNamespace = rest[0] === "namespaces" && rest.length > 2 && !["status", "finalize"].includes(rest[2] ?? "");
	const namespace = isInNamespace || rest[0] === "namespaces" ? rest[1] : undefined;
	const [plural = "", name, subresource] = isInNamespace ? rest.slice(2) : rest;
	return {
		group,
		version,
		plural,
		...(namespace !== undefined && { namespace }),
		...(name !== undefined && { name }),
		...(subresource !== undefined && { subresource }),
	};
}

function readVerb(method: string, query: URLSearchParams, target: Target | undefined): Verb {
	const isCollection = target !== undefined && target.name === undefined;
	switch (method) {
		case "POST":
			return "create";
		case "PUT":
			return "update";
		case "PATCH":
			return "patch";
		case "DELETE":
			return isCollection ? "deletecollection" : "delete";
		case "HEAD":
			return "head";
		case "OPTIONS":
			return "options";
		default:
			if (!isCollection) {
				return "get";
			}

			return ["true", "1"].includes(query.get("watch") ?? "") ? "watch" : "list";
	}
}
