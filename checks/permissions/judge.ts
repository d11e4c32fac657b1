import { type Step, steps } from "../../src/knowledge/privileges.ts";
import { type Code, isCode } from "./findings.ts";
import type { Permissions, Target } from "./grants.ts";

/** A step of CAPMOX that fails on a target. */
export interface Lack {
	readonly step: Step;
	readonly code: Code;
	readonly target: Target;
}

/** Every step that fails, in the order of CAPMOX's steps. */
export function lacks(permissions: Permissions, targets: readonly Target[]): readonly Lack[] {
	return steps
		.filter(({ releases }) => releases.includes(permissions.release))
		.flatMap((step) =>
			targets
				.filter(
					(target) => target.kind === step.target && !isSkipped(step, target) && !isHeld(permissions, target, step.any),
				)
				.map((target) => ({ step, code: codeOf(step), target })),
		);
}

function codeOf({ code }: Step): Code {
	if (!isCode(code)) {
		throw new Error(`the knowledge of privileges names a finding ${code}, which does not exist`);
	}

	return code;
}

const isSkipped = ({ unless }: Step, { skips = [] }: Target): boolean => unless !== undefined && skips.includes(unless);

/**
 * A pool's roles count on what is made in it. What stands for all below must pass the privilege on, and so must a root
 * that stands for what nobody named; where it is held somewhere below such a root, that may be just the right place.
 */
function isHeld(permissions: Permissions, target: Target, any: readonly string[]): boolean {
	const at = (path: string) => permissions.paths[path] ?? {};
	if (target.unnamed === true) {
		return any.some(
			(privilege) =>
				at(target.path)[privilege] === 1 ||
				Object.entries(permissions.paths).some(
					([path, held]) => path.startsWith(`${target.path}/`) && privilege in held,
				),
		);
	}

	if (target.below === true) {
		return any.some((privilege) => at(target.path)[privilege] === 1);
	}

	if (target.pool !== undefined && pathsOf(target).some((path) => isCutOff(permissions, path))) {
		return false;
	}

	const held = target.pool === undefined ? at(target.path) : { ...at(`/pool/${target.pool}`), ...at(target.path) };
	return any.some((privilege) => privilege in held);
}

/** Where the privileges on a target come from. */
export const pathsOf = ({ path, pool }: Target): readonly string[] =>
	pool === undefined ? [path] : [`/pool/${pool}`, path];

/**
 * / passes privileges on, and none arrives here: an ACL on the way gives none, as NoAccess does. That outweighs the roles
 * beside it; on a pool also those of its members, and on a member also those of its pool (RPCEnvironment.pm, compile_acl_path).
 */
export const isCutOff = ({ paths }: Permissions, path: string): boolean =>
	Object.keys(paths[path] ?? {}).length === 0 && Object.values(paths["/"] ?? {}).includes(1);

/** Pools in which the token may make VMs. */
export const poolsToAllocateIn = ({ paths }: Permissions): readonly string[] =>
	Object.entries(paths).flatMap(([path, held]) =>
		path.startsWith("/pool/") && "VM.Allocate" in held ? [path.slice("/pool/".length)] : [],
	);

/** The targets as they would be, were the machines without a pool made in this one. */
export const inPool = (targets: readonly Target[], pool: string): readonly Target[] =>
	targets.map((target) => (target.kind === "machine" && target.pool === undefined ? { ...target, pool } : target));
