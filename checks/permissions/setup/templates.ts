import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { byId } from "./template-by-id.ts";
import { byTags } from "./template-by-tags.ts";

/** What is wrong with the VM that machines are made from. */
export const templateFaults = (permissions: Permissions): PermissionFinding[] =>
	permissions.machines.flatMap((machine) =>
		machine.templateId === undefined ? byTags(machine, permissions) : byId(machine, machine.templateId, permissions),
	);
