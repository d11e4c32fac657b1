export const causes = [
	"not-set-up",
	"tool-missing",
	"misconfigured",
	"unreadable",
	"unreachable",
	"timeout",
	"unauthorized",
	"needs-login",
	"forbidden",
	"not-found",
	"server-error",
	"cancelled",
	"bug",
] as const;

/** Why a fact is not known. `not-set-up`: there is nothing to look at; everything else: there is, and it could not be seen. */
export type Cause = (typeof causes)[number];

/** The user's words or files are wrong: one line that names what, where and what to do. Exit 2. */
export class UsageError extends Error {
	override readonly name = "UsageError";
}

/** By its name, because the entry and the commands are bundled apart, each with its own copy of the class. */
export const isUsageError = (error: unknown): error is UsageError =>
	error instanceof Error && error.name === "UsageError";

/** A fact could not be read. `message` is what was last seen, as a sentence with its subject. */
export class ProbeError extends Error {
	override readonly name = "ProbeError";

	readonly reason: Cause;

	constructor(reason: Cause, message: string, options?: ErrorOptions) {
		super(message, options);
		this.reason = reason;
	}
}
