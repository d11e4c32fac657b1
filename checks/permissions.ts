import { defineCheck, healthy, type NonEmpty, problems } from "../src/check.ts";
import type { Facts } from "../src/facts/sheet.ts";
import { noPrivileges, overPrivileged } from "./permissions/extremes.ts";
import { type Code, findings, type PermissionFinding } from "./permissions/findings.ts";
import { holderOf, type Permissions } from "./permissions/grants.ts";
import { noIsoStorage } from "./permissions/iso.ts";
import { inPool, type Lack, lacks, poolsToAllocateIn } from "./permissions/judge.ts";
import { poolNotSet } from "./permissions/pool.ts";
import { createReporter, type Reporter } from "./permissions/report.ts";
import { unknownBridges } from "./permissions/setup/bridges.ts";
import { unknownNodes } from "./permissions/setup/nodes.ts";
import { unknownPools } from "./permissions/setup/pools.ts";
import { storageFaults } from "./permissions/setup/storages.ts";
import { templateFaults } from "./permissions/setup/templates.ts";
import { tagsRestricted } from "./permissions/tags.ts";
import { listed } from "./permissions/words.ts";

export default defineCheck({
	id: "permissions",
	title: "The token may do all that CAPMOX does",
	group: "proxmox",
	documented: "https://github.com/ionos-cloud/cluster-api-provider-proxmox/issues/340",
	needs: ["environment.proxmox", "proxmox.permissions"],
	uses: ["proxmox.setup"],
	findings,
	diagnose({ "environment.proxmox": environment, "proxmox.permissions": permissions, "proxmox.setup": setup }) {
		const holder = holderOf(environment.token.id);
		return problems(
			[
				...orElse(noPrivileges(permissions, holder), () => judge(permissions, environment)),
				...unknownNodes(permissions),
				...templateFaults(permissions),
				...unknownPools(permissions),
				...storageFaults(permissions),
				...unknownBridges(permissions),
				...overPrivileged(permissions, holder),
			],
			() => healthy(summaryOf(holder.token, permissions, setup)),
		);
	},
});

const orElse = <T>(first: readonly T[], otherwise: () => readonly T[]): readonly T[] =>
	first.length > 0 ? first : otherwise();

function judge(permissions: Permissions, environment: Facts["environment.proxmox"]): readonly PermissionFinding[] {
	const holder = holderOf(environment.token.id);
	const outside = lacks(permissions, permissions.targets);
	const [pool] = outside.some(({ code, target }) => code === "no-vm-allocate" && target.pool === undefined)
		? poolsToAllocateIn(permissions)
		: [];
	const assumed = pool === undefined ? [] : inPool(permissions.targets, pool);
	const found = pool === undefined ? outside : lacks(permissions, assumed);
	const reporter = createReporter({ ...permissions, targets: [...permissions.targets, ...assumed] }, holder);
	return [
		...(pool === undefined ? [] : [poolNotSet(pool, permissions, holder, reporter)]),
		...reportAll(found, permissions, reporter),
		...noIsoStorage(permissions, holder, reporter),
		...tagsRestricted(permissions),
	];
}

function reportAll(found: readonly Lack[], permissions: Permissions, reporter: Reporter): readonly PermissionFinding[] {
	const byCode = new Map<Code, NonEmpty<Lack>>();
	for (const lack of found) {
		const before = byCode.get(lack.code);
		byCode.set(lack.code, before === undefined ? [lack] : [...before, lack]);
	}

	// Up to Proxmox VE 8 one privilege does both.
	if (byCode.has("no-guest-agent") && permissions.release < 9) {
		byCode.delete("no-agent-exec");
	}

	// What several findings need is told with the first that is read.
	const errorsFirst = [...byCode].sort(([one], [other]) => rank(one) - rank(other));
	return errorsFirst.map(([code, own]) => {
		const finding = reporter.report(code, own, remarkOn(code, permissions));
		return own.every(({ target }) => target.onlySome === true)
			? { ...finding, severity: "warning", confidence: "likely" }
			: finding;
	});
}

const rank = (code: Code): number => (findings[code].severity === "error" ? 0 : 1);

function remarkOn(code: Code, { release }: Permissions): string {
	if (code === "no-guest-agent" && release === 9) {
		return " VM.Monitor, which was enough up to Proxmox VE 8, does not exist in 9: a role that had it lost it.";
	}

	return code === "no-cluster-audit"
		? " It goes on without; but the datacenter's rules for tags cannot be seen either, and they may forbid the tags that CAPMOX sets."
		: "";
}

function summaryOf(
	token: string,
	{ release, targets }: Permissions,
	setup: Facts["proxmox.setup"] | undefined,
): string {
	const { considered = [], notConsidered = [] } = setup ?? {};
	const aside = notConsidered.length === 0 ? "" : ` Not considered: ${notConsidered.join("; ")}.`;
	return `${token} holds the privileges of Proxmox VE ${release} for ${listed(targets.map(({ what }) => what))} (from ${listed(considered)}).${aside}`;
}
