import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { Know } from "./probe.ts";

/** Fact `management.server`: the API server of the management cluster. */
export const managementServer = z.object({
	/** Of Kubernetes, with what a distribution adds: `v1.33.2`, `v1.31.5+k3s1`. */
	version: z.string(),
	/** Its clock, by which `deletionTimestamp` is written; absent where kubectl does not show the header `Date`. */
	date: z.string().optional(),
	/** This host's clock at that moment. */
	here: z.string(),
});
export type ManagementServer = z.infer<typeof managementServer>;

const versionAnswer = z.object({ gitVersion: z.string() });

export async function readManagementServer(world: World, _: Know, signal: AbortSignal): Promise<ManagementServer> {
	const { value, date } = await world.kubectl.getDated("/version", { signal });
	const parsed = versionAnswer.safeParse(value);
	if (!parsed.success) {
		throw new ProbeError("unreadable", "GET /version: the answer names no gitVersion");
	}

	return { version: parsed.data.gitVersion, date: date?.toISOString(), here: world.now().toISOString() };
}
