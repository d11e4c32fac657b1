import * as z from "zod";
import { ProbeError } from "../errors.ts";
import type { ReadData } from "./permissions.ts";

const listAnswer = z.array(z.object({ poolid: z.string() }));

/** Pools by name; `undefined` where that cannot be told: before pve-manager 8.1 only with Pool.Audit on the pool. */
export async function readPools(
	names: readonly string[],
	data: ReadData,
): Promise<ReadonlyMap<string, boolean | undefined>> {
	return new Map(await Promise.all(names.map(async (name) => [name, await readPool(name, data)] as const)));
}

/** Whoever asks for a pool by its name is told whether it is there, without any privilege (pve-manager, API2/Pool.pm). */
async function readPool(name: string, data: ReadData): Promise<boolean | undefined> {
	try {
		await data(`pools?poolid=${encodeURIComponent(name)}`, z.array(z.unknown()));
		return true;
	} catch (error) {
		if (error instanceof ProbeError && / → 500 pool '.*' does not exist/.test(error.message)) {
			return false;
		}

		if (error instanceof ProbeError && error.message.includes(" → 400 ")) {
			const pools = await data("pools", listAnswer);
			return pools.some(({ poolid }) => poolid === name) ? true : undefined;
		}

		throw error;
	}
}
