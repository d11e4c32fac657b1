import * as z from "zod";

export const cgroupVersion = z.union([z.literal(1), z.literal(2)]);
export const absent = z.object({ state: z.literal("absent") });
/** It could not be told whether it is there at all. */
export const unknown = z.object({ state: z.literal("unknown"), because: z.string() });

/** Where an engine's containers run. */
export const places = ["here", "elsewhere", "unknown"] as const;
