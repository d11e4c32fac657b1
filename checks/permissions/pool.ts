import { newMachinePath } from "../../src/knowledge/privileges.ts";
import type { PermissionFinding } from "./findings.ts";
import type { Holder, Permissions, Target } from "./grants.ts";
import type { Reporter } from "./report.ts";

/** In place of all that is missing on a VM outside every pool. */
export function poolNotSet(
	pool: string,
	permissions: Permissions,
	holder: Holder,
	reporter: Reporter,
): PermissionFinding {
	const machine: Target = { kind: "machine", path: newMachinePath, what: "new machines" };
	const held = Object.keys(permissions.paths[newMachinePath] ?? {});
	return {
		code: "pool-not-set",
		summary: `${holder.token} may make VMs in pool ${pool}, but not outside, and no pool is set for the machines. CAPMOX then says "unable to create new vm: not authorized to access endpoint".`,
		evidence: [
			{ from: `GET /access/permissions?path=/pool/${pool}`, saw: "VM.Allocate" },
			{
				from: `GET /access/permissions?path=${newMachinePath}, which stands for VMs to come`,
				saw: held.length === 0 ? "no privilege" : held.join(", "),
				expected: "VM.Allocate, or a pool in the manifest",
			},
		],
		remedy: [
			{
				advice: "Name the pool in every ProxmoxMachineTemplate. They cannot be changed, so create new ones.",
				put: { line: `pool: ${pool}`, into: "the ProxmoxMachineTemplate, below spec.template.spec" },
				where: "here",
				risk: "changes",
			},
			{ advice: "Or let the token make VMs anywhere, as follows.", where: "here", risk: "safe" },
			...reporter.remedy("pool-not-set", [machine]),
		],
	};
}
