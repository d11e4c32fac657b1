import type { Check } from "../src/check.ts";
import envfile from "./envfile.ts";
import imagebuilderEnv from "./imagebuilder-env.ts";
import token from "./token.ts";

/** Every check, in the order of the reports. */
export const checks: readonly Check[] = [envfile, imagebuilderEnv, token];
