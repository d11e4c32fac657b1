/**
 * What a signature is in the chain of things that went wrong, deepest first: why it broke (`cause`), what is seen of a
 * cause that the line does not name (`symptom`), what breaks because something else did (`consequence`), what the system or
 * the network says in an error of which nothing else is known (`general`), what waits and may be well (`waiting`), what
 * is no failure but helps to read one (`note`), what only hands on an inner error (`wrapper`).
 */
export const kinds = ["cause", "symptom", "consequence", "general", "waiting", "note", "wrapper"] as const;
export type Kind = (typeof kinds)[number];

/** 0 for a cause, more for what lies less deep. */
export const depthOf = (kind: Kind): number => kinds.indexOf(kind);

/** One known message, as `src/knowledge/signatures.yaml` has it. Patterns are written for cleaned text: see `clean`. */
export interface Signature {
	readonly id: string;
	/** The program that says it, with the releases that do. */
	readonly component: string;
	/** A regular expression of JavaScript, case ignored, whose gaps are bounded, so that it is linear. */
	readonly pattern: string;
	readonly kind: Kind;
	readonly cause: string;
	readonly remedy: string;
	/** The finding of a check that says the same, `check/code`. */
	readonly finding?: string;
	/** The check that would prove it on this system; that of `finding` where it is absent. */
	readonly check?: string;
	/** Signatures that this one follows from where they were seen, too: ids, or `prefix.*`. */
	readonly after?: readonly string[];
	/** Names of endings after which it was only a retry. */
	readonly endedBy?: readonly string[];
	readonly versions?: string;
	readonly source?: string;
}

/** How a retry ends well, by name: a pattern each. */
export type Endings = Readonly<Record<string, string>>;

export interface Signatures {
	readonly endings: Endings;
	readonly signatures: readonly Signature[];
	/** Literals of the patterns, of the signatures and then of the endings, where the build has found them already. */
	readonly literals?: readonly (readonly string[])[];
}
