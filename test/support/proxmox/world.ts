import type { Generation } from "./generation.ts";
import type { Random } from "./random.ts";
import type { State } from "./state.ts";

/** What an answer may depend on besides the request. */
export interface World {
	readonly state: State;
	readonly generation: Generation;
	/** What `/version` says. */
	readonly version: { readonly version: string; readonly release: string; readonly repoid: string };
	/** PEM of the certificate in use, and of the authority that signed it. */
	readonly certificate: string;
	readonly authority: string;
	readonly random: Random;
}
