/** A request as it came over the wire. */
export interface Request {
	readonly method: string;
	/** As sent, with its query. */
	readonly target: string;
	/** Names in lower case, values byte by byte: nothing is trimmed at their end. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Buffer;
	readonly secure: boolean;
}

export interface Answer {
	readonly status: number;
	/** The reason phrase. It carries the message of Proxmox VE, up to the first line break. */
	readonly reason: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
	/** Kept back for the delay of a failed authentication. */
	readonly withheld?: boolean;
}

/** An error the server reports; what it says may end with a line break, as Perl's die wants it. */
export class ApiError extends Error {
	readonly status: number;
	/** By parameter. */
	readonly errors: Readonly<Record<string, string>> | undefined;

	constructor(status: number, message: string, errors?: Readonly<Record<string, string>>) {
		super(message);
		this.name = "ApiError";
		this.status = status;
		this.errors = errors;
	}
}

/** What the client sees when the answering node could not pass a request on: a pseudo code of AnyEvent::HTTP, no body. */
export class ForwardError extends Error {
	readonly status: number;

	constructor({ status, reason }: { readonly status: number; readonly reason: string }) {
		super(reason);
		this.name = "ForwardError";
		this.status = status;
	}
}

/** pve-common, Exception.pm raise_perm_exc. */
export function permissionError(what?: string): ApiError {
	return new ApiError(403, `Permission check failed${what === undefined ? "" : ` (${what})`}\n`);
}

/** pve-common, Exception.pm raise_param_exc. */
export function parameterError(errors: Readonly<Record<string, string>>): ApiError {
	return new ApiError(400, "Parameter verification failed.\n", errors);
}

/** `/nodes?x=1` → `/nodes`, with its escapes resolved the way Perl's uri_unescape does it. */
export function pathOf(target: string): string {
	return unescape(/^[^?#]*/.exec(target)?.[0] ?? "");
}

export function unescape(text: string): string {
	return text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
