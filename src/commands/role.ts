import {
	type Grant,
	grantCommand,
	grantsFor,
	type Holder,
	holderOf,
	type Permissions,
	pathOf,
	roleCommand,
} from "../../checks/permissions/grants.ts";
import { openWorld } from "../access/world.ts";
import { ProbeError, UsageError } from "../errors.ts";
import type { FactName, FactSheet, Facts } from "../facts/sheet.ts";
import { resolveTargets, roots } from "../facts/targets.ts";
import { gather } from "../gather.ts";
import { type Release, releases } from "../knowledge/privileges.ts";
import { toShell } from "../shell.ts";
import { type CheckOptions, withTemplate } from "./run.ts";
import type { Terminal } from "./terminal.ts";

export interface RoleOptions extends CheckOptions {
	readonly proxmoxVersion?: string;
}

interface Needs extends Pick<Permissions, "release" | "targets" | "withoutIso" | "unseen"> {
	readonly source: string;
	/** Nodes that are named and do not exist. */
	readonly absent: readonly string[];
}

const wanted: readonly FactName[] = [
	"environment.proxmox",
	"environment.machines",
	"proxmox.access",
	"proxmox.permissions",
];

/** `env --role`: the least roles and ACLs for this set-up, as lines for a shell. Returns 3 where a part of it was not seen. */
export async function role(options: RoleOptions, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
	const asked = releaseOf(options.proxmoxVersion);
	const world = openWorld(withTemplate(options));
	const overall = AbortSignal.timeout(options.timeout);
	const ended = new AbortController();
	overall.addEventListener("abort", () => {
		ended.abort(new ProbeError("timeout", `the ${options.timeout / 1_000} s that --timeout gives to a run were over`));
	});
	interrupted.addEventListener("abort", () => {
		ended.abort(new ProbeError("cancelled", "interrupted"));
	});
	try {
		const sheet = await gather(world, { wanted, signal: ended.signal });
		const needs = needsFrom(sheet, asked);
		terminal.out(renderRole(needs, tokenOf(sheet)));
		return needs.unseen.length + needs.absent.length === 0 ? 0 : 3;
	} finally {
		world.commands.killAll();
	}
}

function releaseOf(text: string | undefined): Release | undefined {
	const release = releases.find((known) => text?.split(".")[0] === String(known));
	if (text !== undefined && release === undefined) {
		throw new UsageError(`--proxmox-version: ${JSON.stringify(text)} is none of ${releases.join(", ")}`);
	}

	return release;
}

const valueOf = <Name extends FactName>(sheet: FactSheet, name: Name): Facts[Name] | undefined => {
	const state = sheet[name];
	return state?.state === "known" ? state.value : undefined;
};

const tokenOf = (sheet: FactSheet): string | undefined => valueOf(sheet, "environment.proxmox")?.token.id;

/** From what Proxmox VE shows or, where it cannot be asked, from the names alone. */
function needsFrom(sheet: FactSheet, asked: Release | undefined): Needs {
	const permissions = valueOf(sheet, "proxmox.permissions");
	if (permissions !== undefined) {
		const { release, considered, targets } = permissions;
		return {
			...permissions,
			release: asked ?? release,
			// Release 7 checks no bridges, so none was looked at.
			targets: asked === undefined || asked < 8 || release >= 8 ? targets : [...targets, ...roots.filter(isBridge)],
			source: considered.join(" and "),
			absent: absentNodes(permissions),
		};
	}

	const state = sheet["proxmox.permissions"];
	const reason = state?.state === "unavailable" ? state.lastSeen : "it was not asked";
	// Nothing may be granted that only a fault of this program makes look needed.
	if (state?.state === "unavailable" && state.cause === "bug") {
		throw new Error(reason);
	}

	if (asked === undefined) {
		throw new UsageError(
			`Proxmox VE could not be asked for its version (${reason}); say it with --proxmox-version 7, 8 or 9`,
		);
	}

	const { source = "nothing", machines = [] } = valueOf(sheet, "environment.machines") ?? {};
	const { targets, unseen } = resolveTargets(machines, {}, asked);
	return {
		release: asked,
		targets: [...targets],
		withoutIso: [],
		source,
		absent: [],
		unseen: [{ what: "Proxmox VE", cause: "unreachable", because: reason }, ...unseen],
	};
}

const isBridge = ({ kind }: Permissions["targets"][number]): boolean => kind === "bridge";

/** What is named and is not there gets no ACL, which is not to be passed over. */
function absentNodes({ machines, listed: { nodes } }: Permissions): readonly string[] {
	const named = machines.flatMap(({ sourceNode, target, allowedNodes }) => [
		...(sourceNode === undefined ? [] : [sourceNode]),
		...(target === undefined ? [] : [target]),
		...allowedNodes,
	]);
	return [...new Set(named)].filter((name) => nodes?.every(({ node }) => node !== name) === true);
}

/** CAPMOX's own guide calls them so (docs/Usage.md). */
const fresh = holderOf("capmox@pve!capi");

function renderRole(needs: Needs, token: string | undefined): string {
	const given = holderOf(token);
	const isNew = token === undefined || given.user === "root@pam";
	const holder = isNew ? fresh : given;
	const grants = grantsFor(needs);
	const kinds = [...new Set(grants.flatMap((grant) => grant.kinds))];
	return [
		...head(needs, holder),
		...(isNew ? account(holder) : []),
		"# Roles. Where one is there already, write modify in place of add.",
		...kinds.map((kind) => toShell(roleCommand(kind, needs.release, needs.targets))),
		"# ACLs for the user and the token: a token that is separated has what both of them have.",
		"# On each path they take the place of what is inherited from above. NoAccess there outweighs them: pveum acl list.",
		...grants.map((grant: Grant) => toShell(grantCommand(grant, holder))),
		"",
	].join("\n");
}

function head({ release, source, targets, absent, unseen }: Needs, { token }: Holder): string[] {
	return [
		`# The least that CAPMOX needs on Proxmox VE ${release}, for ${token}. Run it as root on one of the nodes.`,
		`# Taken from ${source === "" ? "no names at all" : source}:`,
		...new Set(targets.map((target) => `#   ${comment(target.what)}: ${comment(pathOf(target))}`)),
		...absent.map((node) => `# There is no node ${comment(node)}, so that it gets nothing. Correct its name first.`),
		...(unseen.length === 0
			? []
			: ["# Not known, so that the roots of these are used. Once the token sees more, print this again:"]),
		...unseen.map(({ what, because }) => `#   ${comment(what)}: ${comment(because)}`),
	];
}

/** A name from a server must not end the comment that it stands in. */
const comment = (text: string): string => text.replace(/[\x00-\x1F\x7F\u0085\u2028\u2029]+/g, " ");

const account = ({ user, token }: Holder): string[] => [
	"# A user and a token of their own. Put the secret that is printed into PROXMOX_SECRET.",
	toShell(["pveum", "user", "add", user]),
	toShell(["pveum", "user", "token", "add", user, token.split("!").at(-1) ?? "", "--privsep", "1"]),
];
