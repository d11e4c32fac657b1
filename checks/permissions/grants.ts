import type { Step } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import { alsoFor, type Release, roleNames, steps, type TargetKind } from "../../src/knowledge/privileges.ts";

export type Permissions = Facts["proxmox.permissions"];
export type Target = Permissions["targets"][number];
type NonEmpty<T> = readonly [T, ...T[]];

/** Roles on a path. */
export interface Grant {
	readonly path: string;
	readonly kinds: readonly TargetKind[];
	/** Whether they reach below; on `/` they must not. */
	readonly propagate: boolean;
}

/** The user and the token that get the privileges. */
export interface Holder {
	readonly user: string;
	/** `user@realm!id` */
	readonly token: string;
}

/** Where the token ID cannot be told, the names of CAPMOX's own guide stand for it. */
export function holderOf(token = "capmox@pve!capi"): Holder {
	return { user: token.replace(/![^!]*$/, ""), token };
}

/** What a role for this kind of target holds; the agent's privileges only where some machine needs them. */
function privilegesFor(kind: TargetKind, release: Release, targets: readonly Target[]): readonly string[] {
	const own = targets.filter((target) => target.kind === kind);
	const needed = steps.filter(
		(step) =>
			step.target === kind &&
			step.releases.includes(release) &&
			(own.length === 0 || own.some(({ skips = [] }) => step.unless === undefined || !skips.includes(step.unless))),
	);
	return [...new Set([...needed.map(({ any: [first] }) => first), ...(alsoFor[kind] ?? [])])].sort();
}

/** Where a privilege for a target is granted: for machines that are not there yet, on all VMs or on their pool. */
export const pathOf = ({ kind, path, pool }: Target): string =>
	kind !== "machine" ? path : pool === undefined ? "/vms" : `/pool/${pool}`;

/**
 * The least that CAPMOX needs for these targets. A role on a path takes the place of what is inherited there, so each path
 * gets all it needs by itself: below /storage also what /storage got, on /vms also what makes templates usable.
 */
export function grantsFor({
	targets,
	release,
	withoutIso,
}: Pick<Permissions, "targets" | "release" | "withoutIso">): readonly Grant[] {
	const isKnown = (kind: TargetKind) => steps.some((step) => step.target === kind && step.releases.includes(release));
	const direct = [
		...targets.filter(({ kind }) => isKnown(kind)).map((target) => ({ kind: target.kind, path: pathOf(target) })),
		...(withoutIso.length > 0 ? [{ kind: "iso-storage", path: "/storage" } as const] : []),
	];
	const onStorages = direct.filter(({ path }) => path === "/storage");
	const below = direct.filter(({ path }) => path.startsWith("/storage/"));
	const all = [
		...direct,
		...below.flatMap(({ path }) => onStorages.map(({ kind }) => ({ kind, path }))),
		...(direct.some(({ kind, path }) => kind === "machine" && path === "/vms")
			? [{ kind: "template", path: "/vms" } as const]
			: []),
	];
	const paths = [...new Set(all.map(({ path }) => path))].sort();
	return paths.map((path) => ({
		path,
		kinds: withoutContained([...new Set(all.filter((grant) => grant.path === path).map(({ kind }) => kind))], (kind) =>
			privilegesFor(kind, release, targets),
		),
		propagate: path !== "/",
	}));
}

/** A role that another one on the same path contains says nothing of its own. */
const withoutContained = (
	kinds: readonly TargetKind[],
	privileges: (kind: TargetKind) => readonly string[],
): readonly TargetKind[] =>
	kinds.filter(
		(kind, index) =>
			!kinds.some((other, place) => {
				const isContained = privileges(kind).every((privilege) => privileges(other).includes(privilege));
				const isSame = isContained && privileges(kind).length === privileges(other).length;
				return other !== kind && isContained && (!isSame || place < index);
			}),
	);

/** The grants on these paths, with those below, which lose what they inherited until then. */
export function grantsOn(grants: readonly Grant[], failing: readonly string[]): readonly Grant[] {
	const chosen = grants.filter(({ path }) => failing.includes(path));
	return grants.filter(
		(grant) =>
			chosen.includes(grant) || chosen.some(({ path, propagate }) => propagate && grant.path.startsWith(`${path}/`)),
	);
}

/** `pveum role add`; a role that is there already takes `modify` in place of `add`. */
export const roleCommand = (kind: TargetKind, release: Release, targets: readonly Target[]): NonEmpty<string> => [
	"pveum",
	"role",
	"add",
	roleNames[kind],
	"--privs",
	privilegesFor(kind, release, targets).join(","),
];

const holderOptions = ({ user, token }: Holder): readonly string[] =>
	// To root@pam nothing needs to be given, and a token that is not separated is its user.
	user === "root@pam" ? ["--tokens", token] : ["--users", user, "--tokens", token];

export const grantCommand = ({ path, kinds, propagate }: Grant, holder: Holder): NonEmpty<string> => [
	"pveum",
	"acl",
	"modify",
	path,
	"--roles",
	kinds.map((kind) => roleNames[kind]).join(","),
	...holderOptions(holder),
	...(propagate ? [] : ["--propagate", "0"]),
];

const revokeCommand = ({ path, kinds }: Grant, holder: Holder): NonEmpty<string> => [
	"pveum",
	"acl",
	"delete",
	path,
	"--roles",
	kinds.map((kind) => roleNames[kind]).join(","),
	...holderOptions(holder),
];

/** Roles, by the kind of target they are for, and grants as steps of a remedy. */
export function grantSteps(
	grants: readonly Grant[],
	{ release, targets }: Pick<Permissions, "release" | "targets">,
	holder: Holder,
	kinds: readonly TargetKind[],
): readonly Step[] {
	return [
		...kinds.map(
			(kind): Step => ({
				advice: `Create the role ${roleNames[kind]}; where it is there already, write modify in place of add.`,
				command: roleCommand(kind, release, targets),
				where: "proxmox-node",
				risk: "changes",
				undo: `pveum role delete ${roleNames[kind]}`,
			}),
		),
		...grants.map(
			(grant): Step => ({
				advice: `Grant ${grant.kinds.map((kind) => roleNames[kind]).join(" and ")} on ${grant.path} to the user and the token.`,
				command: grantCommand(grant, holder),
				where: "proxmox-node",
				risk: "changes",
				undo: quoted(revokeCommand(grant, holder)),
			}),
		),
	];
}

/** A token ID in single quotes, for the sake of bash and its history. */
const quoted = (argv: readonly string[]): string =>
	argv.map((word) => (word.includes("!") ? `'${word}'` : word)).join(" ");
