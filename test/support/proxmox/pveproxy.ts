import { type Answer, ApiError, ForwardError, pathOf, type Request } from "./answer.ts";
import { callApi } from "./api.ts";
import { authenticate, type Caller } from "./authentication.ts";
import type { World } from "./world.ts";

const page = `<!DOCTYPE html>
<html>
  <head><title>pve1 - Proxmox Virtual Environment</title></head>
  <body></body>
</html>
`;

type Authenticate = (world: World, request: Request, path: string) => Caller;

/** pve-http-server, AnyEvent.pm process_header, ensure_tls_connection, authenticate_and_handle_request: the steps in their order. */
export function answerLikePveproxy(
	world: World,
	request: Request,
	authenticateRequest: Authenticate = authenticate,
): Answer {
	const { method, headers, target } = request;
	if (method === "") {
		return refusal(world, 400, "bad request");
	}

	if (!["GET", "POST", "PUT", "DELETE"].includes(method)) {
		return { status: 501, reason: `method '${method}' not available` };
	}

	if (headers["transfer-encoding"]?.toLowerCase() === "chunked") {
		return refusal(world, 501, "chunked transfer encoding not supported");
	}

	if (!request.secure) {
		return redirectToTls(world, request);
	}

	const path = pathOf(target);
	if (path.startsWith("/api2")) {
		return answerApi(world, request, path, authenticateRequest);
	}

	return unexpectedContent(world, request) ?? answerFile(world, method, path);
}

function answerFile(world: World, method: string, path: string): Answer {
	if (method === "GET" && path === "/") {
		return { status: 200, reason: "OK", headers: { "Content-Type": "text/html" }, body: page };
	}

	return refusal(world, world.generation.explainsInBody ? 500 : 501, `no such file '${path}'\n`);
}

function answerApi(world: World, request: Request, path: string, authenticateRequest: Authenticate): Answer {
	const [, format, below] = /^\/api2\/+([a-z][a-z0-9]+)(\/.*)?$/.exec(path) ?? [];
	if (format === undefined) {
		return refusal(world, 501, "no such uri");
	}

	const endpoint = below ?? "/";
	let caller: Caller;
	try {
		caller = authenticateRequest(world, request, endpoint);
	} catch (error) {
		if (error instanceof ApiError) {
			return { status: error.status, reason: firstLine(error.message), withheld: true };
		}

		throw error;
	}

	const refused = unexpectedContent(world, request);
	if (refused !== undefined) {
		return refused;
	}

	if (format !== "json" && format !== "extjs") {
		return refusal(world, 501, `no formatter for uri ${endpoint}, ${format}`);
	}

	return formatted(world, format, () => callApi(world, caller, request.method, endpoint, parametersOf(request)));
}

/** Formatter/Standard.pm */
function formatted(world: World, format: "json" | "extjs", call: () => unknown): Answer {
	try {
		const success = format === "extjs" ? { success: 1 } : {};
		return { status: 200, reason: "OK", ...json({ data: call() ?? null, ...success }) };
	} catch (error) {
		if (error instanceof ForwardError) {
			return { status: error.status, reason: error.message };
		}

		if (!(error instanceof ApiError)) {
			throw error;
		}

		const { status, message, errors } = error;
		const details = errors === undefined ? {} : { errors };
		if (format === "extjs") {
			return { status: 200, reason: "OK", ...json({ data: null, message, status, success: 0, ...details }) };
		}

		const explanation = world.generation.explainsInBody ? { message } : {};
		return {
			status,
			reason: firstLine(message),
			...json({ data: null, ...explanation, ...details }),
			withheld: status === 401,
		};
	}
}

function json(value: unknown): Pick<Answer, "headers" | "body"> {
	return { headers: { "Content-Type": "application/json;charset=UTF-8" }, body: JSON.stringify(value) };
}

/** AnyEvent.pm error: no Content-Type, and since libpve-http-server-perl 5.2.0 the text as the body. */
function refusal(world: World, status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
	return {
		status,
		reason: firstLine(text),
		headers,
		...(world.generation.explainsInBody ? { body: text } : {}),
	};
}

function unexpectedContent(world: World, { method, headers }: Request): Answer | undefined {
	const isUnexpected = Number(headers["content-length"] ?? 0) > 0 && method !== "POST" && method !== "PUT";
	return isUnexpected ? refusal(world, 501, `Unexpected content for method '${method}'`) : undefined;
}

function redirectToTls(world: World, { method, headers, target }: Request): Answer {
	const location = { Location: `https://${headers["host"] ?? ""}${target}` };
	return method === "GET"
		? refusal(world, 301, "Moved Permanently", location)
		: refusal(world, 308, "Permanent Redirect", location);
}

/** AnyEvent.pm extract_params: the query, and the body of a form. */
function parametersOf({ target, headers, body }: Request): Record<string, string> {
	const query = /\?([^#]*)/.exec(target)?.[1] ?? "";
	const isForm = headers["content-type"]?.startsWith("multipart/") !== true;
	const form = isForm ? body.toString() : "";
	const parameters = Object.fromEntries([...new URLSearchParams(form), ...new URLSearchParams(query)]);
	return Object.fromEntries(Object.entries(parameters).filter(([name]) => name !== "_dc"));
}

function firstLine(text: string): string {
	return text.split("\n", 1)[0] ?? "";
}
