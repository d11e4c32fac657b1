import { parse } from "yaml";
import * as z from "zod";

const kubeconfig = z.object({ contexts: z.array(z.object({ name: z.string() })).nullish() });

/** The names of the contexts in a kubeconfig, however it is written. Throws where it is none. */
export const parseContexts = (text: string): readonly string[] =>
	kubeconfig.parse(parse(text)).contexts?.map(({ name }) => name) ?? [];
