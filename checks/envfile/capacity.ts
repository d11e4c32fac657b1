import { count } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { EnvfileFinding } from "./findings.ts";
import type { Pool } from "./plan.ts";
import type { Read } from "./reading.ts";

interface Demand {
	readonly machines: bigint;
	/** During an upgrade each group has one machine more: maxSurge 1, the default, which no template changes. */
	readonly surge: bigint;
	readonly said: string;
}

/** clusterctl takes 1 control plane machine and no worker where nothing is said. */
function demandOf(users: Pool["plan"]["users"], read: Read): Demand | undefined {
	const counts = [
		{ name: "CONTROL_PLANE_MACHINE_COUNT", what: "control plane", otherwise: "1", users: ["nodes"] },
		{ name: "WORKER_MACHINE_COUNT", what: "worker", otherwise: "0", users: ["nodes"] },
		{ name: "LOAD_BALANCER_MACHINE_COUNT", what: "load balancer", otherwise: "0", users: ["nodes", "load-balancers"] },
	].flatMap((group) =>
		group.users.includes(users) ? [{ what: group.what, text: read(group.name)?.value ?? group.otherwise }] : [],
	);
	if (!counts.every(({ text }) => /^\d{1,9}$/.test(text))) {
		return undefined;
	}

	const present = counts.map(({ what, text }) => ({ what, number: BigInt(text) })).filter(({ number }) => number > 0n);
	return {
		machines: present.reduce((sum, { number }) => sum + number, 0n),
		surge: BigInt(present.length),
		said: present.map(({ what, number }) => `${number} ${what}`).join(" + "),
	};
}

/** What the pool can hand out: the IPAM provider leaves out gateway, lowest and, for IPv4, highest address of the subnet (poolutil, PoolSpecToIPSet). */
export function usable({ spans, subnet, family, gateway }: Pool): bigint {
	const left = [
		...(subnet === undefined ? [] : [subnet.first, ...(family === 4 ? [subnet.last] : [])]).map((value) => ({
			family,
			value,
		})),
		...(gateway === undefined ? [] : [gateway.address]),
	];
	return count(spans, left);
}

export function judgeSize(pool: Pool, read: Read): EnvfileFinding[] {
	const demand = demandOf(pool.plan.users, read);
	if (demand === undefined || pool.subnet === undefined) {
		return [];
	}

	const there = usable(pool);
	const saw = {
		from: pool.given.from,
		saw: `${pool.given.value}: ${there} usable ${there === 1n ? "address" : "addresses"}`,
		expected: `${demand.machines} for ${demand.said}, and ${demand.surge} more during an upgrade`,
	};
	const lacking = demand.machines + demand.surge - there;
	const advice = advise(
		`Add ${lacking} or more addresses to ${pool.given.name} (${pool.given.origin ?? "envfile"}), or plan fewer machines.`,
	);
	if (there < demand.machines) {
		return [
			found(
				"too-few-addresses",
				`${pool.given.name} has ${there} usable ${there === 1n ? "address" : "addresses"} for ${demand.machines} machines. The last ones wait for an address for ever.`,
				saw,
				advice,
			),
		];
	}

	return there < demand.machines + demand.surge
		? [
				found(
					"no-address-for-upgrade",
					`${pool.given.name} has just enough addresses for the machines. An upgrade starts a new machine before it removes an old one, and that one gets none.`,
					saw,
					advice,
				),
			]
		: [];
}
