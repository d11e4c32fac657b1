import { qualifiedName, type Resource } from "./resources.ts";

type Named = Pick<Resource, "plural" | "group">;

export interface Details {
	readonly name?: string;
	readonly group?: string;
	readonly kind?: string;
	readonly uid?: string;
	readonly retryAfterSeconds?: number;
	readonly causes?: readonly { readonly reason?: string; readonly message: string; readonly field?: string }[];
}

/** What every failed request is answered with: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Status {
	readonly kind: "Status";
	readonly apiVersion: "v1";
	readonly metadata: { readonly continue?: string };
	readonly status: "Failure" | "Success";
	readonly message?: string;
	readonly reason?: string;
	readonly details?: Details;
	readonly code?: number;
}

/** A request that the API server refuses. Messages are those of apimachinery's pkg/api/errors unless said otherwise. */
export class ApiError extends Error {
	override readonly name = "ApiError";

	readonly status: Status & { readonly code: number };

	constructor(status: Status & { readonly code: number }) {
		super(status.message);
		this.status = status;
	}
}

export function failure(
	code: number,
	reason: string | undefined,
	message: string,
	{ details, metadata = {} }: { details?: Details; metadata?: Status["metadata"] } = {},
): ApiError {
	return new ApiError({
		kind: "Status",
		apiVersion: "v1",
		metadata,
		status: "Failure",
		message,
		...(reason !== undefined && { reason }),
		...(details !== undefined && { details }),
		code,
	});
}

export const detailsOf = ({ plural, group }: Named, name?: string): Details => ({
	...(name !== undefined && { name }),
	...(group !== "" && { group }),
	kind: plural,
});

export const unauthorized = () => failure(401, "Unauthorized", "Unauthorized");
export const badRequest = (message: string) => failure(400, "BadRequest", message);
export const noSuchPath = () =>
	failure(404, "NotFound", "the server could not find the requested resource", { details: {} });
export const methodNotAllowed = () =>
	failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", { details: {} });

export function notFound(resource: Named, name: string): ApiError {
	return failure(404, "NotFound", `${qualifiedName(resource)} "${name}" not found`, {
		details: detailsOf(resource, name),
	});
}

export function conflict(resource: Named, name: string, why: string): ApiError {
	return failure(409, "Conflict", `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`, {
		details: detailsOf(resource, name),
	});
}

export function invalid(
	{ group, kind }: Pick<Resource, "group" | "kind">,
	name: string,
	cause: { readonly field: string; readonly reason: string; readonly message: string },
): ApiError {
	const subject = group === "" ? kind : `${kind}.${group}`;
	return failure(422, "Invalid", `${subject} "${name}" is invalid: ${cause.field}: ${cause.message}`, {
		details: { ...detailsOf({ group, plural: kind }, name), causes: [cause] },
	});
}

/** A JSON patch that does not apply, a failed `test` among them; the reason is withheld (apiserver, endpoints/handlers/patch.go applyJSPatch). */
export const patchDoesNotApply = () =>
	failure(422, "Invalid", "the server rejected our request due to an error in our request", { details: {} });

export const unsupportedMediaType = (accepted: readonly string[]) =>
	failure(
		415,
		"UnsupportedMediaType",
		`the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
	);

export const tooLarge = (limit: number) =>
	failure(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);

/** apiserver, storage/errors.go NewResourceExpired via etcd3/errors.go handleCompactedErrorForContinue. */
export function continueExpired(token: string): ApiError {
	return failure(
		410,
		"Expired",
		"The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
			"the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
			"Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
			"deleted between the time the first chunk was returned and now may show up in the list.",
		{ metadata: { continue: token } },
	);
}
