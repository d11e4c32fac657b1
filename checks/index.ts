import { directory, load } from "./directory.ts";

/** Every check, loaded: for what shows them all. */
export const checks = await load(directory);
