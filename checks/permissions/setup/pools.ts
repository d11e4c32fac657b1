import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { namedIn } from "./naming.ts";

/** An ACL path for a pool needs no pool. */
export function unknownPools({ machines }: Permissions): PermissionFinding[] {
	const missing = machines.filter(({ poolExists }) => poolExists === false);
	const pools = [...new Set(missing.flatMap(({ pool }) => pool ?? []))];
	return pools.map((pool) => {
		const from = missing.find((each) => each.pool === pool)?.from ?? "the manifest";
		return {
			code: "unknown-pool",
			summary: `There is no pool ${pool}, and ${from} names it. Proxmox VE answers the clone with 403 "pool '${pool}' does not exist", of which CAPMOX makes "unable to create new vm: not authorized to access endpoint".`,
			evidence: [
				{ from: `GET /pools?poolid=${pool}`, saw: `500 pool '${pool}' does not exist`, expected: "the pool's members" },
				...namedIn(from, "pool", pool),
			],
			remedy: [
				{
					advice: "Create the pool, or name another one in the manifest.",
					command: ["pveum", "pool", "add", pool],
					where: "proxmox-node",
					risk: "changes",
					undo: `pveum pool delete ${pool}`,
				},
			],
		};
	});
}
