import { foreignFinalizer, ipamLog, paused, stuck } from "./common.ts";
import { controllerDown, isBelow, minorOf } from "./controllers.ts";
import type { Address, Claim, Estate, Pool } from "./estate.ts";
import { ageOf } from "./estate.ts";
import { blocked, goesOn, type State, waits } from "./fault.ts";
import { advise, destroy, look } from "./findings.ts";
import { takeOff } from "./patch.ts";
import { inNamespace, meantFor, resources } from "./resources.ts";

const poolOf = (estate: Estate, { namespace, pool }: Claim | Address) =>
	pool.kind === "InClusterIPPool"
		? estate.find("InClusterIPPool", namespace, pool.name)
		: pool.kind === "GlobalInClusterIPPool"
			? estate.find("GlobalInClusterIPPool", undefined, pool.name)
			: undefined;

const isInCluster = ({ pool: { kind } }: Claim | Address): boolean =>
	kind === "InClusterIPPool" || kind === "GlobalInClusterIPPool";

/** pkg/ipamutil/reconciler.go of the in-cluster provider: `ReleaseAddress` goes when the address is given back. */
export function judgeClaim(estate: Estate, claim: Claim): State {
	const thing = { kind: "IPAddressClaim", object: claim } as const;
	const pool = poolOf(estate, claim);
	const cluster = estate.clusterOf(claim);
	const foreign = foreignFinalizer(thing);
	if (foreign !== undefined) {
		return blocked(foreign);
	}

	if (!isInCluster(claim)) {
		return blocked(
			stuck(
				thing,
				`its pool is a ${claim.pool.kind}, which another IPAM provider serves`,
				look("See that provider's objects and its log.", "kubectl", "get", "deployments", "-A"),
			),
		);
	}

	const fault = paused(thing, cluster, ...(pool === undefined ? [] : [pool])) ?? controllerDown(estate, "ipam", thing);
	if (fault !== undefined) {
		return blocked(fault);
	}

	const grace = (pool?.object.reuseGrace ?? 0) * 1_000;
	if (ageOf(claim, estate.now) < grace) {
		return goesOn(`its address is held back for ${grace / 1_000} s, so that nobody gets it at once`);
	}

	return blocked(
		claim.cluster !== undefined && cluster === undefined && isBelow(minorOf(estate, "ipam"), [1, 1])
			? claimWithoutCluster(estate, claim)
			: {
					code: "claim-not-released",
					calm: true,
					thing,
					group: `${claim.pool.kind} ${claim.namespace ?? ""}/${claim.pool.name}`,
					from: `IPAddressClaim ${claim.namespace ?? ""}/${claim.name}`,
					saw: `${pool === undefined ? `no ${claim.pool.kind} ${claim.pool.name}; ` : ""}finalizers ${claim.finalizers.join(", ")}`,
					likely: true,
					summary: (who) =>
						`${who} keeps its address: the IPAM provider runs, and does not release it.${pool === undefined ? ` The pool ${claim.pool.name} is gone.` : ""}`,
					steps: () => [
						ipamLog(estate, `Read why; look for ${claim.name}.`),
						takeOff(
							thing,
							"Only where its VM is off for good. Its IPAddress then stays and has to be released after it.",
						),
					],
				},
	);
}

function claimWithoutCluster(estate: Estate, claim: Claim) {
	const thing = { kind: "IPAddressClaim", object: claim } as const;
	return {
		code: "cluster-gone",
		group: `claims ${claim.namespace ?? ""}/${claim.cluster ?? ""}`,
		thing,
		never: true,
		from: `Clusters in namespace ${claim.namespace ?? ""}`,
		saw: `no Cluster ${claim.cluster ?? ""}; IPAM provider ${minorOf(estate, "ipam")?.join(".") ?? ""}`,
		expected: "the Cluster of the claim, or an IPAM provider from 1.1 on",
		summary: (who: string) =>
			`${who} belongs to Cluster ${claim.cluster ?? ""}, which is gone, and the in-cluster IPAM provider before 1.1 does not release it then.`,
		steps: () =>
			[
				advise(
					"Upgrade the in-cluster IPAM provider to 1.1 or newer, which releases such claims; see the check capi-compat.",
				),
				takeOff(thing, "Or, where the VM is off for good, give the address up this way."),
			] as const,
	} as const;
}

/** `ProtectAddress` goes when its claim is gone, and only then. */
export function judgeAddress(estate: Estate, address: Address): State {
	const thing = { kind: "IPAddress", object: address } as const;
	const foreign = foreignFinalizer(thing);
	if (foreign !== undefined) {
		return blocked(foreign);
	}

	const claim = estate.find("IPAddressClaim", address.namespace, address.claim);
	if (claim?.object.deleting !== undefined) {
		return waits(claim);
	}

	const from = `IPAddress ${address.namespace ?? ""}/${address.name} (${address.address})`;
	if (claim === undefined) {
		const down = isInCluster(address) ? controllerDown(estate, "ipam", thing) : undefined;
		return blocked(
			down ?? {
				code: "address-left",
				thing,
				from,
				saw: `no IPAddressClaim ${address.claim}`,
				summary: (who) =>
					`${who} waits for its claim, and that is gone without having released it: somebody took the claim's finalizer off.`,
				steps: () => [
					ipamLog(estate, "See whether the IPAM provider says why it leaves it."),
					takeOff(thing, "Only where no VM uses the address any more: it is given away at once."),
				],
			},
		);
	}

	return blocked({
		code: "address-deleted-alone",
		thing,
		never: true,
		from,
		saw: `IPAddressClaim ${address.claim} is not in deletion`,
		expected: "that the claim is deleted, and with it the address",
		summary: (who) =>
			`${who} was deleted by itself. That cannot succeed: an address stays as long as its claim, and nothing breaks meanwhile. The troubleshooting document's "remove ipaddresses" leads here.`,
		steps: () => [
			advise(
				"Where the machine lives, leave it as it is: the address stays in use and goes with the machine. A deletion cannot be called back.",
			),
			meantFor(
				[claim],
				destroy(
					"Only where the VM of the machine is off for good: delete the claim, and the address goes with it.",
					"kubectl",
					"delete",
					resources.IPAddressClaim,
					address.claim,
					...inNamespace(thing),
					"--wait=false",
				),
			),
		],
	});
}

/** `ProtectPool` goes with the last address: internal/controllers/inclusterippool.go. */
export function judgePool(estate: Estate, pool: Pool): State {
	const thing = { kind: pool.kind, object: pool } as const;
	const fault = foreignFinalizer(thing) ?? paused(thing, undefined);
	if (fault !== undefined) {
		return blocked(fault);
	}

	const own = estate.things.filter(
		(each) =>
			each.kind === "IPAddress" &&
			each.object.pool.kind === pool.kind &&
			each.object.pool.name === pool.name &&
			(pool.namespace === undefined || each.object.namespace === pool.namespace),
	);
	const going = own.filter(({ object }) => object.deleting !== undefined);
	const claims = own.flatMap((each) => {
		const claim =
			each.kind === "IPAddress" ? estate.find("IPAddressClaim", each.object.namespace, each.object.claim) : undefined;
		return claim?.object.deleting === undefined ? [] : [claim];
	});
	if (own.length > 0) {
		const others = [...new Set([...claims, ...going])];
		return others.length > 0 ? waits(...others) : blocked(poolInUse(estate, pool, own.length));
	}

	return blocked(
		controllerDown(estate, "ipam", thing) ??
			stuck(
				thing,
				`finalizers ${pool.finalizers.join(", ")}, and no address of it is left`,
				ipamLog(estate, `Read what the IPAM provider says of ${pool.name}.`),
			),
	);
}

function poolInUse(estate: Estate, pool: Pool, used: number) {
	const thing = { kind: pool.kind, object: pool } as const;
	return {
		code: "pool-in-use",
		group: pool.name,
		thing,
		never: true,
		from: `IPAddresses of ${pool.kind} ${pool.name}`,
		saw: `${used} in use, none of them in deletion`,
		summary: (who: string) =>
			`${who} was deleted while machines use its addresses. It stays until the last of them is released, and gives out no new ones meanwhile.`,
		steps: () =>
			[
				look(
					"See who has them.",
					"kubectl",
					"get",
					resources.IPAddress,
					...(pool.namespace === undefined ? ["-A"] : inNamespace(thing)),
				),
				advise(
					"A deletion cannot be called back. Where the pool is CAPMOX's own, make a new one by the ProxmoxCluster once this one is gone; where it is yours, make one under another name, and let new machines use that.",
				),
				ipamLog(estate, "The IPAM provider's log tells when the last address was released."),
			] as const,
	} as const;
}
